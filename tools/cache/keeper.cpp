// keeper.cpp - see keeper.h.
//
// What passes on the control socket, in this order, all but the first of fixed size:
//   from us    size:u32 JSON  where there is a courier: the options of its SharedCache
//   to us      Greeting     whether the artifact was found; else the process serves the compiler
//   from us    Parting      once there is no compiler any more: whether to keep the artifact
//   to us      Verdict      what was wrong with the compiler
//   to us      Farewell     and with the cache, once everything is kept
#include "cache/keeper.h"

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

#include <nlohmann/json.hpp>

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "process/cache_channel.h"
#include "process/child_process.h"
#include "sandbox/sandbox.h"
#include "support/error.h"
#include "support/exit_codes.h"
#include "support/io.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr char kKeeperWord[] = "keeper";
// The descriptors of the process.
constexpr int kControl = 0, kWorker = 3, kArtifact = 4, kArtifactToRead = 5, kCourier = 6;
// Milliseconds that it may take to look, and to write.
constexpr int kLookTime = 10'000, kWriteTime = 60'000;
constexpr double kLookAtAllTime = 600;  // seconds
constexpr size_t kMostCommon = 256, kMostCommonBytes = 16 << 20;
// More than it ever needs: what damaged files make it ask for is refused.
constexpr uint64_t kMemory = uint64_t{2} << 30;
constexpr off_t kMostArtifact = 256 << 20;

// In front of an artifact; what has another form has another key.
constexpr char kKeptForm[] = "2 ";
struct KeptStats {
  uint64_t functions, wasm_bytes, body_bytes, code_bytes, artifact_bytes, reduced_functions, plain_functions,
      codegen_runs, go;
};

struct Greeting {
  uint64_t found;
  KeptStats stats;
};
struct Parting {
  uint64_t keep;
  KeptStats stats;
};
using Text = char[256];
struct Verdict {
  Text refused;  // empty for nothing
};
struct Farewell {
  Text damage, shared;  // likewise
  SharedCounts counts;
};

void set_text(Text& text, const std::string& value) { std::snprintf(text, sizeof text, "%s", value.c_str()); }

std::string text_of(const Text& text) { return {text, strnlen(text, sizeof text)}; }

bool send(int socket, const void* bytes, size_t size) {
  return ::send(socket, bytes, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
}

enum class Heard { All, NotInTime, Lost };

Heard receive(int socket, void* bytes, size_t size, int milliseconds) {
  pollfd event{socket, POLLIN, 0};
  if (poll(&event, 1, milliseconds) == 0) return Heard::NotInTime;
  return recv(socket, bytes, size, MSG_WAITALL) == static_cast<ssize_t>(size) ? Heard::All : Heard::Lost;
}

bool make_pair(UniqueFd& ours, UniqueFd& theirs) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  ours = UniqueFd(ends[0]);
  theirs = UniqueFd(ends[1]);
  return true;
}

// What the process is told.
struct Task {
  StoreOptions store;
  std::string artifact_key;
  int parent = 0;
  size_t common = 0;  // not 0: it is to find what lies in so many namespaces
  uint64_t seed = 0;
  bool has_courier = false;
};

nlohmann::json to_json(const Task& task) {
  return {{"folder", task.store.folder},
          {"limit", task.store.limit},
          {"name_space", task.store.name_space},
          {"patience", task.store.patience.count()},
          {"artifact", task.artifact_key},
          {"parent", task.parent},
          {"common", task.common},
          {"seed", task.seed},
          {"courier", task.has_courier}};
}

Task task_from_json(const nlohmann::json& json) {
  Task task;
  task.store.folder = json.at("folder");
  task.store.limit = json.at("limit");
  task.store.name_space = json.at("name_space");
  task.store.patience = std::chrono::milliseconds(json.at("patience").get<int64_t>());
  task.artifact_key = json.at("artifact");
  task.parent = json.at("parent");
  task.common = json.at("common");
  task.seed = json.at("seed");
  task.has_courier = json.at("courier");
  return task;
}

// Secrets are in no list of processes.
bool send_shared(int socket, const RemoteCache& remote) {
  std::string text = remote.encode_shared();
  uint8_t size[4];
  support::endian::write32le(size, static_cast<uint32_t>(text.size()));
  bool sent = send(socket, size, sizeof size) && send(socket, text.data(), text.size());
  explicit_bzero(text.data(), text.size());
  return sent;
}

Expected<SharedOptions> receive_shared() {
  uint8_t size[4] = {};
  aotc_read_all(kControl, size, sizeof size);
  std::string text(support::endian::read32le(size), 0);
  aotc_read_all(kControl, text.data(), text.size());
  Expected<SharedOptions> options = RemoteCache::decode_shared(text);
  explicit_bzero(text.data(), text.size());
  return options;
}

