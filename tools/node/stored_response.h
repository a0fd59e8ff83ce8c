// stored_response.h - a response that is kept, and what it answers to a request: the whole of it, a range, or that
// the client has it already (RFC 9110, 13 and 14).
//
// It never changes: whoever has it may read it in any thread while others let go of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cache_rules.h"

struct StoredResponse {
  int status = 0;
  std::string lines;  // fields, without those of the framing and Age; with Date
  std::shared_ptr<const std::string> body;
  Freshness freshness;
  uint64_t since = 0;  // when it came, nanoseconds of Loop::now()

  enum class Use { Fresh, WhileRevalidating, IfError, None };
  Use use(uint64_t now) const;
  uint64_t age(uint64_t now) const { return freshness.age + seconds(now); }
  int64_t ttl(uint64_t now) const { return freshness.fresh - static_cast<int64_t>(seconds(now)); }
  bool may_answer(const CacheRequest& request) const;
  std::string_view field(std::string_view name) const;  // the first of it, or empty
  size_t held() const;                                  // bytes of memory, about

 private:
  uint64_t seconds(uint64_t now) const { return now < since ? 0 : (now - since) / 1'000'000'000; }
};

// Of these fields, without a body yet; null if it is not to be kept.
std::shared_ptr<StoredResponse> stored_response(const CacheRequest& request, std::string_view request_head, int status,
                                                std::string_view lines, uint64_t now, time_t wall);

// What becomes of `stored` by a response 304 with these fields to that request (RFC 9111, 4.3.4); null if it does not
// say that of it, or if it is not to be kept any more.
std::shared_ptr<const StoredResponse> freshened(const StoredResponse& stored, const CacheRequest& request,
                                                std::string_view request_head, std::string_view lines, uint64_t now,
                                                time_t wall);

// A message of HTTP/1.1: its head, and a part of the stored body. A client that asked by HEAD gets the head alone.
struct StoredAnswer {
  std::string head;
  size_t begin = 0, end = 0;
};
StoredAnswer answer_from(const StoredResponse& stored, std::string_view request_head, std::string_view cache_status,
                         uint64_t now);
