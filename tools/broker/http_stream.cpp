// http_stream.cpp - see http_stream.h.
#include "http_stream.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace {

constexpr size_t kMostHead = 256 << 10;
constexpr size_t kMostPending = 64 << 10;
constexpr size_t kChunkOverhead = 16;
constexpr uint32_t kReport = 32 << 10;

bool is_field(std::string_view name, const char* known) {
  return std::equal(name.begin(), name.end(), known, known + std::strlen(known),
                    [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

bool is_of_one_hop(std::string_view name) {
  for (const char* known :
       {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "proxy-authenticate"})
    if (is_field(name, known)) return true;
  return false;
}

// Where a failure of libcurl's leaves a program that has a connection.
int error_of(CURLcode code, CURL* easy) {
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      return number != 0 ? static_cast<int>(number) : ECONNREFUSED;
    case CURLE_COULDNT_RESOLVE_HOST:
      return EHOSTUNREACH;
    case CURLE_OPERATION_TIMEDOUT:
      return ETIMEDOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return EPROTO;
    default:
      return ECONNRESET;
  }
}

}  // namespace

HttpStream::HttpStream(Program& program, uint32_t number, Broker& broker, App& app, const aotc::OutboundRule& rule,
                       Origin origin, std::vector<aotc::AddressBytes> addresses)
    : Stream(program, number),
      broker_(broker),
      app_(app),
      pool_(*(app.http ? app.http : app.http = std::make_shared<HttpPool>(broker))),
      rule_(rule),
      origin_(std::move(origin)),
      addresses_(std::move(addresses)),
      easy_(nullptr, curl_easy_cleanup),
      fields_(nullptr, curl_slist_free_all),
      resolved_(nullptr, curl_slist_free_all) {}

HttpStream::~HttpStream() {
  if (running_) pool_.stop(easy_.get());
  pool_.give(std::move(easy_));
}

std::string HttpStream::shown_origin() const {
  const bool v6 = origin_.host.find(':') != std::string::npos;
  return (origin_.tls ? "https://" : "http://") + (v6 ? "[" + origin_.host + "]" : origin_.host) + ":" +
         std::to_string(origin_.port);
}

void HttpStream::start() {
  pool_.allow(addresses_);
  aotc_outbound_ends ends{};
  std::memcpy(ends.remote.address, addresses_[0].data(), sizeof ends.remote.address);
  ends.remote.port = origin_.port;
  program_->opened(number_, ends);
}

void HttpStream::fail(int error) {
  stopped_ = true;
  if (program_ != nullptr) program_->fail(number_, error);
}

void HttpStream::say(std::string_view bytes) {
  pending_.append(bytes);
  pump();
}

void HttpStream::end_after_what_was_said() {
  stopped_ = ends_ = true;
  pump();
}

void HttpStream::pump() {
  const size_t n = std::min<size_t>(room(), pending_.size());
  if (n > 0) program_->send(number_, std::string_view(pending_).substr(0, n));
  pending_.erase(0, n);
  if (pending_.empty() && program_ != nullptr && std::exchange(ends_, false)) program_->end(number_);
}

void HttpStream::data(std::string_view bytes) {
  request_.feed(bytes);
  received_ += static_cast<uint32_t>(bytes.size());
  advance();
}

void HttpStream::end() {
  said_end_ = true;
  advance();
}

// What has gone on, or is known not to be wanted.
void HttpStream::acknowledge() {
  if (program_ == nullptr) return;
  const auto kept = static_cast<uint32_t>(std::min<size_t>(request_.held(), received_));
  const uint32_t gone = received_ - kept;
  if (gone == 0 || (gone < kReport && kept != 0)) return;
  received_ = kept;
  program_->taken(number_, gone);
}

void HttpStream::advance() {
  const std::shared_ptr<Stream> keep = shared_from_this();
  if (stopped_ || is_over()) return;
  if (!request_.parse()) {
    broker_.say_refused(app_, shown_origin(), "what it sends is no request of HTTP/1.1");
    return fail(EPROTO);
  }
  acknowledge();
  if (!running_ && request_.head_done()) return begin();
  if (running_ && upload_paused_ && (!request_.body.empty() || request_.done())) {
    upload_paused_ = false;
    pool_.go_on(easy_.get());
  }
  if (!running_ && said_end_) end_after_what_was_said();
}

// An answer of the broker's own, after which the connection ends.
void HttpStream::refuse(int status, const std::string& why) {
  broker_.say_refused(app_, shown_origin(), why);
  const std::string text = "aotc: " + why + "\n";
  say("HTTP/1.1 " + std::to_string(status) +
      " Refused\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " + std::to_string(text.size()) +
      "\r\n\r\n" + text);
  end_after_what_was_said();
}

void HttpStream::begin() {
  const HttpRequest& request = request_;
  if (request.upgrades) return refuse(501, "an upgrade to another protocol needs a rule tcp://");
  if (request.target.empty() || request.target[0] != '/')
    return refuse(400, request.method + " " + request.target.substr(0, 100) + " names no path");
  if (!rule_.fits_method(request.method)) return refuse(403, "the method " + request.method + " is not allowed");
  easy_ = pool_.take();
  if (!easy_) return fail(ENOBUFS);
  CURL* easy = easy_.get();
  status_ = 0;
  head_.clear();
  trailers_.clear();
  head_written_ = chunked_ = head_over_ = upload_paused_ = body_paused_ = false;
  closes_ = !request.keeps_alive;
  bodiless_ = request.method == "HEAD";
  failure_[0] = 0;

  curl_slist* fields = nullptr;
  bool accept = false, agent = false, type = false;
  for (const auto& [name, value] : request.fields) {
    accept |= is_field(name, "accept");
    agent |= is_field(name, "user-agent");
    type |= is_field(name, "content-type");
    fields = curl_slist_append(fields, (value.empty() ? name + ";" : name + ": " + value).c_str());
  }
  // libcurl's own are not the program's.
  if (!accept) fields = curl_slist_append(fields, "Accept:");
  if (!agent) fields = curl_slist_append(fields, "User-Agent:");
  if (!type) fields = curl_slist_append(fields, "Content-Type:");
  fields = curl_slist_append(fields, "Expect:");
  fields_.reset(fields);

  std::string places = origin_.host + ":" + std::to_string(origin_.port) + ":";
  for (const aotc::AddressBytes& address : addresses_) {
    const std::string text = shown(address);
    places += (&address == &addresses_[0] ? "" : ",") + (text.find(':') != std::string::npos ? "[" + text + "]" : text);
  }
  resolved_.reset(curl_slist_append(nullptr, ("+" + places).c_str()));

  curl_easy_setopt(easy, CURLOPT_URL, (shown_origin() + "/").c_str());
  curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, request.target.c_str());
  curl_easy_setopt(easy, CURLOPT_RESOLVE, resolved_.get());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields_.get());
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, failure_);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_field);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  if (request.has_body) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload);
    curl_easy_setopt(easy, CURLOPT_READDATA, this);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                     request.length ? static_cast<curl_off_t>(*request.length) : curl_off_t{-1});
  } else if (bodiless_) {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request.method == "POST" || request.method == "PUT" || request.method == "PATCH") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, 0L);
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, bodiless_ ? nullptr : request.method.c_str());
  if (request.expects_continue) say("HTTP/1.1 100 Continue\r\n\r\n");
  running_ = true;
  pool_.start(easy, this);
}

