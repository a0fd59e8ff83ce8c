// listener.cpp - the accept loop, the threads that run sessions, and the way they end.
#include "listener.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <list>
#include <thread>
#include <vector>

#include "http_session.h"
#include "log.h"

namespace aotc::server {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kGrace = std::chrono::seconds(10);

llvm::Error failure(const std::string& message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

}  // namespace

struct Listener::Impl {
  SessionContext context;  // outlives the sessions that end with `io`
  asio::io_context io;
  asio::strand<asio::io_context::executor_type> strand{io.get_executor()};  // guards all below
  tcp::acceptor acceptor{strand};
  asio::signal_set signals{strand, SIGTERM, SIGINT};
  asio::signal_set reloads{strand, SIGHUP};
  asio::steady_timer timer{strand};
  std::list<std::weak_ptr<HttpSession>> sessions;

  Impl(Service service, const HttpLimits& limits) : context{service, limits} {}

  void accept() {
    acceptor.async_accept(asio::make_strand(io), [this](error_code error, tcp::socket socket) {
      if (context.stopping) return;
      sessions.remove_if([](const std::weak_ptr<HttpSession>& session) { return session.expired(); });
      if (!error && sessions.size() < context.limits.max_connections) {
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        auto session = std::make_shared<HttpSession>(context, std::move(socket));
        sessions.push_back(session);
        session->start();
      }
      if (!error || error == asio::error::connection_aborted) return accept();
      // Out of descriptors: let some connections end first.
      timer.expires_after(std::chrono::milliseconds(100));
      timer.async_wait([this](error_code) {
        if (!context.stopping) accept();
      });
    });
  }

  void stop() {
    context.stopping = true;
    error_code ignored;
    acceptor.close(ignored);
    for (const std::weak_ptr<HttpSession>& weak : sessions)
      if (std::shared_ptr<HttpSession> session = weak.lock()) session->stop_if_idle();
    wait_for_sessions(std::chrono::steady_clock::now() + kGrace);
  }

  void reload_on_hangup() {
    reloads.async_wait([this](error_code error, int) {
      if (error) return;
      if (llvm::Error failed = context.service.tenants.load())
        log(Level::Error, "the token file stays as it was: " + llvm::toString(std::move(failed)));
      reload_on_hangup();
    });
  }

  void wait_for_sessions(std::chrono::steady_clock::time_point deadline) {
    sessions.remove_if([](const std::weak_ptr<HttpSession>& session) { return session.expired(); });
    if (sessions.empty() || std::chrono::steady_clock::now() >= deadline) return io.stop();
    timer.expires_after(std::chrono::milliseconds(20));
    timer.async_wait([this, deadline](error_code) { wait_for_sessions(deadline); });
  }
};

Listener::Listener(Service service, const HttpLimits& limits) : impl_(std::make_unique<Impl>(service, limits)) {}

Listener::~Listener() = default;

llvm::Expected<std::string> Listener::bind(const std::string& address) {
  auto [host, port_text] = llvm::StringRef(address).rsplit(':');
  uint16_t port = 0;
  if (host.empty() || port_text.getAsInteger(10, port)) return failure("\"" + address + "\" is not ADDRESS:PORT");
  host.consume_front("[");
  host.consume_back("]");
  error_code error;
  asio::ip::address parsed = asio::ip::make_address(host.str(), error);
  if (error) return failure("\"" + host.str() + "\" is not an IP address");
  tcp::endpoint endpoint(parsed, port);
  impl_->acceptor.open(endpoint.protocol(), error);
  if (!error) impl_->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) impl_->acceptor.bind(endpoint, error);
  if (!error) impl_->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failure(address + ": " + error.message());
  return host.str() + ":" + std::to_string(impl_->acceptor.local_endpoint().port());
}

void Listener::run() {
  impl_->signals.async_wait([this](error_code error, int) {
    if (!error) impl_->stop();
  });
  impl_->reload_on_hangup();
  asio::dispatch(impl_->strand, [this] { impl_->accept(); });
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < impl_->context.limits.threads; ++i) threads.emplace_back([this] { impl_->io.run(); });
  impl_->io.run();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace aotc::server
