// client.cpp - see client.h.
#include "client.h"

#include <sys/socket.h>
#include <algorithm>

#include "log.h"

namespace {

constexpr size_t kReadAhead = 64 << 10;
constexpr uint32_t kReportTaken = 32 << 10;
constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kIdle = 60 * kSecond, kHeader = 10 * kSecond, kStalled = 30 * kSecond, kLinger = 2 * kSecond;

}  // namespace

Client::Client(Front& front, int fd, bool admin)
    : front_(front), fd_(fd), admin_(admin), progress_(Loop::now()) {
  watched_ = EPOLLIN;
  front_.loop.add(fd_, watched_, this);
}

Client::~Client() { ::close(fd_); }

void Client::on_events(uint32_t events) {
  if (removed_) return;
  if (events & (EPOLLERR | EPOLLHUP)) return abandon();
  if (events & EPOLLIN) read();
  if (events & EPOLLOUT && !removed_) write();
  if (!removed_) watch();
}

void Client::read() {
  char piece[16 << 10];
  while (in_.size() < kReadAhead) {
    ssize_t n = ::recv(fd_, piece, sizeof piece, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return abandon();
    if (n == 0) {
      read_closed_ = true;
      break;
    }
    progress_ = Loop::now();
    if (in_.empty() && request_ == nullptr) begun_ = progress_;
    in_.append(piece, static_cast<size_t>(n));
    if (static_cast<size_t>(n) < sizeof piece) break;
  }
  process();
  if (removed_ || !read_closed_) return;
  // Half a connection may still wait for its response; without a whole request there is none to wait for.
  if (state_ == State::Served && link_ != nullptr && request_->done()) {
    keep_alive_ = false;
    link_->send(Frame::Cancel, id_);
    link_->flush();
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
      HttpLimits limits;
      limits.body_bytes = front_.options.max_body;
      request_ = std::make_unique<RequestReader>(limits);
    }
    if (request_->output.size() >= kWindow) break;
    bool had_head = request_->head_done();
    size_t used = request_->feed(in_);
    in_.erase(0, used);
    more = used > 0;
    if (request_->error() != 0) {
      if (link_ != nullptr) {
        link_->send(Frame::Cancel, id_, 1);
        link_->forget(id_);
        link_->flush();
        link_ = nullptr;
        if (response_->started()) return leave();
      }
      return answer(request_->error(), "the request cannot be understood, or exceeds a limit\n", false);
    }
    if (!had_head && request_->head_done()) start_request();
    if (state_ == State::Body && (request_->done() || request_->output.size() >= kWindow)) dispatch();
    if (state_ == State::Served && link_ != nullptr) pass_body();
  }
  if (!removed_) write();
}

// The header is complete.
void Client::start_request() {
  keep_alive_ = request_->keep_alive && !front_.draining;
  if (admin_) return answer_operator();
  app_ = front_.find_app(request_->host, request_->target);
  if (app_ == nullptr) return answer(404, "no app is served here\n", keep_alive_);
  metrics_ = &front_.metrics[app_->name];
  if (request_->expects_continue && !request_->http_10 && !request_->done()) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
  state_ = State::Body;
}

void Client::answer_operator() {
  bool get = request_->method == "GET" || request_->method == "HEAD";
  std::string path = request_->target.substr(0, request_->target.find('?'));
  if (get && path == "/metrics") return answer(200, front_.metrics_text(), keep_alive_);
  if (!get || path != "/healthz") return answer(404, "here are /metrics and /healthz\n", keep_alive_);
  bool healthy = front_.healthy();
  answer(healthy ? 200 : 503, healthy ? "ok\n" : "not all apps are ready\n", keep_alive_);
}

void Client::dispatch() {
  started_ = Loop::now();
  Tenant* tenant = front_.tenant_of(*app_);
  if (tenant == nullptr || tenant->load() >= front_.options.max_concurrency)
    return answer(503, tenant == nullptr ? "the app is not ready\n" : "too many requests at the same time\n",
                  keep_alive_, "Retry-After: 1\r\n");
  response_.emplace(ResponseReader::Client{
      .head_request = request_->method == "HEAD", .http_10 = request_->http_10, .keep_alive = keep_alive_});
  link_ = tenant->least_loaded();
  id_ = link_->open(this);
  unread_ = static_cast<uint32_t>(std::min<size_t>(request_->output.size(), kWindow));
  link_->send(Frame::Request, id_, request_->method == "HEAD" ? uint32_t{kHeadRequest} : 0u,
              std::string_view(request_->output).substr(0, unread_));
  request_->output.erase(0, unread_);
  state_ = State::Served;
  link_->flush();
}

