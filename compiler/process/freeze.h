// freeze.h - runs a finished artifact until it waits for input, and hands back the snapshot that comes of it: the last
// step of a compilation, wherever it runs.
//
// The program is the tenant's, so it runs in a process of its own, `aotc-exec --freeze`, which takes everything from
// itself that the program does not need (tools/sandbox): no network, no other processes, no files but read-only
// directories, limits on memory and processor time. This side sees to the time on the clock. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "compile.h"
#include "option_set.h"

namespace aotc {

struct FreezeLimits {
  std::string program;  // aotc-exec
  uint64_t memory_bytes = uint64_t{1} << 30;
  double wall_seconds = 10;
};

struct FreezeRequest {
  std::string name;  // leads the reason
  OptionSet options;
  FreezeLimits limits;
  std::function<bool()> stopped;  // if there is one: asked ten times a second, true ends the program
};

struct FreezeOutcome {
  // Empty: there is a snapshot. The first line says why there is none, others what the program wrote to stderr before
  // it ended: at most 20, UTF-8 without control characters.
  std::string reason;
  // About a snapshot, a line each: who drew random bytes before the freeze.
  std::vector<std::string> notes;
  double seconds = 0, cpu_seconds = 0;
};

// An artifact of the program, as a descriptor.
struct FinishedArtifact {
  Architecture architecture;
  std::string cpu;  // empty for the default
  int file;
};

// Freezes the program with that of its artifacts which this machine can run, or else with one of quick code, which
// `make` is asked for. Nothing when options do not ask for a snapshot of this program. A program that cannot be frozen
// is an outcome, not an Error, also where a snapshot is required. `snapshot` is an empty file, and grows to no more
// than limits.memory_bytes and a little.
llvm::Expected<std::optional<FreezeOutcome>> freeze_program(
    llvm::ArrayRef<FinishedArtifact> artifacts, bool go_shaped,
    llvm::function_ref<llvm::Expected<int>(Architecture, const std::string& cpu)> make, int snapshot,
    const FreezeRequest& request);

}  // namespace aotc
