// go_overlay.h - what makes a program of Go's wasip1 port listen where its host does, and connect by it: an overlay for
// `go build`.
//
// Nothing of Go is kept here. A few lines of the user's own files are looked for, and must be there exactly once;
// copies in which they are changed, and files of ours (go_overlay/), stand in for Go's while his program is built. A
// version of Go that is not known, or a file that is not as it is known, is refused.
#pragma once

#include <string>
#include <vector>

#include "llvm/Support/Error.h"

struct GoOverlay {
  struct Change {
    std::string file;  // below GOROOT/src
    std::string what;
  };
  std::string path;  // of the file for -overlay
  std::vector<Change> changes;
};

// In `folder`. `version` is GOVERSION: "go1.26.6".
llvm::Expected<GoOverlay> make_go_overlay(const std::string& goroot, const std::string& version,
                                          const std::string& folder);