void Client::pass_body() {
  size_t n = std::min<size_t>(request_->output.size(), kWindow - unread_);
  if (n == 0) return;
  link_->send(Frame::Body, id_, 0, std::string_view(request_->output).substr(0, n));
  request_->output.erase(0, n);
  unread_ += static_cast<uint32_t>(n);
  link_->flush();
}

void Client::on_consumed(uint32_t bytes) {
  unread_ -= std::min(bytes, unread_);
  pass_body();
  process();
  if (!removed_) watch();
}

void Client::on_response(std::string_view bytes) {
  // A worker of ours sends nothing else: whole pieces of one response, and no more than the client has room for.
  size_t used = untaken_ + bytes.size() <= kWindow ? response_->feed(bytes) : 0;
  if (used != bytes.size() || response_->bad()) return link_->tenant.fail();
  if (out_.empty())
    out_.swap(response_->output);
  else
    out_ += response_->output;
  response_->output.clear();
  untaken_ += bytes.size();
  // The end comes right behind the last bytes, so one write is enough for both.
  if (response_->done()) return;
  write();
  if (!removed_) watch();
}

void Client::on_end(const RequestEnd& end, std::string_view text) {
  Link* link = link_;
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
    std::string more = ",\"cause\":\"" + std::string(end_cause_name(end.cause)) + "\"";
    write_log("error", link->tenant.app.name, std::string(text), more);
    bool late = end.cause == EndCause::Deadline || end.cause == EndCause::Timeout;
    if (response_->started()) {
      ++metrics_->requests[0];
      return leave();
    }
    int status = end.cause == EndCause::Overload ? 503 : late ? 504 : 502;
    answer(status, late ? "the app took too long\n" : "the app failed\n", keep_alive_);
    process();
  }
  if (!removed_) watch();
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
    ssize_t n = ::send(fd_, out_.data() + written_, out_.size() - written_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return abandon();
    written_ += static_cast<size_t>(n);
    progress_ = Loop::now();
  }
  if (written_ == out_.size()) {
    out_.clear();
    written_ = 0;
  }
  if (link_ != nullptr && untaken_ >= kReportTaken && out_.size() - written_ < kWindow / 2) {
    link_->send(Frame::Taken, id_, static_cast<uint32_t>(untaken_));
    untaken_ = 0;
    link_->flush();
  }
  if (state_ != State::Closing || !out_.empty()) return;
  // Closing while the client still sends would make it lose the response: wait until it has seen the end.
  if (read_closed_) return leave();
  if (!shut_) ::shutdown(fd_, SHUT_WR);
  shut_ = true;
}

void Client::watch() {
  bool room = in_.size() < kReadAhead && (request_ == nullptr || request_->output.size() < kWindow);
  uint32_t events = (room && !read_closed_ ? EPOLLIN : 0u) | (written_ < out_.size() ? EPOLLOUT : 0u);
  if (events != watched_) front_.loop.change(fd_, events, this);
  watched_ = events;
}

void Client::close_soon() {
  state_ = State::Closing;
  in_.clear();
  progress_ = Loop::now();
  write();
}

void Client::leave() {
  if (removed_) return;
  removed_ = true;
  front_.loop.remove(fd_);
  front_.remove(this);
}

void Client::abandon() {
  if (removed_) return;
  if (link_ != nullptr) {
    ++metrics_->requests[0];
    link_->send(Frame::Cancel, id_, 1);
    link_->forget(id_);
    link_->flush();
    link_ = nullptr;
  }
  leave();
}

void Client::check_time(uint64_t now) {
  uint64_t passed = now - progress_;
  bool stalled = written_ < out_.size() && passed > kStalled;
  switch (state_) {
    case State::Head:
      stalled |= in_.empty() && request_ == nullptr ? passed > kIdle : now - begun_ > kHeader;
      break;
    case State::Body:
      stalled |= passed > kStalled;
      break;
    case State::Served:
      stalled |= !request_->done() && unread_ == 0 && passed > kStalled;
      break;
    case State::Closing:
      stalled |= passed > (out_.empty() ? kLinger : kStalled);
      break;
  }
  if (stalled) abandon();
}

void Client::on_drain() {
  keep_alive_ = false;
  if (state_ == State::Head && in_.empty() && out_.empty()) leave();
}
