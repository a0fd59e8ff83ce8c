// handling.h - a request to a program that is called for it: a handler of http-wasm (aotc/http_handler.h), which
// answers itself or leaves that to the next handler.
//
// Nothing of a body is kept that the program does not want to see: what it has not asked for goes on as it comes, in
// both directions. A program that asks for the request's body before all of it is there is called again, in an instance
// that knows nothing of the first call, when it is.
//
// Messages go in and out as HTTP/1.1: whoever has this takes `onward` to the next handler, brings what that answers,
// and takes `output` to the client. What the program has made of the framing is left out: there is one, and it is ours.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "aotc/http_handler.h"
#include "http.h"
#include "memory_gauge.h"

class Handling {
 public:
  struct Client {
    bool head_request;
    const char* version;
  };
  // `most`: bytes of the bodies that are kept for the program.
  Handling(const Client& client, size_t most, const MemoryGauge& gauge);

  // Of the request. False when they are too many.
  bool take(std::string_view bytes);
  size_t waiting() const { return is_whole_needed() ? 0 : body_.size() + onward.size(); }  // that have not gone on
  // Whether the program is to be called, and that, for the first time in a slot that has not begun. It ended with
  // AOTC_EXITED and starts_anew(): the slot is to be given back.
  bool wants_call() const;
  aotc_status call(aotc_slot* slot, const aotc_peer& from, aotc_error& error);
  bool starts_anew();

  // It has asked for the next handler.
  bool goes_on() const { return state_ == State::Next; }
  std::string onward;  // the request to it; whoever takes it clears it
  // Of its response; what makes no sense is none. False when there is too much of it.
  bool take_answer(std::string_view bytes);
  // Nothing more comes of it: `status` is for the client, if it is not complete.
  void end_answer(int status, std::string_view text);
  bool has_answer() const { return answered_; }

  std::string output;                                            // the response; whoever takes it erases it
  bool over() const { return state_ == State::Over; }            // all of it is in `output`, or was
  bool broken() const { return broken_ && over(); }              // it cannot be completed
  bool has_room() const { return output.size() < kMostOutput; }  // for more of the answer

 private:
  static constexpr size_t kMostOutput = 256 << 10;
  enum class State { Request, Next, Over };
  bool is_whole_needed() const { return state_ == State::Request; }
  bool buffers() const { return (exchange_->features & AOTC_HTTP_BUFFER_RESPONSE) != 0; }
  bool may_keep(size_t before, size_t more) const;
  bool fill(const aotc_peer& from);
  void go_on();
  void pass_body();
  void begin_answer(const ResponseReader::Head& head);
  void put(std::string_view piece);
  void finish(std::string_view trailers);
  void answer();

  const Client client_;
  const size_t most_;
  const MemoryGauge& gauge_;
  State state_ = State::Request;
  RequestReader reader_{HttpLimits{}, nullptr, RequestReader::Form::Parts};  // the front has seen to the limits
  std::string unread_;                                                       // half a header, or half of a chunk's
  std::string body_;                                                         // of the request, that has not gone on
  bool wants_whole_ = false;
  bool streams_ = false;  // the body follows the head to the next handler

  aotc_http_exchange* exchange_ = nullptr;  // of the slot
  uint32_t context_ = 0;
  bool next_is_head_ = false;
  std::optional<ResponseReader> next_;
  std::string rest_;  // of its response, that makes no sense without more
  bool answered_ = false, failed_ = false, broken_ = false;

  // Of the response that is being sent piece by piece.
  bool begun_ = false, has_body_ = false, chunked_ = false;
};
