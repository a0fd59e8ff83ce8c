// response_head.cpp - see response_head.h.
#include "response_head.h"

#include <ctime>
#include <string_view>

#include <fmt/format.h>

namespace aotc::server {

namespace {

// "Wed, 26 Nov 2026 01:02:03 GMT"
std::string_view http_date() {
  thread_local std::time_t last = 0;
  thread_local char text[32];
  thread_local size_t length = 0;
  if (std::time_t now = std::time(nullptr); now != last) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    last = now;
  }
  return {text, length};
}

}  // namespace

std::string head_of(const Response& response, const ResponseForm& form, std::optional<uint64_t> length) {
  std::string head = fmt::format("HTTP/{}.{} {} {}\r\nServer: aotc-server\r\nDate: {}\r\n", form.version / 10,
                                 form.version % 10, response.status, reason(response.status), http_date());
  for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
  if (length) head += fmt::format("Content-Length: {}\r\n", *length);
  if (!form.keep_alive && form.version == 11) head += "Connection: close\r\n";
  if (form.keep_alive && form.version == 10) head += "Connection: keep-alive\r\n";
  return head + "\r\n";
}

}  // namespace aotc::server
