// http_client.cpp - a connection per request: a socket with poll for deadlines, TLS over it, Beast's parser.
#include "http_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "client_tls.h"
#include "destinations.h"
#include "zstd_frames.h"

namespace aotc {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using ErrorCode = beast::error_code;
using Text = beast::string_view;

namespace {

constexpr size_t kPart = 256 << 10;
constexpr uint32_t kMaxHeader = 64 << 10;
constexpr uint64_t kMaxRefusal = 64 << 10;  // of an answer that is not 2xx

class Socket : public Transport {
 public:
  explicit Socket(const HttpOptions& options) : options_(options) {}
  ~Socket() override { disconnect(); }

  bool connect(const HttpUrl& url, std::string& error) {
    Destinations* destinations = options_.destinations;
    for (const Address& address : destinations ? destinations->addresses(url, error) : look_up(url, error)) {
      if (!try_address(address, error)) continue;
      if (destinations) destinations->connected(url, address);
      return true;
    }
    return false;
  }

  ssize_t read(char* data, size_t size, std::string& error) override {
    for (;;) {
      ssize_t count = recv(fd_, data, size, 0);
      if (count >= 0) return count;
      if (!wait(POLLIN, error)) return -1;
    }
  }
  ssize_t write(const char* data, size_t size, std::string& error) override {
    for (;;) {
      ssize_t count = send(fd_, data, size, MSG_NOSIGNAL);
      if (count >= 0) return count;
      if (!wait(POLLOUT, error)) return -1;
    }
  }

 private:
  bool try_address(const Address& address, std::string& error) {
    fd_ = socket(address.any().sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ >= 0 && ::connect(fd_, &address.any(), address.size) == 0) return true;
    int failed = 0;
    socklen_t size = sizeof failed;
    if (fd_ >= 0 && errno == EINPROGRESS && (errno = EAGAIN, wait(POLLOUT, error))) {
      getsockopt(fd_, SOL_SOCKET, SO_ERROR, &failed, &size);
      if (failed == 0) return true;
      error = std::strerror(failed);
    } else if (errno != EAGAIN) {
      error = std::strerror(errno);
    }
    disconnect();
    return false;
  }

  // After a call that failed: whether it may be made again.
  bool wait(short events, std::string& error) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN) return error = std::strerror(errno), false;
    double seconds = options_.seconds;
    if (options_.whole_seconds > 0) {
      std::chrono::duration<double> gone = std::chrono::steady_clock::now() - start_;
      seconds = std::clamp(options_.whole_seconds - gone.count(), 0.0, seconds);
    }
    pollfd ready{fd_, events, 0};
    int count;
    do count = poll(&ready, 1, static_cast<int>(std::min(seconds * 1000, 1e9)));
    while (count < 0 && errno == EINTR);
    errno = EAGAIN;
    return count > 0 || (error = "timed out", false);
  }

  void disconnect() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  int fd_ = -1;
  const HttpOptions& options_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Gathers an answer, or passes its body on.
struct AnswerParser : http::basic_parser<false> {
  AnswerParser(const HttpOptions& options, HttpResponse& response) : options(options), response(response) {
    header_limit(kMaxHeader);
    body_limit(boost::none);
    eager(true);
  }
  const HttpOptions& options;
  HttpResponse& response;
  std::string failure;
  std::optional<ZstdDecoder> decoder = std::nullopt;

  bool take(const char* data, size_t size) {
    bool good = response.status / 100 == 2;
    uint64_t most = good ? options.max_body : std::min(options.max_body, kMaxRefusal);
    if (options.sink && good) {
      if (options.sink(data, size)) return true;
      failure = "ended by the receiver";
    } else if (response.body.size() + size > most) {
      failure = "the answer is larger than " + std::to_string(most) + " bytes";
    } else {
      response.body.append(data, size);
      return true;
    }
    return false;
  }

  size_t decode(Text body, ErrorCode& error) {
    auto sink = [this](const char* data, size_t size) { return take(data, size); };
    if (!(decoder ? decoder->decode({body.data(), body.size()}, sink, failure) : take(body.data(), body.size())))
      error = http::error::body_limit;
    return body.size();
  }

