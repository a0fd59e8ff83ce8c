// cache_process.h - the cache in a process of its own (rule set `keeper`), which may crash: its database was never made
// for damaged files (cache/database.h), and it hears what a compiler asks that may have been taken over by a module.
// Whatever becomes of it, a compilation goes on.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "cache_options.h"
#include "compile.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "memory_file.h"
#include "support/unique_fd.h"

namespace aotc {
class Store;
}

// What is kept of an artifact's statistics.
struct KeptStats {
  uint64_t functions, wasm_bytes, code_bytes, artifact_bytes, reduced_functions, plain_functions, codegen_runs, go;
};

// For one compilation: first the whole artifact is looked for; when there is none the process answers the compiler
// until that is done, and then keeps what it made. What is wrong with the cache is said once, on stderr.
class CacheSession {
 public:
  // `remote`: if there is one. Its secrets are forgotten.
  CacheSession(const CacheOptions& cache, std::optional<RemoteCache> remote, const MemoryFile& module,
               const MemoryFile& artifact, const aotc::CompileOptions& options);
  CacheSession(const CacheSession&) = delete;
  ~CacheSession();

  // The artifact was there, and is in its file.
  const std::optional<aotc::CompileStats>& found() const { return found_; }
  // For WorkerOptions::cache.
  int socket() const { return worker_.get(); }
  // The compiler has ended. With `made` the artifact is kept. An Error: it asked the cache for what it would not ask.
  llvm::Error end(const aotc::CompileStats* made);
  // Of the remote, if there is one, once it has ended.
  const std::optional<aotc::SharedCounts>& shared() const { return shared_; }

 private:
  void lose(bool crashed);

  std::string folder_, remote_;
  std::optional<aotc::SharedCounts> shared_;
  std::optional<aotc::CourierProcess> courier_;
  pid_t child_ = -1;
  aotc::UniqueFd control_, worker_;
  std::optional<aotc::CompileStats> found_;
};

// Calls `work` in such a process, and returns what it did: plain bytes. An Error: the process did not come to its end.
llvm::Error with_store(const std::string& folder, uint64_t limit, llvm::function_ref<void(aotc::Store&, void*)> work,
                       void* answer, size_t size);
