// freeze.cpp - see freeze.h. The artifact reaches the child as a file in memory, the snapshot and messages come back the
// same way, so nothing has to be cleaned up, whatever happens.
#include "freeze.h"

#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <climits>
#include <cstring>

#include <fmt/format.h>

#include "files.h"
#include "llvm/ADT/StringRef.h"

namespace {

constexpr uint64_t kMaxSnapshot = 8ull << 30;
constexpr int kExitNotFrozen = 3;  // of aotc-exec

llvm::Error error(std::string message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), std::move(message));
}

std::string fd_path(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

// Runs `words`, with `messages` as its stdout and stderr and nothing as its stdin. Returns what waitpid says.
llvm::Expected<int> run(std::vector<std::string>& words, int messages) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = fork();
  if (child < 0) return error(fmt::format("fork: {}", std::strerror(errno)));
  if (child == 0) {
    close(STDIN_FILENO);
    dup2(messages, STDOUT_FILENO);
    dup2(messages, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return error(fmt::format("waitpid: {}", std::strerror(errno)));
  return status;
}

}  // namespace

std::string directory_of_this_program() {
  char path[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0) return ".";
  std::string full(path, static_cast<size_t>(n));
  return full.substr(0, full.rfind('/'));
}

llvm::Expected<FreezeResult> freeze(llvm::ArrayRef<uint8_t> artifact, const FreezeOptions& options) {
  llvm::Expected<int> input = write_memory_file("artifact", artifact);
  if (!input) return input.takeError();
  llvm::Expected<int> output = write_memory_file("snapshot", {});
  if (!output) return output.takeError();
  llvm::Expected<int> messages = write_memory_file("messages", {});
  if (!messages) return messages.takeError();

  std::vector<std::string> words = {directory_of_this_program() + "/aotc-exec", "--freeze", fd_path(*output),
                                    "--name", options.name, "--listeners", std::to_string(options.listeners),
                                    "--timeout", options.timeout, "--max-memory", options.max_memory};
  for (const std::string& variable : options.env) words.insert(words.end(), {"--env", variable});
  for (const std::string& dir : options.dirs) words.insert(words.end(), {"--dir", dir});
  words.push_back(fd_path(*input));
  words.push_back("--");
  words.insert(words.end(), options.args.begin(), options.args.end());
  llvm::Expected<int> status = run(words, *messages);
  if (!status) return status.takeError();

  llvm::Expected<std::vector<uint8_t>> text = read_file(fd_path(*messages), 1 << 20);
  if (!text) return text.takeError();
  std::string said = llvm::StringRef(reinterpret_cast<const char*>(text->data()), text->size()).trim().str();
  FreezeResult result;
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) {
    llvm::Expected<std::vector<uint8_t>> snapshot = read_file(fd_path(*output), kMaxSnapshot);
    if (!snapshot) return snapshot.takeError();
    result.snapshot = std::move(*snapshot);
  } else if (WIFEXITED(*status) && WEXITSTATUS(*status) == kExitNotFrozen) {
    result.reason = said;
  } else {
    result.reason = WIFEXITED(*status) ? fmt::format("aotc-exec: exit code {}: {}", WEXITSTATUS(*status), said)
                                       : fmt::format("aotc-exec: signal {}", WTERMSIG(*status));
  }
  close(*input);
  close(*output);
  close(*messages);
  return result;
}
