// freeze_step.h - the last step of a job for a Go program: runs it, confined, until it waits for input, and stores what
// it was then, for all targets alike.
//
// The program is the tenant's and runs in `aotc-exec --freeze` (compiler/process/freeze.h). What comes out of it is
// data for that tenant's own instances; nodes check it when they load it, here it must be a snapshot of this module.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "compile_request.h"
#include "store/store.h"
#include "store/unnamed_file.h"

namespace aotc::server {

struct FreezeLimits {
  std::string program;  // aotc-exec
  uint64_t memory_bytes = uint64_t{512} << 20;
  double wall_seconds = 10;
};

struct FrozenProgram {
  std::optional<BlobInfo> snapshot;
  std::string reason;  // without one: why
  BlobInfo report;     // JSON: {"frozen": true, what the runtime reports} or {"frozen": false, "reason"}
  double seconds = 0;
};

// `artifact` is for this machine. `stopped` is asked now and then; true ends the program. Adds to `cpu_seconds`, also
// when it fails.
llvm::Expected<FrozenProgram> freeze_program(Store& store, Accounts::Reservation& space, const std::string& folder,
                                             const UniqueFd& artifact, const std::string& module_digest,
                                             const FreezeRequest& request, const FreezeLimits& limits,
                                             const std::function<bool()>& stopped, double& cpu_seconds);

}  // namespace aotc::server
