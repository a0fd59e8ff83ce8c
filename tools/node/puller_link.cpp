// puller_link.cpp - the front's side of a puller. See front.h and pull.h. A puller talks to strangers, so what it says is
// taken for no more than a wish: lines of a bounded length, of which only well-formed ones count.
#include <sys/socket.h>
#include <unistd.h>
#include <csignal>
#include <cstring>

#include "front.h"
#include "pull.h"
#include "spawn_self.h"

namespace {

constexpr size_t kMaxLine = 4096;
constexpr uint64_t kRestart = 1'000'000'000;

}  // namespace

void Puller::start() {
  int pair[2];
  retry_at = Loop::now() + kRestart;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return front_.log("error", app.name, std::string("cannot start its puller: ") + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pair[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, pair[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  int status = spawn_self(pull_words(app.pull), actions, environ, &pid);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pair[1]);
  fd_ = pair[0];
  if (status != 0) {
    front_.log("error", app.name, std::string("cannot start its puller: ") + std::strerror(status));
    pid = -1;
    return stop();
  }
  front_.loop.add(fd_, EPOLLIN, this);
}

void Puller::stop() {
  if (pid > 0) kill(pid, SIGKILL);
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  pid = -1;
  retry_at = Loop::now() + kRestart;
  heard_.clear();
}

void Puller::say(const std::string& line) {
  if (fd_ >= 0) (void)!::send(fd_, (line + "\n").data(), line.size() + 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Puller::on_events(uint32_t) {
  char piece[4096];
  ssize_t n;
  while (fd_ >= 0 && (n = ::recv(fd_, piece, sizeof piece, MSG_DONTWAIT)) > 0) {
    heard_.append(piece, static_cast<size_t>(n));
    for (size_t end; (end = heard_.find('\n')) != std::string::npos; heard_.erase(0, end + 1)) hear(heard_.substr(0, end));
    if (heard_.size() > kMaxLine) heard_.clear();
  }
  // Its end is seen by SIGCHLD.
  if (fd_ >= 0 && n == 0) front_.loop.remove(fd_);
}

void Puller::hear(const std::string& line) {
  AppMetrics& metrics = front_.metrics[app.name];
  size_t space = line.find(' ');
  std::string what = line.substr(0, space), rest = space == std::string::npos ? "" : line.substr(space + 1);
  Release release;
  if ((what == "newest" || what == "good") && parse_release_words(rest, release)) {
    if (what == "newest") ++metrics.pulls[0];
    front_.on_release(app, release, what == "good");
  } else if (what == "same") {
    ++metrics.pulls[1];
  } else if (what == "failed") {
    ++metrics.pulls[2];
    space = rest.find(' ');
    front_.log("error", app.name, "cannot pull " + app.artifact + ": " + rest.substr(space + 1), ",\"retry_seconds\":" +
               std::to_string(std::strtod(rest.c_str(), nullptr)));
  }
}
