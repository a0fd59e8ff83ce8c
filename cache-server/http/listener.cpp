// listener.cpp - the accept loop, the threads that run sessions, and the way they end.
#include "listener.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <thread>
#include <vector>

#include "http_session.h"
#include "log.h"
#include "support/error.h"
#include "tenants/tenants.h"
#include "tls.h"

namespace aotc::server {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kGrace = std::chrono::seconds(10);
constexpr auto kTick = std::chrono::milliseconds(100);
constexpr unsigned kPoolThreads = 4;

// What connections are counted by, see connections.h.
std::string place_of(const asio::ip::address& address) {
  if (address.is_v4()) return address.to_string();
  asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
  auto bytes = v6.to_bytes();
  return std::string(bytes.begin(), bytes.begin() + 8);
}

}  // namespace

struct Listener::Impl {
  // One thread and the sessions that live on it.
  struct Loop {
    asio::io_context io{1};
    asio::executor_work_guard<Executor> busy{io.get_executor()};
    asio::steady_timer clock{io};
    std::vector<std::weak_ptr<HttpSession>> sessions;

    void add(std::shared_ptr<HttpSession> session) {
      sessions.push_back(session);
      session->start();
    }

    void tick() {
      clock.expires_after(kTick);
      clock.async_wait([this](error_code error) {
        if (error) return;
        auto now = std::chrono::steady_clock::now();
        for_each([now](HttpSession& session) { session.check_deadline(now); });
        tick();
      });
    }

    template <typename Action>
    void for_each(Action action) {
      std::erase_if(sessions, [&](const std::weak_ptr<HttpSession>& weak) {
        std::shared_ptr<HttpSession> session = weak.lock();
        if (session) action(*session);
        return !session;
      });
    }
  };

  SessionContext context;  // outlives the sessions that end with `loops`
  TlsIdentity& tls;
  std::deque<Loop> loops;
  size_t next = 0;
  // On the first loop:
  tcp::acceptor acceptor;
  asio::signal_set signals, reloads;
  asio::steady_timer timer;

  Impl(Service service, const HttpLimits& limits, TlsIdentity& tls)
      : context{service, limits, {limits.connections, service.counters}, {kPoolThreads}},
        tls(tls),
        loops(limits.threads ? limits.threads : std::max(1u, std::thread::hardware_concurrency())),
        acceptor(loops.front().io),
        signals(loops.front().io, SIGTERM, SIGINT),
        reloads(loops.front().io, SIGHUP),
        timer(loops.front().io) {}

  void accept() {
    Loop& loop = loops[next++ % loops.size()];
    acceptor.async_accept(loop.io, [this, &loop](error_code error, Socket socket) {
      if (context.stopping) return;
      if (!error) welcome(loop, std::move(socket));
      if (!error || error == asio::error::connection_aborted) return accept();
      // Out of descriptors: let some connections end first.
      timer.expires_after(kTick);
      timer.async_wait([this](error_code) {
        if (!context.stopping) accept();
      });
    });
  }

  void welcome(Loop& loop, Socket socket) {
    error_code error;
    socket.set_option(tcp::no_delay(true), error);
    // Who does not even acknowledge is gone, whether we have much to send or little.
    auto patience = static_cast<unsigned>(std::max(1.0, context.limits.body_seconds * 1000));
    setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
    tcp::endpoint peer = socket.remote_endpoint(error);
    if (error) return;
    std::unique_ptr<Connections::Slot> slot = context.connections.take_slot(place_of(peer.address()));
    if (!slot) return;
    auto session = std::make_shared<HttpSession>(context, std::move(socket), std::move(slot), tls.context());
    asio::post(loop.io, [&loop, session = std::move(session)]() mutable { loop.add(std::move(session)); });
  }

  void stop() {
    context.stopping = true;
    error_code ignored;
    acceptor.close(ignored);
    for (Loop& loop : loops)
      asio::post(loop.io, [&loop] { loop.for_each([](HttpSession& session) { session.stop(); }); });
    wait_for_sessions(std::chrono::steady_clock::now() + kGrace);
  }

  void reload_on_hangup() {
    reloads.async_wait([this](error_code error, int) {
      if (error) return;
      if (llvm::Error failed = context.service.tenants.load())
        log(Level::Error, "the token file stays as it was: " + llvm::toString(std::move(failed)));
      if (llvm::Error failed = tls.load())
        log(Level::Error, "the certificate stays as it was: " + llvm::toString(std::move(failed)));
      reload_on_hangup();
    });
  }

  void wait_for_sessions(std::chrono::steady_clock::time_point deadline) {
    if (context.connections.empty() || std::chrono::steady_clock::now() >= deadline) {
      for (Loop& loop : loops) loop.io.stop();
      return;
    }
    timer.expires_after(std::chrono::milliseconds(20));
    timer.async_wait([this, deadline](error_code) { wait_for_sessions(deadline); });
  }
};

Listener::Listener(Service service, const HttpLimits& limits, TlsIdentity& tls)
    : impl_(std::make_unique<Impl>(service, limits, tls)) {}

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
  impl_->accept();
  std::vector<std::thread> threads;
  for (Impl::Loop& loop : impl_->loops) {
    loop.tick();
    threads.emplace_back([&loop] { loop.io.run(); });
  }
  for (std::thread& thread : threads) thread.join();
  impl_->context.pool.join();
}

}  // namespace aotc::server
