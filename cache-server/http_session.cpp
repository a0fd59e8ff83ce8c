// http_session.cpp - the sole user of Beast: parses requests, streams bodies into and out of the store.
#include "http_session.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>

#include <fmt/format.h>

#include "aotc/digest.h"
#include "llvm/ADT/StringExtras.h"
#include "log.h"

namespace aotc::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Parser = http::request_parser<http::buffer_body>;

namespace {

constexpr size_t kHeaderLimit = 16 << 10;
constexpr size_t kReadBuffer = 64 << 10;
constexpr uint64_t kOtherBodyLimit = 64 << 10;  // of requests that are not uploads; thrown away
constexpr auto kToken = asio::as_tuple(asio::use_awaitable);

std::chrono::nanoseconds duration(double seconds) {
  return std::chrono::nanoseconds(static_cast<int64_t>(seconds * 1e9));
}

// What to answer when the parser gave up. Nothing when the connection itself failed, nor after a timeout: Beast has
// closed the socket then.
std::optional<Response> answer_to(const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return problem(431, "the header is larger than 16 KiB");
  if (error == http::error::body_limit) return problem(413, "the body is larger than this server accepts");
  if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
  if (error.category() == make_error_code(http::error::bad_method).category())
    return problem(400, "not a valid request: " + error.message());
  return std::nullopt;
}

// The client's own, if it is one that can stand in a log, so that its logs and ours can be put together.
std::string request_id(const std::string& given) {
  bool good = !given.empty() && given.size() <= 64 && std::all_of(given.begin(), given.end(), [](char c) {
    return llvm::isAlnum(c) || c == '-' || c == '_' || c == '.';
  });
  return good ? given : random_hex(8);
}

}  // namespace

struct HttpSession::Impl {
  SessionContext& context;
  beast::tcp_stream stream;
  beast::flat_buffer buffer{kReadBuffer};
  bool idle = true;
  bool broken = false;  // nothing more can be said on this connection

  Impl(SessionContext& context, asio::ip::tcp::socket socket) : context(context), stream(std::move(socket)) {}

  void expires(double seconds) { stream.expires_after(duration(seconds)); }

  // False when the connection is to be closed.
  asio::awaitable<bool> serve_one() {
    Parser parser;
    parser.header_limit(kHeaderLimit);
    parser.body_limit(context.limits.max_upload);
    expires(context.limits.header_seconds);
    idle = true;
    auto [error, count] = co_await http::async_read_header(stream, buffer, parser, kToken);
    idle = false;
    if (error) {
      std::optional<Response> response = answer_to(error);
      if (response) {
        ++context.service.counters.requests;
        co_await send(*response, 11, false, false);
        co_await linger();
      }
      co_return false;
    }
    ++context.service.counters.requests;
    auto started = std::chrono::steady_clock::now();
    Request request;
    auto& message = parser.get();
    request.method = std::string(message.method_string());
    for (auto& field : message) {
      std::string name = llvm::StringRef(field.name_string().data(), field.name_string().size()).lower();
      std::string& value = request.headers[name];
      value += (value.empty() ? "" : ",") + std::string(field.value());
    }
    request.id = request_id(request.header("x-request-id"));
    bool keep_alive = message.keep_alive();
    bool head = request.method == "HEAD";
    unsigned version = message.version();
    bool has_body = !parser.is_done();

    Response response;
    bool body_read = !has_body;
    if (llvm::Error bad = parse_target(std::string(message.target()), request)) {
      response = problem(400, llvm::toString(std::move(bad)));
    } else if (std::optional<Response> denied = admit(context.service, request)) {
      response = std::move(*denied);
    } else if (is_upload(request)) {
      if (std::optional<Response> refused = check_upload(context.service, request)) {
        response = std::move(*refused);
      } else {
        response = co_await upload(parser, request);
        body_read = parser.is_done();
      }
    } else {
      if (has_body) body_read = co_await discard_body(parser, response);
      if (body_read) response = co_await answer(request);
    }
    if (broken) co_return false;
    response.headers.emplace_back("X-Request-Id", request.id);
    if (response.events && !head) co_return co_await send_events(request, std::move(response), version);
    keep_alive = keep_alive && body_read && !context.stopping;
    bool sent = co_await send(response, version, head, keep_alive);
    log_request(request, response, started, sent);
    if (sent && !body_read) co_await linger();
    co_return sent&& keep_alive;
  }

