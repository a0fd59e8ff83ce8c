// channel.h - frames between the front and a worker of a tenant: a stream socket, both ends non-blocking.
//
// frame = struct FrameHead, `size` bytes. What the tenant sends is hostile input to the front: a frame that is too
// large or of an unknown type is the end of that tenant. Flow control keeps what is under way for one request below
// kWindow in each direction: body bytes that the program has not read, response bytes that the client has not taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

constexpr uint32_t kWindow = 256 << 10;
constexpr uint32_t kMaxFrame = kWindow + (64 << 10);
constexpr uint32_t kReportConsumed = 32 << 10;

enum class Frame : uint32_t {
  // front to worker
  Request = 1,  // struct aotc_peer, head and what is there of the body; value: RequestFlags
  Body,         // more of the body
  Taken,        // the client took `value` bytes of the response
  Cancel,       // the client has left
  Drain,        // no request will follow; finish and exit
  Ping,         // answer soon
  // worker to front
  Ready,     // the tenant can take requests; once
  Consumed,  // the program read `value` bytes of the request, kReportConsumed or more
  Response,  // bytes of the response
  End,       // the request has ended: struct RequestEnd, then text; value: EndFlags
  Differs,   // an instance was not as its image after a reset: text; the worker waits for its process to be ended
  Pong,      // for a Ping
  Log,       // what the program wrote to stdout and stderr (program_log.h); value: lines that were lost besides
  // of a handler, where there is a next one (handling.h): worker to front
  Onward,       // bytes of a request to it, one for a request
  AnswerTaken,  // `value` bytes of Answer have gone on
  // and back
  Answer,     // bytes of what it answers
  AnswerEnd,  // there is none, or no more of it: text for the client; value: a status
  Passed,     // it has `value` bytes of Onward
};

enum RequestFlags : uint32_t {
  kHeadRequest = 1,
  kHttp10Request = 2,
  kHttp2Request = 4,
  kTunnelRequest = 8,  // it asks for one
  kTakesGzip = 16,     // what its client wants, if the response is to be compressed
  kTakesZstd = 32
};

// Nothing with a request's id follows its End, unless its program goes on though its client has been answered: then
// what it logs, and another End. A worker has no more than kMaxGoingOn of these, and cuts the oldest short for one
// more.
enum EndFlags : uint32_t { kGoesOn = 1, kCutShort = 2 };
constexpr size_t kMaxGoingOn = 64;

// The last is the front's word for what a worker cannot say any more.
enum class EndCause : uint32_t {
  Done,
  Trap,
  Deadline,
  Timeout,
  Memory,
  Exit,
  BadResponse,
  Aborted,
  Overload,
  Error,
  Stuck
};
constexpr unsigned kEndCauses = static_cast<unsigned>(EndCause::Stuck) + 1;
const char* end_cause_name(EndCause cause);

// Requests have numbers from 1 on; a worker puts the channel's own above them.
constexpr uint32_t kMostId = (1u << 28) - 1;

struct FrameHead {
  uint32_t size;
  uint32_t id;
  Frame type;
  uint32_t value;
};

// Nanoseconds. `reset` and `pages` are of the worker's last reset, since the response does not wait for its own.
struct RequestEnd {
  EndCause cause;
  uint32_t pages;
  uint64_t thaw, run, reset;
};

class Channel {
 public:
  explicit Channel(int fd) : fd_(fd) {}
  int fd() const { return fd_; }
  void send(Frame type, uint32_t id, uint32_t value = 0, std::string_view payload = {}, std::string_view more = {});
  // Writes what can be written. False when the other side is gone.
  bool flush();
  size_t queued() const { return out_.size() - sent_; }  // bytes that wait to be written
  // Reads what is there. False when the other side is gone.
  bool receive();
  enum class Next { Nothing, Frame, Bad };
  // The payload is valid until the next receive().
  Next next(FrameHead& head, std::string_view& payload);

 private:
  int fd_;
  std::string out_, in_;
  size_t sent_ = 0, parsed_ = 0;
};
