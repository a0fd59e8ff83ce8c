// tcp_stream.cpp - see tcp_stream.h.
#include "tcp_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

namespace {

constexpr uint64_t kConnectTime = 10'000'000'000;
constexpr size_t kPiece = AOTC_OUTBOUND_MAX_FRAME;

aotc_outbound_end end_of(const sockaddr_storage& address) {
  aotc_outbound_end end{};
  aotc::AddressBytes bytes = aotc::address_bytes(address);
  std::memcpy(end.address, bytes.data(), sizeof end.address);
  end.port = aotc::address_port(address);
  return end;
}

}  // namespace

TcpStream::TcpStream(Program& program, uint32_t number, Broker& broker, std::vector<aotc::AddressBytes> addresses,
                     uint16_t port)
    : Stream(program, number), broker_(broker), addresses_(std::move(addresses)), port_(port) {}

TcpStream::~TcpStream() {
  close_socket();
  broker_.forget_time(this);
}

void TcpStream::close_socket() {
  if (fd_ < 0) return;
  broker_.loop().remove(fd_);
  ::close(fd_);
  fd_ = -1;
  watched_ = 0;
}

void TcpStream::fail(int error) {
  close_socket();
  broker_.forget_time(this);
  if (program_ != nullptr) program_->fail(number_, error);
}

void TcpStream::start() { connect_next(EHOSTUNREACH); }

// `error` is why the one before did not do.
void TcpStream::connect_next(int error) {
  for (close_socket(); next_ < addresses_.size(); close_socket()) {
    sockaddr_storage address;
    const socklen_t size = aotc::socket_address(addresses_[next_++], port_, address);
    fd_ = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) {
      error = errno;
      continue;
    }
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const bool done = connect(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0;
    if (!done && errno != EINPROGRESS) {
      error = errno;
      continue;
    }
    watched_ = EPOLLOUT;
    broker_.loop().add(fd_, watched_, this);
    broker_.set_time(this, Loop::now() + kConnectTime);
    return;
  }
  fail(error);
}

void TcpStream::on_time() { connect_next(ETIMEDOUT); }

void TcpStream::on_connected() {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return connect_next(error);
  connected_ = true;
  broker_.forget_time(this);
  aotc_outbound_ends ends{};
  sockaddr_storage address{};
  size = sizeof address;
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0) ends.local = end_of(address);
  address = {};
  size = sizeof address;
  if (getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0) ends.remote = end_of(address);
  program_->opened(number_, ends);
  watch();
}

void TcpStream::watch() {
  if (fd_ < 0 || !connected_) return;
  const uint32_t events =
      (!read_end_ && room() > 0 ? uint32_t{EPOLLIN} : 0) | (sent_ < out_.size() ? uint32_t{EPOLLOUT} : 0);
  broker_.loop().watch(fd_, watched_, events, this);
}

void TcpStream::on_events(uint32_t events) {
  const std::shared_ptr<Stream> keep = shared_from_this();
  if (is_over()) return close_socket();
  if (!connected_) return on_connected();
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable();
  if (!is_over() && (events & EPOLLOUT)) write_out();
  watch();
}

void TcpStream::on_readable() {
  static thread_local char piece[kPiece];
  const size_t most = std::min<size_t>(room(), sizeof piece);
  if (most == 0 || read_end_) return;  // an error meets the next write
  const ssize_t n = recv(fd_, piece, most, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n < 0) return fail(errno);
  if (n > 0) return program_->send(number_, {piece, static_cast<size_t>(n)});
  read_end_ = true;
  program_->end(number_);
}

void TcpStream::write_out() {
  size_t before = sent_;
  while (fd_ >= 0 && sent_ < out_.size()) {
    const ssize_t n = ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return fail(errno);
    sent_ += static_cast<size_t>(n);
  }
  if (sent_ > before) program_->taken(number_, static_cast<uint32_t>(sent_ - before));
  if (sent_ < out_.size()) return;
  std::string().swap(out_);
  sent_ = 0;
  if (said_end_ && !shut_ && fd_ >= 0) shutdown(fd_, SHUT_WR);
  shut_ |= said_end_;
}

void TcpStream::data(std::string_view bytes) {
  out_.erase(0, sent_);
  sent_ = 0;
  out_.append(bytes);
  write_out();
  watch();
}

void TcpStream::end() {
  said_end_ = true;
  write_out();
  watch();
}

void TcpStream::resume() { watch(); }
