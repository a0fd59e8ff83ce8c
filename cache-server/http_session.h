// http_session.h - one HTTP/1.1 connection: the only place that reads and writes HTTP.
//
// What a client may cost is bounded: 16 KiB of header, max_upload bytes of body, a deadline for the header and for
// every 256 KiB of body in either direction, one chunk of memory per transfer.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "listener.h"
#include "router.h"

namespace aotc::server {

struct SessionContext {
  Service service;
  HttpLimits limits;
  std::atomic<bool> stopping{false};
};

// Lives until the connection ends. `socket` runs on a strand of its own.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(SessionContext& context, boost::asio::ip::tcp::socket socket);
  ~HttpSession();
  void start();
  // From any thread: ends the connection if it is idle.
  void stop_if_idle();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aotc::server
