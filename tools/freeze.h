// freeze.h - runs a finished artifact until it waits for input, and reads the snapshot that comes of it.
//
// The program runs in a process of its own, `aotc-exec --freeze`, under a time limit and a memory limit, without network,
// stdin or writable directories. It is not confined further yet: it has what the sandbox of the runtime lets it have.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compile.h"

enum class SnapshotMode { Off, Auto, Required };

struct FreezeOptions {
  SnapshotMode mode = SnapshotMode::Off;
  std::vector<std::string> env, args, dirs;  // dirs end with ":ro"
  unsigned listeners = 1;
  std::string timeout = "10s";
  std::string max_memory = "1G";
  std::string name;  // in messages
};

struct FreezeResult {
  std::vector<uint8_t> snapshot;  // empty when there is none
  std::string reason;             // then: why
};

// `artifact` is for this machine. A program that cannot be frozen is a result, not an Error.
llvm::Expected<FreezeResult> freeze(llvm::ArrayRef<uint8_t> artifact, const FreezeOptions& options);

// The directory that holds this program and aotc-exec.
std::string directory_of_this_program();
