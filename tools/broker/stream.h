// stream.h - one connection of a program, as the broker sees it: what the program says comes in by these calls, what it
// is told goes out by its Program.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "aotc/outbound.h"

class Stream;

// The program's end of a stream.
class Program {
 public:
  virtual void opened(uint32_t number, const aotc_outbound_ends& ends) = 0;
  // No more than room(), which nothing but TAKEN makes larger.
  virtual void send(uint32_t number, std::string_view bytes) = 0;
  virtual void end(uint32_t number) = 0;
  virtual void taken(uint32_t number, uint32_t bytes) = 0;
  // The stream is over, and destroyed soon.
  virtual void fail(uint32_t number, int error) = 0;
  // Whether the channel takes more; if not, `resume` is called when it does.
  virtual bool takes_more() const = 0;

 protected:
  ~Program() = default;
};

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(Program& program, uint32_t number) : program_(&program), number_(number) {}
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  virtual void data(std::string_view bytes) = 0;
  virtual void end() = 0;
  // Something has become possible: the program has read, or its channel takes more.
  virtual void resume() = 0;
  // The program has gone, or this is over: nothing is said any more.
  void leave() { program_ = nullptr; }
  bool is_over() const { return program_ == nullptr; }

  uint32_t window = AOTC_OUTBOUND_WINDOW;    // bytes that may be sent
  uint32_t held = 0;                         // bytes of the program's that have not gone on
  uint64_t moved = 0, until = ~uint64_t{0};  // bytes both ways; when its time is over
  enum class Kind { Connection, Lookup, Store } kind = Kind::Connection;

 protected:
  uint32_t room() const { return program_ != nullptr && program_->takes_more() ? window : 0; }
  Program* program_;
  const uint32_t number_;
};
