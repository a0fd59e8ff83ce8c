// channel.cpp - see channel.h.
#include "channel.h"

#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <iterator>

const char* end_cause_name(EndCause cause) {
  static constexpr const char* kNames[] = {"done",         "trap",    "deadline", "timeout", "memory", "exit",
                                           "bad response", "aborted", "overload", "error",   "stuck"};
  static_assert(std::size(kNames) == kEndCauses);
  return static_cast<unsigned>(cause) < kEndCauses ? kNames[static_cast<unsigned>(cause)] : "unknown";
}

void Channel::send(Frame type, uint32_t id, uint32_t value, std::string_view payload, std::string_view more) {
  FrameHead head{static_cast<uint32_t>(payload.size() + more.size()), id, type, value};
  out_.append(reinterpret_cast<const char*>(&head), sizeof head).append(payload).append(more);
}

bool Channel::flush() {
  while (queued() > 0) {
    ssize_t n = ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return false;
    sent_ += static_cast<size_t>(n);
  }
  // Also of what never becomes empty the part that was written goes.
  if (sent_ >= queued()) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  return true;
}

bool Channel::receive() {
  in_.erase(0, parsed_);
  parsed_ = 0;
  static thread_local char piece[64 << 10];
  for (size_t total = 0; total < 4 * kMaxFrame;) {
    ssize_t n = ::recv(fd_, piece, sizeof piece, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN;
    in_.append(piece, static_cast<size_t>(n));
    if (static_cast<size_t>(n) < sizeof piece) return true;
    total += static_cast<size_t>(n);
  }
  return true;
}

Channel::Next Channel::next(FrameHead& head, std::string_view& payload) {
  if (in_.size() - parsed_ < sizeof head) return Next::Nothing;
  std::memcpy(&head, in_.data() + parsed_, sizeof head);
  if (head.size > kMaxFrame) return Next::Bad;
  if (in_.size() - parsed_ - sizeof head < head.size) return Next::Nothing;
  payload = std::string_view(in_).substr(parsed_ + sizeof head, head.size);
  parsed_ += sizeof head + head.size;
  return Next::Frame;
}
