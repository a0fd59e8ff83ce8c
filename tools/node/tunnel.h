// tunnel.h - a request that has become a tunnel of bytes, a WebSocket: what it has moved, how it ends, what is said of
// it.
//
// It lasts as long as both sides like, but not longer than --tunnel-timeout, nor without a byte for --tunnel-idle, nor
// beyond its program's process or the node. Then its program is told that its client leaves, has kFarewell to say so to
// that, and the tunnel is cut.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "metrics.h"
#include "options.h"

class Tunnel {
 public:
  static constexpr uint64_t kFarewell = 5'000'000'000;

  Tunnel(AppMetrics& metrics, uint64_t now) : metrics_(metrics), began_(now) { ++metrics_.tunnels; }
  ~Tunnel();
  Tunnel(const Tunnel&) = delete;

  void count_in(size_t bytes) { count(0, bytes); }
  void count_out(size_t bytes) { count(1, bytes); }
  // Why it is to end now, if it is: nothing has moved since `touched`.
  std::optional<TunnelEnd> overdue(uint64_t now, uint64_t touched, const AppLimits& limits) const;
  void begin_end(TunnelEnd why, uint64_t now);  // the first reason counts
  bool is_ending() const { return end_.has_value(); }
  bool is_over(uint64_t now) const { return end_ && now > ends_since_ + kFarewell; }
  void finish(TunnelEnd why, const std::string& app, const std::string& log_fields);

 private:
  void count(size_t way, size_t bytes) {
    bytes_[way] += bytes;
    metrics_.tunnel_bytes[way] += bytes;
  }
  AppMetrics& metrics_;
  const uint64_t began_;
  std::array<uint64_t, 2> bytes_{};  // from the client, to it
  std::optional<TunnelEnd> end_;
  uint64_t ends_since_ = 0;
};
