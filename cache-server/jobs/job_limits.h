// job_limits.h - what jobs may take: how many may wait, and processes, time, memory and bytes on disk of each.
#pragma once

#include <algorithm>
#include <cstdint>

#include "function_keeper.h"
#include "process/freeze.h"
#include "process/worker.h"

namespace aotc::server {

// Jobs that wait, and uploads under way; bytes are those of their modules.
struct QueueLimits {
  uint64_t jobs = 256, all_jobs = 4096;  // of one tenant, of all
  uint64_t bytes = uint64_t{4} << 30, all_bytes = uint64_t{16} << 30;
};

struct JobLimits {
  unsigned workers = 1;  // processes at a time
  unsigned threads = 1;  // per process
  QueueLimits queue;
  // Of each process of a job. One compiles for one target, so a job has at most as many as there are targets, one that
  // compiles quick code to be frozen, and one that is frozen.
  uint64_t memory_bytes = 0;  // 0: by the number of threads
  double wall_seconds = 600;
  uint64_t artifact_bytes = uint64_t{2} << 30;
  FreezeLimits freeze{"", uint64_t{512} << 20, 10};
  FunctionCacheLimits functions;
  int groups = -1;  // where control groups can be made for workers

  // Each thread has 512 MiB of stack, which counts whether it is used or not.
  uint64_t worker_memory() const {
    return memory_bytes ? memory_bytes : (uint64_t{2} << 30) + threads * (uint64_t{1} << 30);
  }
  uint64_t worker_cpu_seconds() const { return static_cast<uint64_t>(wall_seconds * threads) + 1; }
  // `cpu_seconds` and `room` are what the tenant's quota leaves.
  WorkerLimits worker(uint64_t cpu_seconds, uint64_t room) const {
    WorkerLimits limits;
    limits.memory_bytes = worker_memory();
    limits.cpu_seconds = std::min(worker_cpu_seconds(), cpu_seconds);
    limits.file_bytes = std::max<uint64_t>(1, std::min(artifact_bytes, room));
    return limits;
  }
};

}  // namespace aotc::server
