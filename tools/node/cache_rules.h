// cache_rules.h - what a shared cache may do with a request and with its response: RFC 9111, and where that leaves a
// choice, the stricter one.
//
// Only what a program has said is kept: without a lifetime in Cache-Control or Expires nothing is (there is no guess
// from Last-Modified), so no name of a path makes a page public. What clients say in Cache-Control does not make
// programs run: anybody could. A request with Authorization or Cookie may be one user's own: its response is kept, and
// one that is kept answers it, only if it says that it is everybody's (`public`, `s-maxage`; `must-revalidate` for
// Authorization, RFC 9111, 3.5). A response with Set-Cookie is kept only if it is `public`.
//
// A program may go by any field of a request. The key holds those that decide what a program is asked for: scheme,
// host, path and query, what trusted proxies say of them, byte by byte. Fields with which frameworks have a request
// mean another one, and bodies of a GET, pass by the cache; for others there is Vary.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Of a request.
struct CacheRequest {
  std::string key;
  bool passes = false;  // neither answered from the cache nor kept
  bool unsafe = false;  // it may change what others are answered
  bool is_head = false;
  bool ranged = false;
  bool authorized = false, has_cookies = false;
  bool no_store = false, only_if_cached = false;
  bool is_personal() const { return authorized || has_cookies; }  // perhaps
};

// `head` as http.h writes it, of at most kMostCacheHead bytes, without a body if there is none.
constexpr size_t kMostCacheHead = 16 << 10;
CacheRequest cache_request_of(std::string_view method, std::string_view host, std::string_view target,
                              std::string_view head, bool has_body);

// Names and values of the request's fields that a response says it depends on, the values as they are compared.
using Vary = std::vector<std::pair<std::string, std::string>>;
bool matches(const Vary& vary, std::string_view request_head);
std::string varied_value(std::string_view request_head, std::string_view name);

// Of a response. Times in seconds, counted from when it has come.
struct Freshness {
  bool kept = false;
  int64_t fresh = 0;                           // so long; negative: it was over before
  int64_t while_revalidate = 0, if_error = 0;  // and stale for so much longer, if it is being asked for, or fails
  uint64_t age = 0;                            // that it came with
  bool for_authorized = false, for_cookies = false;
  Vary vary;
};
Freshness freshness_of(const CacheRequest& request, std::string_view request_head, int status, std::string_view lines,
                       time_t now);