  void on_request_impl(http::verb, Text, Text, int, ErrorCode&) override {}  // not called
  void on_response_impl(int code, Text, int, ErrorCode&) override { response.status = static_cast<unsigned>(code); }
  void on_field_impl(http::field, Text name, Text value, ErrorCode&) override {
    std::string lower(name.data(), name.size());
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    response.headers[lower] = std::string(value.data(), value.size());
  }
  void on_header_impl(ErrorCode&) override {
    if (response.header("content-encoding") == "zstd") decoder.emplace();
  }
  void on_body_init_impl(const boost::optional<uint64_t>&, ErrorCode&) override {}
  size_t on_body_impl(Text body, ErrorCode& error) override { return decode(body, error); }
  void on_chunk_header_impl(uint64_t, Text, ErrorCode&) override {}
  size_t on_chunk_body_impl(uint64_t, Text body, ErrorCode& error) override { return decode(body, error); }
  void on_finish_impl(ErrorCode& error) override {
    if (!decoder || decoder->is_complete()) return;
    failure = "the answer is not complete";
    error = http::error::partial_message;
  }
};

// Empty when something would end its line.
std::string message_of(const HttpRequest& request, bool zstd) {
  if (std::any_of(request.url.target.begin(), request.url.target.end(), [](unsigned char c) { return c <= ' '; }))
    return "";
  std::string head = request.method + " " + request.url.target + " HTTP/1.1\r\nHost: " + request.url.authority() +
                     "\r\nUser-Agent: aotc\r\nConnection: close\r\n" + (zstd ? "Accept-Encoding: zstd\r\n" : "");
  for (const auto& [name, value] : request.headers) {
    if (std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < ' ' && c != '\t'; })) return "";
    head += name + ": " + value + "\r\n";
  }
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT")
    head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return head + "\r\n";
}

bool write_all(Transport& transport, const std::string& bytes, std::string& error) {
  for (size_t done = 0; done < bytes.size();) {
    ssize_t count = transport.write(bytes.data() + done, bytes.size() - done, error);
    if (count < 0) return false;
    done += static_cast<size_t>(count);
  }
  return true;
}

bool read_answer(Transport& transport, const HttpRequest& request, const HttpOptions& options, HttpResponse& response,
                 std::string& error) {
  std::string pending, part(kPart, '\0');
  for (;;) {  // once per interim answer
    response = {};
    AnswerParser parser(options, response);
    parser.skip(request.method == "HEAD");
    ErrorCode failed;
    while (!parser.is_done()) {
      size_t used = pending.empty() ? 0 : parser.put(boost::asio::const_buffer(pending.data(), pending.size()), failed);
      pending.erase(0, used);
      if (failed && failed != http::error::need_more)
        return error = parser.failure.empty() ? failed.message() : parser.failure, false;
      if (parser.is_done() || (used > 0 && !failed && !pending.empty())) continue;
      ssize_t count = transport.read(part.data(), part.size(), error);
      if (count < 0) return false;
      pending.append(part.data(), static_cast<size_t>(count));
      failed = {};
      if (count > 0) continue;
      if (!parser.got_some()) return error = "the connection was closed without an answer", false;
      parser.put_eof(failed);
      if (failed) return error = failed.message(), false;
    }
    if (response.status >= 200) return true;
  }
}

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
  bool v6 = authority.size() > 2 && authority.front() == '[' && authority.back() == ']';
  if (v6) authority = authority.substr(1, authority.size() - 2);
  for (char& c : authority) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  url.host = authority;
  auto digit = [](unsigned char c) { return c >= '0' && c <= '9'; };
  auto plain = [](unsigned char c) { return c > 0x20 && c < 0x7f; };
  const char* more = v6 ? ":." : "-._";
  auto of_host = [&](unsigned char c) { return std::isalnum(c) || std::strchr(more, c) != nullptr; };
  bool good = begin != 0 && !url.host.empty() && std::all_of(url.host.begin(), url.host.end(), of_host) &&
              !url.port.empty() && url.port.size() <= 5 && url.port.front() != '0' &&
              std::all_of(url.port.begin(), url.port.end(), digit) && std::stoul(url.port) <= 65535 &&
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
  auto fail = [&](const std::string& reason) { return error = request.url.authority() + ": " + reason, false; };
  std::string head = message_of(request, options.zstd), reason, unsent;
  if (head.empty()) return fail("a header or the path has a line break");
  Socket socket(options);
  if (!socket.connect(request.url, reason)) return fail(reason);
  std::unique_ptr<Transport> tls;
  if (request.url.tls && !(tls = start_tls(socket, request.url.host, reason))) return fail(reason);
  Transport& transport = tls ? *tls : socket;
  // The server may have answered and closed before it had read everything.
  (void)(write_all(transport, head, unsent) && write_all(transport, request.body, unsent));
  return read_answer(transport, request, options, response, reason) || fail(unsent.empty() ? reason : unsent);
}

}  // namespace aotc
