// http_request.h - requests as a program writes them on a connection, one after the other (Boost.Beast's parser, which
// only http_request.cpp uses).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What is said beside a status: HTTP/2 does not.
std::string reason_phrase(int status);

class HttpRequest {
 public:
  HttpRequest();
  ~HttpRequest();
  void feed(std::string_view bytes) { in_.append(bytes); }
  // Parses what there is. False after what is no request.
  bool parse();
  size_t held() const { return in_.size() + body.size(); }
  bool head_done() const;
  bool done() const;
  void next();  // after one that is done

  // From head_done() on.
  std::string method, target;
  std::vector<std::pair<std::string, std::string>> fields;  // but for those of one hop
  std::optional<uint64_t> length;                           // of the body, if it is known
  bool has_body = false;
  bool expects_continue = false, upgrades = false, keeps_alive = true;
  std::string body;  // what has come of it; whoever takes it clears it

 private:
  struct Parser;
  void take_head();
  std::unique_ptr<Parser> parser_;
  std::string in_;
};
