// source_watch.h - notices when a program's sources are saved.
#pragma once

#include <map>
#include <set>
#include <string>

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "support/unique_fd.h"

// Folder -> whether all of its files matter, or only those that Go builds from.
using SourceFolders = std::map<std::string, bool>;

// Of what `go list -deps -json` says: the folders of packages that are the user's own, in the main module, a workspace
// or a folder that stands in for a module; of what they embed; of go.mod.
llvm::Expected<SourceFolders> source_folders(llvm::StringRef list);

class SourceWatch {
 public:
  static llvm::Expected<SourceWatch> make();
  int fd() const { return fd_.get(); }  // can be read from when something may have been saved
  // What is watched from now on.
  void look_at(const SourceFolders& folders);
  bool looks() const { return !watched_.empty(); }
  // Names of the files that were saved, moved or removed since it was asked last.
  std::set<std::string> take();

 private:
  SourceWatch() = default;
  aotc::UniqueFd fd_;
  SourceFolders folders_;
  std::map<int, std::string> watched_;
};
