// child_process.cpp - see child_process.h.
#include "child_process.h"
#include "support/error.h"
#include "support/exit_codes.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <fmt/format.h>

namespace aotc {

using namespace llvm;

namespace {

constexpr size_t kMaxLine = 64 << 10;

// Only what may be called between fork and exec in a program with threads.
bool become(std::vector<int>& files, pid_t parent) {
  int count = static_cast<int>(files.size());
  for (int& file : files) file = file < 0 ? -1 : fcntl(file, F_DUPFD, count);
  for (int i = 0; i < count; ++i)
    if (dup2(files[static_cast<size_t>(i)], i) < 0) close(i);
  syscall(SYS_close_range, count, ~0u, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return getppid() == parent;
}

// What the environment held is overwritten, in a process that goes on with a copy of our memory.
void forget_environment() {
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    explicit_bzero(*variable, std::strlen(*variable));
  clearenv();
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// What the child says, cut into lines.
struct Output {
  int fd;
  std::string pending;

  // False at its end.
  bool read(const ChildWatch& watch) {
    char bytes[4096];
    ssize_t count = ::read(fd, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) return true;
    if (count <= 0) return false;
    pending.append(bytes, static_cast<size_t>(count));
    for (size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1))
      watch.line(pending.substr(0, end));
    if (pending.size() > kMaxLine) pending.clear();
    return true;
  }
};

}  // namespace

Expected<pid_t> start_child(std::vector<int> files, std::vector<std::string> words, int (*main)(void*),
                            void* argument) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  char* environment[] = {nullptr};
  pid_t parent = getpid(), child = fork();
  if (child < 0) return system_failure("cannot start a process");
  if (child > 0) return child;
  if (!become(files, parent)) _exit(kExitNotStarted);
  if (!words.empty()) {
    setpgid(0, 0);  // a ^C is for us, who end it
    execve(argv[0], argv.data(), environment);
    _exit(kExitNotStarted);
  }
  forget_environment();
  _exit(main(argument));
}

Expected<ChildEnd> follow_child(pid_t child, const ChildWatch& watch) {
  using Clock = std::chrono::steady_clock;
  auto deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(watch.wall_seconds));
  ChildEnd end;
  Output output{watch.output, {}};
  pollfd events[2] = {{static_cast<int>(syscall(SYS_pidfd_open, child, 0)), POLLIN, 0}, {watch.output, POLLIN, 0}};
  if (events[0].fd < 0) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    return system_failure("cannot follow a process");
  }
  while (events[0].revents == 0) {
    double left = std::chrono::duration<double, std::milli>(deadline - Clock::now()).count();
    end.stopped = watch.stopped && watch.stopped();
    end.out_of_time = watch.wall_seconds != 0 && left <= 0;
    if (end.stopped || end.out_of_time) break;
    poll(events, 2, watch.wall_seconds != 0 ? static_cast<int>(std::clamp(left, 1.0, 100.0)) : 100);
    if (events[1].revents != 0 && !output.read(watch)) events[1].fd = -1;
  }
  kill(child, SIGKILL);
  close(events[0].fd);
  rusage used{};
  while (wait4(child, &end.status, 0, &used) < 0)
    if (errno != EINTR) return system_failure("cannot wait for a process");
  end.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  // What it said before it ended; nobody else has the other side of the pipe any more.
  while (!end.stopped && !end.out_of_time && events[1].fd >= 0 && output.read(watch)) continue;
  return end;
}

}  // namespace aotc
