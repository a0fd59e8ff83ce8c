// memory_file.cpp - see memory_file.h.
#include "memory_file.h"
#include "support/error.h"
#include "support/io.h"
#include "support/unique_fd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace {

// All of `from`, no more than `limit` bytes.
llvm::Error copy(int from, int to, uint64_t limit, const std::string& path) {
  struct stat info;
  if (fstat(from, &info) != 0) return aotc::system_failure(path + ": cannot stat");
  if (S_ISDIR(info.st_mode)) return aotc::system_failure(path + ": cannot read", EISDIR);
  char chunk[1 << 16];
  for (uint64_t size = 0;;) {
    ssize_t count = aotc_read_all(from, chunk, sizeof chunk);
    if (count < 0) return aotc::system_failure(path + ": cannot read");
    if (count == 0) return llvm::Error::success();
    size += static_cast<uint64_t>(count);
    if (size > limit)
      return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                     fmt::format("{}: larger than {} bytes (see --max-input)", path, limit));
    if (!aotc_write_all(to, chunk, static_cast<size_t>(count)))
      return aotc::system_failure(path + ": cannot keep it in memory");
  }
}

}  // namespace

MemoryFile::MemoryFile(MemoryFile&& other) noexcept
    : writer_(std::exchange(other.writer_, -1)),
      reader_(std::exchange(other.reader_, -1)),
      name_(std::move(other.name_)),
      map_(std::exchange(other.map_, nullptr)),
      mapped_(other.mapped_) {}

MemoryFile::~MemoryFile() {
  if (map_ != nullptr) munmap(map_, mapped_);
  if (writer_ >= 0) close(writer_);
  if (reader_ >= 0) close(reader_);
}

llvm::Expected<MemoryFile> MemoryFile::make(const std::string& name) {
  MemoryFile file;
  file.name_ = name;
  file.writer_ = memfd_create(name.substr(0, 200).c_str(), MFD_CLOEXEC);
  if (file.writer_ >= 0)
    file.reader_ = open(fmt::format("/proc/self/fd/{}", file.writer_).c_str(), O_RDONLY | O_CLOEXEC);
  if (file.reader_ < 0) return aotc::system_failure(name + ": cannot make a file in memory");
  return file;
}

llvm::Expected<MemoryFile> MemoryFile::copy_of(const std::string& path, uint64_t limit) {
  llvm::Expected<MemoryFile> file = make(path);
  if (!file) return file;
  aotc::UniqueFd source(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (source.get() < 0) return aotc::system_failure(path + ": cannot open");
  if (llvm::Error error = copy(source.get(), file->writer_, limit, path)) return error;
  return file;
}

uint64_t MemoryFile::size() const {
  struct stat info;
  return fstat(reader_, &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

llvm::Expected<llvm::ArrayRef<uint8_t>> MemoryFile::bytes() {
  if (map_ == nullptr && size() != 0) {
    mapped_ = size();
    void* map = mmap(nullptr, mapped_, PROT_READ, MAP_PRIVATE, reader_, 0);
    if (map == MAP_FAILED) return aotc::system_failure(name_ + ": cannot map");
    map_ = map;
  }
  return llvm::ArrayRef<uint8_t>(static_cast<const uint8_t*>(map_), map_ == nullptr ? 0 : mapped_);
}

std::string MemoryFile::path_after_exec() const {
  fcntl(reader_, F_SETFD, 0);
  return fmt::format("/proc/self/fd/{}", reader_);
}
