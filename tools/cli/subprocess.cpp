// subprocess.cpp - see subprocess.h.
#include "subprocess.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Program.h"
#include "support/error.h"
#include "support/exit_codes.h"

extern char** environ;

char Interrupted::ID;

namespace {

sigset_t caught() {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
  return set;
}

// Ours, but for what `variables` set.
std::vector<std::string> environment(const std::vector<std::string>& variables) {
  std::vector<std::string> all = variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    llvm::StringRef name = llvm::StringRef(*variable).split('=').first;
    if (std::none_of(variables.begin(), variables.end(),
                     [&](llvm::StringRef other) { return other.split('=').first == name; }))
      all.emplace_back(*variable);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

llvm::Expected<CaughtSignals> CaughtSignals::make() {
  CaughtSignals signals;
  sigset_t set = caught();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals.blocked_ = true;
  signals.fd_ = aotc::UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (signals.fd() < 0) return aotc::system_failure("cannot wait for signals");
  return signals;
}

CaughtSignals::~CaughtSignals() {
  sigset_t set = caught();
  if (blocked_) sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

int CaughtSignals::take() const {
  signalfd_siginfo info;
  return read(fd(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

llvm::Expected<Subprocess> Subprocess::start(How how) {
  llvm::ErrorOr<std::string> program = llvm::sys::findProgramByName(how.words.front());
  if (!program) return aotc::failure("no such program: " + how.words.front());
  std::vector<std::string> variables = environment(how.variables);
  std::vector<char*> argv = pointers(how.words), env = pointers(variables);
  sigset_t set = caught();
  Subprocess started;
  started.name_ = how.words.front();
  pid_t parent = getpid();
  started.process_ = fork();
  if (started.process_ < 0) return aotc::system_failure("cannot start a process");
  if (started.process_ == 0) {
    if ((how.out >= 0 && dup2(how.out, STDOUT_FILENO) < 0) || (how.err >= 0 && dup2(how.err, STDERR_FILENO) < 0))
      _exit(kExitNotStarted);
    sigprocmask(SIG_UNBLOCK, &set, nullptr);
    ::signal(SIGXFSZ, SIG_DFL);  // which is ignored here (aotc/program.h)
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent) execve(program->c_str(), argv.data(), env.data());
    _exit(kExitNotStarted);
  }
  started.end_ = aotc::UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, started.process_, 0)));
  if (started.fd() < 0) return aotc::system_failure("cannot follow a process");
  return started;
}

Subprocess::~Subprocess() {
  if (process_ < 0) return;
  signal(SIGKILL);
  waitpid(process_, nullptr, 0);
}

void Subprocess::signal(int number) const {
  if (process_ > 0) kill(process_, number);
}

llvm::Error Subprocess::wait() {
  int status = 0;
  while (waitpid(process_, &status, 0) < 0)
    if (errno != EINTR) return aotc::system_failure("cannot wait for a process");
  process_ = -1;
  if (WIFSIGNALED(status)) return aotc::failure(fmt::format("{}: signal {}", name_, WTERMSIG(status)));
  if (int code = WEXITSTATUS(status); code != 0) return aotc::failure(fmt::format("{}: exit code {}", name_, code));
  return llvm::Error::success();
}

llvm::Error run_program(Subprocess::How how) {
  llvm::Expected<CaughtSignals> signals = CaughtSignals::make();
  if (!signals) return signals.takeError();
  llvm::Expected<Subprocess> program = Subprocess::start(std::move(how));
  if (!program) return program.takeError();
  pollfd events[2] = {{program->fd(), POLLIN, 0}, {signals->fd(), POLLIN, 0}};
  int asked = 0;
  while (events[0].revents == 0) {
    poll(events, 2, -1);
    while (int number = signals->take()) program->signal(asked = number);
  }
  llvm::Error error = program->wait();
  if (asked == 0) return error;
  llvm::consumeError(std::move(error));
  return llvm::make_error<Interrupted>(asked);
}

llvm::Error end_as_asked(llvm::Error error) {
  return llvm::handleErrors(std::move(error), [](const Interrupted& interrupted) {
    ::signal(interrupted.number(), SIG_DFL);
    raise(interrupted.number());
  });
}