// The exit code.
int run(const Task& task, function_ref<void(Store&, SharedCache*)> work) {
  std::set_new_handler(nullptr);
  signal(SIGPIPE, SIG_IGN);
  const char* folders[] = {task.store.folder.c_str(), nullptr};
  aotc_grants grants{};
  grants.memory = kMemory;
  grants.parent = task.parent;
  grants.write = folders;
  if (aotc_sandbox_enter(AOTC_KEEPER, &grants) != nullptr) return kExitNotStarted;
  try {
    std::optional<SharedCache> shared;
    if (task.has_courier) {
      Expected<SharedOptions> options = receive_shared();
      if (!options) return consumeError(options.takeError()), kExitNotStarted;
      options->name_space = task.store.name_space;
      shared.emplace(kCourier, std::move(*options));
    }
    SharedCache* next = shared ? &*shared : nullptr;
    Store store(task.store, next);
    work(store, next);
  } catch (const std::exception&) {
    return kExitFailed;
  }
  return 0;
}

// To be kept with an artifact.
KeptStats to_keep(const CompileStats& stats) {
  return {stats.functions,         stats.wasm_bytes,      stats.body_bytes,   stats.code_bytes, stats.artifact_bytes,
          stats.reduced_functions, stats.plain_functions, stats.codegen_runs, stats.go_shaped};
}

CompileStats from_kept(const KeptStats& kept) {
  CompileStats stats;
  stats.functions = stats.cached_functions = kept.functions;
  stats.wasm_bytes = kept.wasm_bytes;
  stats.body_bytes = stats.cached_bytes = kept.body_bytes;
  stats.code_bytes = kept.code_bytes;
  stats.artifact_bytes = kept.artifact_bytes;
  stats.reduced_functions = kept.reduced_functions;
  stats.plain_functions = kept.plain_functions;
  stats.codegen_runs = kept.codegen_runs;
  stats.go_shaped = kept.go != 0;
  return stats;
}

// --- in the process ---

bool find_artifact(Store& store, StringRef key) {
  Greeting greeting{};
  std::optional<std::vector<uint8_t>> kept;
  if (!key.empty()) kept = store.get_artifact(key);
  if (kept && kept->size() > sizeof(KeptStats)) {
    std::memcpy(&greeting.stats, kept->data(), sizeof(KeptStats));
    greeting.found = aotc_write_all(kArtifact, kept->data() + sizeof(KeptStats), kept->size() - sizeof(KeptStats));
  }
  aotc_write_all(kControl, &greeting, sizeof greeting);
  return greeting.found != 0;
}

void keep_artifact(Store& store, StringRef key) {
  Parting parting{};
  if (aotc_read_all(kControl, &parting, sizeof parting) != sizeof parting || parting.keep == 0 || key.empty()) return;
  off_t size = lseek(kArtifactToRead, 0, SEEK_END);
  if (size <= 0 || size > kMostArtifact) return;
  std::vector<uint8_t> bytes(sizeof(KeptStats) + static_cast<size_t>(size));
  std::memcpy(bytes.data(), &parting.stats, sizeof(KeptStats));
  if (aotc_pread_all(kArtifactToRead, bytes.data() + sizeof(KeptStats), static_cast<size_t>(size), 0) == size)
    store.put_artifact(key, bytes);
}

