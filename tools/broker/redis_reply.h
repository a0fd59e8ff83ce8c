// redis_reply.h - what a server that speaks as Redis does says, as it comes: hiredis reads it, into objects of ours
// that have bounds. The server may be anybody: a reply that is larger or deeper than any that is waited for is none.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;
struct redisReadTask;

struct RedisReply {
  enum class Kind { Text, Error, Number, Nothing, List } kind = Kind::Nothing;
  long long number = 0;
  std::string text;               // of Text, and of Error
  std::vector<RedisReply> parts;  // of List: none of them is one
};

class RedisReplies {
 public:
  RedisReplies();
  ~RedisReplies();
  RedisReplies(const RedisReplies&) = delete;
  RedisReplies& operator=(const RedisReplies&) = delete;
  // False when what comes cannot become a reply; then it is of no use any more.
  bool feed(std::string_view bytes);
  // The next one that is complete, if there is. False as above.
  bool next(std::unique_ptr<RedisReply>& reply);

 private:
  redisReader* const reader_;
  size_t unread_ = 0;  // bytes since the last reply
};
