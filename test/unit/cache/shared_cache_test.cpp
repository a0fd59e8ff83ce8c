// shared_cache_test.cpp - a keeper and couriers that do what they should, nothing, too late, or what no courier does.
#include "cache/shared_cache.h"

#include <sys/socket.h>

#include <thread>

#include "cache/courier_channel.h"
#include "cache_test.h"
#include "support/io.h"

namespace aotc {
namespace {

using namespace std::chrono_literals;

// Both ends, and the key of whoever signs.
struct Pair {
  Pair() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    std::string secret, open, error;
    EXPECT_TRUE(Signer::generate(secret, open, error));
    signer = Signer::read(secret, error);
  }
  ~Pair() {
    close(ends[0]);
    end_courier();
  }
  void end_courier() {
    if (ends[1] >= 0) close(ends[1]);
    ends[1] = -1;
  }
  SharedOptions options(std::chrono::microseconds allowance) const {
    SharedOptions options;
    options.signer = signer;
    options.allowance = allowance;
    return options;
  }
  void say(const std::string& words) { EXPECT_TRUE(aotc_write_all(ends[1], words.data(), words.size())); }
  std::string hear(size_t size) {
    std::string bytes(size, '\0');
    EXPECT_EQ(aotc_read_all(ends[1], bytes.data(), size), static_cast<ssize_t>(size));
    return bytes;
  }
  int ends[2];
  std::optional<Signer> signer;
};

std::string number(uint32_t value) { return std::string(reinterpret_cast<char*>(&value), 4); }

std::string answer(uint32_t which, llvm::ArrayRef<uint8_t> bytes) {
  return number(which) + number(static_cast<uint32_t>(bytes.size())) + std::string(bytes.begin(), bytes.end());
}

std::string text_of(const FunctionKey& key) { return {reinterpret_cast<const char*>(key.data()), key.size()}; }

TEST(SharedCache, AsksOnceAndTakesAnswersInAnyOrder) {
  Pair pair;
  SharedCache cache(pair.ends[0], pair.options(1min));
  std::vector<FunctionRecord> all = {record(1), record(2), record(3), record(4)};
  std::vector<FunctionKey> keys = {key(all[0]), key(all[1]), key(all[2]), key(all[3])};
  cache.expect(llvm::ArrayRef(keys).take_front(3), 3000);
  std::vector<SealedRecord> sealed = seal(all, "", *pair.signer);
  EXPECT_EQ(pair.hear(8 + 48),
            number(kCourierAsk) + number(3) + text_of(keys[0]) + text_of(keys[1]) + text_of(keys[2]));
  pair.say(answer(2, sealed[2].bytes) + answer(0, sealed[0].bytes) + answer(1, {}));
  EXPECT_TRUE(cache.get(llvm::ArrayRef(keys).take_front(3)) == (std::vector<FunctionRecord>{all[0], {}, all[2]}));
  std::thread late([&] {
    EXPECT_EQ(pair.hear(8 + 16), number(kCourierAsk) + number(1) + text_of(keys[3]));
    pair.say(answer(3, sealed[3].bytes));
  });
  EXPECT_TRUE(cache.get({keys[1], keys[3]}) == (std::vector<FunctionRecord>{{}, all[3]}));
  late.join();
  EXPECT_TRUE(cache.get({keys[0], keys[3], keys[0]}) == (std::vector<FunctionRecord>{all[0], all[3], all[0]}));
  EXPECT_EQ(cache.counts().asked, 4u);
  EXPECT_EQ(cache.counts().hits, 3u);
  EXPECT_EQ(cache.trouble(), "");
}

// In a namespace: of its own and of what is for all, the first that comes; but it writes its own only.
TEST(SharedCache, AsksItsNamespaceAndWhatIsForAll) {
  Pair pair;
  SharedOptions options = pair.options(1min);
  options.name_space = "tenant acme";
  SharedCache cache(pair.ends[0], options);
  std::vector<FunctionRecord> all = {record(1), record(2), record(3)};
  std::vector<FunctionKey> keys = {key(all[0]), key(all[1]), key(all[2])};
  cache.expect(keys, 3000);
  std::string asked = number(kCourierAsk) + number(6);
  for (const FunctionKey& one : keys) asked += text_of(shared_name("tenant acme", one)) + text_of(one);
  EXPECT_EQ(pair.hear(8 + 6 * 16), asked);
  std::vector<SealedRecord> own = seal(all, "tenant acme", *pair.signer), common = seal(all, "", *pair.signer);
  pair.say(answer(0, own[0].bytes) + answer(2, {}) + answer(3, common[1].bytes) + answer(4, {}) + answer(5, {}));
  EXPECT_TRUE(cache.get(keys) == (std::vector<FunctionRecord>{all[0], all[1], {}}));
  EXPECT_EQ(cache.counts().asked, 3u);
  EXPECT_EQ(cache.counts().hits, 2u);
  // What is there twice is taken once; another tenant's is not.
  pair.say(answer(1, common[0].bytes));
  EXPECT_TRUE(cache.get(keys[0]).front() == all[0]);
  EXPECT_EQ(cache.counts().hits, 2u);
  std::thread courier([&] {
    EXPECT_EQ(pair.hear(8 + 2 * 16).substr(0, 8), number(kCourierAsk) + number(2));
    pair.say(answer(6, seal(record(4), "tenant evil", *pair.signer)[0].bytes) + answer(7, {}));
    EXPECT_EQ(pair.hear(20), number(kCourierKeep) + text_of(own[2].name));
  });
  EXPECT_TRUE(cache.get(key(record(4))).front().empty());
  EXPECT_EQ(cache.counts().rejected, 1u);
  cache.put(all[2]);
  cache.give_all();
  courier.join();
}

TEST(SharedCache, GivesWhatItsCourierWrites) {
  Pair pair;
  SharedCache cache(pair.ends[0], pair.options(1min));
  std::vector<FunctionRecord> all;
  for (uint32_t n = 0; n < 300; ++n) all.push_back(record(n, 3000, true));
  std::thread courier([&] {
    Opener opener([&] {
      TrustedKeys trusted;
      trusted.add(*pair.signer);
      return trusted;
    }());
    for (uint32_t n = 0; n < 300; ++n) {
      std::string head = pair.hear(24);
      EXPECT_EQ(head.substr(0, 20), number(kCourierKeep) + text_of(key(all[n])));
      std::string bytes = pair.hear(*reinterpret_cast<const uint32_t*>(head.data() + 20));
      EXPECT_TRUE(opener.open(key(all[n]), key(all[n]),
                              llvm::ArrayRef(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size())) == all[n]);
    }
    pair.say(number(kCourierKept) + number(8) + number(300) + number(299));
  });
  cache.put(all);
  cache.finish();
  courier.join();
  EXPECT_EQ(cache.counts().sent, 299u);
  EXPECT_EQ(cache.counts().left_out, 1u);
  EXPECT_EQ(cache.trouble(), "1 functions could not be kept there");
}

TEST(SharedCache, WritesNothingWithoutAKey) {
  Pair pair;
  SharedOptions options = pair.options(1min);
  options.signer.reset();
  SharedCache cache(pair.ends[0], options);
  cache.put(record(1));
  cache.finish();
  EXPECT_EQ(cache.counts().left_out, 0u);
  char byte;
  EXPECT_EQ(recv(pair.ends[1], &byte, 1, MSG_DONTWAIT), -1);
}

// Who does not answer is asked once, whatever he says later.
TEST(SharedCache, GivesUpOnWhoIsLate) {
  Pair pair;
  SharedCache cache(pair.ends[0], pair.options(30ms));
  std::vector<FunctionRecord> all = {record(1), record(2)};
  EXPECT_TRUE(cache.get({key(all[0])}).front().empty());
  EXPECT_EQ(cache.trouble(), "it did not answer in time; going on without");
  pair.hear(24);
  pair.say(answer(0, seal(all, "", *pair.signer)[0].bytes));
  EXPECT_TRUE(cache.get({key(all[0]), key(all[1])}) == std::vector<FunctionRecord>(2));
  EXPECT_EQ(cache.counts().asked, 1u);
  char byte;
  EXPECT_EQ(recv(pair.ends[1], &byte, 1, MSG_DONTWAIT), -1);
}

TEST(SharedCache, RejectsWhatOthersSigned) {
  Pair us, them;
  SharedCache cache(us.ends[0], us.options(1min));
  std::vector<FunctionRecord> all = {record(1), record(2), record(3)};
  std::vector<SealedRecord> ours = seal(all, "", *us.signer), theirs = seal(all, "", *them.signer);
  us.say(answer(0, theirs[0].bytes) + answer(1, ours[0].bytes) + answer(2, ours[2].bytes));
  EXPECT_TRUE(cache.get({key(all[0]), key(all[1]), key(all[2])}) == (std::vector<FunctionRecord>{{}, {}, all[2]}));
  EXPECT_EQ(cache.counts().rejected, 2u);
  EXPECT_EQ(cache.trouble(), "2 of what it holds was not signed by a trusted key, and is not used");
}

TEST(SharedCache, GoesOnWithoutWhenACourierSaysWhatItShouldNot) {
  const std::string wrong = "its courier says what it should not; going on without";
  const std::pair<std::string, std::string> kSaid[] = {
      {"", "its courier has ended; going on without"},
      {"abc", "its courier has ended; going on without"},
      {number(2) + number(0), wrong},                          // was not asked
      {number(0) + number(0) + number(0) + number(0), wrong},  // twice
      {number(0) + number(~0u), wrong},                        // too much
      {number(0) + number(kMostCourierValue + 1), wrong},
      {number(kCourierKept) + number(4) + number(1), wrong},
      {number(kCourierFailed) + number(kMostCourierText + 1), wrong},
      {number(kCourierFailed) + number(4) + "dead", "dead; going on without"},
  };
  for (const auto& [said, trouble] : kSaid) {
    Pair pair;
    SharedCache cache(pair.ends[0], pair.options(1min));
    pair.say(said);
    shutdown(pair.ends[1], SHUT_WR);
    EXPECT_TRUE(cache.get({key(record(1)), key(record(2))}) == std::vector<FunctionRecord>(2)) << said.size();
    cache.put(record(1));
    cache.finish();
    EXPECT_EQ(cache.trouble(), trouble);
    EXPECT_EQ(cache.counts().hits + cache.counts().sent, 0u);
  }
  // More taken than were given.
  Pair pair;
  SharedCache cache(pair.ends[0], pair.options(1min));
  pair.say(number(kCourierKept) + number(8) + number(~0u) + number(~0u));
  cache.put(record(1));
  cache.give_all();
  pair.say(number(kCourierKept) + number(8) + number(~0u) + number(~0u));
  cache.finish();
  EXPECT_EQ(cache.counts().sent, 1u);
}

// A compiler that was taken over can ask for no end of functions.
TEST(SharedCache, IsAskedForSoManyOnly) {
  Pair pair;
  SharedCache cache(pair.ends[0], pair.options(1ms));
  std::vector<FunctionKey> keys((1 << 20) + 1);
  cache.expect(keys, ~uint64_t{0});
  EXPECT_TRUE(cache.get(keys.front()).front().empty());
  EXPECT_EQ(cache.counts().asked, 0u);
}

// What does not fit into the socket waits, and what is too much is left out; nothing blocks.
TEST(SharedCache, LeavesOutWhatACourierDoesNotTake) {
  Pair pair;
  SharedCache cache(pair.ends[0], pair.options(1ms));
  for (uint32_t n = 0; n < 80; ++n) cache.put(record(n, 1 << 20, true));
  cache.finish();
  EXPECT_EQ(cache.counts().left_out, 80u);
  EXPECT_EQ(cache.counts().sent, 0u);
}

}  // namespace
}  // namespace aotc
