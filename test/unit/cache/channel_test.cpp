// channel_test.cpp - what passes between a compiler and its cache, and what either may say that it should not.
#include "process/cache_channel.h"

#include <sys/socket.h>

#include <csignal>
#include <map>
#include <thread>

#include "cache_test.h"
#include "support/io.h"

namespace aotc {
namespace {

class MapCache : public FunctionCache {
 public:
  std::vector<FunctionRecord> get(llvm::ArrayRef<FunctionKey> keys) override {
    std::vector<FunctionRecord> records;
    for (const FunctionKey& key : keys) records.push_back(map[key]);
    return records;
  }
  void put(llvm::ArrayRef<FunctionRecord> records) override {
    for (const FunctionRecord& record : records) map[key(record)] = record;
  }
  void expect(llvm::ArrayRef<FunctionKey> keys, uint64_t bytes) override {
    expected += keys.size();
    expected_bytes += bytes;
  }
  std::map<FunctionKey, FunctionRecord> map;
  size_t expected = 0;
  uint64_t expected_bytes = 0;
};

struct Ends {
  Ends() {
    signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  }
  ~Ends() {
    close_asking();
    close(ends[1]);
  }
  void close_asking() {
    if (ends[0] >= 0) close(ends[0]);
    ends[0] = -1;
  }
  int ends[2];
};

TEST(Channel, CarriesWhatIsAskedAndGiven) {
  MapCache cache;
  Ends ends;
  std::string failed = "still";
  std::thread server([&] { failed = llvm::toString(serve_cache(ends.ends[1], cache)); });
  ChannelCache channel(ends.ends[0]);
  std::vector<FunctionRecord> records;
  std::vector<FunctionKey> keys;
  for (uint32_t n = 0; n < 3 * kMostAsked + 1; ++n) {
    records.push_back(record(n, n % 1000 == 999 ? 1'000'000 : 40 + n % 3000));
    keys.push_back(key(records.back()));
  }
  EXPECT_TRUE(channel.get(keys) == std::vector<FunctionRecord>(keys.size()));
  channel.put(records);
  EXPECT_TRUE(channel.get(keys) == records);
  channel.put({});
  EXPECT_TRUE(channel.get({}).empty());
  channel.expect({}, 0);
  channel.expect(keys, 100 * keys.size());
  EXPECT_TRUE(channel.get(keys.front()).front() == records.front());
  EXPECT_EQ(cache.expected, keys.size());
  EXPECT_EQ(cache.expected_bytes, 100 * keys.size());
  std::vector<FunctionRecord> odd = {FunctionRecord(kMostRecord + 1), record(1, kMostRecord - 4)};
  channel.put(odd);
  EXPECT_TRUE(channel.get({key(odd[1]), key(record(987'654))}) == (std::vector<FunctionRecord>{odd[1], {}}));
  ends.close_asking();
  server.join();
  EXPECT_EQ(failed, "");
}

std::string number(uint32_t value) { return std::string(reinterpret_cast<char*>(&value), 4); }

// What becomes of somebody who is asked that. The other end is closed, as of a process that ended.
std::string asked(const std::string& question, MapCache& cache) {
  Ends ends;
  std::string failed = "still";
  std::thread server([&] { failed = llvm::toString(serve_cache(ends.ends[1], cache)); });
  aotc_write_all(ends.ends[0], question.data(), question.size());
  shutdown(ends.ends[0], SHUT_WR);
  server.join();
  return failed;
}

TEST(Channel, StopsAtWhatIsNoQuestion) {
  const std::string expect = number(0x707865), get = number(0x746567), put = number(0x747570);
  MapCache cache;
  EXPECT_EQ(asked("garbage.", cache), "asked the cache what is no question");
  EXPECT_EQ(asked(std::string(4, '\0'), cache), "asked the cache what is no question");
  for (uint32_t count : {0u, kMostAsked + 1, ~0u})
    for (const std::string& what : {expect, get, put})
      EXPECT_EQ(asked(what + number(count), cache), "asked the cache for too much at once");
  for (uint32_t size : {uint32_t{kMostRecord} + 1, ~0u})
    EXPECT_EQ(asked(put + number(1) + number(size), cache), "gave the cache too large a record");
  EXPECT_EQ(asked(put + number(1) + number(0), cache), "gave the cache what is no record");
  EXPECT_EQ(asked(put + number(1) + number(6) + number(3) + "xx", cache), "gave the cache what is no record");
  EXPECT_TRUE(cache.map.empty());
  // Somebody who ended in the middle did nothing wrong.
  FunctionRecord whole = record(1);
  std::string bytes(whole.begin(), whole.end());
  std::string two = put + number(2) + number(static_cast<uint32_t>(bytes.size())) + bytes + number(500) + "half";
  for (size_t size = 0; size < two.size() - 8; size += size < 20 ? 1 : 97)
    EXPECT_EQ(asked(two.substr(0, size), cache), "") << size;
  EXPECT_EQ(asked(get + number(2) + std::string(20, 'k'), cache), "");
  EXPECT_TRUE(cache.map.empty());
  EXPECT_EQ(asked(two, cache), "");
  ASSERT_EQ(cache.map.size(), 1u);
  EXPECT_TRUE(cache.map.begin()->second == whole);
}

// What somebody gets who is answered that.
std::vector<FunctionRecord> answered(const std::string& answer, size_t keys) {
  Ends ends;
  std::thread liar([&] {
    aotc_write_all(ends.ends[1], answer.data(), answer.size());
    shutdown(ends.ends[1], SHUT_RDWR);
  });
  ChannelCache channel(ends.ends[0]);
  std::vector<FunctionRecord> records = channel.get(std::vector<FunctionKey>(keys));
  shutdown(ends.ends[0], SHUT_RDWR);  // who is not heard to the end
  liar.join();
  EXPECT_EQ(channel.get(std::vector<FunctionKey>(3)), std::vector<FunctionRecord>(3));
  channel.put(record(1));
  return records;
}

TEST(Channel, GoesOnWithoutWhenAnAnswerIsNone) {
  const std::vector<FunctionRecord> none(2);
  EXPECT_EQ(answered("", 2), none);
  EXPECT_EQ(answered("no", 2), none);
  EXPECT_EQ(answered(number(2) + "ab" + number(kMostRecord + 1), 2), none);
  EXPECT_EQ(answered(number(~0u), 2), none);
  EXPECT_TRUE(answered(number(kMostRecord + 1) + std::string(kMostRecord + 1, 'x'), 1).front().empty());
  EXPECT_EQ(answered(number(2) + "ab" + number(100) + "too short", 2), none);
  EXPECT_EQ(answered(number(2) + "ab" + number(0) + "more than was asked for", 2),
            (std::vector<FunctionRecord>{{'a', 'b'}, {}}));
}

}  // namespace
}  // namespace aotc
