// channel.cpp - see channel.h.
#include "channel.h"

#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "http_stream.h"
#include "kv_stream.h"
#include "lookup_stream.h"
#include "tcp_stream.h"

namespace {

constexpr size_t kPiece = 64 << 10;
constexpr size_t kMostOut = 4 << 20, kMostHeld = 32 << 20;
constexpr uint64_t kNever = ~uint64_t{0}, kLook = 1'000'000'000;

std::string shown_target(aotc_outbound_service service, const std::string& name, uint16_t port) {
  if (service == AOTC_OUTBOUND_LOOKUP || service == AOTC_OUTBOUND_KV) return name;
  const bool v6 = name.find(':') != std::string::npos;
  return (service == AOTC_OUTBOUND_HTTPS ? "https://" : "tcp://") + (v6 ? "[" + name + "]" : name) + ":" +
         std::to_string(port);
}

}  // namespace

Channel::Channel(Broker& broker, App& app, int fd) : broker_(broker), app_(app), fd_(fd), watched_(EPOLLIN) {
  broker_.loop().add(fd_, watched_, this);
}

Channel::~Channel() { give_up(); }

void Channel::give_up() {
  if (fd_ >= 0) {
    broker_.loop().remove(fd_);
    ::close(fd_);
  }
  fd_ = -1;
  over_ = true;
  broker_.forget_time(this);
  while (!streams_.empty()) close(streams_.begin()->first);
}

void Channel::close(uint32_t number) {
  auto found = streams_.find(number);
  if (found == streams_.end()) return;
  std::shared_ptr<Stream> stream = std::move(found->second);
  streams_.erase(found);
  held_ -= stream->held;
  --app_.connections;
  --app_.counts->open;
  stream->leave();
  broker_.bury(std::move(stream));
}

void Channel::frame(uint32_t number, aotc_outbound_kind kind, uint32_t value, std::string_view payload) {
  const aotc_outbound_frame head{static_cast<uint32_t>(payload.size()), number, kind, value};
  out_.append(reinterpret_cast<const char*>(&head), sizeof head).append(payload);
}

void Channel::opened(uint32_t number, const aotc_outbound_ends& ends) {
  app_.counts->connections[0] += streams_.at(number)->kind == Stream::Kind::Connection;
  frame(number, AOTC_OUTBOUND_OPENED, 0, {reinterpret_cast<const char*>(&ends), sizeof ends});
}

void Channel::send(uint32_t number, std::string_view bytes) {
  Stream& stream = *streams_.at(number);
  stream.window -= static_cast<uint32_t>(bytes.size());
  count(stream, bytes.size(), true);
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, AOTC_OUTBOUND_MAX_FRAME);
    frame(number, AOTC_OUTBOUND_DATA, 0, part);
    bytes.remove_prefix(part.size());
  }
}

void Channel::end(uint32_t number) { frame(number, AOTC_OUTBOUND_END, 0, {}); }

void Channel::taken(uint32_t number, uint32_t bytes) {
  streams_.at(number)->held -= bytes;
  held_ -= bytes;
  frame(number, AOTC_OUTBOUND_TAKEN, bytes, {});
}

// What is beyond its bounds ends it in the next turn of time, for it may be in the middle of something.
void Channel::count(Stream& stream, size_t bytes, bool received) {
  stream.moved += bytes;
  const bool to_store = stream.kind == Stream::Kind::Store;
  (to_store ? app_.counts->store_bytes : app_.counts->bytes)[received ? 1 : 0] += bytes;
  if (to_store) return;
  app_.spend(bytes, Loop::now());
  if (stream.moved <= app_.max_bytes) return;
  stream.until = 0;
  broker_.set_time(this, Loop::now());
}

// Once a second is often enough for what takes that long.
void Channel::look_soon() {
  if (!std::exchange(looks_, true)) broker_.set_time(this, Loop::now() + std::min(app_.max_time, kLook));
}

