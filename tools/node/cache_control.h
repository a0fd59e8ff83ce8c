// cache_control.h - what Cache-Control says (RFC 9111, 5.2; RFC 5861), and the dates beside it.
//
// Whoever wrote it may be in wrong hands, or just wrong: of two values the smaller one counts, what is no number is
// none at all, and a restriction to some fields (`private="set-cookie"`) restricts all.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

struct CacheControl {
  bool no_store = false, no_cache = false, is_private = false, is_public = false;
  bool must_revalidate = false;  // or proxy-revalidate: never stale
  bool only_if_cached = false;
  std::optional<uint64_t> max_age, s_maxage, stale_while_revalidate, stale_if_error;  // seconds
  void add(std::string_view value);                                                   // of one more field of that name
};

// Seconds, of at most 2^31; what is none is 0.
uint64_t delta_seconds(std::string_view text);

// A date of HTTP in any of its three forms (RFC 9110, 5.6.7), seconds since 1970.
std::optional<time_t> http_date(std::string_view text);
std::string http_date_text(time_t time);
