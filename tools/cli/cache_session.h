// cache_session.h - what one compilation of the command line has of the cache: a keeper (cache/keeper.h), if there is a
// cache, with the key of the whole artifact. What is wrong with the cache is said once, on stderr.
#pragma once

#include <optional>

#include "cache/keeper.h"
#include "cache_options.h"
#include "memory_file.h"

class CacheSession {
 public:
  // `remote`: if there is one. Its secrets are forgotten.
  CacheSession(const CacheOptions& cache, std::optional<aotc::RemoteCache> remote, const MemoryFile& module,
               const MemoryFile& artifact, const aotc::CompileOptions& options);

  // The artifact was there, and is in its file.
  std::optional<aotc::CompileStats> found() const { return keeper_ ? keeper_->found() : std::nullopt; }
  // For WorkerOptions::cache.
  int socket() const { return keeper_ ? keeper_->socket() : -1; }
  // The compiler has made the artifact, which must not change until it is kept. As Keeper::judge().
  llvm::Error part(const aotc::CompileStats& made) {
    if (!keeper_) return llvm::Error::success();
    keeper_->part(made.quick_functions == 0 ? &made : nullptr);  // else it depends on what was in the cache
    return keeper_->judge();
  }
  // Waits until it is.
  void end() {
    if (keeper_) llvm::consumeError(keeper_->end());
  }
  // Of the remote, if there is one, once it has ended.
  std::optional<aotc::SharedCounts> shared() const { return keeper_ ? keeper_->shared() : std::nullopt; }

 private:
  std::optional<aotc::Keeper> keeper_;
};
