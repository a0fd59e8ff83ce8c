// upstream.h - the next handler where it is a server: a stream to it, which the broker connects.
#pragma once

#include <string>

#include "handling.h"

class Upstream {
 public:
  // `url` is an origin, http://HOST[:PORT] or https://...; `owner` is of the instance that waits for it.
  Upstream(aotc_outbound* outbound, const std::string& url, void* owner);
  ~Upstream();
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;
  // Moves what can be moved, in both directions. Returns what is to be logged, or nothing.
  std::string move(Handling& handling);

 private:
  std::string fail(Handling& handling, int error);
  aotc_stream* stream_ = nullptr;
  int error_ = 0;
  bool told_ = false;
};
