// client.cpp - see client.h.
#include "client.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <algorithm>
#include <utility>

#include "log.h"

namespace {

constexpr size_t kReadAhead = 64 << 10;
constexpr uint32_t kReportTaken = 32 << 10;
constexpr size_t kKept = 16 << 10;  // of buffers, by a client that waits for nothing
constexpr uint64_t kLinger = 2'000'000'000;

// As a program is told it.
aotc_peer peer_of(const ClientAddress& address, uint16_t port) {
  aotc_peer peer{};
  std::copy(address.bytes.begin(), address.bytes.end(), peer.address);
  peer.port = port;
  const std::string host = address.is_v4() ? address.text() : "[" + address.text() + "]";
  const std::string text = host + ":" + std::to_string(port);
  peer.text_size = static_cast<uint16_t>(text.copy(peer.text, sizeof peer.text));
  return peer;
}

}  // namespace

Client::Client(LoopContext& front, int fd, const ClientAddress& from, uint16_t port, ListenAddress::Kind kind)
    : front_(front),
      fd_(fd),
      from_(from),
      peer_(peer_of(from, port)),
      hop_(from, any_contains(front.options.trusted_proxies, from), kind == ListenAddress::Kind::Tls ? "https" : "http",
           front.options.country_header),
      tls_(kind == ListenAddress::Kind::Tls ? std::make_unique<TlsStream>(front.tls, fd) : nullptr),
      admin_(kind == ListenAddress::Kind::Admin),
      progress_(Loop::now()) {
  watched_ = EPOLLIN;
  front_.loop.add(fd_, watched_, this);
  front_.admission.add(*this);
}

Client::~Client() { ::close(fd_); }

void Client::on_events(uint32_t events) {
  if (removed_) return;
  if (events & (EPOLLERR | EPOLLHUP)) return abandon();
  if (events & EPOLLIN || (is_greeting() && events & EPOLLOUT)) read();
  if (events & EPOLLOUT && !removed_) write();
  // What waited until there was room for its response.
  if (!removed_ && state_ == State::Head && request_ == nullptr && !in_.empty()) process();
  if (!removed_) watch();
  front_.keep_budget();
}

void Client::count_handshake() {
  if (is_greeting())
    ++front_.tls_counts[2];
  else if (tls_ != nullptr)
    ++front_.tls_counts[tls_->resumed() ? 1 : 0];
}

ssize_t Client::receive(char* piece, size_t size) {
  if (tls_ == nullptr) {
    const ssize_t n = ::recv(fd_, piece, size, MSG_DONTWAIT);
    if (n > 0) received_ += static_cast<uint64_t>(n);
    return n;
  }
  const bool greeting = is_greeting();
  const ssize_t n = tls_->read(piece, size);
  if (received_ != tls_->received()) progress_ = Loop::now();
  received_ = tls_->received();
  if (greeting && !is_greeting()) count_handshake();
  return n;
}

