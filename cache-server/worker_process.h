// worker_process.h - the server's side of a compile: starts a worker, follows it, ends it when its time is over.
//
// An Error means that this compile failed: the worker's own message, or how the worker ended (a signal, out of memory,
// out of time). The caller's thread must live as long as the worker: the kernel ends the worker with it.
#pragma once

#include <functional>

#include "llvm/Support/Error.h"
#include "unnamed_file.h"
#include "worker.h"

namespace aotc::server {

struct WorkerResult {
  uint64_t functions = 0;
  bool go = false;
  double seconds = 0;
};

struct WorkerWatch {
  double wall_seconds;
  std::function<bool()> stopped;  // asked ten times a second
  std::function<void(uint64_t done, uint64_t total)> progress;
};

// Fills in options.limits.parent. The worker sees `module` and `artifact` and no other file. Adds the processor time
// that was used to `cpu_seconds`, also when the compile failed.
llvm::Expected<WorkerResult> run_worker_process(WorkerOptions options, const Descriptor& module,
                                                const Descriptor& artifact, const WorkerWatch& watch,
                                                double& cpu_seconds);

}  // namespace aotc::server
