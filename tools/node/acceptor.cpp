// acceptor.cpp - see acceptor.h.
#include "acceptor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "arrival.h"
#include "client.h"

Acceptor::Acceptor(LoopContext& front, int fd, ListenAddress::Kind kind) : front_(front), fd_(fd), kind_(kind) {
  front_.loop.add(fd_, EPOLLIN, this);
}

Acceptor::~Acceptor() { stop(); }

void Acceptor::stop() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Acceptor::resume() {
  if (paused_ && fd_ >= 0) front_.loop.change(fd_, EPOLLIN, this);
  paused_ = false;
}

void Acceptor::pause() {
  front_.loop.change(fd_, 0, this);
  paused_ = true;
}

void Acceptor::on_events(uint32_t) {
  for (int i = 0; i < 64 && fd_ >= 0; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    int fd = accept4(fd_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) return pause();
    if (fd < 0) return;
    const ClientAddress address = ClientAddress::of(from);
    if (std::optional<Closed> refused = front_.admission.enter(address, kind_ == ListenAddress::Kind::Admin)) {
      ::close(fd);
      // The rest waits in the kernel's queue.
      if (*refused == Closed::Full) {
        front_.ask_for_places();
        return pause();
      }
      continue;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (kind_ != ListenAddress::Kind::Admin && any_contains(front_.options.proxies, address)) {
      front_.arrivals.push_back(std::make_unique<Arrival>(front_, fd, address, port_of(from), kind_));
      front_.arrivals.back()->self = std::prev(front_.arrivals.end());
      continue;
    }
    front_.clients.push_back(std::make_unique<Client>(front_, fd, address, port_of(from), kind_));
    front_.clients.back()->self = std::prev(front_.clients.end());
  }
}
