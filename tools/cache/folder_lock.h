// folder_lock.h - who may change a folder that several processes use: the kernel gives the lock back with the process.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "support/unique_fd.h"

namespace aotc {

class FolderLock {
 public:
  enum class Kind { Shared, Exclusive };
  // Of the file `path`, which is made. Nothing when others held it for that long, or it cannot be made.
  static std::optional<FolderLock> take(const std::string& path, Kind kind, std::chrono::milliseconds patience);

 private:
  explicit FolderLock(UniqueFd file) : file_(std::move(file)) {}
  UniqueFd file_;
};

}  // namespace aotc
