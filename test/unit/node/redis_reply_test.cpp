// redis_reply_test.cpp - what a server says as Redis does, in pieces of any size; and what is no reply, or too much of
// one.
#include "broker/redis_reply.h"

#include <gtest/gtest.h>

#include <random>

#include "support/redis_command.h"

namespace {

using Kind = RedisReply::Kind;

std::string shown(const RedisReply& reply) {
  switch (reply.kind) {
    case Kind::Text:
      return "'" + reply.text + "'";
    case Kind::Error:
      return "error " + reply.text;
    case Kind::Number:
      return std::to_string(reply.number);
    case Kind::Nothing:
      return "nothing";
    case Kind::List:
      break;
  }
  std::string text = "(";
  for (const RedisReply& part : reply.parts) text += (text.size() == 1 ? "" : " ") + shown(part);
  return text + ")";
}

// All replies, each behind the other; "wrong" where it is none any more.
std::string read(const std::string& bytes, size_t piece) {
  RedisReplies replies;
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    if (!replies.feed(std::string_view(bytes).substr(at, piece))) return text + "wrong";
    for (std::unique_ptr<RedisReply> reply;;) {
      if (!replies.next(reply)) return text + "wrong";
      if (!reply) break;
      text += shown(*reply) + ";";
    }
  }
  return text;
}

TEST(RedisReplies, ComeInPiecesOfAnySize) {
  const std::string bytes =
      "+OK\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n*0\r\n-ERR no\r\n*4\r\n:0\r\n$0\r\n\r\n$-1\r\n+x\r\n*-1\r\n$5\r\nhello\r\n";
  for (size_t piece = 1; piece <= bytes.size(); ++piece)
    EXPECT_EQ(read(bytes, piece), "'OK';-7;'a\r\n';nothing;();error ERR no;(0 '' nothing 'x');nothing;'hello';")
        << piece;
}

TEST(RedisReplies, HaveBounds) {
  EXPECT_EQ(read("$131072\r\n" + std::string(131072, 'x') + "\r\n", 1000).size(), 131072 + 3);
  EXPECT_EQ(read("*1100\r\n", 100), "");
  for (const char* wrong :
       {"*1101\r\n", "*2000000000\r\n", "*1\r\n*1\r\n", "*1\r\n*0\r\n", "$-2\r\n", "?\r\n", "HTTP/1.1 200 OK\r\n"})
    EXPECT_EQ(read(wrong, 100), "wrong") << wrong;
  for (const char* endless : {"+", "-", "$1000000000\r\n", "*1000\r\n$600\r\n"})
    EXPECT_EQ(read(endless + std::string(600 << 10, 'x'), 16 << 10), "wrong") << endless;
  std::string numbers = "*1000\r\n";
  for (int i = 0; i < 999; ++i) numbers += ":" + std::string(600, '0') + "1\r\n";
  EXPECT_EQ(read(numbers, 16 << 10), "wrong");
}

// Under sanitizers: whatever is changed in one, it is a reply, a part of one, or none.
TEST(RedisReplies, SurviveChanges) {
  const std::string good = "*5\r\n:0\r\n:12\r\n:0\r\n$4\r\nabcd\r\n*1\r\n+x\r\n-no\r\n$-1\r\n";
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good + good;
    for (unsigned changes = random() % 4 + 1; changes > 0; --changes)
      bytes[random() % bytes.size()] = "\r\n0123456789-+$:*x"[random() % 18];
    read(bytes, random() % 20 + 1);
  }
}

TEST(RedisCommand, IsAListOfTexts) {
  EXPECT_EQ(aotc::redis_command({"GET", std::string_view("a\r\n\0b", 5), ""}),
            std::string("*3\r\n$3\r\nGET\r\n$5\r\na\r\n\0b\r\n$0\r\n\r\n", 30));
}

}  // namespace
