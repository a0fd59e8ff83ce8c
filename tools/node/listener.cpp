// listener.cpp - see listener.h.
#include "listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "client.h"

Listener::Listener(Front& front, int fd, bool admin)
    : front_(front), fd_(fd), admin_(admin) {
  front_.loop.add(fd_, EPOLLIN, this);
}

Listener::~Listener() { stop(); }

void Listener::stop() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Listener::resume() {
  if (paused_ && fd_ >= 0 && front_.clients.size() < front_.max_clients) front_.loop.change(fd_, EPOLLIN, this);
  paused_ = paused_ && front_.clients.size() >= front_.max_clients;
}

void Listener::on_events(uint32_t) {
  for (int i = 0; i < 64 && fd_ >= 0; ++i) {
    // The rest waits in the kernel's queue.
    if (front_.clients.size() >= front_.max_clients) {
      paused_ = true;
      front_.loop.change(fd_, 0, this);
      return;
    }
    int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    front_.clients.push_back(std::make_unique<Client>(front_, fd, admin_));
    front_.clients.back()->self = std::prev(front_.clients.end());
  }
}
