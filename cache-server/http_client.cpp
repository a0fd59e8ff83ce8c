// http_client.cpp - a coroutine per request, run to its end by the caller's thread.
#include "aotc/http_client.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <optional>

#include "aotc/zstd_frames.h"

namespace aotc {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr size_t kPart = 256 << 10;

struct Exchange {
  const HttpRequest& request;
  const HttpOptions& options;
  HttpResponse& response;
  std::string& error;
  bool done = false;
  std::optional<ZstdDecoder> decoder = std::nullopt;

  asio::awaitable<void> run() {
    auto executor = co_await asio::this_coro::executor;
    asio::ip::tcp::resolver resolver(executor);
    auto [failed, addresses] = co_await resolver.async_resolve(request.url.host, request.url.port, kToken);
    if (failed) co_return fail(failed);
    if (!request.url.tls) {
      beast::tcp_stream stream(executor);
      expires(stream);
      auto [refused, address] = co_await stream.async_connect(addresses, kToken);
      if (refused) co_return fail(refused);
      co_await exchange(stream, stream);
      co_return;
    }
    asio::ssl::context context(asio::ssl::context::tls_client);
    error_code code;
    context.set_default_verify_paths(code);
    context.set_verify_mode(asio::ssl::verify_peer, code);
    beast::ssl_stream<beast::tcp_stream> stream(executor, context);
    stream.set_verify_callback(asio::ssl::host_name_verification(request.url.host), code);
    SSL_set_tlsext_host_name(stream.native_handle(), request.url.host.c_str());
    expires(stream.next_layer());
    auto [refused, address] = co_await stream.next_layer().async_connect(addresses, kToken);
    if (refused) co_return fail(refused);
    auto [untrusted] = co_await stream.async_handshake(asio::ssl::stream_base::client, kToken);
    if (untrusted) co_return fail(untrusted);
    co_await exchange(stream, stream.next_layer());
  }

  template <typename Stream>
  asio::awaitable<void> exchange(Stream& stream, beast::tcp_stream& transport) {
    http::request<http::string_body> message(http::string_to_verb(request.method), request.url.target, 11);
    message.set(http::field::host, request.url.authority());
    message.set(http::field::user_agent, "aotc");
    for (const auto& [name, value] : request.headers) message.set(name, value);
    if (options.zstd) message.set(http::field::accept_encoding, "zstd");
    message.keep_alive(false);
    message.body() = request.body;
    message.prepare_payload();
    http::request_serializer<http::string_body> serializer(message);
    error_code unsent;
    while (!serializer.is_done() && !unsent) {
      expires(transport);
      auto [failed, count] = co_await http::async_write_some(stream, serializer, kToken);
      unsent = failed;  // the server may have answered and closed before it had read everything
    }
    beast::flat_buffer buffer;
    http::response_parser<http::buffer_body> parser;
    parser.skip(request.method == "HEAD");
    parser.body_limit(boost::none);
    expires(transport);
    auto [failed, count] = co_await http::async_read_header(stream, buffer, parser, kToken);
    if (failed) co_return fail(unsent ? unsent : failed);
    response.status = parser.get().result_int();
    for (const auto& field : parser.get()) {
      std::string name(field.name_string());
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      response.headers[name] = std::string(field.value());
    }
    if (response.header("content-encoding") == "zstd") decoder.emplace();
    std::string part(kPart, '\0');
    while (!parser.is_done()) {
      parser.get().body().data = part.data();
      parser.get().body().size = part.size();
      expires(transport);
      auto [cut, read] = co_await http::async_read_some(stream, buffer, parser, kToken);
      size_t size = part.size() - parser.get().body().size;
      if (!decode(part.data(), size)) co_return;
      if (cut && cut != http::error::need_buffer) co_return fail(cut);
    }
    done = !decoder || decoder->is_complete();
    if (!done) error = request.url.authority() + ": the answer is not complete";
  }

  bool decode(const char* data, size_t size) {
    if (!decoder) return take(data, size);
    return decoder->decode({data, size}, [this](const char* part, size_t count) { return take(part, count); }, error);
  }

  bool take(const char* data, size_t size) {
    if (options.sink && response.status / 100 == 2) {
      if (options.sink(data, size)) return true;
      error = "ended by the receiver";
      return false;
    }
    if (response.body.size() + size > options.max_body) {
      error = request.url.authority() + ": the answer is larger than " + std::to_string(options.max_body) + " bytes";
      return false;
    }
    response.body.append(data, size);
    return true;
  }

  void expires(beast::tcp_stream& transport) {
    transport.expires_after(std::chrono::milliseconds(static_cast<int64_t>(options.seconds * 1000)));
  }

  void fail(const error_code& code) { error = request.url.authority() + ": " + code.message(); }
};

}  // namespace

std::string HttpUrl::authority() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
}

std::string HttpResponse::header(const std::string& name) const {
  auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::optional<HttpUrl> parse_url(const std::string& text, std::string& error) {
  HttpUrl url;
  size_t begin = 0;
  if (text.rfind("https://", 0) == 0)
    url.tls = true, begin = 8;
  else if (text.rfind("http://", 0) == 0)
    begin = 7;
  size_t end = std::min(text.find('/', begin), text.size());
  std::string authority = text.substr(begin, end - begin);
  if (end < text.size()) url.target = text.substr(end);
  size_t colon = authority.rfind(':');
  if (colon != std::string::npos && authority.find(']', colon) == std::string::npos) {
    url.port = authority.substr(colon + 1);
    authority.resize(colon);
  } else {
    url.port = url.tls ? "443" : "80";
  }
  if (authority.size() > 2 && authority.front() == '[' && authority.back() == ']')
    authority = authority.substr(1, authority.size() - 2);
  url.host = authority;
  auto digit = [](unsigned char c) { return c >= '0' && c <= '9'; };
  auto plain = [](unsigned char c) { return c > 0x20 && c < 0x7f; };
  bool good = begin != 0 && !url.host.empty() && url.host.find('@') == std::string::npos && !url.port.empty() &&
              url.port.size() <= 5 && std::all_of(url.port.begin(), url.port.end(), digit) &&
              std::all_of(text.begin(), text.end(), plain);
  if (good) return url;
  error = "\"" + text + "\" is not a URL like https://host:port/path";
  return std::nullopt;
}

std::string percent_encoded(const std::string& text) {
  std::string encoded;
  for (unsigned char c : text) {
    if (std::isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == '/' || c == ':') {
      encoded += static_cast<char>(c);
    } else {
      encoded += '%';
      encoded += "0123456789ABCDEF"[c >> 4];
      encoded += "0123456789ABCDEF"[c & 15];
    }
  }
  return encoded;
}

bool send_request(const HttpRequest& request, const HttpOptions& options, HttpResponse& response, std::string& error) {
  asio::io_context io(1);
  response = {};
  Exchange exchange{request, options, response, error};
  asio::co_spawn(io, exchange.run(), asio::detached);
  io.run();
  return exchange.done;
}

}  // namespace aotc
