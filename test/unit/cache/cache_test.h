// cache_test.h - a folder that goes with the test, records to keep in it, and processes to keep them: a database starts
// threads, which no copy of its process has, so a test that forks uses stores in its children only.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "cache/store.h"
#include "llvm/Support/Endian.h"

namespace aotc {

struct TemporaryFolder {
  TemporaryFolder() {
    char pattern[] = "/tmp/aotc-cache-test-XXXXXX";
    path = mkdtemp(pattern);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
      if (entry.is_regular_file()) sum += entry.file_size();
    return sum;
  }
  std::string path;
};

// The n-th record; one that cannot be compressed when it is `dense`.
inline FunctionRecord record(uint32_t n, size_t size = 1000, bool dense = false) {
  FunctionRecord bytes(4 + size);
  llvm::support::endian::write32le(bytes.data(), static_cast<uint32_t>(size / 2));
  std::mt19937 random(n);
  for (size_t i = 4; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(dense || i < 16 ? random() : n + i / 64);
  return bytes;
}

inline FunctionKey key(const FunctionRecord& record) { return function_key(*unit_of_record(record)); }

inline StoreOptions options(const TemporaryFolder& folder, const std::string& name_space = "",
                            uint64_t limit = 64 << 20) {
  StoreOptions options;
  options.folder = folder.path;
  options.limit = limit;
  options.name_space = name_space;
  return options;
}

inline pid_t start(const std::function<bool()>& work) {
  pid_t child = fork();
  if (child == 0) _exit(work() ? 0 : 1);
  return child;
}

inline int end_of(pid_t child) {
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

}  // namespace aotc
