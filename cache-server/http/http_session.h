// http_session.h - one HTTP/1.1 connection, with or without TLS: the only place that reads and writes HTTP.
//
// What a client may cost is bounded: 16 KiB of header, max_upload bytes of body, a deadline for the TLS handshake and
// the header, a lowest rate for bodies in either direction, one chunk of memory per transfer. Each wait for it ends in
// time, and why a connection ended is counted (metrics.h).
//
// A session lives on one thread, which has many of them, so it must not block: reads of blobs and manifests are
// answered there; all that may wait for a lock or for the disk to have written runs in a pool of threads.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <memory>

#include "connections.h"
#include "listener.h"

namespace aotc::server {

struct SessionContext {
  Service service;
  HttpLimits limits;
  Connections connections;
  boost::asio::thread_pool pool;
  std::atomic<bool> stopping{false};
};

// Naming the type of executor, instead of the one that can be any, saves a third of the time of a small answer.
using Executor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;

// Lives until the connection ends. Everything but the constructor is called on the socket's thread.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  // With `tls`, speaks TLS only.
  HttpSession(SessionContext& context, Socket socket, std::unique_ptr<Connections::Slot> slot,
              std::shared_ptr<boost::asio::ssl::context> tls);
  ~HttpSession();
  void start();
  // Ends the connection if what it waits for should have come.
  void check_deadline(std::chrono::steady_clock::time_point now);
  // Ends the connection if it is idle, and what waits for a job.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aotc::server
