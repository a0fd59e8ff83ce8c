// courier_process.cpp - see courier_process.h.
#include "cache/courier_process.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <vector>

#include "cache/courier_channel.h"
#include "llvm/Support/Endian.h"
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

using Clock = std::chrono::steady_clock;

// False when it has ended, or not all has come in time.
bool read_until(int socket, void* bytes, size_t size, Clock::time_point until) {
  for (size_t at = 0; at < size;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    pollfd event{socket, POLLIN, 0};
    if (left.count() <= 0 || poll(&event, 1, static_cast<int>(left.count())) <= 0) return false;
    ssize_t count = recv(socket, static_cast<uint8_t*>(bytes) + at, size - at, MSG_DONTWAIT);
    if (count <= 0) return false;
    at += static_cast<size_t>(count);
  }
  return true;
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

Expected<RemoteCounts> count_remote(const CourierOptions& options, int milliseconds) {
  Expected<CourierLink> link = CourierLink::make(options);
  if (!link) return link.takeError();
  uint8_t question[8] = {};
  support::endian::write32le(question, kCourierCount);
  if (send(link->cache.get(), question, sizeof question, MSG_NOSIGNAL) != sizeof question)
    return system_failure("cannot ask the courier");
  Expected<CourierProcess> process = CourierProcess::start(std::move(link->courier));
  if (!process) return process.takeError();
  const auto until = Clock::now() + std::chrono::milliseconds(milliseconds);
  pollfd event{link->cache.get(), POLLIN, 0};
  if (poll(&event, 1, milliseconds) <= 0) return failure("it does not answer");
  uint8_t head[8] = {}, bytes[16];
  char text[kMostCourierText];
  auto read = [&](void* to, size_t size) { return read_until(link->cache.get(), to, size, until); };
  uint32_t size = read(head, sizeof head) ? support::endian::read32le(head + 4) : 0;
  uint32_t what = support::endian::read32le(head);
  if (what == kCourierFailed && size <= sizeof text && read(text, size)) return failure(std::string(text, size));
  if (what != kCourierCounted || size != sizeof bytes || !read(bytes, size))
    return failure("its courier says what it should not");
  auto number = [&](size_t at) {
    uint64_t value = support::endian::read64le(bytes + at);
    return value == kUncounted ? std::nullopt : std::optional(value);
  };
  return RemoteCounts{number(0), number(8)};
}

CourierProcess::~CourierProcess() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
}

}  // namespace aotc
