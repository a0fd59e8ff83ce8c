// files.cpp - reading whole files; see files.h.
#include "files.h"
#include "support/error.h"
#include "support/io.h"
#include "support/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace {}  // namespace

llvm::Expected<int> open_to_read(const std::string& path) {
  aotc::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info;
  if (file.get() < 0) return aotc::system_failure(path + ": cannot open");
  if (fstat(file.get(), &info) != 0) return aotc::system_failure(path + ": cannot stat");
  if (S_ISDIR(info.st_mode)) return aotc::system_failure(path + ": cannot read", EISDIR);
  return file.release();
}

// Up to `size` bytes of it.
static llvm::Expected<std::vector<uint8_t>> read_some(int fd, const std::string& path, uint64_t size) {
  aotc::UniqueFd file(fd);
  std::vector<uint8_t> bytes;
  off_t end = lseek(fd, 0, SEEK_END);  // of a pipe there is none
  if (end > 0 && lseek(fd, 0, SEEK_SET) == 0) bytes.reserve(std::min(static_cast<uint64_t>(end), size));
  uint8_t chunk[1 << 16];
  while (bytes.size() < size) {
    ssize_t n = aotc_read_all(fd, chunk, std::min<uint64_t>(sizeof chunk, size - bytes.size()));
    if (n < 0) return aotc::system_failure(path + ": cannot read");
    if (n == 0) break;
    bytes.insert(bytes.end(), chunk, chunk + n);
  }
  return bytes;
}

llvm::Expected<std::vector<uint8_t>> read_open_file(int fd, const std::string& path, uint64_t limit) {
  llvm::Expected<std::vector<uint8_t>> bytes = read_some(fd, path, limit < UINT64_MAX ? limit + 1 : limit);
  if (bytes && bytes->size() > limit)
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   fmt::format("{}: larger than {} bytes (see --max-input)", path, limit));
  return bytes;
}

llvm::Expected<std::vector<uint8_t>> read_file(const std::string& path, uint64_t limit) {
  llvm::Expected<int> file = open_to_read(path);
  if (!file) return file.takeError();
  return read_open_file(*file, path, limit);
}

llvm::Expected<std::vector<uint8_t>> read_prefix(const std::string& path, size_t size) {
  llvm::Expected<int> file = open_to_read(path);
  if (!file) return file.takeError();
  return read_some(*file, path, size);
}

bool is_wasm(llvm::ArrayRef<uint8_t> bytes) { return bytes.size() >= 4 && std::memcmp(bytes.data(), "\0asm", 4) == 0; }

bool is_elf(llvm::ArrayRef<uint8_t> bytes) { return bytes.size() >= 4 && std::memcmp(bytes.data(), "\177ELF", 4) == 0; }

std::string base_name(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string stem(const std::string& path) {
  std::string name = base_name(path);
  size_t dot = name.rfind('.');
  return dot == std::string::npos || dot == 0 ? name : name.substr(0, dot);
}

llvm::Expected<std::string> directory_of_this_program() {
  char path[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0) return aotc::system_failure("/proc/self/exe: cannot read");
  std::string full(path, static_cast<size_t>(n));
  return full.substr(0, full.rfind('/'));
}
