// http.cpp - see http.h.
#include "http.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>
#include <cstdio>
#include <vector>

namespace beast = boost::beast;
namespace http = boost::beast::http;
using ErrorCode = beast::error_code;
using Text = beast::string_view;

namespace {

constexpr uint32_t kMaxResponseHeader = 128 << 10;

std::string_view view(Text text) { return {text.data(), text.size()}; }

// What a message's head is gathered in, until it is known which fields its Connection field names.
struct Fields {
  struct Field {
    std::string name, value;
  };
  std::vector<Field> list;
  std::string connection;  // values of Connection, joined
  bool complete = false;   // what comes now are trailers

  void add(http::field name, Text name_text, Text value) {
    if (complete) return;
    switch (name) {
      case http::field::connection:
        connection.append(connection.empty() ? "" : ", ").append(view(value));
        return;
      case http::field::keep_alive:
      case http::field::proxy_connection:
      case http::field::te:
      case http::field::trailer:
      case http::field::transfer_encoding:
      case http::field::upgrade:
      case http::field::content_length:
      case http::field::expect:
        return;
      default:
        list.push_back({std::string(view(name_text)), std::string(view(value))});
    }
  }

  void write(std::string& out) const {
    http::token_list named{Text(connection)};
    for (const Field& field : list) {
      if (!connection.empty() && named.exists(field.name)) continue;
      out.append(field.name).append(": ").append(field.value).append("\r\n");
    }
  }
};

void write_length(std::string& out, uint64_t length) {
  out.append("Content-Length: ").append(std::to_string(length)).append("\r\n");
}

void write_chunk(std::string& out, Text body) {
  char size[24];
  out.append(size, static_cast<size_t>(std::snprintf(size, sizeof size, "%zx\r\n", body.size())));
  out.append(body.data(), body.size()).append("\r\n");
}

// Feeds as long as bytes are used: the parser stops between header and body, and between chunks.
template <class Parser>
size_t feed_parser(Parser& parser, std::string_view bytes, ErrorCode& error) {
  size_t used = 0;
  while (!parser.is_done() && used < bytes.size()) {
    size_t n = parser.put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
    if (error == http::error::need_more) error = {};
    used += n;
    if (error || n == 0) break;
  }
  return used;
}

int status_for(const ErrorCode& error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::bad_version) return 505;
  return 400;
}

}  // namespace

struct RequestReader::Parser : http::basic_parser<true> {
  explicit Parser(RequestReader& owner) : owner(owner) {}
  RequestReader& owner;
  Fields fields;
  bool upgrade = false, coded = false, has_host = false;
  int status = 0;
  bool framed_by_chunks = false;

  void fail(int code, ErrorCode& error) {
    status = code;
    error = http::error::bad_value;
  }

