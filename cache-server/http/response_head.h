// response_head.h - the first bytes of an answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "http_message.h"

namespace aotc::server {

// How the answer to one request has to look.
struct ResponseForm {
  unsigned version = 11;
  bool head = false;  // without its body
  bool keep_alive = false;
};

// Without `length` the body ends with the connection, or says itself where.
std::string head_of(const Response& response, const ResponseForm& form, std::optional<uint64_t> length);

}  // namespace aotc::server
