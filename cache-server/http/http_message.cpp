// http_message.cpp - targets in, problem documents out.
#include "http_message.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "support/error.h"

namespace aotc::server {

namespace {

llvm::Error bad(const char* message) { return failure(message); }

bool decode(llvm::StringRef text, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !llvm::isHexDigit(text[i + 1]) || !llvm::isHexDigit(text[i + 2])) return false;
      c = llvm::hexFromNibbles(text[i + 1], text[i + 2]);
      i += 2;
    }
    if (c < 0x20 || c == 0x7f || c == '\\') return false;
    out += static_cast<char>(c);
  }
  return true;
}

}  // namespace

std::string Request::header(const std::string& name) const {
  auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::optional<std::string> Request::parameter(const std::string& name) const {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

llvm::Error parse_target(const std::string& target, Request& request) {
  auto [path, query] = llvm::StringRef(target).split('?');
  if (!path.starts_with("/")) return bad("the request target must start with /");
  if (!decode(path, request.path)) return bad("the path has a bad character or escape");
  llvm::SmallVector<llvm::StringRef, 8> parts, pairs;
  llvm::StringRef(request.path).drop_front().split(parts, '/');
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i] == "." || parts[i] == ".." || (parts[i].empty() && i + 1 < parts.size()))
      return bad("the path has an empty or relative component");
  query.split(pairs, '&', -1, false);
  for (llvm::StringRef pair : pairs) {
    auto [name, value] = pair.split('=');
    request.query.emplace_back();
    if (!decode(name, request.query.back().first) || !decode(value, request.query.back().second))
      return bad("the query has a bad character or escape");
  }
  return llvm::Error::success();
}

const char* reason(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

Response json_response(unsigned status, std::string body) {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

Response problem(unsigned status, const std::string& detail) {
  nlohmann::ordered_json document = {
      {"type", "about:blank"}, {"title", reason(status)}, {"status", status}, {"detail", detail}};
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", "application/problem+json");
  response.body = document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  return response;
}

Response oci_error(unsigned status, const char* code, const std::string& message) {
  nlohmann::ordered_json error = {{"code", code}, {"message", message}};
  nlohmann::ordered_json document = {{"errors", {error}}};
  return json_response(status, document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

Response internal_problem(llvm::Error error) {
  Response response = problem(500, "the server failed to answer; its log says why");
  response.failure = llvm::toString(std::move(error));
  return response;
}

}  // namespace aotc::server