  void on_request_impl(http::verb, Text method, Text target, int version, ErrorCode& error) override {
    owner.method = view(method);
    owner.target = view(target);
    owner.http_10 = version == 10;
    if (version != 10 && version != 11) fail(505, error);
    if (owner.method == "CONNECT") fail(501, error);
  }
  void on_response_impl(int, Text, int, ErrorCode&) override {}  // not called
  void on_field_impl(http::field name, Text name_text, Text value, ErrorCode& error) override {
    if (fields.complete) return;
    if (name == http::field::host) {
      if (has_host) fail(400, error);
      has_host = true;
      owner.host = view(value);
    }
    if (name == http::field::upgrade) upgrade = true;
    if (name == http::field::transfer_encoding) coded = true;
    if (name == http::field::expect) {
      owner.expects_continue = beast::iequals(value, "100-continue");
      if (!owner.expects_continue) fail(417, error);
    }
    fields.add(name, name_text, value);
  }
  void on_header_impl(ErrorCode& error) override {
    fields.complete = true;
    if (!has_host && !owner.http_10) return fail(400, error);
    if (upgrade) return fail(501, error);
    if (coded && (!chunked() || owner.http_10)) return fail(501, error);
    owner.keep_alive = keep_alive();
    if (owner.form_ == Form::Body) return;
    framed_by_chunks = chunked();
    std::string& out = owner.output;
    out.append(owner.method).append(" ").append(owner.target).append(" HTTP/1.1\r\n");
    if (!has_host) out.append("Host: \r\n");
    fields.write(out);
    if (framed_by_chunks) out.append("Transfer-Encoding: chunked\r\n");
    if (content_length()) write_length(out, *content_length());
    out.append("\r\n");
  }
  void on_body_init_impl(const boost::optional<uint64_t>&, ErrorCode&) override {}
  size_t on_body_impl(Text body, ErrorCode&) override {
    owner.output.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(uint64_t, Text, ErrorCode&) override {}
  size_t on_chunk_body_impl(uint64_t, Text body, ErrorCode&) override {
    if (framed_by_chunks && !body.empty()) write_chunk(owner.output, body);
    if (!framed_by_chunks) owner.output.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(ErrorCode&) override {
    if (framed_by_chunks) owner.output.append("0\r\n\r\n");
  }
};

RequestReader::RequestReader(const HttpLimits& limits, Form form) : form_(form), parser_(std::make_unique<Parser>(*this)) {
  parser_->header_limit(limits.header_bytes);
  parser_->body_limit(limits.body_bytes);
  parser_->eager(true);
}
RequestReader::~RequestReader() = default;

size_t RequestReader::feed(std::string_view bytes) {
  if (parser_->status != 0) return 0;
  ErrorCode error;
  size_t used = feed_parser(*parser_, bytes, error);
  if (error && parser_->status == 0) parser_->status = status_for(error);
  return used;
}
bool RequestReader::head_done() const { return parser_->is_header_done(); }
bool RequestReader::done() const { return parser_->is_done(); }
int RequestReader::error() const { return parser_->status; }

struct ResponseReader::Parser : http::basic_parser<false> {
  explicit Parser(ResponseReader& owner) : owner(owner) {}
  ResponseReader& owner;
  Fields fields;
  std::string reason;
  bool coded = false, write_chunks = false, failed = false;

  void on_request_impl(http::verb, Text, Text, int, ErrorCode&) override {}  // not called
  void on_response_impl(int code, Text text, int version, ErrorCode& error) override {
    owner.status = code;
    reason = view(text);
    if ((version != 10 && version != 11) || code < 100 || code == 101) error = http::error::bad_status;
  }
  void on_field_impl(http::field name, Text name_text, Text value, ErrorCode&) override {
    if (name == http::field::transfer_encoding) coded = true;
    fields.add(name, name_text, value);
  }
  void on_header_impl(ErrorCode& error) override {
    fields.complete = true;
    if (coded && !chunked()) {
      error = http::error::bad_transfer_encoding;
      return;
    }
    if (owner.status < 200) return;
    const Client& client = owner.client_;
    bool no_body = client.head_request || owner.status == 204 || owner.status == 304;
    write_chunks = !no_body && !content_length() && !client.http_10;
    owner.closes = !no_body && !content_length() && client.http_10;
    std::string& out = owner.output;
    out.append("HTTP/1.1 ").append(std::to_string(owner.status)).append(" ").append(reason).append("\r\n");
    fields.write(out);
    if (content_length() && owner.status != 204) write_length(out, *content_length());
    if (write_chunks) out.append("Transfer-Encoding: chunked\r\n");
    if (owner.closes || !client.keep_alive)
      out.append("Connection: close\r\n");
    else if (client.http_10)
      out.append("Connection: keep-alive\r\n");
    out.append("\r\n");
  }
  void on_body_init_impl(const boost::optional<uint64_t>&, ErrorCode&) override {}
  size_t write_body(Text body) {
    if (write_chunks && !body.empty())
      write_chunk(owner.output, body);
    else
      owner.output.append(body.data(), body.size());
    return body.size();
  }
  size_t on_body_impl(Text body, ErrorCode&) override { return write_body(body); }
  void on_chunk_header_impl(uint64_t, Text, ErrorCode&) override {}
  size_t on_chunk_body_impl(uint64_t, Text body, ErrorCode&) override { return write_body(body); }
  void on_finish_impl(ErrorCode&) override {
    if (owner.status >= 200 && write_chunks) owner.output.append("0\r\n\r\n");
  }
};

ResponseReader::ResponseReader(const Client& client) : client_(client) { restart(); }
ResponseReader::~ResponseReader() = default;

void ResponseReader::restart() {
  parser_ = std::make_unique<Parser>(*this);
  parser_->header_limit(kMaxResponseHeader);
  parser_->body_limit(boost::none);
  parser_->eager(true);
  parser_->skip(client_.head_request);
}

size_t ResponseReader::feed(std::string_view bytes) {
  size_t used = 0;
  while (used < bytes.size() && !done() && !bad()) {
    ErrorCode error;
    size_t n = feed_parser(*parser_, bytes.substr(used), error);
    used += n;
    if (error) parser_->failed = true;
    /* An interim response: the final one follows. */
    if (parser_->is_done() && status < 200)
      restart();
    else if (n == 0)
      break;
  }
  return used;
}

void ResponseReader::end() {
  if (done() || bad()) return;
  ErrorCode error;
  if (parser_->got_some()) parser_->put_eof(error);
  if (error || !parser_->is_done() || status < 200) parser_->failed = true;
}
bool ResponseReader::started() const { return status >= 200 && parser_->is_header_done(); }
bool ResponseReader::done() const { return status >= 200 && parser_->is_done(); }
bool ResponseReader::bad() const { return parser_->failed; }

std::string own_response(int status, std::string_view text, bool keep_alive, bool head_request,
                         std::string_view more_fields) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out.append(view(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)))));
  out.append("\r\nContent-Type: text/plain; charset=utf-8\r\n").append(more_fields);
  write_length(out, text.size());
  out.append(keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
  if (!head_request) out.append(text);
  return out;
}
