// files.cpp - reading whole files; see files.h.
#include "files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include <fmt/format.h>

namespace {

llvm::Error system_error(const std::string& path, const char* what, int code = errno) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                 fmt::format("{}: {}: {}", path, what, std::strerror(code)));
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

llvm::Error write_all(int fd, llvm::ArrayRef<uint8_t> bytes, const std::string& path) {
  while (!bytes.empty()) {
    ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path, "cannot write");
    bytes = bytes.drop_front(static_cast<size_t>(n));
  }
  return llvm::Error::success();
}

}  // namespace

llvm::Expected<std::vector<uint8_t>> read_file(const std::string& path, uint64_t limit) {
  llvm::Expected<std::vector<uint8_t>> bytes = read_prefix(path, limit < SIZE_MAX ? limit + 1 : limit);
  if (bytes && bytes->size() > limit)
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   fmt::format("{}: larger than {} bytes (see --max-input)", path, limit));
  return bytes;
}

llvm::Expected<std::vector<uint8_t>> read_prefix(const std::string& path, size_t size) {
  Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return system_error(path, "cannot open");
  struct stat info;
  if (fstat(file.fd, &info) != 0) return system_error(path, "cannot stat");
  if (S_ISDIR(info.st_mode)) return system_error(path, "cannot read", EISDIR);

  std::vector<uint8_t> bytes;
  if (S_ISREG(info.st_mode)) bytes.reserve(std::min<uint64_t>(static_cast<uint64_t>(info.st_size), size));
  uint8_t chunk[1 << 16];
  while (bytes.size() < size) {
    ssize_t n = read(file.fd, chunk, std::min(sizeof chunk, size - bytes.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path, "cannot read");
    if (n == 0) break;
    bytes.insert(bytes.end(), chunk, chunk + n);
  }
  return bytes;
}

llvm::Expected<int> write_memory_file(const std::string& name, llvm::ArrayRef<uint8_t> bytes) {
  int fd = memfd_create(name.c_str(), 0);
  if (fd < 0) return system_error(name, "memfd_create");
  if (llvm::Error error = write_all(fd, bytes, name)) {
    close(fd);
    return error;
  }
  return fd;
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

std::string directory_of_this_program() {
  char path[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0) return ".";
  std::string full(path, static_cast<size_t>(n));
  return full.substr(0, full.rfind('/'));
}