  void log_request(const Request& request, const Response& response, std::chrono::steady_clock::time_point started,
                   bool sent) {
    if (!context.limits.log_requests && response.failure.empty()) return;
    nlohmann::ordered_json fields = {
        {"request", request.id},
        {"method", request.method},
        {"path", request.path},
        {"status", response.status},
        {"tenant", request.caller.tenant},
        {"seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count()}};
    if (!sent) fields["cut_off"] = true;
    if (!response.failure.empty()) fields["error"] = response.failure;
    log(response.failure.empty() ? Level::Info : Level::Error, "request", fields);
  }

  // A route that waits for something is asked again until it has happened.
  asio::awaitable<Response> answer(const Request& request) {
    Response response = route(context.service, request);
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(response.wait_seconds);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (!response.events && response.wait_seconds > 0 && std::chrono::steady_clock::now() < deadline &&
           !context.stopping) {
      timer.expires_after(std::chrono::milliseconds(20));
      co_await timer.async_wait(kToken);
      response = route(context.service, request);
    }
    co_return response;
  }

  // Server-sent events, one chunk each. Ends with the connection, which the client sees as the end of the stream.
  asio::awaitable<bool> send_events(const Request& request, Response response, unsigned version) {
    http::response<http::empty_body> message(http::status::ok, version);
    message.set(http::field::server, "aotc-server");
    message.set(http::field::content_type, "text/event-stream");
    message.set("X-Request-Id", request.id);
    message.set(http::field::cache_control, "no-store");
    message.keep_alive(false);
    http::response_serializer<http::empty_body> serializer(message);
    expires(context.limits.body_seconds);
    auto [error, written] = co_await http::async_write_header(stream, serializer, kToken);
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(response.wait_seconds);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    std::string sent;
    unsigned quiet = 0;
    while (!error) {
      bool last = response.wait_seconds == 0 || context.stopping || std::chrono::steady_clock::now() >= deadline;
      if (response.body != sent || response.wait_seconds == 0) {
        sent = response.body;
        std::string event = fmt::format("event: {}\ndata: {}\n", response.wait_seconds ? "progress" : "end", sent);
        expires(context.limits.body_seconds);
        auto [failed, count] = co_await asio::async_write(stream, asio::buffer(event), kToken);
        error = failed;
        quiet = 0;
      } else if (++quiet == 100) {  // so that nobody takes a long function for a dead connection
        static constexpr std::string_view kComment = ": still here\n\n";
        expires(context.limits.body_seconds);
        auto [failed, count] = co_await asio::async_write(stream, asio::buffer(kComment), kToken);
        error = failed;
        quiet = 0;
      }
      if (last) break;
      timer.expires_after(std::chrono::milliseconds(100));
      co_await timer.async_wait(kToken);
      response = route(context.service, request);
    }
    co_return false;
  }

  asio::awaitable<void> invite_body(Parser& parser) {
    auto expect = parser.get().find(http::field::expect);
    if (expect == parser.get().end() || !beast::iequals(expect->value(), "100-continue") || buffer.size() > 0)
      co_return;
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await asio::async_write(stream, asio::buffer(kContinue), kToken);
  }

  // Reads the next part of the body into `bytes`; the number of bytes, 0 at the end or with `error` set.
  asio::awaitable<size_t> read_body(Parser& parser, std::string& bytes, error_code& error) {
    expires(context.limits.body_seconds);
    parser.get().body().data = bytes.data();
    parser.get().body().size = bytes.size();
    auto [code, count] = co_await http::async_read(stream, buffer, parser, kToken);
    error = code == http::error::need_buffer ? error_code() : code;
    co_return bytes.size() - parser.get().body().size;
  }

  asio::awaitable<Response> upload(Parser& parser, const Request& request) {
    expires(context.limits.body_seconds);
    co_await invite_body(parser);
    Store::BlobWriter writer(context.service.store);
    std::string bytes(kChunkSize, '\0');
    uint64_t total = 0;
    while (!parser.is_done()) {
      error_code error;
      size_t count = co_await read_body(parser, bytes, error);
      if (error) {
        std::optional<Response> response = answer_to(error);
        broken = !response;
        co_return response ? std::move(*response) : Response();
      }
      total += count;
      if (llvm::Error failed = writer.append(as_bytes({bytes.data(), count})))
        co_return internal_problem(std::move(failed));
    }
    if (total == 0) co_return problem(400, "the body is empty; it has to be a WebAssembly module");
    llvm::Expected<BlobInfo> blob = writer.finish();
    if (!blob) co_return internal_problem(blob.takeError());
    ++context.service.counters.uploads;
    context.service.counters.upload_bytes += blob->size;
    co_return accept_upload(context.service, request, *blob);
  }

  // True when the whole body was read.
  asio::awaitable<bool> discard_body(Parser& parser, Response& response) {
    if (parser.content_length() && *parser.content_length() > kOtherBodyLimit) {
      response = problem(413, "the body is larger than this server accepts");
      co_return false;
    }
    expires(context.limits.body_seconds);
    co_await invite_body(parser);
    std::string bytes(16 << 10, '\0');
    uint64_t total = 0;
    while (!parser.is_done()) {
      error_code error;
      total += co_await read_body(parser, bytes, error);
      if (!error && total <= kOtherBodyLimit) continue;
      std::optional<Response> refused =
          error ? answer_to(error) : problem(413, "the body is larger than this server accepts");
      broken = !refused;
      if (refused) response = std::move(*refused);
      co_return false;
    }
    co_return true;
  }

  struct Part {  // of a chunk
    Chunk chunk;
    size_t begin = 0, size = 0;
  };

  // Header and body; false when the connection failed. The first chunk of a blob is read before the header is sent, so
  // that damage is an answer; damage found later can only cut the connection.
  asio::awaitable<bool> send(Response& response, unsigned version, bool head, bool keep_alive) {
    uint64_t left = response.blob ? response.blob->length : 0;
    uint64_t position = response.blob ? response.blob->offset : 0;
    bool streamed = response.blob && left > 0 && !head;
    Part chunk;
    if (streamed && !next_chunk(*response.blob, position, left, chunk)) {
      response = problem(500, "the blob is damaged");
      streamed = false;
    }
    if (response.status >= 500)
      ++context.service.counters.server_errors;
    else if (response.status >= 400)
      ++context.service.counters.client_errors;

    http::response<http::buffer_body> message(http::int_to_status(response.status), version);
    if (message.reason().empty() || response.status >= 400) message.reason(reason_of(response.status));
    for (const auto& [name, value] : response.headers) message.insert(name, value);
    message.set(http::field::server, "aotc-server");
    message.keep_alive(keep_alive);
    if (response.status != 304) message.content_length(response.blob ? response.blob->length : response.body.size());
    message.body().more = false;
    message.body().data = nullptr;
    message.body().size = 0;
    if (!head && !streamed && !response.body.empty()) {
      message.body().data = response.body.data();
      message.body().size = response.body.size();
    } else if (streamed) {
      message.body().data = const_cast<char*>(chunk.chunk->data() + chunk.begin);
      message.body().size = chunk.size;
      message.body().more = left > 0;
    }
    http::response_serializer<http::buffer_body> serializer(message);
    expires(context.limits.body_seconds);
    if (head || response.status == 304) {
      auto [error, count] = co_await http::async_write_header(stream, serializer, kToken);
      co_return !error;
    }
    for (;;) {
      auto [error, count] = co_await http::async_write(stream, serializer, kToken);
      if (error && error != http::error::need_buffer) co_return false;
      if (streamed) context.service.counters.download_bytes += chunk.size;
      if (serializer.is_done()) co_return true;
      if (!next_chunk(*response.blob, position, left, chunk)) co_return false;
      message.body().data = const_cast<char*>(chunk.chunk->data() + chunk.begin);
      message.body().size = chunk.size;
      message.body().more = left > 0;
      expires(context.limits.body_seconds);
    }
  }

  static std::string reason_of(unsigned status) {
    return status >= 400 ? reason(status) : std::string(http::obsolete_reason(http::int_to_status(status)));
  }

  bool next_chunk(const BlobRange& range, uint64_t& position, uint64_t& left, Part& chunk) {
    llvm::Expected<Chunk> read =
        context.service.store.read_chunk(range.blob, static_cast<uint32_t>(position / kChunkSize));
    if (!read) {
      log(Level::Error, llvm::toString(read.takeError()));
      return false;
    }
    size_t begin = position % kChunkSize, size = std::min<uint64_t>((*read)->size() - begin, left);
    chunk = {std::move(*read), begin, size};
    position += size;
    left -= size;
    return size > 0;
  }

  // Closing with unread input would reset the connection and could take the answer with it: read a little of what is
  // still coming first.
  asio::awaitable<void> linger() {
    error_code ignored;
    stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    std::string bytes(16 << 10, '\0');
    expires(2);
    for (size_t total = 0; total < (4u << 20);) {
      auto [error, count] = co_await stream.async_read_some(asio::buffer(bytes), kToken);
      if (error) break;
      total += count;
    }
  }

  asio::awaitable<void> run() {
    while (!context.stopping && co_await serve_one()) {
    }
    error_code ignored;
    stream.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    stream.close();
  }
};

HttpSession::HttpSession(SessionContext& context, asio::ip::tcp::socket socket)
    : impl_(std::make_unique<Impl>(context, std::move(socket))) {
  ++context.service.counters.connections;
}

HttpSession::~HttpSession() { --impl_->context.service.counters.connections; }

void HttpSession::start() {
  asio::co_spawn(
      impl_->stream.get_executor(),
      [self = shared_from_this()]() -> asio::awaitable<void> { co_await self->impl_->run(); }, asio::detached);
}

void HttpSession::stop_if_idle() {
  asio::post(impl_->stream.get_executor(), [self = shared_from_this()] {
    if (self->impl_->idle) self->impl_->stream.cancel();
  });
}

}  // namespace aotc::server
