// courier_process.cpp - see courier_process.h.
#include "cache/courier_process.h"

#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <vector>

#include "cache/courier_channel.h"
#include "process/child_process.h"
#include "support/error.h"

namespace aotc {

using namespace llvm;

namespace {

Expected<std::string> path_beside_us(const std::string& program) {
  char path[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return system_failure("/proc/self/exe: cannot read");
  std::string full(path, static_cast<size_t>(size));
  return full.substr(0, full.rfind('/') + 1) + program;
}

}  // namespace

Expected<CourierLink> CourierLink::make(const CourierOptions& options) {
  std::string message;
  for (const std::string* option : {&options.url, &options.token, &options.certificates}) {
    if (option->size() > kMostCourierOption) return failure("an option of the courier is too long");
    for (int shift = 0; shift < 32; shift += 8) message += static_cast<char>(option->size() >> shift);
    message += *option;
  }
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return system_failure("cannot make a socket");
  CourierLink link{UniqueFd(ends[0]), UniqueFd(ends[1])};
  ssize_t sent = send(link.cache.get(), message.data(), message.size(), MSG_DONTWAIT);
  explicit_bzero(message.data(), message.size());
  if (sent != static_cast<ssize_t>(message.size())) return failure("the options of the courier are too long");
  return link;
}

Expected<CourierProcess> CourierProcess::start(UniqueFd socket) {
  Expected<std::string> program = path_beside_us("aotc-courier");
  if (!program) return program.takeError();
  Expected<pid_t> child = start_child({socket.get(), -1, -1}, {*program});
  if (!child) return child.takeError();
  return CourierProcess(*child);
}

CourierProcess::~CourierProcess() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
}

}  // namespace aotc
