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
#include <chrono>

#include <fmt/format.h>

#include "child_process.h"
#include "llvm/ADT/StringExtras.h"
#include "support/error.h"
#include "support/exit_codes.h"
#include "support/io.h"
#include "support/unique_fd.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr uint64_t kMaxMessages = 1 << 20;
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

Error no_memory_file(const FreezeRequest& request) {
  return system_failure(request.name + ": cannot keep files in memory");
}

// aotc-exec's command line. Warm-up requests become files, and are added to `files`.
Expected<std::vector<std::string>> words_for(const FreezeRequest& request, std::vector<int>& files,
                                             std::vector<UniqueFd>& requests) {
  std::vector<std::string> words = {request.limits.program,
                                    "--freeze",
                                    "/proc/self/fd/1",
                                    "--name",
                                    request.name,
                                    "--timeout",
                                    fmt::format("{}ms", static_cast<uint64_t>(request.limits.wall_seconds * 1000)),
                                    "--max-memory",
                                    std::to_string(request.limits.memory_bytes)};
  for (const OptionInfo& row : option_table()) {
    if (!row.freezer) continue;
    for (std::string& value : request.options.all(row.option)) {
      if (row.kind == OptionKind::Request) {
        Expected<std::string> bytes = decode_request(value);
        if (!bytes) return bytes.takeError();
        value = fmt::format("/proc/self/fd/{}", files.size());
        files.push_back(requests.emplace_back(memory_file()).get());
        if (!aotc_write_all(files.back(), bytes->data(), bytes->size())) return no_memory_file(request);
      }
      words.insert(words.end(), {row.word, value});
    }
  }
  words.insert(words.end(), {"/proc/self/fd/0", "--"});
  for (std::string& argument : request.options.all(Option::Arg)) words.push_back(std::move(argument));
  return words;
}

// `rehearsed` is false when the program did not take the rehearsal for what it is: then it has to be done without.
Expected<FreezeOutcome> freeze_once(int artifact, int snapshot, const FreezeRequest& request, bool& rehearsed) {
  const UniqueFd messages = memory_file();
  if (messages.get() < 0) return no_memory_file(request);
  std::vector<int> files = {artifact, snapshot, messages.get()};
  std::vector<UniqueFd> requests;
  Expected<std::vector<std::string>> words = words_for(request, files, requests);
  if (!words) return words.takeError();
  Expected<pid_t> child = start_child(files, *words);
  if (!child) return child.takeError();
  ChildWatch watch;
  watch.wall_seconds = request.limits.wall_seconds + kGraceSeconds;
  watch.stopped = request.stopped;
  Expected<ChildEnd> end = follow_child(*child, watch);
  if (!end) return end.takeError();
  FreezeOutcome outcome;
  outcome.cpu_seconds = end->cpu_seconds;
  int status = end->status;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return outcome;
  rehearsed = !WIFEXITED(status) || WEXITSTATUS(status) != kExitNotRehearsed;

  Expected<std::string> said = read_messages(messages.get());
  if (!said) return said.takeError();
  outcome.reason = StringRef(*said).trim().str();
  if (!WIFEXITED(status))
    outcome.reason = fmt::format("{}: signal {}", request.limits.program, WTERMSIG(status));
  else if (WEXITSTATUS(status) != kExitNotFrozen)
    outcome.reason = fmt::format("{}: exit code {}: {}", request.limits.program, WEXITSTATUS(status), outcome.reason);
  return outcome;
}

Expected<FreezeOutcome> freeze_file(int artifact, int snapshot, const FreezeRequest& request) {
  auto started = std::chrono::steady_clock::now();
  bool rehearsed = true;
  Expected<FreezeOutcome> outcome = freeze_once(artifact, snapshot, request, rehearsed);
  if (outcome && !rehearsed) {
    FreezeRequest plain = request;
    if (Error error = plain.options.add(Option::Rehearsal, "off", false)) return error;
    double cpu_seconds = outcome->cpu_seconds;
    outcome = freeze_once(artifact, snapshot, plain, rehearsed);
    if (outcome) outcome->cpu_seconds += cpu_seconds;
  }
  if (outcome) outcome->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return outcome;
}

}  // namespace

Expected<std::optional<FreezeOutcome>> freeze_program(
    ArrayRef<FinishedArtifact> artifacts, bool go_shaped,
    function_ref<Expected<int>(Architecture, const std::string& cpu)> make, int snapshot,
    const FreezeRequest& request) {
  if (request.options.is(Option::Snapshot, "off") || (!go_shaped && !request.options.is(Option::Snapshot, "required")))
    return std::nullopt;
  for (const FinishedArtifact& artifact : artifacts)
    if (runs_here(artifact.architecture, artifact.cpu)) return freeze_file(artifact.file, snapshot, request);
  Expected<Architecture> host = parse_architecture("host");
  if (!host) return host.takeError();
  std::vector<std::string> baselines = cpu_baselines(*host);
  auto cpu = std::find_if(baselines.begin(), baselines.end(), [&](auto& name) { return runs_here(*host, name); });
  if (cpu == baselines.end()) return failure(request.name + ": this machine runs none of the code that can be made");
  Expected<int> quick = make(*host, *cpu);
  if (!quick) return quick.takeError();
  return freeze_file(*quick, snapshot, request);
}

}  // namespace aotc
