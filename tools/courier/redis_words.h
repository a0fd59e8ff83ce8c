// redis_words.h - what Redis says of where a key is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aotc {

constexpr unsigned kRedisSlots = 16384;

// CRC-16/XMODEM modulo kRedisSlots, of a key without braces.
unsigned redis_slot(std::string_view key);

// "MOVED 3999 10.0.0.2:6381": ask there, now and from now on; "ASK ...": this once.
struct Redirection {
  bool for_good;
  unsigned slot;
  std::string authority;  // "10.0.0.2:6381"; without a host, that of who says so
};
// Nothing if an error is none.
std::optional<Redirection> parse_redirection(std::string_view error);

// What INFO says of memory, or kUncounted.
uint64_t used_memory(std::string_view info);

// As in a URL: "::1" in brackets. Nothing if it is none.
std::optional<std::string> redis_authority(std::string_view host, std::string_view port);

}  // namespace aotc
