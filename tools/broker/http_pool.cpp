// http_pool.cpp - see http_pool.h.
#include "http_pool.h"

#include <sys/socket.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

namespace {

constexpr long kConnectTime = 10'000;  // milliseconds
constexpr long kMostConnections = 256;
constexpr size_t kMostIdle = 64;

std::string certificates;

}  // namespace

void set_certificates(const std::string& path) { certificates = path; }

HttpPool::HttpPool(Broker& broker) : broker_(broker), multi_(curl_multi_init()) {
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kMostConnections);
}

HttpPool::~HttpPool() {
  idle_.clear();
  curl_multi_cleanup(multi_);
  broker_.forget_time(this);
}

Easy HttpPool::take() {
  Easy easy(nullptr, curl_easy_cleanup);
  if (!idle_.empty()) {
    easy = std::move(idle_.back());
    idle_.pop_back();
  } else {
    easy.reset(curl_easy_init());
  }
  CURL* handle = easy.get();
  if (handle == nullptr) return easy;
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectTime);
  curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(handle, CURLOPT_DNS_CACHE_TIMEOUT, 10L);
  if (!certificates.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, certificates.c_str());
  curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  return easy;
}

void HttpPool::give(Easy easy) {
  if (!easy || idle_.size() >= kMostIdle) return;
  curl_easy_reset(easy.get());
  idle_.push_back(std::move(easy));
}

void HttpPool::start(CURL* easy, Transfer* transfer) {
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
  curl_multi_add_handle(multi_, easy);
  act(CURL_SOCKET_TIMEOUT, 0);
}

void HttpPool::stop(CURL* easy) { curl_multi_remove_handle(multi_, easy); }

void HttpPool::go_on(CURL* easy) {
  curl_easy_pause(easy, CURLPAUSE_CONT);
  take_done();
}

void HttpPool::allow(const std::vector<aotc::AddressBytes>& addresses) {
  allowed_.insert(addresses.begin(), addresses.end());
}

// libcurl is told the addresses that were checked, and looks no name up. Should it ever, this stops it.
curl_socket_t HttpPool::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  sockaddr_storage storage{};
  std::memcpy(&storage, &address->addr, std::min<size_t>(address->addrlen, sizeof storage));
  if (static_cast<HttpPool*>(self)->allowed_.contains(aotc::address_bytes(storage)))
    return socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
  errno = EACCES;
  return CURL_SOCKET_BAD;
}

int HttpPool::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  auto& pool = *static_cast<HttpPool*>(self);
  auto found = pool.sockets_.find(fd);
  if (what == CURL_POLL_REMOVE) {
    if (found == pool.sockets_.end()) return 0;
    pool.broker_.loop().remove(fd);
    pool.broker_.bury(std::move(found->second));
    pool.sockets_.erase(found);
    return 0;
  }
  const uint32_t events =
      (what & CURL_POLL_IN ? uint32_t{EPOLLIN} : 0) | (what & CURL_POLL_OUT ? uint32_t{EPOLLOUT} : 0);
  if (found == pool.sockets_.end()) {
    auto socket = std::make_shared<Socket>(pool, fd);
    pool.broker_.loop().add(fd, events, socket.get());
    pool.sockets_[fd] = std::move(socket);
  } else {
    pool.broker_.loop().change(fd, events, found->second.get());
  }
  return 0;
}

int HttpPool::on_timer(CURLM*, long milliseconds, void* self) {
  auto& pool = *static_cast<HttpPool*>(self);
  if (milliseconds < 0)
    pool.broker_.forget_time(&pool);
  else
    pool.broker_.set_time(&pool, Loop::now() + static_cast<uint64_t>(milliseconds) * 1'000'000);
  return 0;
}

void HttpPool::on_time() { act(CURL_SOCKET_TIMEOUT, 0); }

void HttpPool::act(int fd, uint32_t events) {
  int running = 0, mask = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                          (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
  curl_multi_socket_action(multi_, fd, mask, &running);
  take_done();
}

void HttpPool::take_done() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    char* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    CURL* easy = message->easy_handle;
    auto* whose = reinterpret_cast<Transfer*>(transfer);
    if (whose == nullptr || !whose->stays()) curl_multi_remove_handle(multi_, easy);
    if (whose != nullptr) whose->on_done(code);
  }
}
