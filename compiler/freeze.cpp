// freeze.cpp - see freeze.h. The artifact reaches the child as a file in memory, the snapshot and messages come back the
// same way, so nothing has to be cleaned up, whatever happens. They are the child's descriptors 0, 1 and 2, warm-up requests
// those from 3 on; it has no other, and no environment: what is in ours is none of the program's business.
#include "freeze.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "llvm/ADT/StringExtras.h"

namespace aotc {

namespace {

constexpr uint64_t kMaxSnapshot = 8ull << 30, kMaxMessages = 1 << 20;
constexpr int kExitNotFrozen = 3, kExitNotRehearsed = 4;  // of aotc-exec
// Between the program's deadline, which its own runtime keeps, and the end of its process.
constexpr uint64_t kGraceMilliseconds = 30'000;

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

// Only what may be called between fork and exec in a program with threads.
[[noreturn]] void become(char* const* argv, std::vector<int>& files, pid_t parent) {
  int count = static_cast<int>(files.size());
  for (int& file : files) file = fcntl(file, F_DUPFD, count);
  for (int i = 0; i < count; ++i) dup2(files[static_cast<size_t>(i)], i);
  syscall(SYS_close_range, count, ~0u, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char* environment[] = {nullptr};
  if (getppid() == parent) execve(argv[0], argv, environment);
  _exit(127);
}

// Runs `words` with these descriptors. Returns what waitpid says; a process that takes longer is killed.
llvm::Expected<int> run(std::vector<std::string>& words, std::vector<int> files, const FreezeOptions& options,
                        double& cpu_seconds) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t parent = getpid(), child = fork();
  if (child < 0) return error(fmt::format("fork: {}", std::strerror(errno)));
  if (child == 0) become(argv.data(), files, parent);
  pollfd ended = {static_cast<int>(syscall(SYS_pidfd_open, child, 0)), POLLIN, 0};
  auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(options.milliseconds + kGraceMilliseconds);
  while (poll(&ended, 1, 100) <= 0)
    if (std::chrono::steady_clock::now() >= deadline || (options.stopped && options.stopped())) {
      kill(child, SIGKILL);
      break;
    }
  close(ended.fd);
  int status;
  rusage used{};
  while (wait4(child, &status, 0, &used) < 0)
    if (errno != EINTR) return error(fmt::format("waitpid: {}", std::strerror(errno)));
  for (const timeval& time : {used.ru_utime, used.ru_stime})
    cpu_seconds += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  return status;
}

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
  llvm::Expected<int> status = run(words, files, options, outcome.cpu_seconds);
  if (!status) return status.takeError();
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return outcome;
  rehearsed = !WIFEXITED(*status) || WEXITSTATUS(*status) != kExitNotRehearsed;

  std::vector<uint8_t> text;
  if (!messages.read(text, kMaxMessages)) return error("cannot read what aotc-exec said");
  outcome.reason = llvm::StringRef(reinterpret_cast<const char*>(text.data()), text.size()).trim().str();
  if (!WIFEXITED(*status))
    outcome.reason = fmt::format("{}: signal {}", options.program, WTERMSIG(*status));
  else if (WEXITSTATUS(*status) != kExitNotFrozen)
    outcome.reason = fmt::format("{}: exit code {}: {}", options.program, WEXITSTATUS(*status), outcome.reason);
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

llvm::Expected<FreezeResult> freeze(llvm::ArrayRef<uint8_t> artifact, const FreezeOptions& options) {
  MemoryFile input, output;
  if (!input.write(artifact) || output.fd() < 0) return no_memory_file(options);
  llvm::Expected<FreezeOutcome> outcome = freeze_file(input.fd(), output.fd(), options);
  if (!outcome) return outcome.takeError();
  FreezeResult result{{}, outcome->reason};
  if (result.reason.empty() && !output.read(result.snapshot, kMaxSnapshot)) return error("cannot read the snapshot");
  return result;
}

}  // namespace aotc
