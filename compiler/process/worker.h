// worker.h - what reads a stranger's module, in a process of its own: one for each target.
//
// The process gets the module, a file for what it makes, a pipe and perhaps a socket to a function cache as its only
// descriptors, enters the rule set `compiler` (tools/sandbox), and only then reads. Whatever becomes of it is an Error
// for this module only. It says on its pipe, one JSON object per line: {"done": functions, "total": functions} as it
// goes, and at the end {"stats", "seconds"} or
// {"error": message}. Nothing that it says is trusted beyond its shape; what it makes is native code of whoever made
// the module, to be confined as such.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "compile.h"

namespace aotc {

// Zeros: no limit.
struct WorkerLimits {
  uint64_t memory_bytes = 0;
  uint64_t cpu_seconds = 0;
  uint64_t file_bytes = 0;  // that the artifact may grow to
};

struct WorkerOptions {
  CompileOptions compile;  // `progress` is called by the caller's thread
  WorkerLimits limits;
  double wall_seconds = 0;  // 0 for no limit
  int group = -1;           // descriptor that joins a control group (tools/sandbox/cgroup.h)
  int cache = -1;           // socket to who serves a function cache (cache_channel.h)
  // The program is started anew as the worker, by "worker" and one more word that its main hands to worker_main. Else
  // the worker is a copy of this process, which has one thread and no secrets, and loads nothing again.
  bool start_anew = false;
  std::function<bool()> stopped;                 // if there is one: asked ten times a second, true ends it
  std::function<void(const std::string&)> said;  // a line that is no message, such as an assertion's
};

struct WorkerResult {
  CompileStats stats;
  double seconds = 0;
};

// compile() from file to file. Adds the processor time that was used to `cpu_seconds`, also when it failed. The
// caller's thread must live as long as the worker: the kernel ends the worker with it.
llvm::Expected<WorkerResult> compile_in_worker(int module, int artifact, const WorkerOptions& options,
                                               double& cpu_seconds);

// compile_function() from a unit's bytes (compile_unit.h), which somebody may have made up, to the record of it
// (function_cache.h). Of `options` the compiler's are not looked at.
llvm::Error recompile_in_worker(int unit, int record, const WorkerOptions& options, double& cpu_seconds);

// attach_snapshot() from files to a file.
llvm::Error attach_in_worker(int artifact, int snapshot, int out, const WorkerOptions& options);

// For programs that start workers anew: the exit code if this process is one.
std::optional<int> worker_main(int argc, char** argv);

}  // namespace aotc
