// memory_gauge.h - how much memory of its own a process has, and whether a tenant may have more.
//
// Asked when memory grows or an instance is made, not per request, since it asks the kernel. What is granted may not
// have been touched when the next worker asks, so each grants as if all of them had asked.
#pragma once

#include <fcntl.h>
#include <unistd.h>
#include <cstdint>
#include <cstdlib>

// From a descriptor of /proc/PID/statm: pages of its own, in bytes.
inline uint64_t own_memory(int statm) {
  char text[128];
  ssize_t size = pread(statm, text, sizeof text - 1, 0);
  if (size <= 0) return 0;
  text[size] = 0;
  char* at = text;
  std::strtoull(at, &at, 10);
  uint64_t resident = std::strtoull(at, &at, 10), shared = std::strtoull(at, &at, 10);
  return resident > shared ? (resident - shared) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

class MemoryGauge {
 public:
  // Before the process is confined. `limit`: 0 for none.
  MemoryGauge(uint64_t limit, unsigned workers)
      : limit_(limit), workers_(workers), statm_(limit == 0 ? -1 : open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}
  // For what is not the process's own, but there because of it.
  void set_aside(uint64_t bytes) { aside_ += bytes; }
  bool has_room(uint64_t bytes) const {
    return statm_ < 0 || own_memory(statm_) + aside_ + bytes * workers_ <= limit_ - limit_ / 8;
  }
  // What idle instances of one worker may hold.
  uint64_t idle() const { return limit_ == 0 ? ~0ull : limit_ / 8 / workers_; }

 private:
  const uint64_t limit_, workers_;
  const int statm_;
  uint64_t aside_ = 0;
};
