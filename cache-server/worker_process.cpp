// worker_process.cpp - posix_spawn of this program as `aotc-server worker`, with the module, the artifact and a pipe as
// its only descriptors and an empty environment. Nothing the worker says is trusted beyond its shape.
#include "worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "log.h"

namespace aotc::server {

namespace {

constexpr size_t kMaxLine = 64 << 10;

llvm::Error failure(const std::string& message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

// What a worker says apart from messages, such as an assertion that failed, is for the operator to see.
constexpr size_t kMaxLogLine = 400;
constexpr unsigned kMaxLogLines = 20;  // per worker

llvm::Expected<pid_t> spawn(const WorkerOptions& options, const Descriptor& module, const Descriptor& artifact,
                            int output) {
  const WorkerLimits& limits = options.limits;
  std::vector<std::string> words = {"aotc-server",   "worker",
                                    "--name",        options.name,
                                    "--target",      options.target,
                                    "--cpu",         options.cpu,
                                    "--tier",        options.tier,
                                    "--threads",     std::to_string(options.threads),
                                    "--memory",      std::to_string(limits.memory_bytes),
                                    "--cpu-seconds", std::to_string(limits.cpu_seconds),
                                    "--file-bytes",  std::to_string(limits.file_bytes),
                                    "--parent",      std::to_string(limits.parent)};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  char* environment[] = {nullptr};

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, module.get(), kModuleDescriptor);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, artifact.get(), kArtifactDescriptor);
  posix_spawn_file_actions_addclosefrom_np(&actions, kArtifactDescriptor + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);  // a ^C is for the server, which ends its workers itself
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  pid_t child = -1;
  int code = posix_spawn(&child, "/proc/self/exe", &actions, &attributes, argv.data(), environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return failure(fmt::format("cannot start a worker: {}", std::strerror(code)));
  return child;
}

struct Conversation {
  WorkerResult result;
  bool complete = false;
  std::string error;
  unsigned log_lines = 0;

  void hear(const std::string& line, const WorkerWatch& watch) {
    nlohmann::json message = nlohmann::json::parse(line, nullptr, false);
    if (!message.is_object()) {
      if (++log_lines <= kMaxLogLines)
        log(Level::Info, "a worker said something", {{"text", line.substr(0, kMaxLogLine)}});
      return;
    }
    auto number = [&](const char* key) -> uint64_t {
      auto found = message.find(key);
      return found != message.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
    };
    if (message.contains("error") && message["error"].is_string()) {
      error = message["error"].get<std::string>();
    } else if (message.contains("seconds") && message["seconds"].is_number()) {
      result = {number("functions"), message.value("go", nlohmann::json()) == true, message["seconds"].get<double>()};
      complete = true;
    } else if (message.contains("total")) {
      watch.progress(number("done"), number("total"));
    }
  }
};

std::string how_it_ended(int status, const WorkerOptions& options) {
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) return "compiling took more processor time than allowed";
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) return "the compiler tried what a worker must not do";
  if (WIFSIGNALED(status))
    return fmt::format("the compiler ended by signal {} ({}); it may use {} MiB of memory", WTERMSIG(status),
                       strsignal(WTERMSIG(status)), options.limits.memory_bytes >> 20);
  return fmt::format("the compiler ended with code {} and without a result", WEXITSTATUS(status));
}

}  // namespace

llvm::Expected<WorkerResult> run_worker_process(WorkerOptions options, const Descriptor& module,
                                                const Descriptor& artifact, const WorkerWatch& watch,
                                                double& cpu_seconds) {
  options.limits.parent = getpid();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return failure(fmt::format("cannot start a worker: {}", std::strerror(errno)));
  llvm::Expected<pid_t> child = spawn(options, module, artifact, ends[1]);
  close(ends[1]);
  if (!child) {
    close(ends[0]);
    return child.takeError();
  }

  Conversation conversation;
  std::string killed, pending;
  auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(watch.wall_seconds);
  for (;;) {
    pollfd ready{ends[0], POLLIN, 0};
    auto left = std::chrono::duration<double, std::milli>(deadline - std::chrono::steady_clock::now()).count();
    poll(&ready, 1, static_cast<int>(std::max(0.0, std::min(left, 100.0))));
    if (watch.stopped())
      killed = "the server is shutting down";
    else if (left <= 0)
      killed = fmt::format("compiling took more than {:g} s", watch.wall_seconds);
    if (!killed.empty()) {
      kill(*child, SIGKILL);
      break;
    }
    if (ready.revents == 0) continue;
    char bytes[4096];
    ssize_t count = read(ends[0], bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    pending.append(bytes, count);
    for (size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1))
      conversation.hear(pending.substr(0, end), watch);
    if (pending.size() > kMaxLine) pending.clear();
  }
  close(ends[0]);
  // A worker that closed its output but goes on would hold this thread: it has nothing more to say.
  int status = 0;
  pid_t waited = 0;
  rusage used{};
  for (int i = 0; i < 100 && (waited = wait4(*child, &status, WNOHANG, &used)) == 0; ++i) usleep(i < 10 ? 1000 : 20000);
  if (waited == 0) {
    kill(*child, SIGKILL);
    wait4(*child, &status, 0, &used);
  }
  auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + time.tv_usec / 1e6; };
  cpu_seconds += seconds(used.ru_utime) + seconds(used.ru_stime);
  if (!killed.empty()) return failure(killed);
  if (!conversation.error.empty()) return failure(conversation.error);
  if (!conversation.complete || status != 0) return failure(how_it_ended(status, options));
  return conversation.result;
}

}  // namespace aotc::server
