// idle_poll.h - looks for work for a moment before it sleeps. To wake a processor up takes longer than a request, above
// all in a virtual machine. It looks only while waits are short: after one that was longer than the moment it sleeps at
// once, until one was shorter again. While it looks, whatever else is ready runs.
#pragma once

#include <sched.h>
#include <algorithm>
#include <cstdint>

#include "loop.h"

class IdlePoll {
 public:
  explicit IdlePoll(uint64_t longest) : longest_(longest) {}

  // `wait(nanoseconds)` waits at most so long for events and returns their number, 0 for none, like poll.
  template <typename Wait>
  int wait(uint64_t timeout, Wait wait) {
    uint64_t start = Loop::now(), waited = 0;
    int n = wait(was_short_ ? 0 : timeout);
    while (n == 0 && was_short_ && (waited = Loop::now() - start) < std::min(longest_, timeout)) {
      sched_yield();
      n = wait(0);
    }
    if (n == 0 && waited < timeout && was_short_) n = wait(timeout - waited);
    was_short_ = Loop::now() - start < longest_;
    return n;
  }

 private:
  uint64_t longest_;
  bool was_short_ = false;
};
