// tunnel.cpp - see tunnel.h.
#include "tunnel.h"

#include "log.h"
#include "loop.h"

Tunnel::~Tunnel() { ++metrics_.tunnel_ends[static_cast<size_t>(end_.value_or(TunnelEnd::Failed))]; }

std::optional<TunnelEnd> Tunnel::overdue(uint64_t now, uint64_t touched, const AppLimits& limits) const {
  if (now > touched + limits.tunnel_idle) return TunnelEnd::Idle;
  if (now > began_ + limits.tunnel_timeout) return TunnelEnd::Timeout;
  return std::nullopt;
}

void Tunnel::begin_end(TunnelEnd why, uint64_t now) {
  if (!end_) ends_since_ = now;
  end_ = end_.value_or(why);
}

void Tunnel::finish(TunnelEnd why, const std::string& app, const std::string& log_fields) {
  end_ = end_.value_or(why);
  const uint64_t milliseconds = (Loop::now() - began_) / 1'000'000;
  write_log("info", app, "tunnel ended",
            ",\"cause\":\"" + std::string(tunnel_end_name(*end_)) +
                "\",\"milliseconds\":" + std::to_string(milliseconds) + ",\"bytes_in\":" + std::to_string(bytes_[0]) +
                ",\"bytes_out\":" + std::to_string(bytes_[1]) + log_fields);
}
