// cache_process.cpp - see cache_process.h.
//
// What passes on the control socket, in this order, all of fixed size:
//   to us      Greeting     whether the artifact was found; else the process serves the compiler
//   from us    Parting      once there is no compiler any more: whether to keep the artifact
//   to us      Farewell     what was wrong
#include "cache_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <vector>

#include "build_identity.h"
#include "cache/store.h"
#include "output.h"
#include "process/cache_channel.h"
#include "process/child_process.h"
#include "registry/digest.h"
#include "sandbox/sandbox.h"
#include "support/error.h"
#include "support/exit_codes.h"
#include "support/io.h"
#include "support/version.h"

using namespace llvm;

namespace {

// The descriptors of the process.
constexpr int kControl = 0, kWorker = 3, kArtifact = 4, kArtifactToRead = 5, kCourier = 6;
// Milliseconds that it may take to look, and to write.
constexpr int kLookTime = 10'000, kWriteTime = 60'000;
// More than it ever needs: what damaged files make it ask for is refused.
constexpr uint64_t kMemory = uint64_t{2} << 30;
constexpr off_t kMostArtifact = 256 << 20;

struct Greeting {
  uint64_t found;
  KeptStats stats;
};
struct Parting {
  uint64_t keep;
  KeptStats stats;
};
using Text = char[256];
struct Farewell {
  Text refused, damage, shared;  // empty for none
  aotc::SharedCounts counts;
};

void set_text(Text& text, const std::string& value) { std::snprintf(text, sizeof text, "%s", value.c_str()); }

std::string text_of(const Text& text) { return printable(StringRef(text, strnlen(text, sizeof text))); }

bool send(int socket, const void* bytes, size_t size) {
  return ::send(socket, bytes, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
}

enum class Heard { All, NotInTime, Lost };

Heard receive(int socket, void* bytes, size_t size, int milliseconds) {
  pollfd event{socket, POLLIN, 0};
  if (poll(&event, 1, milliseconds) == 0) return Heard::NotInTime;
  return recv(socket, bytes, size, MSG_WAITALL) == static_cast<ssize_t>(size) ? Heard::All : Heard::Lost;
}

bool make_pair(aotc::UniqueFd& ours, aotc::UniqueFd& theirs) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  ours = aotc::UniqueFd(ends[0]);
  theirs = aotc::UniqueFd(ends[1]);
  return true;
}

struct Task {
  std::string folder;
  uint64_t limit;
  int parent;
  const aotc::SharedOptions* shared;  // null: there is no courier
  function_ref<void(aotc::Store&, aotc::SharedCache*)> work;
};

int run_task(void* argument) {
  Task& task = *static_cast<Task*>(argument);
  std::set_new_handler(nullptr);
  signal(SIGPIPE, SIG_IGN);
  const char* folders[] = {task.folder.c_str(), nullptr};
  aotc_grants grants{};
  grants.memory = kMemory;
  grants.parent = task.parent;
  grants.write = folders;
  if (aotc_sandbox_enter(AOTC_KEEPER, &grants) != nullptr) return kExitNotStarted;
  aotc::StoreOptions options;
  options.folder = task.folder;
  options.limit = task.limit;
  try {
    std::optional<aotc::SharedCache> shared;
    if (task.shared) shared.emplace(kCourier, *task.shared);
    aotc::SharedCache* next = shared ? &*shared : nullptr;
    aotc::Store store(options, next);
    task.work(store, next);
  } catch (const std::exception&) {
    return kExitFailed;
  }
  return 0;
}

// Everything that an artifact depends on, whatever else is asked.
Expected<std::string> artifact_key(const MemoryFile& module, const aotc::CompileOptions& options) {
  std::string cpu = options.cpu.empty() ? aotc::cpu_baselines(options.architecture).front() : options.cpu;
  aotc::Sha256 hash;
  for (StringRef part :
       {aotc::build_identity(), StringRef(aotc_version), StringRef(cpu),
        StringRef(aotc::architecture_name(options.architecture)), StringRef(aotc::tier_name(options.tier)),
        StringRef(options.imports == aotc::Imports::Any ? "any" : "known")})
    hash.update(part.data(), part.size() + 1);  // with the zero behind it
  std::vector<char> bytes(1 << 20);
  for (off_t at = 0;;) {
    ssize_t count = aotc_pread_all(module.reader(), bytes.data(), bytes.size(), at);
    if (count < 0) return aotc::system_failure("cannot read the module");
    if (count == 0) return hash.finish();
    hash.update(bytes.data(), static_cast<size_t>(count));
    at += count;
  }
}

KeptStats to_keep(const aotc::CompileStats& stats) {
  return {stats.functions,         stats.wasm_bytes,      stats.code_bytes,   stats.artifact_bytes,
          stats.reduced_functions, stats.plain_functions, stats.codegen_runs, stats.go_shaped};
}

aotc::CompileStats from_kept(const KeptStats& kept) {
  aotc::CompileStats stats;
  stats.functions = kept.functions;
  stats.wasm_bytes = kept.wasm_bytes;
  stats.code_bytes = kept.code_bytes;
  stats.artifact_bytes = kept.artifact_bytes;
  stats.reduced_functions = kept.reduced_functions;
  stats.plain_functions = kept.plain_functions;
  stats.codegen_runs = kept.codegen_runs;
  stats.go_shaped = kept.go != 0;
  return stats;
}

// --- in the process ---

bool find_artifact(aotc::Store& store, StringRef key) {
  Greeting greeting{};
  std::optional<std::vector<uint8_t>> kept = store.get_artifact(key);
  if (kept && kept->size() > sizeof(KeptStats)) {
    std::memcpy(&greeting.stats, kept->data(), sizeof(KeptStats));
    greeting.found = aotc_write_all(kArtifact, kept->data() + sizeof(KeptStats), kept->size() - sizeof(KeptStats));
  }
  aotc_write_all(kControl, &greeting, sizeof greeting);
  return greeting.found != 0;
}

void keep_artifact(aotc::Store& store, StringRef key) {
  Parting parting{};
  if (aotc_read_all(kControl, &parting, sizeof parting) != sizeof parting || parting.keep == 0) return;
  off_t size = lseek(kArtifactToRead, 0, SEEK_END);
  if (size <= 0 || size > kMostArtifact) return;
  std::vector<uint8_t> bytes(sizeof(KeptStats) + static_cast<size_t>(size));
  std::memcpy(bytes.data(), &parting.stats, sizeof(KeptStats));
  if (aotc_pread_all(kArtifactToRead, bytes.data() + sizeof(KeptStats), static_cast<size_t>(size), 0) == size)
    store.put_artifact(key, bytes);
}

void attend(aotc::Store& store, aotc::SharedCache* shared, StringRef key) {
  Farewell farewell{};
  if (!find_artifact(store, key)) {
    if (Error error = aotc::serve_cache(kWorker, store)) {
      set_text(farewell.refused, toString(std::move(error)));
      close(kWorker);
    } else {
      keep_artifact(store, key);
    }
  }
  if (shared) shared->give_all();
  store.flush();
  if (shared) {
    shared->finish();
    set_text(farewell.shared, shared->trouble());
    farewell.counts = shared->counts();
  }
  set_text(farewell.damage, store.damage());
  aotc_write_all(kControl, &farewell, sizeof farewell);
}

}  // namespace