size_t HttpStream::on_upload(char* to, size_t one, size_t size, void* self) {
  auto& stream = *static_cast<HttpStream*>(self);
  HttpRequest& request = stream.request_;
  if (stream.is_over()) return CURL_READFUNC_ABORT;
  if (request.body.empty() && !request.done()) {
    if (!request.parse()) return CURL_READFUNC_ABORT;
    if (request.body.empty() && !request.done()) {
      stream.upload_paused_ = true;
      return CURL_READFUNC_PAUSE;
    }
  }
  const size_t n = std::min(one * size, request.body.size());
  std::memcpy(to, request.body.data(), n);
  request.body.erase(0, n);
  stream.acknowledge();
  return n;
}

size_t HttpStream::on_field(char* bytes, size_t one, size_t size, void* self) {
  auto& stream = *static_cast<HttpStream*>(self);
  std::string_view line(bytes, one * size);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (stream.head_.size() + stream.trailers_.size() + line.size() > kMostHead || stream.is_over()) return 0;
  stream.take_field(line);
  return one * size;
}

void HttpStream::take_field(std::string_view line) {
  if (!head_over_ && line.starts_with("HTTP/")) {
    const size_t space = line.find(' ');
    status_ = space == std::string_view::npos ? 0 : std::atoi(std::string(line.substr(space + 1, 3)).c_str());
    const bool has_reason = line.starts_with("HTTP/1") && space != std::string_view::npos && line.size() >= space + 5;
    head_ = "HTTP/1.1 " + std::to_string(status_) + " " +
            (has_reason ? std::string(line.substr(space + 5)) : reason_phrase(status_)) + "\r\n";
    chunked_ = true;
    return;
  }
  if (line.empty()) {
    // Interim responses are the broker's.
    if (status_ < 200) return head_.clear();
    head_over_ = true;
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return;
  const std::string_view name = line.substr(0, colon);
  if (is_of_one_hop(name)) return;
  if (!head_over_ && is_field(name, "content-length")) chunked_ = false;
  (head_over_ ? trailers_ : head_).append(line).append("\r\n");
}

void HttpStream::write_head() {
  if (std::exchange(head_written_, true)) return;
  if (bodiless_ || status_ == 204 || status_ == 304) chunked_ = false;
  if (chunked_) head_ += "Transfer-Encoding: chunked\r\n";
  if (closes_) head_ += "Connection: close\r\n";
  head_ += "\r\n";
  say(head_);
}

size_t HttpStream::on_body(char* bytes, size_t one, size_t size, void* self) {
  auto& stream = *static_cast<HttpStream*>(self);
  const size_t n = one * size;
  if (stream.is_over()) return 0;
  if (stream.pending_.size() >= kMostPending) {
    stream.body_paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  stream.write_head();
  if (!stream.chunked_) {
    stream.say({bytes, n});
    return n;
  }
  char length[kChunkOverhead];
  const int written = std::snprintf(length, sizeof length, "%zx\r\n", n);
  std::string chunk(length, static_cast<size_t>(written));
  chunk.append(bytes, n).append("\r\n");
  stream.say(chunk);
  return n;
}

void HttpStream::resume() {
  const std::shared_ptr<Stream> keep = shared_from_this();
  pump();
  if (!running_ || !body_paused_ || pending_.size() >= kMostPending / 2) return;
  body_paused_ = false;
  pool_.go_on(easy_.get());
}

void HttpStream::on_done(CURLcode code) {
  const std::shared_ptr<Stream> keep = shared_from_this();
  running_ = false;
  if (code != CURLE_OK) {
    const int error = error_of(code, easy_.get());
    if (!is_over()) broker_.say_failed(app_, shown_origin(), failure_[0] != 0 ? failure_ : curl_easy_strerror(code));
    pool_.give(std::move(easy_));
    // A response that has begun is cut off, as it was cut off here.
    return head_written_ ? end_after_what_was_said() : fail(error);
  }
  pool_.give(std::move(easy_));
  finish();
}

void HttpStream::finish() {
  if (is_over()) return;
  write_head();
  if (chunked_) say("0\r\n" + trailers_ + "\r\n");
  // What the origin did not want to read of the request's body would be taken for the next one.
  if (closes_ || !request_.done()) return end_after_what_was_said();
  request_.next();
  advance();
}
