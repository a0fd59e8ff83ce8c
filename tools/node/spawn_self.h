// spawn_self.h - starts this program again, as another of its processes.
#pragma once

#include <spawn.h>
#include <csignal>
#include <string>
#include <vector>

// No signal is blocked in the child. Returns 0 or an errno.
inline int spawn_self(std::vector<std::string> words, const posix_spawn_file_actions_t& actions, char** environment,
                      pid_t* pid) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  int status = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, argv.data(), environment);
  posix_spawnattr_destroy(&attributes);
  return status;
}
