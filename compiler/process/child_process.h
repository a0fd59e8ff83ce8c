// child_process.h - a process for work that must not be able to harm ours: started with the descriptors that it is
// given and no others, without our environment, and followed until it ends or has to.
//
// The kernel ends it with the thread that started it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "llvm/Support/Error.h"

namespace aotc {

// `files` are its descriptors 0, 1, 2, ..., -1 for none. Without `words` it goes on as `main`, a copy of this process:
// only for a process that has one thread and no secrets. With them it becomes the program words[0].
llvm::Expected<pid_t> start_child(std::vector<int> files, std::vector<std::string> words, int (*main)(void*) = nullptr,
                                  void* argument = nullptr);

struct ChildWatch {
  double wall_seconds = 0;        // 0: no limit
  std::function<bool()> stopped;  // if there is one: asked ten times a second, true ends the child
  // Lines of `output`, each of at most 64 KiB; -1: none.
  int output = -1;
  std::function<void(const std::string&)> line;
};

struct ChildEnd {
  int status = 0;  // as waitpid has it
  bool stopped = false, out_of_time = false;
  double cpu_seconds = 0;
};

// Returns when it has ended, and nothing of it is left.
llvm::Expected<ChildEnd> follow_child(pid_t child, const ChildWatch& watch);

}  // namespace aotc
