// redis_link.cpp - see redis_link.h.
#include "redis_link.h"

#include <algorithm>
#include <utility>

#include "support/redis_command.h"

namespace {

constexpr size_t kPiece = 16 << 10, kPiecesPerTurn = 16;

std::string plain_host(const aotc::RemotePlace& place) {
  return place.host.front() == '[' ? place.host.substr(1, place.host.size() - 2) : place.host;
}

}  // namespace

RedisLink::RedisLink(Broker& broker, aotc::RemotePlace place, std::string password, Owner& owner)
    : broker_(broker),
      place_(std::move(place)),
      password_(std::move(password)),
      owner_(owner),
      pool_(broker),
      easy_(nullptr, curl_easy_cleanup),
      resolved_(nullptr, curl_slist_free_all) {}

RedisLink::~RedisLink() { close(); }

void RedisLink::close() {
  if (watched_ != 0) broker_.loop().remove(fd_);
  if (added_) pool_.stop(easy_.get());
  easy_.reset();
  fd_ = -1;
  added_ = open_ = false;
  watched_ = 0;
  out_.clear();
  sent_ = logins_ = 0;
  ++attempt_;
  broker_.forget_time(this);
}

void RedisLink::fail(const std::string& why) {
  if (broken_.empty()) broken_ = why;
  broker_.set_time(this, Loop::now());
}

// It takes too long to open; or it was found to be broken; or there is more to read.
void RedisLink::on_time() {
  if (broken_.empty() && open_) {
    receive();
    return watch();
  }
  const std::string why = broken_.empty() ? "it does not answer" : std::exchange(broken_, "");
  close();
  owner_.on_broken(why);
}

void RedisLink::open(uint64_t nanoseconds) {
  close();
  broken_.clear();
  broker_.set_time(this, Loop::now() + nanoseconds);
  const std::string host = plain_host(place_);
  if (auto address = aotc::parse_address(host)) return connect({*address});
  broker_.resolver.look_up("", host, [this, attempt = attempt_](const Resolver::Found& found) {
    if (attempt != attempt_) return;
    if (found.error != 0) return fail("cannot find the address of " + place_.host);
    connect(found.addresses);
  });
}

void RedisLink::connect(const std::vector<aotc::AddressBytes>& addresses) {
  easy_ = pool_.take();
  if (!easy_) return fail("out of memory");
  pool_.allow(addresses);
  // libcurl looks no name up, so what it may connect to is said for it.
  std::string places = "+" + place_.authority() + ":";
  for (const aotc::AddressBytes& address : addresses) {
    const std::string text = shown(address);
    places +=
        (&address == addresses.data() ? "" : ",") + (text.find(':') != std::string::npos ? "[" + text + "]" : text);
  }
  resolved_.reset(place_.host.front() == '[' ? nullptr : curl_slist_append(nullptr, places.c_str()));
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_URL, ((place_.tls ? "https://" : "http://") + place_.authority()).c_str());
  curl_easy_setopt(easy, CURLOPT_RESOLVE, resolved_.get());
  curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, failure_);
  failure_[0] = 0;
  added_ = true;
  pool_.start(easy, this);
}

void RedisLink::on_done(CURLcode code) {
  curl_socket_t socket = CURL_SOCKET_BAD;
  if (code == CURLE_OK) code = curl_easy_getinfo(easy_.get(), CURLINFO_ACTIVESOCKET, &socket);
  if (code != CURLE_OK || socket == CURL_SOCKET_BAD)
    return fail(failure_[0] != 0 ? failure_ : curl_easy_strerror(code));
  fd_ = socket;
  replies_ = std::make_unique<RedisReplies>();
  if (!password_.empty()) {
    std::vector<std::string_view> words = {"AUTH"};
    if (!place_.user.empty()) words.push_back(place_.user);
    words.push_back(password_);
    write(words);
    ++logins_;
  }
  const std::string database = std::to_string(place_.database);
  write({"SELECT", database});
  ++logins_;
}

void RedisLink::write(const std::vector<std::string_view>& words) {
  out_ += aotc::redis_command(words);
  send();
  watch();
}

void RedisLink::send() {
  while (broken_.empty() && sent_ < out_.size()) {
    size_t count = 0;
    const CURLcode code = curl_easy_send(easy_.get(), out_.data() + sent_, out_.size() - sent_, &count);
    if (code == CURLE_AGAIN) break;
    if (code != CURLE_OK) return fail("it has closed the connection");
    sent_ += count;
  }
  if (sent_ < out_.size() && sent_ < out_.size() - sent_) return;
  out_.erase(0, sent_);
  sent_ = 0;
}

void RedisLink::watch() {
  const uint32_t events =
      fd_ < 0 || !broken_.empty() ? 0 : uint32_t{EPOLLIN} | (sent_ < out_.size() ? uint32_t{EPOLLOUT} : 0);
  broker_.loop().watch(fd_, watched_, events, this);
}

void RedisLink::on_events(uint32_t events) {
  if (!broken_.empty() || fd_ < 0) return;
  if (events & ~uint32_t{EPOLLOUT}) receive();
  if (events & EPOLLOUT) send();
  watch();
}

void RedisLink::receive() {
  char piece[kPiece];
  for (size_t i = 0; broken_.empty(); ++i) {
    // What TLS has read already makes no event.
    if (i == kPiecesPerTurn && open_) return broker_.set_time(this, Loop::now());
    size_t count = 0;
    const CURLcode code = curl_easy_recv(easy_.get(), piece, sizeof piece, &count);
    if (code == CURLE_AGAIN) return;
    if (code != CURLE_OK || count == 0) return fail("it has closed the connection");
    if (!replies_->feed({piece, count})) return fail("it does not speak as Redis does");
    for (std::unique_ptr<RedisReply> reply;;) {
      if (!replies_->next(reply)) return fail("it does not speak as Redis does");
      if (!reply) break;
      take(*reply);
      if (!broken_.empty()) return;
    }
  }
}

void RedisLink::take(const RedisReply& reply) {
  if (logins_ == 0) {
    if (!open_ || !owner_.on_reply(reply)) fail("it answers what was not asked");
    return;
  }
  if (reply.kind == RedisReply::Kind::Error) return fail(reply.text);
  if (--logins_ > 0) return;
  open_ = true;
  broker_.forget_time(this);
  owner_.on_open();
}