void Client::read() {
  char piece[TlsStream::kRecord];
  for (const size_t most = in_.size() + kReadAhead; in_.size() < std::min(most, most_ahead());) {
    ssize_t n = receive(piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return abandon();
    if (n == 0) {
      read_closed_ = true;
      break;
    }
    progress_ = Loop::now();
    in_.append(piece, static_cast<size_t>(n));
    if (static_cast<size_t>(n) < sizeof piece && tls_ == nullptr) break;
  }
  process();
  if (removed_ || !read_closed_) return;
  // Half a connection may still wait for its response; without a whole request there is none to wait for.
  if (state_ == State::Served && link_ != nullptr && request_->done()) {
    keep_alive_ = false;
    if (begun_) half_close();
  } else if (written_ == out_.size() || state_ != State::Closing) {
    abandon();
  }
}

void Client::process() {
  for (bool more = true; more && !removed_;) {
    if (state_ == State::Closing) in_.clear();
    bool reading = state_ == State::Head || state_ == State::Body || (state_ == State::Served && !request_->done());
    if (!reading || in_.empty()) break;
    if (request_ == nullptr) {
      if (pending() >= kWindow / 2) break;  // whoever does not take his responses gets no more
      const Options& options = front_.options;
      request_ = std::make_unique<RequestReader>(
          HttpLimits{.header_bytes = static_cast<uint32_t>(options.max_header), .body_bytes = options.max_body}, &hop_);
    }
    if (request_->output.size() >= kWindow) break;
    bool had_head = request_->head_done();
    size_t used = request_->feed(in_);
    in_.erase(0, used);
    more = used > 0;
    if (request_->error() != 0) {
      if (link_ != nullptr) {
        cancel();
        if (response_->started()) return leave(Closed::Done);
      }
      return answer(request_->error(), "the request cannot be understood, or exceeds a limit\n", false);
    }
    if (!had_head && request_->head_done()) start_request();
    if (state_ == State::Body && is_enough()) dispatch();
    if (state_ == State::Served && link_ != nullptr) pass_body();
  }
  if (!removed_) write();
}

// The header is complete.
void Client::start_request() {
  keep_alive_ = request_->keep_alive && !front_.draining;
  if (admin_) return answer_operator();
  app_ = front_.shared.find_app(request_->host, request_->target);
  if (app_ == nullptr) return answer(404, "no app is served here\n", keep_alive_);
  metrics_ = &front_.metrics[app_->name];
  state_ = State::Body;
}

void Client::answer_operator() {
  bool get = request_->method == "GET" || request_->method == "HEAD";
  std::string path = request_->target.substr(0, request_->target.find('?'));
  if (get && path == "/metrics") return answer(200, front_.decider.metrics_text(), keep_alive_);
  if (!get || path != "/healthz") return answer(404, "here are /metrics and /healthz\n", keep_alive_);
  bool healthy = front_.decider.healthy();
  answer(healthy ? 200 : 503, healthy ? "ok\n" : "not all apps are ready\n", keep_alive_);
}

// For the program to begin with. Whether the body is sent at all it may have to say itself.
bool Client::is_enough() const {
  return request_->done() || request_->expects_continue || request_->output.size() >= kWindow;
}

void Client::dispatch() {
  started_ = Loop::now();
  TenantLinks* tenant = front_.tenant_of(*app_);
  if (tenant == nullptr) return answer(503, "the app is not ready\n", keep_alive_, "Retry-After: 1\r\n");
  if (!tenant->take_place()) {
    ++metrics_->ends[static_cast<unsigned>(EndCause::Overload)];
    return answer(503, "too many requests at the same time\n", keep_alive_, "Retry-After: 1\r\n");
  }
  response_.emplace(ResponseReader::Client{.head_request = request_->method == "HEAD",
                                           .http_10 = request_->http_10,
                                           .keep_alive = keep_alive_,
                                           .expects_continue = request_->expects_continue});
  tenant_ = tenant;
  link_ = tenant->least_loaded();
  id_ = link_->open(this);
  number_ = ++front_.shared.requests;
  begun_ = waits_for_room_ = false;
  unread_ = 0;
  state_ = State::Served;
  touched_ = front_.now;
  pass_body();
}

void Client::pass_body() {
  size_t n = std::min<size_t>(request_->output.size(), kWindow - unread_);
  if ((n == 0 && begun_) || waits_for_room_) return;
  if (!link_->has_room()) {
    waits_for_room_ = true;
    return link_->wait_for_room(id_);
  }
  const std::string_view bytes = std::string_view(request_->output).substr(0, n);
  if (begun_) {
    link_->send(Frame::Body, id_, 0, bytes);
  } else {
    aotc_peer asker = peer_;
    asker.request = number_;
    request_->client.copy(asker.client, sizeof asker.client - 1);
    request_->country.copy(asker.country, sizeof asker.country - 1);
    link_->send(Frame::Request, id_, request_->method == "HEAD" ? uint32_t{kHeadRequest} : 0u,
                {reinterpret_cast<const char*>(&asker), sizeof asker}, bytes);
  }
  begun_ = true;
  request_->output.erase(0, n);
  unread_ += static_cast<uint32_t>(n);
  touched_ = front_.now;
  link_->flush();
}

void Client::on_room() {
  waits_for_room_ = false;
  const bool began = begun_;
  pass_body();
  if (!began && begun_ && read_closed_) half_close();
  process();
  if (!removed_) watch();
}

// Nothing more comes from the client, who still takes the response.
void Client::half_close() {
  link_->send(Frame::Cancel, id_);
  link_->flush();
}

bool Client::on_consumed(uint32_t bytes) {
  if (bytes > unread_) return false;
  unread_ -= bytes;
  touched_ = front_.now;
  pass_body();
  process();
  if (!removed_) watch();
  return true;
}

bool Client::on_response(std::string_view bytes) {
  // A worker of ours sends nothing else: whole pieces of one response, and no more than the client has room for.
  size_t used = untaken_ + bytes.size() <= kWindow ? response_->feed(bytes) : 0;
  if (used != bytes.size() || response_->bad()) return false;
  touched_ = front_.now;
  if (out_.empty())
    out_.swap(response_->output);
  else
    out_ += response_->output;
  response_->output.clear();
  untaken_ += bytes.size();
  // The end comes right behind the last bytes, so one write is enough for both.
  if (response_->done()) return true;
  write();
  if (!removed_) watch();
  return true;
}

void Client::on_end(const RequestEnd& end, std::string_view text) {
  link_ = nullptr;
  untaken_ = 0;
  if (end.cause == EndCause::Done && !response_->done()) response_->end();
  out_ += response_->output;
  response_->output.clear();
  if (response_->done()) {
    ++metrics_->requests[response_->status];
    metrics_->duration.add(static_cast<double>(Loop::now() - started_) / 1e3);
    if (keep_alive_ && request_->done() && !response_->closes) {
      finish_request();
      process();
    } else {
      close_soon();
    }
  } else {
    const std::string cause = ",\"cause\":\"" + std::string(end_cause_name(end.cause)) + "\"";
    write_log("error", app_->name, std::string(text), cause + log_fields());
    bool late = end.cause == EndCause::Deadline || end.cause == EndCause::Timeout || end.cause == EndCause::Stuck;
    if (response_->started()) {
      // The client gets what there is, and sees by the end of the connection that it is not all.
      ++metrics_->requests[0];
      close_soon();
      if (!removed_) watch();
      return;
    }
    int status = end.cause == EndCause::Overload ? 503 : late ? 504 : 502;
    answer(status, late ? "the app took too long\n" : "the app failed\n", keep_alive_);
    process();
  }
  if (!removed_) watch();
}

// Without what is asked for, which may be a secret.
std::string Client::log_fields() const {
  return ",\"request\":" + std::to_string(number_) + ",\"method\":" + aotc::json_string(request_->method, 32) +
         ",\"path\":" + aotc::json_string(request_->target.substr(0, request_->target.find('?')), 512);
}

void Client::answer(int status, std::string_view text, bool keep_alive, std::string_view fields) {
  keep_alive &= request_->done();
  if (metrics_ != nullptr) ++metrics_->requests[status];
  out_ += own_response(status, text, keep_alive, request_->method == "HEAD", fields);
  if (keep_alive)
    finish_request();
  else
    close_soon();
}

void Client::finish_request() {
  request_.reset();
  response_.reset();
  app_ = nullptr;
  metrics_ = nullptr;
  state_ = State::Head;
  if (front_.draining) close_soon();
}

void Client::write() {
  while (written_ < out_.size()) {
    const size_t left = out_.size() - written_;
    ssize_t n = tls_ != nullptr ? tls_->write(out_.data() + written_, left)
                                : ::send(fd_, out_.data() + written_, left, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return abandon();
    written_ += static_cast<size_t>(n);
    progress_ = Loop::now();
  }
  if (written_ == out_.size()) {
    out_.clear();
    written_ = 0;
  } else if (written_ >= kWindow / 2) {
    out_.erase(0, written_);
    written_ = 0;
  }
  if (link_ != nullptr && untaken_ >= kReportTaken && pending() < kWindow / 2) {
    link_->send(Frame::Taken, id_, static_cast<uint32_t>(untaken_));
    untaken_ = 0;
    touched_ = front_.now;
    link_->flush();
  }
  if (state_ != State::Closing || !out_.empty()) return;
  // Closing while the client still sends would make it lose the response: wait until it has seen the end.
  if (read_closed_) return leave(Closed::Done);
  if (shut_at_ != 0) return;
  if (tls_ != nullptr) tls_->close();
  ::shutdown(fd_, SHUT_WR);
  shut_at_ = Loop::now();
}

// A header is taken when it is complete.
size_t Client::most_ahead() const {
  const bool in_header = request_ != nullptr && !request_->head_done();
  return kReadAhead + (in_header ? front_.options.max_header : 0);
}

bool Client::has_room() const {
  return in_.size() < most_ahead() && (request_ == nullptr || request_->output.size() < kWindow);
}

void Client::watch() {
  bool reads = has_room() && pending() < kWindow / 2 && !read_closed_;
  const bool writes = pending() > 0 || (is_greeting() && tls_->wants_write());
  uint32_t events = (reads ? EPOLLIN : 0u) | (writes ? EPOLLOUT : 0u);
  if (events != watched_) front_.loop.change(fd_, events, this);
  watched_ = events;
  account();
}

void Client::account() {
  size_t held = in_.capacity() + out_.capacity() + (tls_ != nullptr ? TlsStream::kMemory : 0);
  if (request_ != nullptr) held += request_->held();
  if (response_) held += response_->output.capacity();
  if (!admin_ && held != held_) front_.admission.account(static_cast<ptrdiff_t>(held) - static_cast<ptrdiff_t>(held_));
  held_ = held;
}

void Client::close_soon() {
  state_ = State::Closing;
  in_.clear();
  progress_ = Loop::now();
  write();
}

void Client::leave(Closed why) {
  if (removed_) return;
  removed_ = true;
  if (is_greeting()) count_handshake();
  if (!admin_) front_.admission.account(-static_cast<ptrdiff_t>(held_));
  front_.admission.leave(*this, from_, why);
  front_.loop.remove(fd_);
  front_.remove(this);
}

// The request, which its program need not go on with.
void Client::cancel() {
  if (begun_) link_->send(Frame::Cancel, id_, 1);
  link_->forget(id_, begun_);
  link_->flush();
  link_ = nullptr;
}

void Client::abandon(Closed why) {
  if (removed_) return;
  if (link_ != nullptr) {
    ++metrics_->requests[0];
    cancel();
  }
  leave(why);
}

void Client::abandon() {
  const Awaited what = awaited();
  abandon(what == Awaited::Request || what == Awaited::End ? Closed::Done : Closed::Aborted);
}

void Client::put_out(Closed why) {
  // So that the kernel does not go on with what the client has not taken.
  const linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  abandon(why);
  in_ = {};
  out_ = {};
  request_.reset();
  response_.reset();
}

Client::Awaited Client::awaited() const {
  if (pending() > 0) return Awaited::Taking;
  switch (state_) {
    case State::Head:
      return in_.empty() && request_ == nullptr && !is_greeting() ? Awaited::Request : Awaited::More;
    case State::Body:
      return Awaited::More;
    case State::Served:
      return request_->done() || !has_room() ? Awaited::Nothing : Awaited::More;
    case State::Closing:
      break;
  }
  return Awaited::End;
}

uint64_t Client::moved(Awaited what) const {
  if (what == Awaited::More) return received_;
  tcp_info info{};
  socklen_t size = sizeof info;
  // What the kernel has taken from us it may hold for long.
  return getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_acked : 0;
}

std::optional<double> Client::merit(uint64_t now) const {
  const Pace::Limits& limits = front_.options.pace;
  const Awaited what = awaited();
  if (what == Awaited::Nothing) return std::nullopt;
  if (what == paced_) return pace_.merit(now, limits);
  Pace idle;
  idle.begin(progress_, 0, limits);
  return idle.merit(now, limits);
}

void Client::check_time(uint64_t now) {
  const Pace::Limits& limits = front_.options.pace;
  const Awaited what = awaited(), before = std::exchange(paced_, Awaited::Nothing);
  switch (what) {
    case Awaited::Nothing:
      // The worker ends what waits for too long, and may have others before that.
      if (link_ != nullptr && now > touched_ + front_.shared.patience(link_->load())) tenant_->give_up();
      return;
    case Awaited::Request:
      if (now - progress_ > front_.options.idle_timeout) return abandon(Closed::Idle);
      if (in_.capacity() + out_.capacity() <= kKept) return;
      in_ = {};
      out_ = {};
      return account();
    case Awaited::End:
      if (now - progress_ > kLinger || now - shut_at_ > limits.grace) abandon(Closed::Done);
      return;
    case Awaited::More:
    case Awaited::Taking:
      break;
  }
  paced_ = what;
  const uint64_t total = moved(what);
  if (before != what) return pace_.begin(progress_, total, limits);
  if (pace_.go_on(now, total, limits)) return;
  put_out(what == Awaited::Taking ? Closed::SlowResponse
          : state_ == State::Head ? Closed::SlowHeader
                                  : Closed::SlowBody);
}

void Client::on_drain() {
  keep_alive_ = false;
  if (state_ == State::Head && in_.empty() && out_.empty()) leave(Closed::Done);
}
