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
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "support/error.h"
#include "support/exit_codes.h"
#include "support/io.h"
#include "support/unique_fd.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr uint64_t kMaxMessages = 1 << 20;
constexpr size_t kLongestLine = 300, kLongestReason = 1000;
constexpr size_t kMaxNotes = 64;
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

// A line that a program wrote, for terminals and logs: bounded, UTF-8, nothing that a terminal obeys.
std::string tidy_line(StringRef line, size_t longest) {
  std::string text = json::fixUTF8(line.take_front(longest)), out;
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    bool c1 = byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (byte == '\t')
      out += "    ";
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else if (c1)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    else
      out += text[i];
  }
  return line.size() > longest ? out + "..." : out;
}

bool begins_a_report(StringRef line) { return line.starts_with("panic: ") || line.starts_with("fatal error: "); }

// The last lines; in front of them the one that says what happened, if Go's traceback is longer.
std::string last_lines(StringRef said) {
  constexpr size_t kLines = 20;
  SmallVector<StringRef, 64> lines;
  said.trim("\r\n").split(lines, '\n');
  ArrayRef<StringRef> shown = lines;
  std::string text;
  if (lines.size() > kLines) {
    ArrayRef<StringRef> earlier = shown.drop_back(kLines - 2);
    shown = shown.take_back(kLines);
    auto report = find_if(earlier, begins_a_report);
    if (report != earlier.end() && report < shown.begin()) {
      text = "\n" + tidy_line(*report, kLongestLine) + "\n...";
      shown = shown.take_back(kLines - 2);
    }
  }
  for (StringRef line : shown) text += "\n" + tidy_line(line.rtrim('\r'), kLongestLine);
  return text;
}

// What aotc-exec said, and after its first line the program did.
std::string explain(StringRef said) {
  auto [reason, errors] = said.split('\n');
  std::string text = tidy_line(reason, kLongestReason);
  if (errors.contains("all goroutines are asleep") && errors.contains("net.(*fakeNetFD).accept"))
    text +=
        "; it listens where nobody can connect, since Go's wasip1 has no sockets: build it with `aotc build`, and "
        "net.Listen takes the listener that it is given, which is descriptor 3, net.FileListener(os.NewFile(3, \"\"))";
  return errors.trim().empty() ? text : text + "; its stderr ends with" + last_lines(errors);
}

// Each a line of its own.
std::vector<std::string> notes_of(StringRef said) {
  std::vector<std::string> notes;
  while (!said.empty() && notes.size() < kMaxNotes) {
    auto [line, rest] = said.split('\n');
    notes.push_back(tidy_line(line, kLongestLine));
    said = rest;
  }
  return notes;
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
  Expected<std::string> said = read_messages(messages.get());
  if (!said) return said.takeError();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    outcome.notes = notes_of(*said);
    return outcome;
  }
  rehearsed = !WIFEXITED(status) || WEXITSTATUS(status) != kExitNotRehearsed;
  outcome.reason = explain(*said);
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