void Channel::on_time() {
  const uint64_t now = Loop::now();
  std::vector<uint32_t> ended;
  looks_ = false;
  for (const auto& [number, stream] : streams_) {
    if (stream->until <= now) ended.push_back(number);
    if (stream->until > now && stream->until != kNever) look_soon();
  }
  for (const uint32_t number : ended) {
    const bool late = streams_.at(number)->until != 0;
    broker_.say_refused(app_, "connection",
                        late ? "it is older than --max-outbound-time" : "it has more bytes than --max-outbound-bytes");
    fail(number, late ? ETIMEDOUT : EDQUOT);
  }
}

void Channel::fail(uint32_t number, int error) {
  auto found = streams_.find(number);
  if (found != streams_.end() && found->second->kind == Stream::Kind::Connection)
    ++app_.counts->connections[error == EACCES ? 1 : 2];
  frame(number, AOTC_OUTBOUND_FAILED, static_cast<uint32_t>(error), {});
  close(number);
}

bool Channel::takes_more() const { return out_.size() - sent_ < kMostOut && !app_.rests(Loop::now()); }

void Channel::flush() {
  if (over_) return;
  stalled_ |= !takes_more();
  while (sent_ < out_.size()) {
    const ssize_t n = ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return give_up();
    sent_ += static_cast<size_t>(n);
  }
  if (sent_ >= out_.size() - sent_) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  // An app that has moved more than it may is not heard, and told nothing, until its time has come.
  const uint64_t now = Loop::now();
  const bool rests = app_.rests(now);
  if (rests) broker_.set_time(this, std::min(app_.rests_until, now + kLook));
  if (stalled_ && out_.size() - sent_ < kMostOut / 2 && !rests) {
    stalled_ = false;
    std::vector<std::shared_ptr<Stream>> streams;
    for (const auto& [number, stream] : streams_) streams.push_back(stream);
    for (const std::shared_ptr<Stream>& stream : streams)
      if (!stream->is_over()) stream->resume();
  }
  watch();
}

void Channel::watch() {
  const bool hears = held_ < kMostHeld && out_.size() - sent_ < 2 * kMostOut && !app_.rests(Loop::now());
  const uint32_t events = (hears ? uint32_t{EPOLLIN} : 0) | (sent_ < out_.size() ? uint32_t{EPOLLOUT} : 0);
  if (events == watched_ || over_) return;
  broker_.loop().change(fd_, watched_ = events, this);
}

// One piece a turn: the others have theirs.
void Channel::on_events(uint32_t events) {
  if (over_) return;
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
    static thread_local char piece[kPiece];
    const ssize_t n = recv(fd_, piece, sizeof piece, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return give_up();
    if (n > 0) in_.append(piece, static_cast<size_t>(n));
    if (!take_frames()) {
      broker_.say_refused(app_, "channel", "the tenant sends what is no frame");
      return give_up();
    }
  }
  flush();
}

bool Channel::take_frames() {
  size_t at = 0;
  aotc_outbound_frame head;
  while (in_.size() - at >= sizeof head) {
    std::memcpy(&head, in_.data() + at, sizeof head);
    if (head.size > AOTC_OUTBOUND_MAX_FRAME) return false;
    if (in_.size() - at - sizeof head < head.size) break;
    if (!take(head, std::string_view(in_).substr(at + sizeof head, head.size))) return false;
    at += sizeof head + head.size;
  }
  in_.erase(0, at);
  return true;
}

// False when it is no frame that a tenant sends.
bool Channel::take(const aotc_outbound_frame& head, std::string_view payload) {
  auto found = streams_.find(head.stream);
  if (head.kind == AOTC_OUTBOUND_OPEN) {
    const uint32_t service = head.value & 0xffff;
    if (found != streams_.end() || service < AOTC_OUTBOUND_LOOKUP || service > AOTC_OUTBOUND_KV || payload.empty() ||
        payload.size() > AOTC_OUTBOUND_MAX_NAME)
      return false;
    open(head.stream, static_cast<aotc_outbound_service>(service), static_cast<uint16_t>(head.value >> 16), payload);
    return true;
  }
  if (head.kind < AOTC_OUTBOUND_OPEN || head.kind > AOTC_OUTBOUND_TAKEN) return false;
  if (found == streams_.end()) return true;  // it was told of the end after this was sent
  const std::shared_ptr<Stream> stream = found->second;
  switch (head.kind) {
    case AOTC_OUTBOUND_CLOSE:
      close(head.stream);
      return true;
    case AOTC_OUTBOUND_DATA:
      if (head.size > AOTC_OUTBOUND_WINDOW - stream->held) return false;
      stream->held += head.size;
      held_ += head.size;
      count(*stream, head.size, false);
      stream->data(payload);
      return true;
    case AOTC_OUTBOUND_END:
      stream->end();
      return true;
    case AOTC_OUTBOUND_TAKEN:
      if (head.value > AOTC_OUTBOUND_WINDOW - stream->window) return false;
      stream->window += head.value;
      stream->resume();
      return true;
    default:
      return false;
  }
}

