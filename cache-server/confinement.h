// confinement.h - what a server may reach by name follows from its options; the rest it takes from itself (rule set
// `server` of tools/sandbox), before it has a thread, opens its store or hears a client.
#pragma once

#include <string>
#include <vector>

#include "llvm/Support/Error.h"

namespace aotc::server {

struct Reach {
  std::vector<std::string> read;   // files that may be replaced and read again, so all in their folders can be read
  std::vector<std::string> write;  // folders
  std::vector<std::string> start;  // programs, besides this one
};

// Paths that do not exist count for nothing.
llvm::Error confine_server(const Reach& reach);

}  // namespace aotc::server
