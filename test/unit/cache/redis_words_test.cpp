// redis_words_test.cpp - what is read of Redis's words, and where a cluster has a key.
#include "courier/redis_words.h"

#include <gtest/gtest.h>

#include "cache/courier_channel.h"

namespace aotc {
namespace {

// As CLUSTER KEYSLOT says; the first is CRC-16's check.
TEST(RedisWords, SlotsAreTheClusters) {
  EXPECT_EQ(redis_slot("123456789"), 12739u);
  EXPECT_EQ(redis_slot("foo"), 12182u);
  EXPECT_EQ(redis_slot("bar"), 5061u);
  EXPECT_EQ(redis_slot(""), 0u);
}

TEST(RedisWords, RedirectionsAreTwoWordsAndAPlace) {
  std::optional<Redirection> to = parse_redirection("MOVED 3999 10.0.0.2:6381");
  ASSERT_TRUE(to);
  EXPECT_TRUE(to->for_good);
  EXPECT_EQ(to->slot, 3999u);
  EXPECT_EQ(to->authority, "10.0.0.2:6381");
  EXPECT_FALSE(parse_redirection("ASK 1 ::1:7000")->for_good);
  for (const char* none : {"MOVED 16384 h:1", "MOVED 1 h:0", "MOVED 1 h", "MOVED x h:1", "ERR 1 h:1", "MOVED 1 h/x:1"})
    EXPECT_FALSE(parse_redirection(none)) << none;
}

TEST(RedisWords, MemoryIsALineOfInfo) {
  EXPECT_EQ(used_memory("# Memory\r\nused_memory:123\r\nused_memory_human:9K\r\n"), 123u);
  for (const char* none : {"", "used_memory:5", "\nused_memory:x", "\nused_memory_rss:7\r\n"})
    EXPECT_EQ(used_memory(none), kUncounted) << none;
}

}  // namespace
}  // namespace aotc
