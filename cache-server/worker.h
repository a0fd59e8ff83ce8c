// worker.h - the child's side of a compile: `aotc-server worker`, started by worker_process.cpp for one target.
//
// It enters the rule set `compiler` (tools/sandbox), then reads the module from descriptor 0, compiles, writes the artifact to descriptor
// 3, and says on its standard output, one JSON object per line: {"done": functions, "total": functions} as it goes and
// at the end {"functions", "go": whether it is a Go program, "seconds"} or {"error": message}. Whatever else happens to it (a signal, no last line) is a
// failure of this job only.
#pragma once

#include <cstdint>
#include <string>

namespace aotc::server {

constexpr int kModuleDescriptor = 0;
constexpr int kArtifactDescriptor = 3;

struct WorkerLimits {
  uint64_t memory_bytes = 0;
  uint64_t cpu_seconds = 0;
  uint64_t file_bytes = 0;  // that the artifact may grow to
  int parent = 0;           // the process ends when this one does
};

struct WorkerOptions {
  std::string name;  // leads the compiler's messages
  std::string target, cpu, tier;
  unsigned threads = 1;
  WorkerLimits limits;
};

int run_worker(const WorkerOptions& options);

}  // namespace aotc::server
