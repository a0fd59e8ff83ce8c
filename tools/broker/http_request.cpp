// http_request.cpp - see http_request.h.
#include "http_request.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr uint32_t kMostHeader = 128 << 10;  // less than a window
constexpr size_t kMostBody = 128 << 10;      // of it in memory

constexpr std::array kOfOneHop = {"connection", "keep-alive",        "proxy-connection",    "te",
                                  "trailer",    "transfer-encoding", "proxy-authorization", "upgrade",
                                  "expect",     "content-length",    "http2-settings"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

}  // namespace

std::string reason_phrase(int status) {
  return std::string(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status))));
}

struct HttpRequest::Parser {
  Parser() {
    parser.header_limit(kMostHeader);
    parser.body_limit(boost::none);
  }
  http::request_parser<http::buffer_body> parser;
  bool head_taken = false;
};

HttpRequest::HttpRequest() : parser_(std::make_unique<Parser>()) {}
HttpRequest::~HttpRequest() = default;

bool HttpRequest::head_done() const { return parser_->head_taken; }
bool HttpRequest::done() const { return parser_->parser.is_done(); }

void HttpRequest::next() {
  parser_ = std::make_unique<Parser>();
  fields.clear();
  length.reset();
  body.clear();
  has_body = expects_continue = upgrades = false;
  keeps_alive = true;
}

void HttpRequest::take_head() {
  const auto& message = parser_->parser.get();
  parser_->head_taken = true;
  method = std::string(message.method_string());
  target = std::string(message.target());
  keeps_alive = parser_->parser.keep_alive();
  upgrades = parser_->parser.upgrade() || message.count(http::field::upgrade) != 0;
  expects_continue = beast::iequals(message[http::field::expect], "100-continue");
  if (auto known = parser_->parser.content_length()) length = *known;
  has_body = parser_->parser.chunked() || (length && *length > 0);
  const std::string named = lower(message[http::field::connection]);
  for (const auto& field : message) {
    const std::string name = lower(std::string_view(field.name_string()));
    if (std::find(kOfOneHop.begin(), kOfOneHop.end(), name) != kOfOneHop.end()) continue;
    if (http::token_list(named).exists(name)) continue;
    fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
}

bool HttpRequest::parse() {
  auto& parser = parser_->parser;
  char piece[16 << 10];
  while (!parser.is_done() && body.size() < kMostBody) {
    if (parser.is_header_done() && !parser_->head_taken) take_head();
    if (in_.empty()) break;
    if (parser_->head_taken) {
      parser.get().body().data = piece;
      parser.get().body().size = sizeof piece;
      parser.get().body().more = true;
    }
    beast::error_code error;
    const size_t used = parser.put(boost::asio::buffer(in_.data(), in_.size()), error);
    in_.erase(0, used);
    if (parser_->head_taken && parser.is_header_done()) body.append(piece, sizeof piece - parser.get().body().size);
    if (error == http::error::need_buffer) continue;
    if (error == http::error::need_more) break;
    if (error) return false;
    if (used == 0) break;
  }
  if (parser.is_header_done() && !parser_->head_taken) take_head();
  return true;
}
