// upstream.cpp - see upstream.h.
#include "upstream.h"

#include <array>
#include <cerrno>
#include <system_error>

#include "support/outbound_rule.h"

Upstream::Upstream(aotc_outbound* outbound, const std::string& url, void* owner) {
  std::string wrong;
  const auto rule = aotc::parse_outbound_rule(url, wrong);
  const bool tls = rule && rule->scheme == aotc::OutboundRule::Scheme::Https;
  error_ = EINVAL;
  if (rule)
    stream_ = aotc_stream_open(outbound, tls ? AOTC_OUTBOUND_HTTPS : AOTC_OUTBOUND_CONNECT, rule->host.data(),
                               rule->host.size(), rule->port, owner, &error_);
}

Upstream::~Upstream() {
  if (stream_ != nullptr) aotc_stream_close(stream_);
}

std::string Upstream::fail(Handling& handling, int error) {
  const bool failed = !handling.has_answer();
  handling.end_answer(502, "the upstream does not answer\n");
  if (!failed || told_) return {};
  told_ = true;
  return "upstream: " + (error == 0 ? "it closed the connection" : std::generic_category().message(error));
}

std::string Upstream::move(Handling& handling) {
  aotc_outbound_ends ends;
  const int state = stream_ == nullptr ? error_ : aotc_stream_state(stream_, &ends);
  if (state == EINPROGRESS) return {};
  if (state != 0) return fail(handling, state);
  uint32_t moved = 0;
  while (!handling.onward.empty()) {
    const iovec piece = {handling.onward.data(), handling.onward.size()};
    const int error = aotc_stream_write(stream_, &piece, 1, &moved);
    if (error == EAGAIN) break;
    // It may have answered before it had heard all.
    if (error != 0) handling.onward.clear();
    handling.onward.erase(0, error == 0 ? moved : 0);
  }
  std::array<char, 32 << 10> bytes;
  while (!handling.has_answer() && handling.has_room()) {
    const iovec place = {bytes.data(), bytes.size()};
    const int error = aotc_stream_read(stream_, &place, 1, false, &moved);
    if (error == EAGAIN) break;
    if (error != 0 || moved == 0) return fail(handling, error);
    if (!handling.take_answer({bytes.data(), moved}))
      handling.end_answer(502, "the upstream's response is too large\n");
  }
  return {};
}
