// local_compile.h - compiling on this machine, as `aotc compile` and `aotc run` do: in a worker
// (compiler/process/worker.h), so that this process never looks at a module or an artifact.
#pragma once

#include <memory>

#include "cache_options.h"
#include "cache_session.h"
#include "compile.h"
#include "memory_file.h"

struct CompiledLocally {
  aotc::CompileStats stats;
  bool cached;  // nothing was compiled
};

// The cache keeps what was made before this returns, or if there is a `session` before that ends; until then `artifact`
// must not change.
llvm::Expected<CompiledLocally> compile_locally(const MemoryFile& module, const MemoryFile& artifact,
                                                const aotc::CompileOptions& options, const CacheOptions& cache,
                                                std::unique_ptr<CacheSession>* session = nullptr);

// `out` is `artifact` with `snapshot` behind it. `name` leads the message.
llvm::Error attach_locally(const MemoryFile& artifact, const MemoryFile& snapshot, const MemoryFile& out,
                           const std::string& name);
