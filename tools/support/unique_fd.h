// unique_fd.h - owns a descriptor.
#pragma once

#include <unistd.h>
#include <utility>

namespace aotc {

class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  // Now, for who wants to know whether that went well.
  bool close() { return ::close(release()) == 0; }

 private:
  int fd_;
};

}  // namespace aotc
