// keeper.h - the cache in a process of its own (rule set `keeper`), which may crash: its database was never made for
// damaged files (database.h), and it hears what a compiler asks that may have been taken over by a module. Whatever
// becomes of it, a compilation goes on.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "cache/remote_cache.h"
#include "cache/store.h"
#include "compile.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "support/unique_fd.h"

namespace aotc {

struct KeeperOptions {
  StoreOptions store;
  // Of the whole artifact, which is looked for first and kept at the end; empty: functions only.
  std::string artifact_key;
  int artifact_writer = -1, artifact_reader = -1;  // of one file
  // The program is started anew, by "keeper" and one more word that its main hands to keeper_main. Else the process is
  // a copy of this one, which has one thread and no secrets.
  bool start_anew = false;
  // What is wrong: one sentence, and of which cache, the folder or RemoteCache::shown.
  std::function<void(const std::string& cache, const std::string& text)> said;
};

// For one compilation. The caller's thread must live as long.
class Keeper {
 public:
  // `remote`: what is in StoreOptions::name_space is shared with those who have one of that name. Its secrets are
  // forgotten.
  explicit Keeper(const KeeperOptions& options, std::optional<RemoteCache> remote = std::nullopt);
  Keeper(const Keeper&) = delete;
  ~Keeper();

  // The artifact was there, and is in its file.
  const std::optional<CompileStats>& found() const { return found_; }
  // For WorkerOptions::cache; -1: there is no process, for whatever reason.
  int socket() const { return worker_.get(); }
  // The compiler has ended. With `made` the artifact is kept.
  void part(const CompileStats* made);
  // After part(nullptr) if nobody has called it. An Error, given once: the compiler asked the cache for what it would
  // not ask.
  llvm::Error judge();
  // Waits until everything is kept, after judge().
  llvm::Error end();
  // Of the remote, if there is one, once it has ended.
  const std::optional<SharedCounts>& shared() const { return shared_; }

 private:
  void lose(bool crashed);

  const KeeperOptions options_;
  std::string remote_;
  std::optional<SharedCounts> shared_;
  std::optional<CourierProcess> courier_;
  pid_t child_ = -1;
  UniqueFd control_, worker_;
  bool judged_ = false;
  std::optional<CompileStats> found_;
};

// Writes what Store::find_common() finds to a file, as { size:u32 record }, in such a process that is started anew. The
// file is not to be trusted. An Error: the process did not come to its end.
llvm::Error find_common(const StoreOptions& options, size_t name_spaces, uint64_t seed, int file);

// Calls `work` in such a process, a copy of this one, and returns what it did: plain bytes. An Error: the process did
// not come to its end.
llvm::Error with_store(const StoreOptions& options, llvm::function_ref<void(Store&, void*)> work, void* answer,
                       size_t size);

// For programs that start keepers anew: the exit code if this process is one.
std::optional<int> keeper_main(int argc, char** argv);

}  // namespace aotc
