// pace.h - how fast a client does what it is waited for: sends its request, takes its response.
//
// A bucket holds what a client may be behind: the lowest rate times the grace. It is full when the front begins to wait
// for the client, loses the lowest rate each second, and gets what the client moves; a client with an empty bucket is
// too slow. So a pause as long as the grace passes after whatever was faster, and in the long run the rate holds. While
// nothing is waited for there is nothing to be late with.
#pragma once

#include <algorithm>
#include <cstdint>

// What a client is waited for with: a request to begin, more of one, taking a response, leaving.
enum class Awaited { Nothing, Request, More, Taking, End };

class Pace {
 public:
  struct Limits {
    uint64_t rate;   // bytes per second
    uint64_t grace;  // nanoseconds
    double allowance() const { return static_cast<double>(rate) * static_cast<double>(grace) / 1e9; }
  };

  // What is waited for began anew: `total` is the number of bytes that the client has moved so far.
  void begin(uint64_t now, uint64_t total, const Limits& limits) {
    begun_ = seen_ = now;
    first_ = last_ = total;
    left_ = limits.allowance();
  }

  // Now and then while it is waited for. False when it is too slow.
  bool go_on(uint64_t now, uint64_t total, const Limits& limits) {
    left_ -= static_cast<double>(limits.rate) * static_cast<double>(std::min(now - seen_, kLongest)) / 1e9;
    left_ = std::min(left_ + static_cast<double>(total - last_), limits.allowance());
    last_ = total;
    seen_ = now;
    return left_ >= 0;
  }

  // Who has the least of this is to go first: bytes per second since the wait began, with the allowance for a start. So
  // of those that move nothing it is the one that is waited for longest, and nobody who came only now.
  double merit(uint64_t now, const Limits& limits) const {
    return (static_cast<double>(last_ - first_) + limits.allowance()) * 1e9 /
           static_cast<double>(std::max<uint64_t>(now - begun_, 1));
  }

 private:
  static constexpr uint64_t kLongest = 2'000'000'000;  // what is longer was our own delay
  uint64_t begun_ = 0, seen_ = 0;
  uint64_t first_ = 0, last_ = 0;
  double left_ = 0;
};
