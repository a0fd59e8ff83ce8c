// worker_process.cpp - the side that starts a worker and listens to it.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "child_process.h"
#include "worker_messages.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr size_t kMaxError = 4096;

// Nothing of a module may reach a terminal as a control sequence.
std::string printable(std::string text) {
  if (text.size() > kMaxError) text.resize(kMaxError);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

struct Conversation {
  const WorkerOptions& options;
  std::optional<WorkerResult> result;
  std::string error;

  void hear(const std::string& line) {
    nlohmann::json message = nlohmann::json::parse(line, nullptr, false);
    if (!message.is_object()) {
      if (options.said) options.said(printable(line));
      return;
    }
    auto number = [&](const char* key) -> size_t {
      auto found = message.find(key);
      return found != message.end() && found->is_number_unsigned() ? found->get<size_t>() : 0;
    };
    if (message.contains("error") && message["error"].is_string())
      error = printable(message["error"].get<std::string>());
    else if (message.contains("stats") && message["stats"].is_object() && message.contains("seconds") &&
             message["seconds"].is_number())
      result = {stats_from_json(message["stats"]), message["seconds"].get<double>()};
    else if (message.contains("total") && options.compile.progress)
      options.compile.progress(number("done"), number("total"));
  }
};

std::string how_it_ended(const ChildEnd& end, const WorkerOptions& options) {
  int status = end.status;
  if (end.stopped) return "compiling was stopped";
  if (end.out_of_time) return fmt::format("compiling took more than {:g} s", options.wall_seconds);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) return "compiling took more processor time than allowed";
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) return "the compiler tried what a worker must not do";
  if (WIFSIGNALED(status))
    return fmt::format("the compiler ended by signal {} ({}); it may use {} MiB of memory", WTERMSIG(status),
                       strsignal(WTERMSIG(status)), options.limits.memory_bytes >> 20);
  return fmt::format("the compiler ended with code {} and without a result", WEXITSTATUS(status));
}

Expected<WorkerResult> run(WorkerJob job, std::vector<int> files, const WorkerOptions& options, double& cpu_seconds) {
  const std::string& name = options.compile.module_name;
  auto failure = [&name](const std::string& message) {
    return createStringError(inconvertibleErrorCode(), name + ": " + message);
  };
  job.compile = options.compile;
  if (job.compile.jobs == 0) job.compile.jobs = std::max(1u, std::thread::hardware_concurrency());
  job.limits = options.limits;
  job.parent = getpid();
  job.in_group = options.group >= 0;
  job.cached = options.cache >= 0;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return failure(std::string("cannot start a worker: ") + std::strerror(errno));
  files[kMessages] = files[kMessages + 1] = ends[1];
  files[kGroup] = options.group;
  files[kCache] = options.cache;
  std::vector<std::string> words;
  if (options.start_anew) words = {"/proc/self/exe", kWorkerWord, to_json(job).dump()};
  Expected<pid_t> child =
      start_child(files, words, [](void* argument) { return run_worker(*static_cast<WorkerJob*>(argument)); }, &job);
  close(ends[1]);
  Conversation conversation{options, {}, {}};
  Expected<ChildEnd> end = [&]() -> Expected<ChildEnd> {
    if (!child) return child.takeError();
    ChildWatch watch{options.wall_seconds, options.stopped, ends[0],
                     [&conversation](const std::string& line) { conversation.hear(line); }};
    return follow_child(*child, watch);
  }();
  close(ends[0]);
  if (!end) return failure(toString(end.takeError()));
  cpu_seconds += end->cpu_seconds;
  if (!conversation.error.empty() && !end->stopped && !end->out_of_time)
    return createStringError(inconvertibleErrorCode(), conversation.error);
  if (!conversation.result || end->status != 0) return failure(how_it_ended(*end, options));
  return *conversation.result;
}

}  // namespace

Expected<WorkerResult> compile_in_worker(int module, int artifact, const WorkerOptions& options, double& cpu_seconds) {
  return run({}, {module, -1, -1, artifact, -1, -1, -1}, options, cpu_seconds);
}

Error recompile_in_worker(int unit, int record, const WorkerOptions& options, double& cpu_seconds) {
  WorkerJob job;
  job.task = WorkerTask::Recompile;
  return run(job, {unit, -1, -1, record, -1, -1, -1}, options, cpu_seconds).takeError();
}

Error attach_in_worker(int artifact, int snapshot, int out, const WorkerOptions& options) {
  WorkerJob job;
  job.task = WorkerTask::Attach;
  double cpu_seconds = 0;
  return run(job, {artifact, -1, -1, out, snapshot, -1, -1}, options, cpu_seconds).takeError();
}

}  // namespace aotc
