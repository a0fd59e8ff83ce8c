// http_session.cpp - the server's sole user of Beast: parses requests, streams bodies into and out of the store.
//
// co_await stands in statements of its own: in conditions of templates GCC 12 compiles it wrongly (the loop of serve()
// then never waited).
#include "http_session.h"

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <type_traits>

#include <fmt/format.h>

#include "client_timer.h"
#include "llvm/ADT/StringExtras.h"
#include "log.h"
#include "registry/digest.h"
#include "response_head.h"
#include "router.h"
#include "store/store.h"
#include "support/unique_fd.h"

namespace aotc::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Parser = http::request_parser<http::buffer_body>;
using Clock = std::chrono::steady_clock;
template <typename T>
using Task = asio::awaitable<T, Executor>;
using Tls = asio::ssl::stream<Socket&>;
using Alarm = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

namespace {

constexpr size_t kHeaderLimit = 16 << 10;
constexpr size_t kReadBuffer = 64 << 10;
constexpr size_t kBodyPart = 64 << 10;
constexpr uint64_t kOtherBodyLimit = 64 << 10;  // of requests that are not uploads
constexpr size_t kIdleBuffer = 4 << 10;
constexpr uint64_t kSmallAnswer = 16 << 10;  // which no budget counts
constexpr double kClosingSeconds = 2;
constexpr std::chrono::milliseconds kBetweenProgress(250);  // events
constexpr std::chrono::seconds kSignOfLife(10);  // so that nobody takes a long function for a dead connection
constexpr auto kToken = asio::as_tuple(asio::use_awaitable_t<Executor>());

// What to answer when the parser gave up. Nothing when the connection itself failed, nor after a timeout: the socket
// is closed then.
std::optional<Response> answer_to(const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return problem(431, "the header is larger than 16 KiB");
  if (error == http::error::body_limit) return problem(413, "the body is larger than this server accepts");
  if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
  if (error.category() == make_error_code(http::error::bad_method).category())
    return problem(400, "not a valid request: " + error.message());
  return std::nullopt;
}

bool can_stand_in_log(const std::string& id) {
  return !id.empty() && id.size() <= 64 &&
         std::all_of(id.begin(), id.end(), [](char c) { return llvm::isAlnum(c) || c == '-' || c == '_' || c == '.'; });
}

// What a transfer has in memory.
struct Memory {
  Memory(Connections::Slot& slot, uint64_t bytes) : slot(slot), granted(slot.hold(bytes)) {}
  ~Memory() {
    if (granted) slot.hold(0);
  }
  Connections::Slot& slot;
  const bool granted;
};

Response no_memory() {
  Response response = problem(503, "too much is being received and sent");
  response.headers.emplace_back("Retry-After", "5");
  return response;
}

}  // namespace

struct HttpSession::Impl {
  SessionContext& context;
  Socket socket;
  std::unique_ptr<Connections::Slot> slot;
  std::shared_ptr<asio::ssl::context> tls_context;
  beast::flat_buffer buffer{kReadBuffer};
  ClientTimer timer;
  const Parser* header = nullptr;  // that is being read
  std::shared_ptr<Alarm> alarm;    // while it waits for something that the client asked about
  const std::string id = random_hex(5);
  uint32_t requests = 0;
  bool idle = true;
  bool broken = false;  // nothing more can be said on this connection

  Impl(SessionContext& context, Socket socket, std::unique_ptr<Connections::Slot> slot,
       std::shared_ptr<asio::ssl::context> tls)
      : context(context),
        socket(std::move(socket)),
        slot(std::move(slot)),
        tls_context(std::move(tls)),
        timer(*this->slot, context.limits) {}

  void end(Closed reason) {
    slot->ends_because(reason);
    close();
  }

  void check(Clock::time_point now) {
    if (!timer.waits()) return;
    if (Closed reason = slot->has_to_leave(); reason != Closed::Done)
      end(reason);
    else if (timer.is_over(now))
      end(timer.late() == Closed::SlowHeader && nothing_came() ? Closed::Idle : timer.late());
  }

  bool nothing_came() const { return header && buffer.size() == 0 && !header->got_some(); }

  // Whether the client has nothing more to say: it has closed its side, at least.
  bool has_left() {
    pollfd state{socket.native_handle(), POLLRDHUP, 0};
    return poll(&state, 1, 0) > 0;
  }

  void close() {
    error_code ignored;
    socket.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    socket.close(ignored);
  }

