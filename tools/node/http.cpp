// http.cpp - see http.h.
#include "http.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <functional>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

namespace beast = boost::beast;
namespace http = boost::beast::http;
using ErrorCode = beast::error_code;
using Text = beast::string_view;

namespace {

constexpr uint32_t kMaxResponseHeader = 128 << 10;
constexpr size_t kMaxAroundChunks = 16 << 10;  // extensions and trailers
constexpr size_t kMaxOptions = 32;             // in Connection
constexpr size_t kUsualHead = 512;
constexpr std::string_view kUpgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

std::string_view view(Text text) { return {text.data(), text.size()}; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_any(std::string_view text, std::initializer_list<std::string_view> list) {
  for (std::string_view one : list)
    if (beast::iequals(Text(text.data(), text.size()), Text(one.data(), one.size()))) return true;
  return false;
}

// Whether a list has this word, of whatever version.
bool offers(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    size_t end = std::min(list.find(','), list.size());
    std::string_view one = list.substr(0, end);
    if (is_any(trimmed(one.substr(0, one.find('/'))), {word})) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

// What a message's head is gathered in, until it is known which fields its Connection field names.
struct Fields {
  std::string text;        // the lines that are passed on
  std::string connection;  // values of Connection, joined
  size_t size = 0;         // of all that came
  bool complete = false;   // what comes now are trailers
  bool kept = true;        // the lines

  // Behind the body nothing may stand that it depends on where a message goes and where it ends.
  void add_trailer(http::field name, Text name_text, Text value) {
    if (name != http::field::trailer && name != http::field::host && name != http::field::connection)
      add(name, name_text, value);
  }
  void add(http::field name, Text name_text, Text value) {
    switch (name) {
      case http::field::connection:
        connection.append(connection.empty() ? "" : ",").append(view(value));
        return;
      case http::field::keep_alive:
      case http::field::proxy_connection:
      case http::field::te:
      case http::field::transfer_encoding:
      case http::field::upgrade:
      case http::field::content_length:
      case http::field::expect:
        return;
      default:
        if (!kept) return;
        if (text.empty()) text.reserve(kUsualHead);
        // The line as it came, if it is what we would write: behind a value there is the end of its line, or white
        // space.
        const char* colon = name_text.data() + name_text.size();
        if (value.data() == colon + 2 && colon[1] == ' ' && colon[2 + value.size()] == '\r')
          text.append(name_text.data(), name_text.size() + value.size() + 4);
        else
          text.append(view(name_text)).append(": ").append(view(value)).append("\r\n");
    }
  }

  // The fields that Connection names, for they are meant for us alone. False if these are more than make sense, or
  // fields on which it depends where the message goes and where it ends: who drops them reads another message than who
  // does not.
  bool options(std::vector<std::string_view>& names) const {
    for (std::string_view rest = connection; !rest.empty();) {
      size_t end = std::min(rest.find(','), rest.size());
      std::string_view name = trimmed(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (is_any(name, {"", "close", "keep-alive"})) continue;
      if (is_any(name, {"host", "content-length", "transfer-encoding", "expect"})) return false;
      if (names.size() == kMaxOptions) return false;
      names.push_back(name);
    }
    return true;
  }

  void write(std::string& out, const std::vector<std::string_view>& left_out) const {
    if (left_out.empty()) {
      out.append(text);
      return;
    }
    for (std::string_view rest = text; !rest.empty();) {
      std::string_view line = rest.substr(0, rest.find('\n') + 1), name = line.substr(0, line.find(':'));
      rest.remove_prefix(line.size());
      bool named = false;
      for (std::string_view option : left_out) named |= is_any(name, {option});
      if (!named) out.append(line);
    }
  }
};

// Where a request goes. Programs are shown where, and a path: what another server would take from a whole URL we take
// from it.
struct Target {
  std::string_view host, path;
};

// As Go has it, so that what reaches a program is no less than what it accepts.
bool is_host(std::string_view text) {
  constexpr std::string_view kSigns = "!$%&()*+,-.:;='[]_~";
  for (char c : text)
    if (!std::isalnum(static_cast<unsigned char>(c)) && kSigns.find(c) == std::string_view::npos) return false;
  return true;
}

std::optional<Target> split_target(std::string_view method, std::string_view target, std::string_view host) {
  if (!is_host(host)) return std::nullopt;
  if (target[0] == '/' || (target == "*" && method == "OPTIONS")) return Target{host, target};
  size_t scheme = target.find("://");
  if (!is_any(target.substr(0, scheme), {"http", "https"})) return std::nullopt;
  target.remove_prefix(scheme + 3);
  size_t end = std::min(target.find_first_of("/?#"), target.size());
  Target parts{target.substr(0, end), target.substr(end)};
  if (parts.path.empty()) parts.path = method == "OPTIONS" ? "*" : "/";
  if (parts.host.empty() || !is_host(parts.host) || parts.path[0] == '#') return std::nullopt;
  return parts;
}

void write_length(std::string& out, uint64_t length) {
  char line[48] = "Content-Length: ";
  char* end = std::to_chars(line + 16, line + 40, length).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(line, static_cast<size_t>(end - line));
}

void write_chunk(std::string& out, Text body) {
  char size[24];
  out.append(size, static_cast<size_t>(std::snprintf(size, sizeof size, "%zx\r\n", body.size())));
  out.append(body.data(), body.size()).append("\r\n");
}

void write_last_chunk(std::string& out, std::string_view trailers) {
  out.append("0\r\n").append(trailers).append("\r\n");
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

// Beast tells a version that we do not speak from no version at all.
int status_for(const ErrorCode& error, std::string_view line) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  size_t end = std::min(line.find_first_of("\r\n"), line.size());
  if (error != http::error::bad_version || end < 9 || line.substr(end, 2) != "\r\n") return 400;
  line = line.substr(0, end);
  if (std::count(line.begin(), line.end(), ' ') != 2) return 400;
  line.remove_prefix(end - 9);
  auto digit = [&](size_t at) { return line[at] >= '0' && line[at] <= '9'; };
  return line.substr(0, 6) == " HTTP/" && digit(6) && line[7] == '.' && digit(8) ? 505 : 400;
}

// Half of what ends a line, which to some ends it, too.
bool has_half_line_end(std::string_view bytes) {
  for (size_t at = 0; (at = bytes.find_first_of("\r\n", at)) != std::string_view::npos; at += 2) {
    if (bytes[at] == '\n') return true;
    if (at + 1 < bytes.size() && bytes[at + 1] != '\n') return true;
  }
  return false;
}

// Whether more can make a chunk's head, or the last chunk, of what Beast found to be less than one. The end of the
// chunk before is part of it.
bool may_become_chunk(std::string_view bytes) {
  if (bytes.size() > kMaxAroundChunks) return false;
  if (bytes.substr(0, 2) == "\r\n") bytes.remove_prefix(2);
  bool last = bytes.substr(0, 1) == "0";
  return bytes.find(last ? "\r\n\r\n" : "\r\n") == std::string_view::npos;
}

}  // namespace

struct RequestReader::Parser : http::basic_parser<true> {
  Parser(RequestReader& owner, const HttpLimits& limits, const Hop* from)
      : owner(owner), most_header(limits.header_bytes), tunnels(limits.tunnels) {
    if (from != nullptr) forwarded.emplace(*from);
  }
  RequestReader& owner;
  const size_t most_header;
  const bool tunnels;
  std::string_view input;  // that is being fed
  size_t looked_at = 0;    // bytes of it that were fed before, and have no half line end
  Fields fields;
  std::optional<Forwarded> forwarded;
  std::string accepted;  // codings
  bool websocket = false, coded = false, has_host = false;
  int status = 0;
  bool framed_by_chunks = false;
  size_t around_chunks = 0;

  void fail(int code, ErrorCode& error) {
    status = code;
    error = http::error::bad_value;
  }

  void on_request_impl(http::verb, Text method, Text target, int version, ErrorCode& error) override {
    owner.method = view(method);
    owner.target = view(target);
    owner.http_10 = version == 10;
    fields.size = method.size() + target.size();
    if (owner.method == "CONNECT") fail(501, error);
  }
  void on_response_impl(int, Text, int, ErrorCode&) override {}  // not called
  // Beast joins the lines of a folded field. A value that is not in the input right behind its name was one.
  bool folded(Text name, Text value) const {
    const std::less_equal<const char*> not_after;
    const char* end = name.data() + name.size();
    if (!not_after(end, value.data()) || !not_after(value.data(), input.data() + input.size())) return true;
    return std::find(end, value.data(), '\r') != value.data();
  }
  void on_field_impl(http::field name, Text name_text, Text value, ErrorCode& error) override {
    size_t size = name_text.size() + value.size() + 4;
    if (folded(name_text, value)) return fail(400, error);
    if (fields.complete) {
      if ((around_chunks += size) > kMaxAroundChunks) return fail(431, error);
      const bool claim = forwarded && forwarded->take(view(name_text), view(value));
      if ((framed_by_chunks || owner.chunked) && !claim) fields.add_trailer(name, name_text, value);
      return;
    }
    if ((fields.size += size) > most_header) return fail(431, error);
    switch (name) {
      case http::field::host:
        if (has_host) fail(400, error);
        has_host = true;
        owner.host = view(value);
        return;
      case http::field::accept_encoding:
        accepted.append(accepted.empty() ? "" : ",").append(view(value));
        break;
      case http::field::upgrade:
        websocket |= offers(view(value), "websocket");
        break;
      case http::field::transfer_encoding:
        // Once, and nothing else: we take chunks apart, but would not undo what is under them.
        if (coded || !is_any(view(value), {"chunked"})) return fail(501, error);
        coded = true;
        break;
      case http::field::content_length:
        if (value.find(',') != Text::npos) return fail(400, error);
        break;
      case http::field::expect:
        owner.expects_continue = is_any(view(value), {"100-continue"});
        if (!owner.expects_continue) fail(417, error);
        break;
      default:
        if (forwarded && forwarded->take(view(name_text), view(value))) return;
        break;
    }
    fields.add(name, name_text, value);
  }
  void on_header_impl(ErrorCode& error) override {
    fields.complete = true;
    if (!has_host && !owner.http_10) return fail(400, error);
    if (coded && owner.http_10) return fail(400, error);
    std::vector<std::string_view> options;
    const std::string given = std::move(owner.target), host = std::move(owner.host);
    std::optional<Target> target = split_target(owner.method, given, host);
    if (!target || !fields.options(options)) return fail(400, error);
    owner.target = target->path[0] == '?' ? "/" : "";
    owner.target += target->path;
    owner.host = target->host;
    owner.keep_alive = keep_alive();
    owner.expects_continue &= !owner.http_10;
    owner.coding = best_coding(accepted);
    // Any other offer to go on in another protocol may be left alone (RFC 9110, 7.8), and so may one that is not for
    // us, or that comes with a body, of which it would have to be known where it ends.
    owner.asks_for_tunnel = tunnels && websocket && !owner.http_10 && offers(fields.connection, "upgrade") &&
                            owner.method == "GET" && !chunked() && content_length().value_or(0) == 0;
    if (owner.form_ == Form::Body) return;
    if (owner.form_ == Form::Parts) {
      fields.write(owner.fields, options);
      if (content_length()) owner.length = *content_length();
      owner.chunked = chunked();
      owner.expects_continue &= owner.chunked || content_length().value_or(0) > 0;
      fields.text = {};
      return;
    }
    framed_by_chunks = chunked();
    std::string& out = owner.output;
    out.reserve(out.size() + fields.text.size() + kUsualHead);
    out.append(owner.method).append(" ").append(owner.target).append(" HTTP/1.1\r\nHost: ").append(owner.host);
    out.append("\r\n");
    fields.write(out, options);
    if (forwarded) {
      forwarded->write(out);
      owner.client = forwarded->client();
      owner.country = forwarded->country();
    }
    if (owner.asks_for_tunnel) out.append(kUpgrade);
    if (framed_by_chunks) out.append("Transfer-Encoding: chunked\r\n");
    if (content_length()) write_length(out, *content_length());
    if (owner.expects_continue) out.append("Expect: 100-continue\r\n");
    owner.expects_continue &= framed_by_chunks || content_length().value_or(0) > 0;
    out.append("\r\n");
    fields.text = {};
  }
  void on_body_init_impl(const boost::optional<uint64_t>&, ErrorCode&) override {}
  size_t on_body_impl(Text body, ErrorCode&) override {
    owner.output.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(uint64_t, Text extensions, ErrorCode& error) override {
    if ((around_chunks += extensions.size()) > kMaxAroundChunks || has_half_line_end(view(extensions)))
      fail(400, error);
  }
  size_t on_chunk_body_impl(uint64_t, Text body, ErrorCode&) override {
    if (framed_by_chunks && !body.empty()) write_chunk(owner.output, body);
    if (!framed_by_chunks) owner.output.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(ErrorCode&) override {
    if (framed_by_chunks) write_last_chunk(owner.output, fields.text);
    if (owner.chunked) owner.trailers = std::move(fields.text);
  }
};

RequestReader::RequestReader(const HttpLimits& limits, const Hop* from, Form form)
    : form_(form), parser_(std::make_unique<Parser>(*this, limits, from)) {
  parser_->header_limit(limits.header_bytes);
  parser_->body_limit(limits.body_bytes);
  parser_->eager(true);
}
RequestReader::~RequestReader() = default;

size_t RequestReader::feed(std::string_view bytes) {
  if (parser_->status != 0) return 0;
  if (tunnel_ != Tunnel::None) {
    if (tunnel_ == Tunnel::Open) {
      frames_.follow(bytes);
      output.append(bytes);
    }
    return bytes.size();
  }
  ErrorCode error;
  parser_->input = bytes;
  size_t used = feed_parser(*parser_, bytes, error);
  std::string_view rest = bytes.substr(used);
  if (used > 0) parser_->looked_at = 0;
  if (error && parser_->status == 0) parser_->status = status_for(error, rest);
  // Beast waits for the rest of a head, or of what is around a chunk, as long as it takes.
  if (!error && !rest.empty() && !parser_->is_done()) {
    bool bad_chunk = parser_->is_header_done() && !may_become_chunk(rest);
    if (bad_chunk || has_half_line_end(rest.substr(parser_->looked_at))) parser_->status = 400;
    // Once is enough for each byte, in however small pieces they come; what a CR at the end is, the next one says.
    parser_->looked_at = rest.size() - (rest.back() == '\r');
  }
  return used;
}
bool RequestReader::head_done() const { return parser_->is_header_done(); }
bool RequestReader::done() const { return parser_->is_done() && tunnel_ == Tunnel::None; }
void RequestReader::end_tunnel() {
  if (std::exchange(tunnel_, Tunnel::Ended) == Tunnel::Open && frames_.is_between()) output.append(kGoingAway);
}
int RequestReader::error() const { return parser_->status; }
size_t RequestReader::held() const { return output.capacity() + parser_->fields.text.capacity() + target.capacity(); }

struct ResponseReader::Parser : http::basic_parser<false> {
  explicit Parser(ResponseReader& owner)
      : owner(owner), writes(owner.form_ != Form::Nothing), in_parts(owner.form_ == Form::Parts) {
    fields.kept = writes;
  }
  ResponseReader& owner;
  const bool writes, in_parts;
  Fields fields;
  std::string reason;
  bool write_chunks = false, failed = false, websocket = false, has_trailers = false;
  // On which it depends whether it is compressed, and what changes when it is.
  std::string type, etag, ranges;
  bool must_stay = false, varies = false;
  std::unique_ptr<Compressor> compressor;

  void on_request_impl(http::verb, Text, Text, int, ErrorCode&) override {}  // not called
  void on_response_impl(int code, Text text, int version, ErrorCode& error) override {
    owner.status = code;
    if (writes) reason = view(text);
    owner.tunnel_ = code == 101 && owner.client_.asks_for_tunnel && version == 11;
    if ((version != 10 && version != 11) || code < 100 || (code == 101 && !owner.tunnel_))
      error = http::error::bad_status;
  }
  void on_field_impl(http::field name, Text name_text, Text value, ErrorCode& error) override {
    if (!fields.complete && name == http::field::transfer_encoding && !is_any(view(value), {"chunked"}))
      error = http::error::bad_transfer_encoding;
    websocket |= name == http::field::upgrade && is_any(view(value), {"websocket"});
    if ((fields.size += name_text.size() + value.size() + 4) > kMaxResponseHeader) error = http::error::header_limit;
    has_trailers |= fields.complete;
    if (!fields.complete && (owner.client_.compress == nullptr || !hold(name, view(name_text), view(value))))
      fields.add(name, name_text, value);
    else if (fields.complete && write_chunks)
      fields.add_trailer(name, name_text, value);
  }
  // Whether it is written later.
  bool hold(http::field name, std::string_view name_text, std::string_view value) {
    switch (name) {
      case http::field::content_type:
        type = value;
        return false;
      case http::field::etag:
        etag = value;
        return true;
      case http::field::accept_ranges:
        ranges = value;
        return true;
      case http::field::content_encoding:
        must_stay |= !is_any(value, {"identity"});
        return false;
      case http::field::cache_control:
        must_stay |= offers(value, "no-transform");
        return false;
      case http::field::vary:
        varies |= offers(value, "accept-encoding") || offers(value, "*");
        return false;
      default:
        // Digests of what would not be sent.
        must_stay |= is_any(name_text, {"content-md5", "digest", "content-digest", "repr-digest"});
        return false;
    }
  }
  // Whether the body is to be compressed; writes the fields for which it matters.
  bool negotiate(std::string& out, bool has_body) {
    const Client& client = owner.client_;
    const bool may = has_body && owner.status != 206 && !must_stay && client.compress->takes(type) &&
                     (!content_length() || *content_length() >= client.compress->least);
    if (may && client.coding != Coding::None) compressor = std::make_unique<Compressor>(client.coding);
    if (compressor != nullptr && !compressor->ready()) compressor.reset();
    const bool does = compressor != nullptr;
    if (!etag.empty()) out.append("ETag: ").append(does && etag[0] == '"' ? "W/" : "").append(etag).append("\r\n");
    if (!ranges.empty() && !does) out.append("Accept-Ranges: ").append(ranges).append("\r\n");
    if (may && !varies) out.append("Vary: Accept-Encoding\r\n");
    if (does) out.append("Content-Encoding: ").append(coding_name(client.coding)).append("\r\n");
    return does;
  }
  void on_header_impl(ErrorCode& error) override {
    fields.complete = true;
    std::vector<std::string_view> options;
    // Whoever answers 101 has to say to what, and nothing else was asked for.
    if (!fields.options(options) || (owner.tunnel_ && !(websocket && offers(fields.connection, "upgrade")))) {
      error = http::error::bad_value;
      return;
    }
    if (!writes) return;
    if (owner.tunnel_) return write_tunnel_head(options);
    const Client& client = owner.client_;
    const bool interim = owner.status < 200;
    owner.continued_ |= owner.status == 100;
    if (interim && client.http_10) return;
    // Whoever was to hear whether its body is wanted, and did not, may send it or not: what comes next is not known.
    const bool keep_alive = client.keep_alive && (!client.expects_continue || owner.continued_);
    bool no_body = interim || client.head_request || owner.status == 204 || owner.status == 304;
    write_chunks = !no_body && !content_length() && !client.http_10;
    const bool until_close = !no_body && !content_length() && client.http_10;
    owner.closes = !interim && (until_close || !keep_alive);
    std::string& out = in_parts ? owner.heads.emplace_back(Head{owner.status, {}}).fields : owner.output;
    out.reserve(out.size() + fields.text.size() + kUsualHead);
    char line[] = "HTTP/1.1 000 ";
    std::to_chars(line + 9, line + 12, owner.status);
    if (!in_parts) out.append(line, 13).append(reason).append("\r\n");
    const size_t begin = out.size();
    fields.write(out, options);
    if (client.watcher != nullptr && !interim) {
      std::string more;
      client.watcher->on_head(owner.status, std::string_view(out).substr(begin), more);
      out.append(more);
    }
    fields.text = {};
    const bool compresses = client.compress != nullptr && negotiate(out, !no_body);
    write_chunks |= compresses;
    if (content_length() && owner.status != 204 && !interim && !compresses) write_length(out, *content_length());
    if (in_parts) return;
    if (write_chunks) out.append("Transfer-Encoding: chunked\r\n");
    if (owner.closes)
      out.append("Connection: close\r\n");
    else if (client.http_10)
      out.append("Connection: keep-alive\r\n");
    out.append("\r\n");
  }
  void write_tunnel_head(std::vector<std::string_view>& options) {
    if (in_parts) {
      options.push_back("sec-websocket-accept");  // HTTP/2 has no such handshake
      fields.write(owner.heads.emplace_back(Head{200, {}}).fields, options);
      return;
    }
    owner.output.append("HTTP/1.1 101 ").append(reason).append("\r\n");
    fields.write(owner.output, options);
    owner.output.append(kUpgrade).append("\r\n");
  }
  void on_body_init_impl(const boost::optional<uint64_t>&, ErrorCode&) override {}
  void compress(std::string_view bytes, Compressor::Then then) {
    std::string piece;
    compressor->add(bytes, then, piece);
    if (!piece.empty()) write_chunk(owner.output, Text(piece.data(), piece.size()));
  }
  size_t write_body(Text body) {
    if (owner.client_.watcher != nullptr) owner.client_.watcher->on_body(view(body));
    if (compressor != nullptr)
      compress(view(body), Compressor::Then::More);
    else if (write_chunks && !in_parts && !body.empty())
      write_chunk(owner.output, body);
    else if (writes)
      owner.output.append(body.data(), body.size());
    return body.size();
  }
  size_t on_body_impl(Text body, ErrorCode&) override { return write_body(body); }
  void on_chunk_header_impl(uint64_t, Text, ErrorCode&) override {}
  size_t on_chunk_body_impl(uint64_t, Text body, ErrorCode&) override { return write_body(body); }
  void on_finish_impl(ErrorCode&) override {
    if (owner.client_.watcher != nullptr && has_trailers) owner.client_.watcher->on_trailers();
    if (!write_chunks) return;
    if (compressor != nullptr) compress({}, Compressor::Then::End);
    if (in_parts)
      owner.trailers = std::move(fields.text);
    else
      write_last_chunk(owner.output, fields.text);
  }
};

ResponseReader::ResponseReader(const Client& client, Form form) : client_(client), form_(form) { restart(); }
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
    if (tunnels()) {
      if (parser_->writes) output.append(bytes.substr(used));
      return bytes.size();
    }
    ErrorCode error;
    size_t n = feed_parser(*parser_, bytes.substr(used), error);
    used += n;
    if (error) parser_->failed = true;
    /* An interim response: the final one follows. */
    if (parser_->is_done() && status < 200 && !tunnel_)
      restart();
    else if (n == 0)
      break;
  }
  return used;
}

void ResponseReader::end() {
  if (done() || bad()) return;
  tunnel_ended_ = tunnels();
  if (tunnel_ended_) return;
  ErrorCode error;
  if (parser_->got_some()) parser_->put_eof(error);
  if (error || !parser_->is_done() || status < 200) parser_->failed = true;
}

void ResponseReader::flush() {
  if (parser_->compressor != nullptr && !done() && !bad()) parser_->compress({}, Compressor::Then::Flush);
}

bool ResponseReader::started() const { return (status >= 200 || tunnel_) && parser_->is_header_done(); }
bool ResponseReader::done() const { return tunnel_ended_ || (status >= 200 && parser_->is_done()); }
bool ResponseReader::tunnels() const { return tunnel_ && parser_->is_done(); }
bool ResponseReader::bad() const { return parser_->failed; }

std::string own_fields(size_t length, std::string_view more_fields) {
  std::string out = "Content-Type: text/plain; charset=utf-8\r\n";
  out.append(more_fields);
  write_length(out, length);
  return out;
}

std::string status_line(int status) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out.append(view(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)))));
  return out.append("\r\n");
}

std::string own_response(int status, std::string_view text, bool keep_alive, bool head_request,
                         std::string_view more_fields) {
  std::string out = status_line(status);
  out.append(own_fields(text.size(), more_fields));
  out.append(keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
  if (!head_request) out.append(text);
  return out;
}
