// confine.h - takes from the calling process, a worker, everything that compiling does not need.
//
// What is left, all of it tested by test/server/worker_isolation.py:
//   descriptors   the ones that are open; none can be made, so there are no files, no network and no other process
//   threads       of its own; no fork and no exec
//   memory        up to RLIMIT_DATA; none that is executable besides the program
//   signals       to itself only
// A call outside of this list ends the process with SIGSYS. The few that the C library makes and can do without, such
// as opening a file, fail with EACCES instead.
#pragma once

#include <cstdint>

namespace aotc::server {

struct Confinement {
  uint64_t memory_bytes = 0;  // RLIMIT_DATA rather than RLIMIT_AS: address space that is only reserved costs nothing
  uint64_t cpu_seconds = 0;
  uint64_t file_bytes = 0;  // that each open file may grow to
  long parent = 0;          // the process ends when this one does
};

// For good and for every thread made later. Call it while there is one thread. False when the kernel refuses a part.
bool confine(const Confinement& limits);

}  // namespace aotc::server