CacheSession::CacheSession(const CacheOptions& cache, std::optional<RemoteCache> remote, const MemoryFile& module,
                           const MemoryFile& artifact, const aotc::CompileOptions& options) {
  std::optional<std::string> folder = cache.folder();
  if (!folder) return;
  folder_ = *folder;
  if (Error error = aotc::Store::prepare(folder_)) {
    // A user without a home has no cache, and need not hear of it each time.
    std::string reason = toString(std::move(error));
    if (!cache.asked().empty() || access(folder_.c_str(), F_OK) == 0)
      print(stderr, "aotc: cache {}: {}; going on without\n", folder_, reason);
    return;
  }
  Expected<std::string> key = artifact_key(module, options);
  if (!key) {
    consumeError(key.takeError());
    return;
  }
  aotc::UniqueFd control, server;
  if (!make_pair(control_, control) || !make_pair(worker_, server)) return;
  aotc::CourierLink link;
  if (remote) {
    Expected<aotc::CourierLink> made = aotc::CourierLink::make(remote->courier);
    for (std::string* secret : {&remote->courier.url, &remote->courier.token})
      explicit_bzero(secret->data(), secret->size());
    if (made)
      link = std::move(*made);
    else
      consumeError(made.takeError());
    remote_ = remote->shown;
  }
  auto work = [&](aotc::Store& store, aotc::SharedCache* shared) { attend(store, shared, *key); };
  Task task{folder_, cache.size, getpid(), link.cache ? &remote->shared : nullptr, work};
  Expected<pid_t> child = aotc::start_child({control.get(), STDERR_FILENO, STDERR_FILENO, server.get(),
                                             artifact.writer(), artifact.reader(), link.cache.get()},
                                            {}, run_task, &task);
  remote.reset();
  if (!child) {
    consumeError(child.takeError());
    return;
  }
  child_ = *child;
  control.close();
  Greeting greeting;
  Heard heard = receive(control_.get(), &greeting, sizeof greeting, kLookTime);
  if (heard != Heard::All || greeting.found == 0) {
    // It may have come to the middle of the artifact.
    if (ftruncate(artifact.writer(), 0) == 0) lseek(artifact.writer(), 0, SEEK_SET);
    if (heard != Heard::All) lose(heard == Heard::Lost);
    if (child_ >= 0 && link.courier) {
      Expected<aotc::CourierProcess> courier = aotc::CourierProcess::start(std::move(link.courier));
      if (courier)
        courier_.emplace(std::move(*courier));
      else
        consumeError(courier.takeError());
    }
    return;
  }
  found_ = from_kept(greeting.stats);
  consumeError(end(nullptr));
}

