// http_client.h - asks an HTTP/1.1 server, with or without TLS. One connection per request; every step has a deadline.
//
// Plain C++, Boost and mbedTLS, so that a node can link it. Functions that can fail return false or nothing and say why
// in `error`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aotc {

struct HttpUrl {
  bool tls = false;
  std::string host;  // in lower case, without brackets
  std::string port;
  std::string target = "/";  // path and query

  std::string authority() const;  // "host:port"
};

// "http://host:port/path"; "https://" means TLS.
std::optional<HttpUrl> parse_url(const std::string& text, std::string& error);
// For a value in a query.
std::string percent_encoded(const std::string& text);

struct HttpRequest {
  std::string method = "GET";
  HttpUrl url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct HttpResponse {
  unsigned status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  std::string header(const std::string& name) const;
};

class Destinations;

struct HttpOptions {
  bool zstd = false;             // let the server compress the body; it is decompressed here
  double seconds = 60;           // for each step: connecting, every part of a body either way
  double whole_seconds = 0;      // for all of them, if it is not 0
  uint64_t max_body = 64 << 20;  // of an answer that is kept
  // Says which addresses of the URL's host may be connected to; null: all.
  Destinations* destinations = nullptr;
  // Takes the body of a 2xx answer part by part, instead of HttpResponse::body. False ends the transfer.
  std::function<bool(const char* data, size_t size)> sink;
};

bool send_request(const HttpRequest& request, const HttpOptions& options, HttpResponse& response, std::string& error);

}  // namespace aotc
