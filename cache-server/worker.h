// worker.h - the child's side of a compile: `aotc-server worker`, started by worker_process.cpp for one target.
//
// It limits itself, then reads the module file, compiles, writes the artifact file, and says on its standard output, one
// JSON object per line: {"done": functions, "total": functions} as it goes and at the end {"functions", "seconds"} or
// {"error": message}. Whatever else happens to it (a signal, no last line) is a failure of this job only.
#pragma once

#include <cstdint>
#include <string>

namespace aotc::server {

struct WorkerOptions {
  std::string wasm, output;  // paths
  std::string name;          // leads the compiler's messages
  std::string target, cpu, tier;
  unsigned threads = 1;
  uint64_t memory_bytes = 0;  // RLIMIT_DATA
  uint64_t cpu_seconds = 0;   // RLIMIT_CPU
  long parent = 0;            // the worker ends when this process does
};

int run_worker(const WorkerOptions& options);

}  // namespace aotc::server
