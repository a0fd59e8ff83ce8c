// arrival.cpp - see arrival.h.
#include "arrival.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <utility>

#include "client.h"
#include "proxy_header.h"

Arrival::Arrival(LoopContext& front, int fd, const ClientAddress& proxy, uint16_t port, ListenAddress::Kind kind)
    : front_(front), fd_(fd), proxy_(proxy), port_(port), kind_(kind), since_(Loop::now()) {
  front_.loop.add(fd_, EPOLLIN, this);
  front_.admission.add(*this);
}

Arrival::~Arrival() {
  if (fd_ >= 0) ::close(fd_);
}

void Arrival::on_events(uint32_t) {
  if (gone_) return;
  for (;;) {
    size_t whole = ProxyHeader::kFirst;
    if (header_.size() >= ProxyHeader::kFirst) {
      const std::optional<size_t> size = ProxyHeader::size(header_);
      if (!size) return leave(Closed::Proxy);
      whole = *size;
      if (header_.size() == whole) break;
    }
    char piece[ProxyHeader::kMost];
    const ssize_t n = ::recv(fd_, piece, whole - header_.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    // Load balancers look whether there is somebody.
    if (n <= 0) return leave(header_.empty() ? Closed::Done : Closed::Aborted);
    header_.append(piece, static_cast<size_t>(n));
  }
  const std::optional<ProxyHeader> said = ProxyHeader::read(header_);
  if (!said) return leave(Closed::Proxy);
  if (said->address)
    become_client(*said->address, said->port);
  else
    become_client(proxy_, port_);
}

void Arrival::become_client(const ClientAddress& from, uint16_t port) {
  const bool has_place = front_.admission.hand_over(*this, proxy_, from);
  front_.loop.remove(fd_);
  const int fd = std::exchange(fd_, -1);
  go();
  if (!has_place) {
    ::close(fd);
    return;
  }
  front_.clients.push_back(std::make_unique<Client>(front_, fd, from, port, kind_));
  front_.clients.back()->self = std::prev(front_.clients.end());
}

void Arrival::leave(Closed why) {
  if (gone_) return;
  front_.admission.leave(*this, proxy_, why);
  front_.loop.remove(fd_);
  go();
}

void Arrival::go() {
  gone_ = true;
  front_.remove(this);
}

void Arrival::check_time(uint64_t now) {
  if (now - since_ > front_.options.pace.grace) leave(Closed::SlowHeader);
}

std::optional<double> Arrival::merit(uint64_t now) const {
  Pace pace;
  pace.begin(since_, 0, front_.options.pace);
  return pace.merit(now, front_.options.pace);
}
