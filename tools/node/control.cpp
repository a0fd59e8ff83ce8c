// control.cpp - see control.h.
#include "control.h"

#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace {

constexpr size_t kMostDescriptors = 128;  // in one packet; the kernel's limit is 253
constexpr size_t kControlSpace = CMSG_SPACE(kMostDescriptors * sizeof(int));

}  // namespace

void ControlSocket::open(int fd) {
  close();
  fd_ = fd;
}

void ControlSocket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  for (const Packet& packet : out_)
    for (int fd : packet.descriptors) ::close(fd);
  out_.clear();
}

void ControlSocket::send(const ControlMessage& message, std::vector<int> descriptors) {
  while (descriptors.size() > kMostDescriptors) {
    auto end = descriptors.begin() + kMostDescriptors;
    out_.push_back({message, {descriptors.begin(), end}});
    descriptors.erase(descriptors.begin(), end);
  }
  out_.push_back({message, std::move(descriptors)});
}

bool ControlSocket::flush() {
  while (!out_.empty()) {
    Packet& packet = out_.front();
    iovec part = {&packet.message, sizeof packet.message};
    alignas(cmsghdr) char space[kControlSpace] = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (size_t size = packet.descriptors.size() * sizeof(int); size > 0) {
      message.msg_control = space;
      message.msg_controllen = CMSG_SPACE(size);
      cmsghdr* head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(size);
      std::memcpy(CMSG_DATA(head), packet.descriptors.data(), size);
    }
    ssize_t n = sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    for (int fd : packet.descriptors) ::close(fd);
    out_.pop_front();
  }
  return true;
}

ControlSocket::Next ControlSocket::receive(ControlMessage& into, std::vector<int>* descriptors) {
  iovec part = {&into, sizeof into};
  alignas(cmsghdr) char space[kControlSpace];
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  ssize_t n;
  do n = recvmsg(fd_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) return Next::Nothing;
  if (n <= 0) return Next::Gone;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    for (size_t at = 0; at + sizeof(int) <= head->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(head) + at, sizeof fd);
      if (descriptors != nullptr)
        descriptors->push_back(fd);
      else
        ::close(fd);
    }
  }
  bool whole = n == static_cast<ssize_t>(sizeof into) && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  return whole ? Next::Message : Next::Gone;
}