void Channel::open(uint32_t number, aotc_outbound_service service, uint16_t port, std::string_view given) {
  const std::string name = plain_name(given), target = shown_target(service, name, port);
  int error = EACCES;
  if (app_.connections >= app_.max_connections) {
    ++app_.counts->connections[1];
    broker_.say_refused(app_, target, "the app has " + std::to_string(app_.connections) + " connections already");
    return frame(number, AOTC_OUTBOUND_FAILED, EMFILE, {});
  }
  if (!is_host(name)) return frame(number, AOTC_OUTBOUND_FAILED, EINVAL, {});
  if (service == AOTC_OUTBOUND_KV && broker_.kv == nullptr) return frame(number, AOTC_OUTBOUND_FAILED, EOPNOTSUPP, {});
  ++app_.connections;
  ++app_.counts->open;
  if (service == AOTC_OUTBOUND_KV) {
    auto made = std::make_shared<KvStream>(*this, number, *broker_.kv, app_);
    made->kind = Stream::Kind::Store;
    streams_[number] = made;
    return made->start();
  }
  std::shared_ptr<Stream> stream = begin(number, service, port, name, error);
  if (stream) return;
  --app_.connections;
  --app_.counts->open;
  ++app_.counts->connections[1];
  frame(number, AOTC_OUTBOUND_FAILED, static_cast<uint32_t>(error), {});
  broker_.say_refused(app_, target, "it is not on the allow-list (--allow)");
}

// What was asked for is judged here, and the stream begins; null when it is not allowed.
std::shared_ptr<Stream> Channel::begin(uint32_t number, aotc_outbound_service service, uint16_t port,
                                       const std::string& name, int&) {
  if (service == AOTC_OUTBOUND_LOOKUP) {
    if (!app_.policy.may_look_up(name) && !aotc::parse_address(name)) return nullptr;
    auto stream = std::make_shared<LookupStream>(*this, number, broker_, app_, name);
    stream->kind = Stream::Kind::Lookup;
    streams_[number] = stream;
    stream->start();
    return stream;
  }
  const bool tls = service == AOTC_OUTBOUND_HTTPS;
  const Policy::Verdict verdict = app_.policy.judge({name, port, tls}, Loop::now());
  if (verdict.rule == nullptr) return nullptr;
  const bool http = tls || verdict.rule->scheme == aotc::OutboundRule::Scheme::Http;
  // Of a name the addresses are found and checked first; one that a program names was, when it was pinned.
  const std::string target = shown_target(service, name, port);
  const uint64_t until = app_.max_time == kNever ? kNever : Loop::now() + app_.max_time;
  auto stream = std::make_shared<ConnectStream>(
      *this, number, broker_, app_, name, target,
      [this, number, port, tls, http, verdict, until](const std::vector<aotc::AddressBytes>& addresses) {
        std::shared_ptr<Stream> next;
        if (http) {
          auto made = std::make_shared<HttpStream>(*this, number, broker_, app_, *verdict.rule,
                                                   HttpStream::Origin{verdict.host, port, tls}, addresses);
          made->until = until;
          streams_[number] = made;
          made->start();
        } else {
          auto made = std::make_shared<TcpStream>(*this, number, broker_, addresses, port);
          made->until = until;
          streams_[number] = made;
          made->start();
        }
      });
  stream->until = until;
  streams_[number] = stream;
  if (until != kNever) look_soon();
  stream->start();
  return stream;
}
