// freeze.h - runs a finished artifact until it waits for input, and hands back the snapshot that comes of it.
//
// The program is the tenant's, so it runs in a process of its own, `aotc-exec --freeze`, which takes everything from itself
// that the program does not need (tools/confine.h): no network, no other processes, no files but read-only directories,
// limits on memory and processor time. This side sees to the time on the clock. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

namespace aotc {

struct FreezeOptions {
  std::string program;                  // aotc-exec
  std::string name;                     // leads the reason
  std::vector<std::string> env, args;   // "KEY=VALUE"; without the program's own name
  std::vector<std::string> dirs;        // "HOST::GUEST:ro"
  std::vector<std::string> warmup;      // HTTP requests that a server answers before it is frozen
  unsigned listeners = 1;
  uint64_t milliseconds = 10'000;
  uint64_t max_memory = 1ull << 30;
};

struct FreezeResult {
  std::vector<uint8_t> snapshot;  // empty when there is none
  std::string reason;             // then: why, one line
};

// `artifact` is for this machine. A program that cannot be frozen is a result, not an Error.
llvm::Expected<FreezeResult> freeze(llvm::ArrayRef<uint8_t> artifact, const FreezeOptions& options);

}  // namespace aotc
