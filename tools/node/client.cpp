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
constexpr size_t kKept = 16 << 10;  // of buffers, by a client that waits for nothing
constexpr uint64_t kLinger = 2'000'000'000;
constexpr size_t kStreamsAhead = 64 << 10;  // of what streams have to say, in pieces of this

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
      progress_(Loop::now()),
      exchange_(front, peer_, *this),
      may_begin_http2_(kind == ListenAddress::Kind::Apps) {
  watched_ = EPOLLIN;
  front_.loop.add(fd_, watched_, this);
  front_.admission.add(*this);
}

Client::~Client() { ::close(fd_); }

void Client::on_events(uint32_t events) {
  if (removed_) return;
  if (events & (EPOLLERR | EPOLLHUP)) return abandon();
  if (is_greeting()) return greet_later();
  if (events & EPOLLIN) read();
  if (events & EPOLLOUT && !removed_) write();
  // What waited until there was room for its response.
  if (!removed_ && state_ == State::Head && exchange_.request == nullptr && !in_.empty()) process();
  if (!removed_) watch();
  front_.keep_budget();
}

void Client::greet_later() {
  if (!in_line_) in_line_ = front_.greet_later(this);
  watch();
}

void Client::greet() {
  in_line_.reset();
  const bool limited = !std::exchange(greeted_, true) && !front_.admission.is_shared(from_);
  if (limited && !front_.shared.handshakes.take(from_, front_.now)) return put_out(Closed::Handshakes);
  read();
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
  if (greeting && !is_greeting()) {
    count_handshake();
    if (tls_->protocol() == TlsStream::kHttp2) begin_streams();
  }
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
  if (state_ == State::Served && exchange_.is_served() && (exchange_.request->done() || exchange_.is_tunnel())) {
    if (!in_.empty() && exchange_.request->asks_for_tunnel) return;  // what has come goes through before
    keep_alive_ = false;
    exchange_.half_close();
  } else if (written_ == out_.size() || state_ != State::Closing) {
    abandon();
  }
}

// Whether it speaks HTTP/2 without having asked (RFC 9113, 3.3), as far as can be told.
bool Client::begins_http2() {
  const std::string_view preface = Http2Session::kPreface.substr(0, in_.size());
  const bool may = in_.compare(0, preface.size(), preface) == 0;
  may_begin_http2_ = may && preface.size() < Http2Session::kPreface.size();
  return may;
}

void Client::begin_streams() {
  may_begin_http2_ = false;
  state_ = State::Streams;
  streams_ = std::make_unique<Http2Streams>(front_, hop_, peer_, *this);
  if (front_.draining) streams_->drain();
}

void Client::process_streams() {
  const bool goes_on = streams_->feed(in_);
  in_.clear();
  write();
  if (!removed_ && !goes_on) close_soon();
}

void Client::process() {
  goes_on_ = false;
  if (may_begin_http2_ && !in_.empty() && begins_http2()) {
    if (may_begin_http2_) return;  // the rest of it will tell
    begin_streams();
  }
  if (state_ == State::Streams) return process_streams();
  for (bool more = true; more && !removed_;) {
    if (state_ == State::Closing) in_.clear();
    bool reading =
        state_ == State::Head || state_ == State::Body || (state_ == State::Served && !exchange_.request->done());
    if (!reading || in_.empty()) break;
    if (exchange_.request == nullptr) {
      if (pending() >= kWindow / 2) break;  // whoever does not take his responses gets no more
      exchange_.expect(&hop_);
    }
    RequestReader& request = *exchange_.request;
    if (request.output.size() >= kWindow) break;
    bool had_head = request.head_done();
    size_t used = request.feed(in_);
    in_.erase(0, used);
    more = used > 0;
    if (request.error() != 0) {
      if (exchange_.is_served()) {
        exchange_.cancel();
        if (exchange_.response->started()) return leave(Closed::Done);
      }
      return answer(request.error(), kRefusedRequest, false);
    }
    if (!had_head && request.head_done()) start_request();
    if (state_ == State::Body && exchange_.is_enough()) dispatch();
    if (state_ == State::Served && exchange_.is_served()) exchange_.pass_body();
  }
  if (read_closed_ && in_.empty() && exchange_.is_tunnel() && exchange_.is_served()) exchange_.half_close();
  if (!removed_) write();
  // The rest when others have had their turn.
  goes_on_ = !removed_ && state_ == State::Head && exchange_.request == nullptr && !in_.empty();
}

