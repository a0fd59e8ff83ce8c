// filter.h - a request to a program that reads stdin and writes stdout, which knows nothing of HTTP.
//
// The request's body is its input, what it writes is the response's body. If it exits with 0 the status is 200, and the
// response has a Content-Length if all of it was there by then, otherwise it is sent in chunks as it comes. Method,
// path and fields do not reach the program.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "http.h"

class FilterInput {
 public:
  // Appends to `body` what `bytes` of the request hold of it.
  void feed(std::string_view bytes, std::string& body);
  bool done() const { return reader_.done(); }
  // True once, if the client waits to be told that its body is wanted.
  bool takes_expectation() { return !done() && std::exchange(reader_.expects_continue, false); }

 private:
  RequestReader reader_{HttpLimits{}, nullptr, RequestReader::Form::Body};  // the front has seen to the limits
  std::string unread_;                                                      // half a header, or half of a chunk's
};

class FilterOutput {
 public:
  explicit FilterOutput(bool head_request) : head_request_(head_request) {}
  static constexpr size_t kOverhead = 256;  // bytes that are added to a piece, at most
  // The response's bytes for a piece of output; with `last` it is the end, which may be empty.
  std::string frame(std::string_view piece, bool last);
  bool done() const { return done_; }

 private:
  const bool head_request_;
  bool started_ = false, chunked_ = false, done_ = false;
  bool in_chunk_ = false;  // whose end comes with the next piece: alone, a parser would not take it
};
