// phase_clock.h - what one phase of a compile took, from where the clock is made.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <ctime>
#include <string>

#include "compile.h"

namespace aotc {

// Of this thread.
inline double thread_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

class PhaseClock {
 public:
  // Of this process, or with those that have ended for it.
  explicit PhaseClock(bool with_children = false) : with_children_(with_children) {}

  PhaseTime taken(std::string phase) const {
    return {std::move(phase), std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count(),
            cpu_seconds() - cpu_};
  }

 private:
  // Of all threads.
  double cpu_seconds() const { return seconds_of(RUSAGE_SELF) + (with_children_ ? seconds_of(RUSAGE_CHILDREN) : 0); }

  static double seconds_of(int who) {
    rusage usage;
    getrusage(who, &usage);
    auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }

  bool with_children_;
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  double cpu_ = cpu_seconds();
};

}  // namespace aotc
