// temporary_folder.h - a folder of this process's own, gone with what is in it at the end.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "support/error.h"

class TemporaryFolder {
 public:
  // Below TMPDIR; its name begins with `name`.
  static llvm::Expected<std::unique_ptr<TemporaryFolder>> make(const std::string& name) {
    const char* base = std::getenv("TMPDIR");
    std::error_code wrong;
    std::string path = std::filesystem::absolute(
                           std::string(base != nullptr && *base != 0 ? base : "/tmp") + "/" + name + "-XXXXXX", wrong)
                           .string();
    if (wrong || mkdtemp(path.data()) == nullptr) return aotc::system_failure(path);
    return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(path));
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};
