// spawn_self.h - starts this program again, as another of its processes; or one that was installed with it.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

// The child has `descriptors` from 0 on and no other, of which -1 is /dev/null; no blocked signal, and a process group
// of its own, so that a key pressed at a terminal does not reach it. Returns 0 or an errno.
inline int spawn_self(std::vector<std::string> words, const std::vector<int>& descriptors,
                      std::vector<std::string> environment, pid_t* pid, const char* program = "/proc/self/exe") {
  // Out of the way of those that the child expects.
  const int high = std::max(512, static_cast<int>(descriptors.size()));
  std::vector<char*> argv, env;
  for (std::string& word : words) argv.push_back(word.data());
  for (std::string& variable : environment) env.push_back(variable.data());
  argv.push_back(nullptr);
  env.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  std::vector<int> copies;
  int status = 0, number = 0;
  for (int fd : descriptors) {
    if (fd < 0) {
      posix_spawn_file_actions_addopen(&actions, number++, "/dev/null", O_RDWR, 0);
      continue;
    }
    copies.push_back(fcntl(fd, F_DUPFD_CLOEXEC, high));
    if (copies.back() < 0) status = errno;
    posix_spawn_file_actions_adddup2(&actions, copies.back(), number++);
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, number);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  if (status == 0) status = posix_spawn(pid, program, &actions, &attributes, argv.data(), env.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  for (int fd : copies)
    if (fd >= 0) close(fd);
  return status;
}