CacheSession::~CacheSession() { consumeError(end(nullptr)); }

// What made it crash is in its files; what takes too long may be the disk.
void CacheSession::lose(bool crashed) {
  kill(child_, SIGKILL);
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) continue;
  child_ = -1;
  worker_ = aotc::UniqueFd();
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExitNotStarted) return;
  if (!crashed) {
    print(stderr, "aotc: cache {}: it takes too long; going on without\n", folder_);
    return;
  }
  aotc::StoreOptions options;
  options.folder = folder_;
  aotc::Store(options).clear();
  print(stderr, "aotc: cache {}: it could not be read, and starts again empty\n", folder_);
}

Error CacheSession::end(const aotc::CompileStats* made) {
  if (child_ < 0) return Error::success();
  worker_ = aotc::UniqueFd();
  Parting parting{made != nullptr, made ? to_keep(*made) : KeptStats{}};
  send(control_.get(), &parting, sizeof parting);
  Farewell farewell;
  Heard heard = receive(control_.get(), &farewell, sizeof farewell, kWriteTime);
  if (heard != Heard::All) {
    lose(heard == Heard::Lost);
    return Error::success();
  }
  while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) continue;
  child_ = -1;
  courier_.reset();
  if (!remote_.empty()) shared_ = farewell.counts;
  if (std::string trouble = text_of(farewell.shared); !trouble.empty())
    print(stderr, "aotc: cache {}: {}\n", remote_, trouble);
  if (std::string damage = text_of(farewell.damage); !damage.empty())
    print(stderr, "aotc: cache {}: {}\n", folder_, damage);
  if (std::string refused = text_of(farewell.refused); !refused.empty()) return aotc::failure(refused);
  return Error::success();
}

Error with_store(const std::string& folder, uint64_t limit, function_ref<void(aotc::Store&, void*)> work, void* answer,
                 size_t size) {
  aotc::UniqueFd ours, theirs;
  if (!make_pair(ours, theirs)) return aotc::system_failure("cannot start a process");
  auto say = [&](aotc::Store& store, aotc::SharedCache*) {
    work(store, answer);
    aotc_write_all(kControl, answer, size);
  };
  Task task{folder, limit, getpid(), nullptr, say};
  Expected<pid_t> child = aotc::start_child({theirs.get(), STDERR_FILENO, STDERR_FILENO}, {}, run_task, &task);
  if (!child) return child.takeError();
  theirs.close();
  bool told = recv(ours.get(), answer, size, MSG_WAITALL) == static_cast<ssize_t>(size);
  while (waitpid(*child, nullptr, 0) < 0 && errno == EINTR) continue;
  return told ? Error::success() : aotc::failure("it cannot be read; aotc cache clear removes it");
}
