// freeze.cpp - see freeze.h. The artifact reaches the child as a file in memory, the snapshot and messages come back
// the same way, so nothing has to be cleaned up, whatever happens. They are the child's descriptors 0, 1 and 2, warm-up
// requests those from 3 on; it has no other, and no environment.
#include "freeze.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "child_process.h"
#include "llvm/ADT/StringExtras.h"
#include "support/error.h"
#include "support/io.h"
#include "support/unique_fd.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr uint64_t kMaxMessages = 1 << 20;
constexpr int kExitNotFrozen = 3, kExitNotRehearsed = 4;  // of aotc-exec
// Between the program's deadline, which its own runtime keeps, and the end of its process.
constexpr double kGraceSeconds = 30;

UniqueFd memory_file() { return UniqueFd(memfd_create("freeze", MFD_CLOEXEC)); }

// What the child wrote.
Expected<std::string> read_messages(int fd) {
  std::string text(kMaxMessages, '\0');
  const ssize_t size = aotc_pread_all(fd, text.data(), text.size(), 0);
  if (size < 0) return failure("cannot read what aotc-exec said");
  text.resize(static_cast<size_t>(size));
  return text;
}

Error no_memory_file(const FreezeOptions& options) {
  return system_failure(options.name + ": cannot keep files in memory");
}

// `rehearsed` is false when the program did not take the rehearsal for what it is: then it has to be done without.
Expected<FreezeOutcome> freeze_once(int artifact, int snapshot, const FreezeOptions& options, bool& rehearsed) {
  const UniqueFd messages = memory_file();
  if (messages.get() < 0) return no_memory_file(options);
  std::vector<std::string> words = {options.program,
                                    "--freeze",
                                    "/proc/self/fd/1",
                                    "--name",
                                    options.name,
                                    "--listeners",
                                    std::to_string(options.listeners),
                                    "--timeout",
                                    fmt::format("{}ms", options.milliseconds),
                                    "--max-memory",
                                    std::to_string(options.max_memory)};
  for (const std::string& variable : options.env) words.insert(words.end(), {"--env", variable});
  for (const std::string& secret : options.secrets) words.insert(words.end(), {"--secret-env", secret});
  for (const std::string& dir : options.dirs) words.insert(words.end(), {"--dir", dir});
  if (options.rehearse) words.push_back("--rehearse");
  std::vector<int> files = {artifact, snapshot, messages.get()};
  std::vector<UniqueFd> requests;
  for (const std::string& request : options.warmup) {
    words.insert(words.end(), {"--warmup-request", fmt::format("/proc/self/fd/{}", files.size())});
    files.push_back(requests.emplace_back(memory_file()).get());
    if (!aotc_write_all(files.back(), request.data(), request.size())) return no_memory_file(options);
  }
  words.insert(words.end(), {"/proc/self/fd/0", "--"});
  words.insert(words.end(), options.args.begin(), options.args.end());
  FreezeOutcome outcome;
  Expected<pid_t> child = start_child(files, words);
  if (!child) return child.takeError();
  ChildWatch watch;
  watch.wall_seconds = static_cast<double>(options.milliseconds) / 1000 + kGraceSeconds;
  watch.stopped = options.stopped;
  Expected<ChildEnd> end = follow_child(*child, watch);
  if (!end) return end.takeError();
  outcome.cpu_seconds = end->cpu_seconds;
  int status = end->status;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return outcome;
  rehearsed = !WIFEXITED(status) || WEXITSTATUS(status) != kExitNotRehearsed;

  Expected<std::string> said = read_messages(messages.get());
  if (!said) return said.takeError();
  outcome.reason = StringRef(*said).trim().str();
  if (!WIFEXITED(status))
    outcome.reason = fmt::format("{}: signal {}", options.program, WTERMSIG(status));
  else if (WEXITSTATUS(status) != kExitNotFrozen)
    outcome.reason = fmt::format("{}: exit code {}: {}", options.program, WEXITSTATUS(status), outcome.reason);
  return outcome;
}

}  // namespace

Expected<FreezeOutcome> freeze_file(int artifact, int snapshot, const FreezeOptions& options) {
  bool rehearsed = true;
  Expected<FreezeOutcome> outcome = freeze_once(artifact, snapshot, options, rehearsed);
  if (!outcome || rehearsed) return outcome;
  FreezeOptions plain = options;
  plain.rehearse = false;
  double cpu_seconds = outcome->cpu_seconds;
  outcome = freeze_once(artifact, snapshot, plain, rehearsed);
  if (outcome) outcome->cpu_seconds += cpu_seconds;
  return outcome;
}

}  // namespace aotc
