// go_build.h - has the user's Go build a program for wasip1, with an overlay (go_overlay.h).
#pragma once

#include <string>
#include <vector>

#include "go_overlay.h"
#include "llvm/Support/Error.h"

// What `go build` is told, its flags apart from its packages, in front of which it wants them.
struct GoWords {
  struct Flag {
    std::string name;                // without dashes and value
    std::vector<std::string> words;  // as given
  };
  std::vector<Flag> flags;
  std::vector<std::string> packages;
  std::string folder;  // of -C
  std::string output;  // of -o
  bool has_overlay = false;
};
// Words in any order, without our own.
GoWords read_go_words(const std::vector<std::string>& words);

// Takes what is for Go out of a command's `args`: all but its name and the options that are ours, of which `with_value`
// have one, and whatever follows "--".
std::vector<std::string> take_go_words(std::vector<std::string>& args, const std::vector<std::string>& with_value,
                                       const std::vector<std::string>& without);

struct GoBuilt {
  std::string version, goroot;
  std::vector<GoOverlay::Change> changes;
  std::vector<std::string> outputs;
};

// Without -o each program is NAME.wasm in this process's folder.
llvm::Expected<GoBuilt> build_go(const std::string& command, const GoWords& words);