// The header is complete.
void Client::start_request() {
  // What is sent behind a request for a tunnel, as if there were one, is no request if there is none.
  keep_alive_ = exchange_.request->keep_alive && !front_.draining && !exchange_.request->asks_for_tunnel;
  if (admin_) return answer_operator();
  if (!exchange_.find_app()) return answer(404, kNoApp, keep_alive_);
  state_ = State::Body;
}

void Client::answer_operator() {
  const RequestReader& request = *exchange_.request;
  bool get = request.method == "GET" || request.method == "HEAD";
  std::string path = request.target.substr(0, request.target.find('?'));
  if (get && path == "/metrics") return answer(200, front_.decider.metrics_text(), keep_alive_);
  if (request.method == "POST" && path == "/purge") {
    const Decider::Said said = front_.decider.purge(request.target);
    return answer(said.status, said.text, keep_alive_);
  }
  if (get && path == "/releases") return answer(200, front_.decider.releases_text(), keep_alive_);
  if (request.method == "POST" && path == "/reload") {
    front_.decider.ask_reload();
    return answer(202, "the log says what comes of it\n", keep_alive_);
  }
  if (!get || (path != "/healthz" && path != "/readyz"))
    return answer(404, "here are /metrics, /healthz, /readyz, /releases and, by POST, /reload and /purge\n",
                  keep_alive_);
  const Decider::Said said = front_.decider.health(path == "/readyz");
  answer(said.status, said.text, keep_alive_);
}

void Client::dispatch() {
  const RequestReader& request = *exchange_.request;
  const auto refusal = exchange_.dispatch(ResponseReader::Client{.head_request = request.method == "HEAD",
                                                                 .http_10 = request.http_10,
                                                                 .keep_alive = keep_alive_,
                                                                 .expects_continue = request.expects_continue,
                                                                 .asks_for_tunnel = request.asks_for_tunnel,
                                                                 .coding = request.coding},
                                          ResponseReader::Form::Message);
  if (refusal) return answer(refusal->status, refusal->text, keep_alive_, kRetryAfter);
  state_ = State::Served;
  if (exchange_.is_answered())
    end_request();
  else
    take_output();
}

void Client::on_room() {
  process();
  if (!removed_) watch();
}

void Client::take_output() {
  std::string& output = exchange_.response->output;
  if (out_.empty())
    out_.swap(output);
  else
    out_ += output;
  output.clear();
}

void Client::on_output() {
  take_output();
  write();
  if (!removed_) watch();
}

void Client::end_request() {
  take_output();
  if (keep_alive_ && exchange_.request->done() && !exchange_.response->closes)
    finish_request();
  else
    close_soon();
}

void Client::on_answered() {
  end_request();
  if (state_ == State::Head) process();
  if (!removed_) watch();
}

void Client::on_failed(int status, std::string_view text) {
  take_output();
  if (status == 0) {
    // The client gets what there is, and sees by the end of the connection that it is not all.
    close_soon();
  } else {
    answer(status, text, keep_alive_);
    process();
  }
  if (!removed_) watch();
}

void Client::answer(int status, std::string_view text, bool keep_alive, std::string_view fields) {
  keep_alive &= exchange_.request->done();
  exchange_.count(status);
  out_ += own_response(status, text, keep_alive, exchange_.request->method == "HEAD", fields);
  if (keep_alive)
    finish_request();
  else
    close_soon();
}

void Client::finish_request() {
  exchange_.reset();
  state_ = State::Head;
  if (front_.draining) close_soon();
}

void Client::write_later() {
  if (!std::exchange(writes_later_, true)) front_.write_later(this);
}

void Client::write_now() {
  writes_later_ = false;
  if (removed_) return;
  write();
  if (!removed_) watch();
}

