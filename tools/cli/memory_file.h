// memory_file.h - a file without a name, in memory, on its way between processes: who is to write it gets one
// descriptor, who is to read it another, which cannot write.
#pragma once

#include <cstdint>
#include <string>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

class MemoryFile {
 public:
  static llvm::Expected<MemoryFile> make(const std::string& name);
  // What `path` holds, copied without being looked at; fails for more than `limit` bytes. Pipes are read to their end.
  static llvm::Expected<MemoryFile> copy_of(const std::string& path, uint64_t limit);
  MemoryFile(MemoryFile&& other) noexcept;
  MemoryFile& operator=(MemoryFile&&) = delete;
  ~MemoryFile();

  int writer() const { return writer_; }
  int reader() const { return reader_; }
  uint64_t size() const;
  // The content, once nobody writes any more. Lives as long as the file.
  llvm::Expected<llvm::ArrayRef<uint8_t>> bytes();
  // A path by which a program reads it that takes this one's place.
  std::string path_after_exec() const;

 private:
  MemoryFile() = default;
  int writer_ = -1, reader_ = -1;
  std::string name_;
  void* map_ = nullptr;
  size_t mapped_ = 0;
};
