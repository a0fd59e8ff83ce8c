// freeze.cpp - see freeze.h. The artifact reaches the child as a file in memory, the snapshot and messages come back the
// same way, so nothing has to be cleaned up, whatever happens. They are the child's descriptors 0, 1 and 2, warm-up requests
// those from 3 on; it has no other, and no environment.
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

namespace aotc {

namespace {

constexpr uint64_t kMaxMessages = 1 << 20;
constexpr int kExitNotFrozen = 3, kExitNotRehearsed = 4;  // of aotc-exec
// Between the program's deadline, which its own runtime keeps, and the end of its process.
constexpr double kGraceSeconds = 30;

llvm::Error error(std::string message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), std::move(message));
}

class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("freeze", MFD_CLOEXEC)) {}
  ~MemoryFile() { close(fd_); }
  int fd() const { return fd_; }
  bool write(llvm::ArrayRef<uint8_t> bytes) {
    while (!bytes.empty()) {
      ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      bytes = bytes.drop_front(static_cast<size_t>(n));
    }
    return true;
  }
  // What the child wrote; no more than `limit` bytes.
  bool read(std::vector<uint8_t>& bytes, uint64_t limit) const {
    struct stat st;
    if (fstat(fd_, &st) != 0) return false;
    bytes.resize(std::min(static_cast<uint64_t>(st.st_size), limit));
    for (size_t at = 0; at < bytes.size();) {
      ssize_t n = pread(fd_, bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      at += static_cast<size_t>(n);
    }
    return true;
  }

 private:
  int fd_;
};

llvm::Error no_memory_file(const FreezeOptions& options) {
  return error(fmt::format("{}: cannot keep files in memory: {}", options.name, std::strerror(errno)));
}

// `rehearsed` is false when the program did not take the rehearsal for what it is: then it has to be done without.
llvm::Expected<FreezeOutcome> freeze_once(int artifact, int snapshot, const FreezeOptions& options, bool& rehearsed) {
  MemoryFile messages;
  if (messages.fd() < 0) return no_memory_file(options);
  std::vector<std::string> words = {options.program, "--freeze", "/proc/self/fd/1",
                                    "--name", options.name, "--listeners", std::to_string(options.listeners),
                                    "--timeout", fmt::format("{}ms", options.milliseconds),
                                    "--max-memory", std::to_string(options.max_memory)};
  for (const std::string& variable : options.env) words.insert(words.end(), {"--env", variable});
  for (const std::string& secret : options.secrets) words.insert(words.end(), {"--secret-env", secret});
  for (const std::string& dir : options.dirs) words.insert(words.end(), {"--dir", dir});
  if (options.rehearse) words.push_back("--rehearse");
  std::vector<int> files = {artifact, snapshot, messages.fd()};
  std::vector<std::unique_ptr<MemoryFile>> requests;
  for (const std::string& request : options.warmup) {
    words.insert(words.end(), {"--warmup-request", fmt::format("/proc/self/fd/{}", files.size())});
    requests.push_back(std::make_unique<MemoryFile>());
    files.push_back(requests.back()->fd());
    if (!requests.back()->write(llvm::arrayRefFromStringRef(request))) return no_memory_file(options);
  }
  words.insert(words.end(), {"/proc/self/fd/0", "--"});
  words.insert(words.end(), options.args.begin(), options.args.end());
  FreezeOutcome outcome;
  llvm::Expected<pid_t> child = start_child(files, words);
  if (!child) return child.takeError();
  ChildWatch watch;
  watch.wall_seconds = static_cast<double>(options.milliseconds) / 1000 + kGraceSeconds;
  watch.stopped = options.stopped;
  llvm::Expected<ChildEnd> end = follow_child(*child, watch);
  if (!end) return end.takeError();
  outcome.cpu_seconds = end->cpu_seconds;
  int status = end->status;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return outcome;
  rehearsed = !WIFEXITED(status) || WEXITSTATUS(status) != kExitNotRehearsed;

  std::vector<uint8_t> text;
  if (!messages.read(text, kMaxMessages)) return error("cannot read what aotc-exec said");
  outcome.reason = llvm::StringRef(reinterpret_cast<const char*>(text.data()), text.size()).trim().str();
  if (!WIFEXITED(status))
    outcome.reason = fmt::format("{}: signal {}", options.program, WTERMSIG(status));
  else if (WEXITSTATUS(status) != kExitNotFrozen)
    outcome.reason = fmt::format("{}: exit code {}: {}", options.program, WEXITSTATUS(status), outcome.reason);
  return outcome;
}

}  // namespace

llvm::Expected<FreezeOutcome> freeze_file(int artifact, int snapshot, const FreezeOptions& options) {
  bool rehearsed = true;
  llvm::Expected<FreezeOutcome> outcome = freeze_once(artifact, snapshot, options, rehearsed);
  if (!outcome || rehearsed) return outcome;
  FreezeOptions plain = options;
  plain.rehearse = false;
  double cpu_seconds = outcome->cpu_seconds;
  outcome = freeze_once(artifact, snapshot, plain, rehearsed);
  if (outcome) outcome->cpu_seconds += cpu_seconds;
  return outcome;
}

}  // namespace aotc
