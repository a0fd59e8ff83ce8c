// freeze_step.h - the last step of a job for a Go program: runs it, confined, until it waits for input, and stores what
// it was then, for all targets alike.
//
// How is in compiler/process/freeze.h. What comes out of it is data for that tenant's own instances; nodes check it
// when they load it, here it must be a snapshot of this module.
#pragma once

#include <optional>
#include <string>

#include "process/freeze.h"
#include "store/unnamed_file.h"

namespace aotc::server {

struct FrozenProgram {
  std::optional<BlobInfo> snapshot;
  std::string reason;              // without one: why
  std::vector<std::string> notes;  // as in FreezeOutcome
  BlobInfo report;                 // JSON: {"frozen": true, what the runtime reports} or {"frozen": false, "reason"}
  double seconds = 0;
};

// Runs aotc::freeze_program and stores what comes of it; nothing when that does not try. Adds to `cpu_seconds`, also
// when it fails.
llvm::Expected<std::optional<FrozenProgram>> freeze_and_store(
    Store& store, Accounts::Reservation& space, const std::string& folder, const std::string& module_digest,
    llvm::ArrayRef<FinishedArtifact> artifacts, bool go_shaped,
    llvm::function_ref<llvm::Expected<int>(Architecture, const std::string& cpu)> make, const FreezeRequest& request,
    double& cpu_seconds);

}  // namespace aotc::server
