// freeze.h - runs a finished artifact until it waits for input, and hands back the snapshot that comes of it.
//
// The program is the tenant's, so it runs in a process of its own, `aotc-exec --freeze`, which takes everything from
// itself that the program does not need (tools/sandbox): no network, no other processes, no files but read-only
// directories, limits on memory and processor time. This side sees to the time on the clock. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "llvm/Support/Error.h"

namespace aotc {

struct FreezeOptions {
  std::string program;                 // aotc-exec
  std::string name;                    // leads the reason
  std::vector<std::string> env, args;  // "KEY=VALUE"; without the program's own name
  std::vector<std::string> secrets;    // "NAME:LENGTH": variables whose values are withheld until the thaw
  std::vector<std::string> dirs;       // "HOST::GUEST:ro"
  bool rehearse = true;                // net/http answers a request before, of which no handler hears, if it can
  std::vector<std::string> warmup;     // HTTP requests that a server answers before it is frozen
  unsigned listeners = 1;
  uint64_t milliseconds = 10'000;
  uint64_t max_memory = 1ull << 30;
  std::function<bool()> stopped;  // if there is one: asked ten times a second, true ends the program
};

struct FreezeOutcome {
  std::string reason;  // empty: there is a snapshot
  double cpu_seconds = 0;
};
// From file to file: `artifact` is for this machine, `snapshot` is empty, and the child writes no more to it than
// options.max_memory and a little. A program that cannot be frozen is an outcome, not an Error.
llvm::Expected<FreezeOutcome> freeze_file(int artifact, int snapshot, const FreezeOptions& options);

}  // namespace aotc
