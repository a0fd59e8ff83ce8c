// http_pool.h - the connections over which one app's requests go, by libcurl: HTTP/1.1 and 2, kept and used again by
// whichever instance of the app asks next; and those that the broker makes for itself, for bytes. Certificates and
// their names are checked; there are no proxies, redirects or files.
#pragma once

#include <curl/curl.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker.h"

using Easy = std::unique_ptr<CURL, void (*)(CURL*)>;

// Who is told when a transfer has ended.
class Transfer {
 public:
  virtual void on_done(CURLcode code) = 0;
  // Of a connection for bytes (CURLOPT_CONNECT_ONLY): it is there from then on until stop().
  virtual bool stays() const { return false; }

 protected:
  ~Transfer() = default;
};

class HttpPool final : public Timed {
 public:
  explicit HttpPool(Broker& broker);
  ~HttpPool();
  // A handle with what holds for all; given back when its transfer is over, or is not wanted any more.
  Easy take();
  void give(Easy easy);
  // Addresses that were checked: to others nothing is connected.
  void allow(const std::vector<aotc::AddressBytes>& addresses);
  // From outside of libcurl's callbacks.
  void start(CURL* easy, Transfer* transfer);
  void stop(CURL* easy);
  void go_on(CURL* easy);

 private:
  struct Socket final : Source {
    Socket(HttpPool& in, int number) : pool(in), fd(number) {}
    void on_events(uint32_t events) override { pool.act(fd, events); }
    HttpPool& pool;
    const int fd;
  };
  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* socket);
  static int on_timer(CURLM* multi, long milliseconds, void* self);
  static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  void on_time() override;
  void act(int fd, uint32_t events);
  void take_done();

  Broker& broker_;
  CURLM* const multi_;
  std::map<int, std::shared_ptr<Socket>> sockets_;
  std::set<aotc::AddressBytes> allowed_;
  std::vector<Easy> idle_;
};

// Once, before the process is confined: the file of certificates.
void set_certificates(const std::string& path);