  // What may block, on a thread of the pool.
  template <typename Work>
  Task<std::invoke_result_t<Work>> in_pool(Work work) {
    std::optional<std::invoke_result_t<Work>> result;
    co_await asio::async_initiate<decltype(kToken), void()>(
        [&](auto handler) {
          asio::post(context.pool, [&result, &work, handler = std::move(handler)]() mutable {
            result.emplace(work());
            asio::post(std::move(handler));  // goes back to the session's thread
          });
        },
        kToken);
    co_return std::move(*result);
  }

  // Until there is such news, the client has left, the server stops, or then.
  Task<void> wait_for(const Response& response, JobNews least, Clock::time_point end) {
    if (context.stopping) co_return;
    alarm = std::make_shared<Alarm>(socket.get_executor(), end);
    auto wake = [alarm = alarm] { asio::post(alarm->get_executor(), [alarm] { alarm->cancel(); }); };
    JobWatch watch = response.watch(least, wake);
    // The socket itself can be read as soon as there is another request.
    UniqueFd departure(epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{EPOLLRDHUP, {}};
    asio::posix::basic_stream_descriptor<Executor> descriptor(socket.get_executor());
    error_code error;
    if (epoll_ctl(departure.get(), EPOLL_CTL_ADD, socket.native_handle(), &event) == 0)
      descriptor.assign(departure.get(), error);
    if (descriptor.is_open()) {
      departure.release();
      descriptor.async_wait(descriptor.wait_read, [alarm = alarm](error_code) { alarm->cancel(); });
    }
    co_await alarm->async_wait(kToken);
    alarm.reset();
  }

  template <typename Stream, typename Buffers>
  Task<error_code> write(Stream& stream, const Buffers& buffers) {
    timer.go_on_with_transfer(Closed::SlowResponse);
    size_t written = 0;
    auto progress = [&](const error_code& error, size_t total) -> size_t {
      if (total > written) timer.moved(total - written);
      written = total;
      return error ? 0 : kChunkSize * 2;
    };
    auto [error, count] = co_await asio::async_write(stream, buffers, progress, kToken);
    timer.work_for_client();
    if (error) slot->ends_because(Closed::Aborted);
    co_return error;
  }

  Task<void> run() {
    if (!tls_context) {
      co_await serve(socket);
    } else {
      Tls tls(socket, *tls_context);
      bool ready = co_await shake_hands(tls);
      if (ready) {
        co_await serve(tls);
        timer.wait_from_now(Closed::Done, kClosingSeconds);
        co_await tls.async_shutdown(kToken);
      }
    }
    close();
  }

  // Who speaks HTTP to this port hears so in HTTP.
  Task<bool> shake_hands(Tls& tls) {
    timer.wait_from_now(Closed::Idle, context.limits.header_seconds);
    auto [cut, read] = co_await socket.async_read_some(buffer.prepare(kReadBuffer), kToken);
    if (cut) co_return false;
    buffer.commit(read);
    timer.set_late(Closed::SlowHeader);
    constexpr char kHandshakeRecord = 0x16;
    if (*static_cast<const char*>(buffer.data().data()) != kHandshakeRecord) {
      co_await refuse(socket, problem(400, "this port speaks TLS: use https://"));
      co_return false;
    }
    auto [error, used] = co_await tls.async_handshake(asio::ssl::stream_base::server, buffer.data(), kToken);
    buffer.consume(used);
    timer.work_for_client();
    if (error) slot->ends_because(Closed::Aborted);
    co_return !error;
  }

  // The client's own, so that its logs and ours can be put together. Ours say nothing about the requests of others.
  std::string request_id(const std::string& given) {
    return can_stand_in_log(given) ? given : fmt::format("{}{:06x}", id, ++requests);
  }

  template <typename Stream>
  Task<void> serve(Stream& stream) {
    bool more = true;
    while (more && !context.stopping) more = co_await serve_one(stream);
  }

  // An answer that ends the connection, to what is no request.
  template <typename Stream>
  Task<void> refuse(Stream& stream, Response response) {
    ++context.service.counters.requests;
    co_await send(stream, response, {});
    co_await linger(stream);
  }

  // False when the connection is to be closed.
  template <typename Stream>
  Task<bool> serve_one(Stream& stream) {
    Parser parser;
    parser.header_limit(kHeaderLimit);
    parser.body_limit(context.limits.max_upload);
    if (buffer.size() == 0 && buffer.capacity() > kIdleBuffer) buffer.shrink_to_fit();
    timer.wait_from_now(Closed::SlowHeader, context.limits.header_seconds);
    idle = true;
    header = &parser;
    auto [error, count] = co_await http::async_read_header(stream, buffer, parser, kToken);
    bool nothing = nothing_came();
    header = nullptr;
    idle = false;
    timer.work_for_client();
    if (error) {
      if (!nothing) slot->ends_because(Closed::Aborted);
      if (std::optional<Response> response = answer_to(error)) {
        co_await refuse(stream, std::move(*response));
      }
      co_return false;
    }
    ++context.service.counters.requests;
    auto started = Clock::now();
    Request request;
    auto& message = parser.get();
    request.method = std::string(message.method_string());
    for (auto& field : message) {
      std::string name = llvm::StringRef(field.name_string().data(), field.name_string().size()).lower();
      std::string& value = request.headers[name];
      value += (value.empty() ? "" : ",") + std::string(field.value());
    }
    if (message.version() < 11) request.headers.erase("accept-encoding");  // such a body has no length
    request.id = request_id(request.header("x-request-id"));
    ResponseForm form{message.version(), request.method == "HEAD", message.keep_alive()};

    Response response;
    if (llvm::Error bad = parse_target(std::string(message.target()), request)) {
      response = problem(400, llvm::toString(std::move(bad)));
    } else if (std::optional<Response> denied = admit(context.service, request)) {
      response = std::move(*denied);
    } else if (!slot->take_tenant(request.caller.tenant)) {
      response = problem(429, "too many of your connections are open");
      form.keep_alive = false;
      slot->ends_because(Closed::Tenant);
    } else if (is_upload(request)) {
      uint64_t length = parser.content_length().value_or(0);
      auto begun = co_await in_pool([&] { return start_upload(context.service, request, length); });
      if (auto* refused = std::get_if<Response>(&begun))
        response = std::move(*refused);
      else
        response = co_await receive(stream, parser, *std::get<std::unique_ptr<Intake>>(begun));
    } else {
      std::optional<Response> refused = co_await read_small_body(stream, parser, request);
      if (refused)
        response = std::move(*refused);
      else if (!broken)
        response = co_await answer(request);
    }
    if (broken) co_return false;
    response.headers.emplace_back("X-Request-Id", request.id);
    if (response.events && !form.head) {
      co_await send_events(stream, request, std::move(response), form);
      co_return false;
    }
    form.keep_alive = form.keep_alive && parser.is_done() && !context.stopping;
    bool sent = co_await send(stream, response, form);
    log_request(request, response, started, sent);
    if (sent && !parser.is_done()) co_await linger(stream);
    co_return sent&& form.keep_alive;
  }

  void log_request(const Request& request, const Response& response, Clock::time_point started, bool sent) {
    if (!context.limits.log_requests && response.failure.empty()) return;
    nlohmann::ordered_json fields = {{"request", request.id},
                                     {"method", request.method},
                                     {"path", request.path},
                                     {"status", response.status},
                                     {"tenant", request.caller.tenant},
                                     {"seconds", std::chrono::duration<double>(Clock::now() - started).count()}};
    if (!sent) fields["cut_off"] = true;
    if (!response.failure.empty()) fields["error"] = response.failure;
    log(response.failure.empty() ? Level::Info : Level::Error, "request", fields);
  }

  Task<Response> ask(const Request& request) {
    if (is_quick(request)) co_return route(context.service, request);
    Response response = co_await in_pool([&] { return route(context.service, request); });
    co_return response;
  }

  // A route that waits for something is asked again when it has happened.
  Task<Response> answer(const Request& request) {
    Response response = co_await ask(request);
    auto end = Clock::now() + std::chrono::seconds(response.wait_seconds);
    while (!response.events && response.watch && Clock::now() < end && !context.stopping && !has_left()) {
      co_await wait_for(response, JobNews::End, end);
      response = co_await ask(request);
    }
    co_return response;
  }

  // Server-sent events: steps at once, progress some times a second. Ends with the connection, which the client sees as
  // the end of the stream.
  template <typename Stream>
  Task<void> send_events(Stream& stream, const Request& request, Response response, ResponseForm form) {
    form.keep_alive = false;
    Response start;
    start.headers = {
        {"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}, {"X-Request-Id", request.id}};
    timer.begin_transfer();
    error_code error = co_await write(stream, asio::buffer(head_of(start, form, std::nullopt)));
    auto end = Clock::now() + std::chrono::seconds(response.wait_seconds);
    std::string sent;
    auto spoken = Clock::now();
    while (!error) {
      bool last = !response.watch || context.stopping || Clock::now() >= end || has_left();
      std::string text;
      if (response.body != sent || !response.watch) {
        sent = response.body;
        text = fmt::format("event: {}\ndata: {}\n", response.watch ? "progress" : "end", sent);
      } else if (Clock::now() - spoken >= kSignOfLife) {
        text = ": still here\n\n";
      }
      if (!text.empty()) {
        timer.begin_transfer();
        error = co_await write(stream, asio::buffer(text));
        spoken = Clock::now();
      }
      if (last || error) break;
      co_await wait_for(response, JobNews::Step, std::min(end, Clock::now() + kBetweenProgress));
      co_await wait_for(response, JobNews::Progress, std::min(end, spoken + kSignOfLife));
      response = co_await ask(request);
    }
  }

  template <typename Stream>
  Task<void> invite_body(Stream& stream, Parser& parser) {
    auto expect = parser.get().find(http::field::expect);
    if (expect == parser.get().end() || !beast::iequals(expect->value(), "100-continue") || buffer.size() > 0)
      co_return;
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await write(stream, asio::buffer(kContinue));
  }

  // Reads the next part of the body into `bytes`; the number of bytes, 0 at the end or with `error` set.
  template <typename Stream>
  Task<size_t> read_body(Stream& stream, Parser& parser, std::string& bytes, error_code& error) {
    auto& body = parser.get().body();
    body.data = bytes.data();
    body.size = bytes.size();
    timer.go_on_with_transfer(Closed::SlowBody);
    while (!error && body.size > 0 && !parser.is_done()) {
      size_t before = body.size;
      auto [code, count] = co_await http::async_read_some(stream, buffer, parser, kToken);
      if (code != http::error::need_buffer) error = code;
      if (body.size < before) timer.moved(before - body.size);
    }
    timer.work_for_client();
    co_return bytes.size() - body.size;
  }

  // After a failure to read: what to answer, or nothing when the connection is broken.
  std::optional<Response> cut_off(const error_code& error) {
    std::optional<Response> response = answer_to(error);
    broken = !response;
    if (broken) slot->ends_because(Closed::Aborted);
    return response;
  }

  template <typename Stream>
  Task<Response> receive(Stream& stream, Parser& parser, Intake& intake) {
    Memory memory(*slot, kReadBuffer + kBodyPart + intake.memory());
    if (!memory.granted) co_return no_memory();
    timer.begin_transfer();
    co_await invite_body(stream, parser);
    std::string bytes(kBodyPart, '\0');
    while (!parser.is_done()) {
      error_code error;
      size_t count = co_await read_body(stream, parser, bytes, error);
      if (error) co_return cut_off(error).value_or(Response());
      std::optional<Response> refused = co_await in_pool([&] { return intake.append({bytes.data(), count}); });
      if (refused) co_return std::move(*refused);
    }
    Response response = co_await in_pool([&] { return intake.finish(); });
    co_return response;
  }

  // Of a request that is not an upload, whether it has a body or not. An answer when there is something wrong with it.
  template <typename Stream>
  Task<std::optional<Response>> read_small_body(Stream& stream, Parser& parser, Request& request) {
    const char* too_large = "the body is larger than this server accepts";
    if (parser.is_done()) co_return std::nullopt;
    if (parser.content_length() && *parser.content_length() > kOtherBodyLimit) co_return problem(413, too_large);
    Memory memory(*slot, kOtherBodyLimit);
    if (!memory.granted) co_return no_memory();
    timer.begin_transfer();
    co_await invite_body(stream, parser);
    std::string bytes(16 << 10, '\0');
    while (!parser.is_done()) {
      error_code error;
      size_t count = co_await read_body(stream, parser, bytes, error);
      if (error) co_return cut_off(error);
      request.body.append(bytes, 0, count);
      if (request.body.size() > kOtherBodyLimit) co_return problem(413, too_large);
    }
    co_return std::nullopt;
  }

  struct Part {  // of a chunk
    Chunk chunk;
    size_t begin = 0, size = 0;

    std::string_view bytes() const { return chunk ? std::string_view(*chunk).substr(begin, size) : std::string_view(); }
  };

  // Header and body; false when the connection failed. The first chunk of a blob is read before the header is sent, so
  // that damage is an answer; damage found later can only cut the connection.
  template <typename Stream>
  Task<bool> send(Stream& stream, Response& response, ResponseForm form) {
    bool blob = response.blob && !form.head;
    uint64_t size = blob ? std::min<uint64_t>(response.blob->length, kChunkSize) : response.body.size();
    Memory memory(*slot, size > kSmallAnswer ? size : 0);
    if (!memory.granted) response = no_memory();
    uint64_t left = response.blob && !form.head ? response.blob->length : 0;
    uint64_t position = response.blob ? response.blob->offset : 0;
    Part part;
    bool ready = left == 0;
    if (!ready) ready = co_await next_part(*response.blob, position, left, part);
    if (!ready) {
      response = problem(500, "the blob is damaged");
      left = 0;
    }
    if (response.status >= 500)
      ++context.service.counters.server_errors;
    else if (response.status >= 400)
      ++context.service.counters.client_errors;

    bool empty = response.status == 204 || response.status == 304;
    bool chunked = response.blob && response.blob->zstd;
    std::optional<uint64_t> length = response.blob ? response.blob->length : response.body.size();
    if (empty || chunked) length.reset();
    if (chunked) response.headers.emplace_back("Transfer-Encoding", "chunked");
    std::string head = head_of(response, form, length);
    std::string_view body = response.blob ? part.bytes() : response.body;
    if (empty || form.head) body = {};
    timer.begin_transfer();
    for (;;) {
      if (chunked && !body.empty()) head += fmt::format("{:x}\r\n", body.size());
      std::string_view end = chunked && !body.empty() ? (left == 0 ? "\r\n0\r\n\r\n" : "\r\n") : "";
      error_code error = co_await write(
          stream, std::array<asio::const_buffer, 3>{asio::buffer(head), asio::buffer(body), asio::buffer(end)});
      if (error) co_return false;
      if (response.blob) context.service.counters.download_bytes += body.size();
      if (left == 0) co_return true;
      bool more = co_await next_part(*response.blob, position, left, part);
      if (!more) co_return false;
      head.clear();
      body = part.bytes();
    }
  }

  // Compressing takes time, so it is done in the pool.
  Task<bool> next_part(const BlobRange& range, uint64_t& position, uint64_t& left, Part& part) {
    Store& store = context.service.store;
    auto index = static_cast<uint32_t>(position / kChunkSize);
    size_t begin = position % kChunkSize, size = std::min<uint64_t>(kChunkSize - begin, left);
    std::optional<llvm::Expected<Chunk>> read;
    if (range.zstd) {
      llvm::Expected<Chunk> frame = co_await in_pool([&] { return store.read_frame(range.blob, index); });
      read.emplace(std::move(frame));
    } else {
      read.emplace(store.read_chunk(range.blob, index));
    }
    if (!*read) {
      log(Level::Error, llvm::toString(read->takeError()));
      co_return false;
    }
    part = range.zstd ? Part{**read, 0, (**read)->size()} : Part{**read, begin, size};
    position += size;
    left -= size;
    co_return true;
  }

  // Closing with unread input would reset the connection and could take the answer with it: read a little of what is
  // still coming first.
  template <typename Stream>
  Task<void> linger(Stream& stream) {
    error_code ignored;
    if constexpr (std::is_same_v<Stream, Socket>) socket.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    std::string bytes(16 << 10, '\0');
    timer.wait_from_now(Closed::Done, kClosingSeconds);
    for (size_t total = 0; total < (4u << 20);) {
      auto [error, count] = co_await stream.async_read_some(asio::buffer(bytes), kToken);
      if (error) break;
      total += count;
    }
  }
};

HttpSession::HttpSession(SessionContext& context, Socket socket, std::unique_ptr<Connections::Slot> slot,
                         std::shared_ptr<asio::ssl::context> tls)
    : impl_(std::make_unique<Impl>(context, std::move(socket), std::move(slot), std::move(tls))) {}

HttpSession::~HttpSession() = default;

void HttpSession::start() {
  asio::co_spawn(
      impl_->socket.get_executor(), [self = shared_from_this()]() -> Task<void> { co_await self->impl_->run(); },
      asio::detached);
}

void HttpSession::check_deadline(Clock::time_point now) { impl_->check(now); }

void HttpSession::stop() {
  if (impl_->idle) impl_->close();
  if (impl_->alarm) impl_->alarm->cancel();
}

}  // namespace aotc::server