void attend(Store& store, SharedCache* shared, StringRef key) {
  Farewell farewell{};
  if (!find_artifact(store, key)) {
    Verdict verdict{};
    Error refused = serve_cache(kWorker, store);
    bool is_well = !refused;
    if (refused) set_text(verdict.refused, toString(std::move(refused)));
    close(kWorker);
    aotc_write_all(kControl, &verdict, sizeof verdict);
    if (is_well) keep_artifact(store, key);
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

void write_common(Store& store, size_t name_spaces, uint64_t seed) {
  std::vector<uint8_t> bytes;
  for (const FunctionRecord& record : store.find_common(name_spaces, seed, kMostCommon, kMostCommonBytes)) {
    uint8_t size[4];
    support::endian::write32le(size, static_cast<uint32_t>(record.size()));
    bytes.insert(bytes.end(), size, size + sizeof size);
    append_range(bytes, record);
  }
  aotc_write_all(kArtifact, bytes.data(), bytes.size());
}

int attend(const Task& task) {
  return run(task, [&](Store& store, SharedCache* shared) {
    task.common != 0 ? write_common(store, task.common, task.seed) : attend(store, shared, task.artifact_key);
  });
}

std::vector<std::string> words_of(const Task& task) {
  return {"/proc/self/exe", kKeeperWord, to_json(task).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

}  // namespace

Keeper::Keeper(const KeeperOptions& options, std::optional<RemoteCache> remote) : options_(options) {
  UniqueFd control, server;
  if (!make_pair(control_, control) || !make_pair(worker_, server)) return;
  CourierLink link;
  if (remote) {
    Expected<CourierLink> made = CourierLink::make(remote->courier);
    if (!made)
      consumeError(made.takeError());
    else if (send_shared(control_.get(), *remote))
      link = std::move(*made);
    remote->forget_secrets();
    remote_ = remote->shown;
  }
  Task task{options_.store, "", getpid(), 0, 0, link.cache.get() >= 0};
  if (!options_.artifact_key.empty()) task.artifact_key = kKeptForm + options_.artifact_key;
  std::vector<std::string> words;
  if (options_.start_anew) words = words_of(task);
  Expected<pid_t> child = start_child(
      {control.get(), STDERR_FILENO, STDERR_FILENO, server.get(), options_.artifact_writer, options_.artifact_reader,
       link.cache.get()},
      words, [](void* argument) { return attend(*static_cast<Task*>(argument)); }, &task);
  if (!child) {
    consumeError(child.takeError());
    worker_.close();
    return;
  }
  child_ = *child;
  control.close();
  Greeting greeting;
  Heard heard = receive(control_.get(), &greeting, sizeof greeting, kLookTime);
  if (heard == Heard::All && greeting.found != 0) {
    found_ = from_kept(greeting.stats);
    judged_ = true;
    consumeError(end());
    return;
  }
  // It may have come to the middle of the artifact.
  if (options_.artifact_writer >= 0 && ftruncate(options_.artifact_writer, 0) == 0)
    lseek(options_.artifact_writer, 0, SEEK_SET);
  if (heard != Heard::All) {
    lose(heard == Heard::Lost);
    return;
  }
  if (!link.courier) return;
  Expected<CourierProcess> courier = CourierProcess::start(std::move(link.courier));
  if (courier)
    courier_.emplace(std::move(*courier));
  else
    consumeError(courier.takeError());
}

Keeper::~Keeper() { consumeError(end()); }

// What made it crash is in its files; what takes too long may be the disk.
void Keeper::lose(bool crashed) {
  kill(child_, SIGKILL);
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) continue;
  child_ = -1;
  worker_ = UniqueFd();
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExitNotStarted) return;
  if (!crashed) {
    options_.said(options_.store.folder, "it takes too long; going on without");
    return;
  }
  Store(options_.store).clear();
  options_.said(options_.store.folder, "it could not be read, and starts again empty");
}

void Keeper::part(const CompileStats* made) {
  if (child_ < 0 || worker_.get() < 0) return;
  worker_ = UniqueFd();
  Parting parting{made != nullptr, made ? to_keep(*made) : KeptStats{}};
  send(control_.get(), &parting, sizeof parting);
}

Error Keeper::judge() {
  if (child_ < 0 || judged_) return Error::success();
  part(nullptr);
  Verdict verdict;
  Heard heard = receive(control_.get(), &verdict, sizeof verdict, kWriteTime);
  judged_ = true;
  if (heard != Heard::All) {
    lose(heard == Heard::Lost);
    return Error::success();
  }
  std::string refused = text_of(verdict.refused);
  return refused.empty() ? Error::success() : failure(refused);
}

Error Keeper::end() {
  Error refused = judge();
  if (child_ < 0) return refused;
  Farewell farewell;
  Heard heard = receive(control_.get(), &farewell, sizeof farewell, kWriteTime);
  if (heard != Heard::All) {
    lose(heard == Heard::Lost);
    return refused;
  }
  while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) continue;
  child_ = -1;
  courier_.reset();
  if (!remote_.empty()) shared_ = farewell.counts;
  if (std::string trouble = text_of(farewell.shared); !trouble.empty()) options_.said(remote_, trouble);
  if (std::string damage = text_of(farewell.damage); !damage.empty()) options_.said(options_.store.folder, damage);
  return refused;
}

Error find_common(const StoreOptions& options, size_t name_spaces, uint64_t seed, int file) {
  Task task{options, "", getpid(), name_spaces, seed, false};
  Expected<pid_t> child = start_child({STDERR_FILENO, STDERR_FILENO, STDERR_FILENO, -1, file}, words_of(task));
  if (!child) return child.takeError();
  Expected<ChildEnd> end = follow_child(*child, {kLookAtAllTime, {}, -1, {}});
  if (!end) return end.takeError();
  return end->status == 0 ? Error::success() : failure("the function cache cannot be looked at");
}

Error with_store(const StoreOptions& options, function_ref<void(Store&, void*)> work, void* answer, size_t size) {
  UniqueFd ours, theirs;
  if (!make_pair(ours, theirs)) return system_failure("cannot start a process");
  Task task{options, "", getpid(), 0, 0, false};
  auto say = [&] {
    return run(task, [&](Store& store, SharedCache*) {
      work(store, answer);
      aotc_write_all(kControl, answer, size);
    });
  };
  Expected<pid_t> child = start_child(
      {theirs.get(), STDERR_FILENO, STDERR_FILENO}, {},
      [](void* argument) { return (*static_cast<decltype(say)*>(argument))(); }, &say);
  if (!child) return child.takeError();
  theirs.close();
  bool told = recv(ours.get(), answer, size, MSG_WAITALL) == static_cast<ssize_t>(size);
  while (waitpid(*child, nullptr, 0) < 0 && errno == EINTR) continue;
  return told ? Error::success() : failure("it cannot be read; aotc cache clear removes it");
}

std::optional<int> keeper_main(int argc, char** argv) {
  if (argc != 3 || std::strcmp(argv[1], kKeeperWord) != 0) return std::nullopt;
  try {
    return attend(task_from_json(nlohmann::json::parse(argv[2])));
  } catch (const nlohmann::json::exception&) {
    return kExitUsage;
  }
}

}  // namespace aotc
