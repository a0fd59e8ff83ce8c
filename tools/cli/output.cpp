// output.cpp - see output.h.
#include "output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "aotc/program.h"
#include "support/error.h"
#include "support/io.h"
#include "support/unique_fd.h"

namespace {

int stdout_error = 0;  // what the first failure was

llvm::Error write_all(int fd, llvm::ArrayRef<uint8_t> bytes, const std::string& path) {
  if (!aotc_write_all(fd, bytes.data(), bytes.size())) return aotc::system_failure(path + ": cannot write");
  return llvm::Error::success();
}

// The descriptor of ours that `path` is a name for. Opening that name could not go on where a file stands, nor reach a
// socket.
std::optional<int> own_descriptor(llvm::StringRef path) {
  if (path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  int fd;
  if ((path.consume_front("/dev/fd/") || path.consume_front("/proc/self/fd/")) && !path.getAsInteger(10, fd) && fd >= 0)
    return fd;
  return std::nullopt;
}

bool same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

// Where the open file `info` lies once no part of `path` is a link; empty if it has no name any more.
std::string name_without_links(const std::string& path, const struct stat& info) {
  char real[PATH_MAX];
  struct stat found;
  if (realpath(path.c_str(), real) == nullptr || lstat(real, &found) != 0 || !same_file(found, info)) return "";
  return real;
}

// Permissions for a group that the new file cannot have must not go to the one that it has.
mode_t inherit_owner(int fd, const struct stat& old) {
  mode_t mode = old.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
  if (fchown(fd, old.st_uid, old.st_gid) == 0 || fchown(fd, static_cast<uid_t>(-1), old.st_gid) == 0) return mode;
  return mode & ~mode_t{S_IRWXG};
}

// `old` is null when there is no such file.
llvm::Error replace(const std::string& path, const struct stat* old, llvm::ArrayRef<uint8_t> bytes) {
  size_t slash = path.rfind('/');
  std::string temporary = (slash == std::string::npos ? "" : path.substr(0, slash + 1)) + ".aotc-XXXXXX";
  aotc::UniqueFd file(mkostemp(temporary.data(), O_CLOEXEC));
  if (file.get() < 0) return aotc::system_failure(path + ": cannot create");
  mode_t mask = umask(0);
  umask(mask);
  llvm::Error error = write_all(file.get(), bytes, path);
  mode_t mode = old ? inherit_owner(file.get(), *old) : 0666 & ~mask;
  if (!error && fchmod(file.get(), mode) != 0) error = aotc::system_failure(path + ": cannot set its mode");
  if (!error && rename(temporary.c_str(), path.c_str()) != 0) error = aotc::system_failure(path + ": cannot replace");
  if (error) unlink(temporary.c_str());
  return error;
}

}  // namespace

Output::Output(Output&& other) noexcept
    : path_(std::move(other.path_)), name_(std::move(other.name_)), old_(other.old_), fd_(other.fd_), own_(other.own_) {
  other.fd_ = -1;
}

Output::~Output() {
  if (fd_ >= 0 && !own_) close(fd_);
}

llvm::Expected<Output> Output::open(const std::string& path) {
  Output out;
  out.path_ = path;
  if (std::optional<int> own = own_descriptor(path)) {
    out.fd_ = *own;
    out.own_ = true;
    return out;
  }
  // Not by way of stat, so that the system has its say about links of others in /tmp and files that we may not write.
  out.fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  struct stat info;
  if (out.fd_ < 0 && errno == ENOENT) {
    if (lstat(path.c_str(), &info) == 0)
      return aotc::system_failure(path + ": a symbolic link that leads nowhere", ENOENT);
    out.name_ = path;
    return out;
  }
  if (out.fd_ < 0 || fstat(out.fd_, &info) != 0) return aotc::system_failure(path + ": cannot open");
  if (!S_ISREG(info.st_mode)) return out;
  out.name_ = name_without_links(path, info);
  out.old_ = info;
  return out;
}

std::string Output::folder() const {
  size_t slash = name_.rfind('/');
  return name_.empty() ? "" : slash == std::string::npos ? "." : name_.substr(0, slash + 1);
}

llvm::Error Output::write(llvm::ArrayRef<uint8_t> bytes) {
  if (!name_.empty()) return replace(name_, old_ ? &*old_ : nullptr, bytes);
  if (old_ && ftruncate(fd_, 0) != 0) return aotc::system_failure(path_ + ": cannot write");
  return write_all(fd_, bytes, path_);
}

llvm::Error write_output(const std::string& path, llvm::ArrayRef<uint8_t> bytes) {
  llvm::Expected<Output> out = Output::open(path);
  if (!out) return out.takeError();
  return out->write(bytes);
}

llvm::Error check_output(const std::string& path, const std::string& input) {
  struct stat out, in;
  if (stat(path.c_str(), &out) != 0) return llvm::Error::success();
  if (S_ISDIR(out.st_mode)) return aotc::system_failure(path + ": cannot write", EISDIR);
  if (stat(input.c_str(), &in) == 0 && same_file(in, out))
    return llvm::createStringError(llvm::inconvertibleErrorCode(), path + ": the output would replace the input");
  return llvm::Error::success();
}

bool is_device(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

llvm::Error create_file(const std::string& path, llvm::ArrayRef<uint8_t> bytes, mode_t mode) {
  aotc::UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (file.get() < 0) return aotc::system_failure(path + ": cannot create");
  llvm::Error error = write_all(file.get(), bytes, path);
  if (!error && fsync(file.get()) != 0) error = aotc::system_failure(path + ": cannot write");
  if (error) unlink(path.c_str());
  return error;
}

std::string printable(llvm::StringRef text) {
  std::string out;
  for (char c : text) {
    unsigned char u = static_cast<unsigned char>(c);
    if (u < 0x20 || u == 0x7f)
      out += fmt::format("\\x{:02x}", u);
    else
      out += c;
  }
  return out;
}

std::string printable_lines(llvm::StringRef text) {
  auto [first, rest] = text.split('\n');
  std::string out = printable(first);
  while (!rest.empty()) {
    std::tie(first, rest) = rest.split('\n');
    out += "\n  " + printable(first);
  }
  return out;
}

void write_text(FILE* stream, std::string_view text) {
  if (stream == stdout && stdout_error != 0) return;
  if (std::fwrite(text.data(), 1, text.size(), stream) != text.size() && stream == stdout) stdout_error = errno;
}

FILE* stream_beside(const std::string& output) { return own_descriptor(output) == STDOUT_FILENO ? stderr : stdout; }

llvm::Error finish_stdout() {
  if (!aotc_flush_stdout() && stdout_error == 0) stdout_error = errno;
  if (stdout_error == 0) return llvm::Error::success();
  return aotc::system_failure("standard output: cannot write", stdout_error);
}