void Client::write() {
  for (;;) {
    if (streams_ != nullptr && pending() == 0) {
      out_.clear();
      written_ = 0;
      streams_->fill(out_, kStreamsAhead);
    }
    if (pending() == 0) break;
    ssize_t n = tls_ != nullptr ? tls_->write(out_.data() + written_, pending())
                                : ::send(fd_, out_.data() + written_, pending(), MSG_DONTWAIT | MSG_NOSIGNAL);
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
  exchange_.report_taken(pending());
  if (state_ == State::Streams && out_.empty() && streams_->over()) return close_soon();
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
  const bool in_header = exchange_.request != nullptr && !exchange_.request->head_done();
  return kReadAhead + (in_header ? front_.options.max_header : 0);
}

bool Client::has_room() const {
  if (streams_ != nullptr) return pending() == 0 || !streams_->has_much_to_say();
  return in_.size() < most_ahead() && (exchange_.request == nullptr || exchange_.request->output.size() < kWindow);
}

void Client::watch() {
  bool reads = has_room() && pending() < kWindow / 2 && !read_closed_ && !in_line_;
  const bool writes = pending() > 0 || goes_on_ || (is_greeting() && tls_->wants_write() && !in_line_);
  uint32_t events = (reads ? EPOLLIN : 0u) | (writes ? EPOLLOUT : 0u);
  if (events != watched_) front_.loop.change(fd_, events, this);
  watched_ = events;
  account();
}

void Client::account() {
  size_t held = in_.capacity() + out_.capacity() + (tls_ != nullptr ? TlsStream::kMemory : 0);
  held += exchange_.held() + (streams_ != nullptr ? streams_->held() : 0);
  if (!admin_ && held != held_) front_.admission.account(static_cast<ptrdiff_t>(held) - static_cast<ptrdiff_t>(held_));
  held_ = held;
}

void Client::close_soon() {
  if (streams_ != nullptr) streams_->leave();
  state_ = State::Closing;
  in_.clear();
  progress_ = Loop::now();
  write();
}

void Client::leave(Closed why) {
  if (removed_) return;
  removed_ = true;
  if (in_line_) front_.forget_greeting(*in_line_);
  if (streams_ != nullptr && streams_->flooded()) why = Closed::Flood;
  if (is_greeting()) count_handshake();
  if (streams_ != nullptr) streams_->leave();
  if (!admin_) front_.admission.account(-static_cast<ptrdiff_t>(held_));
  front_.admission.leave(*this, from_, why);
  front_.loop.remove(fd_);
  front_.remove(this);
}

void Client::abandon(Closed why) {
  if (removed_) return;
  if (exchange_.is_served()) {
    exchange_.count(0);
    exchange_.cancel();
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
  exchange_.reset();
}

Awaited Client::awaited() const {
  if (in_line_) return Awaited::Nothing;
  if (pending() > 0) return Awaited::Taking;
  switch (state_) {
    case State::Head:
      return in_.empty() && exchange_.request == nullptr && !is_greeting() ? Awaited::Request : Awaited::More;
    case State::Body:
      return Awaited::More;
    case State::Served:
      return exchange_.request->done() || exchange_.is_tunnel() || !has_room() ? Awaited::Nothing : Awaited::More;
    case State::Streams:
      return streams_->awaited();
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
  if (streams_ != nullptr && !streams_->check_time(now)) return put_out(Closed::SlowResponse);
  if (exchange_.is_tunnel()) exchange_.check_patience(now);
  if (removed_) return;
  const Awaited what = awaited(), before = std::exchange(paced_, Awaited::Nothing);
  switch (what) {
    case Awaited::Nothing:
      return exchange_.check_patience(now);
    case Awaited::Request:
      if (now - (streams_ != nullptr ? streams_->idle_since() : progress_) > front_.options.idle_timeout) {
        if (streams_ != nullptr) {
          streams_->end();
          write();
        }
        return abandon(Closed::Idle);
      }
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
  // A stream that is slow ends without the others.
  if (pending() == 0 && state_ == State::Streams && !streams_->in_header()) return;
  put_out(what == Awaited::Taking                             ? Closed::SlowResponse
          : state_ == State::Head || state_ == State::Streams ? Closed::SlowHeader
                                                              : Closed::SlowBody);
}

void Client::on_drain() {
  keep_alive_ = false;
  if (streams_ != nullptr) return streams_->drain();
  if (state_ == State::Head && in_.empty() && out_.empty()) leave(Closed::Done);
}
