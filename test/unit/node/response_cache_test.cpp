// response_cache_test.cpp - what is kept, what goes, and who makes a response while others wait for it.
#include "response_cache.h"

#include <gtest/gtest.h>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

namespace {

using Then = ResponseCache::Then;
using Outcome = ResponseCache::Outcome;
constexpr uint64_t kSecond = 1'000'000'000;

struct Asked {
  explicit Asked(const std::string& target, const std::string& fields = "", const std::string& method = "GET")
      : head(method + " " + target + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n"),
        request(cache_request_of(method, "x", target, head, false)) {}
  const std::string head;
  const CacheRequest request;
};

struct Cache {
  explicit Cache(uint64_t most = 1 << 20) : cache(most, budget) { budget.most = 1 << 30; }
  ResponseCache::Found find(const Asked& asked, bool may_wait = true) {
    return cache.find(asked.request, asked.head, now, may_wait ? std::function<void()>([this] { ++woken; }) : nullptr);
  }
  void end(const Asked& asked, const ResponseCache::Found& found, const std::string& fields, size_t size = 10) {
    auto stored = stored_response(asked.request, asked.head, 200, fields, now, std::time(nullptr));
    if (stored != nullptr) stored->body = std::make_shared<const std::string>(size, 'x');
    cache.end(found.flight, stored != nullptr ? Outcome::Kept : Outcome::NotKept, stored, now);
  }
  void keep(const Asked& asked, const std::string& fields = "Cache-Control: max-age=60\r\n", size_t size = 10) {
    end(asked, find(asked, false), fields, size);
  }
  bool has(const Asked& asked) {
    const auto found = find(asked, false);
    if (found.flight != nullptr) cache.end(found.flight, Outcome::Failed, nullptr, now);
    return found.then == Then::Answer;
  }
  CacheBudget budget;
  ResponseCache cache;
  uint64_t now = 100 * kSecond;
  int woken = 0;
};

TEST(ResponseCache, OneMakesWhatOthersWaitFor) {
  Cache c;
  const Asked a("/a"), b("/b");
  const auto first = c.find(a);
  EXPECT_EQ(first.then, Then::Make);
  EXPECT_EQ(c.find(a).then, Then::Wait);
  EXPECT_EQ(c.find(a).then, Then::Wait);
  EXPECT_EQ(c.find(a, false).then, Then::Make) << "who has waited enough";
  EXPECT_EQ(c.find(b).then, Then::Make) << "another";
  EXPECT_EQ(c.woken, 0);
  c.end(a, first, "Cache-Control: max-age=60\r\n");
  EXPECT_EQ(c.woken, 2);
  EXPECT_EQ(c.find(a).then, Then::Answer);
}

TEST(ResponseCache, NobodyWaitsForWhatIsNotKept) {
  Cache c;
  const Asked a("/a"), with_cookie("/a", "Cookie: a=b\r\n");
  const auto first = c.find(a);
  EXPECT_EQ(c.find(a).then, Then::Wait);
  c.end(a, first, "Cache-Control: no-store\r\n");
  EXPECT_EQ(c.woken, 1);
  EXPECT_EQ(c.find(a).then, Then::Make);
  EXPECT_EQ(c.find(a).then, Then::Make) << "for a while";
  EXPECT_EQ(c.find(with_cookie).then, Then::Make);
  EXPECT_EQ(c.find(with_cookie).then, Then::Wait) << "what others are told is not known yet";
  c.now += ResponseCache::kPassing;
  EXPECT_EQ(c.find(a).then, Then::Make);
  EXPECT_EQ(c.find(a).then, Then::Wait);
}

TEST(ResponseCache, SomebodyElseMakesWhatFailed) {
  Cache c;
  const Asked a("/a");
  const auto first = c.find(a);
  EXPECT_EQ(c.find(a).then, Then::Wait);
  c.cache.end(first.flight, Outcome::Failed, nullptr, c.now);
  EXPECT_EQ(c.woken, 1);
  EXPECT_EQ(c.find(a).then, Then::Make);
  EXPECT_EQ(c.find(a).then, Then::Wait);
}

TEST(ResponseCache, OneMakesAnewWhatIsStale) {
  Cache c;
  const Asked a("/a"), head("/a", "", "HEAD"), range("/a", "Range: bytes=0-1\r\n");
  c.keep(a, "Cache-Control: max-age=10, stale-while-revalidate=60\r\n");
  c.now += 20 * kSecond;
  EXPECT_EQ(c.find(head).then, Then::Answer);
  EXPECT_EQ(c.find(range).then, Then::Answer);
  const auto first = c.find(a);
  EXPECT_EQ(first.then, Then::Refresh);
  EXPECT_NE(first.flight, nullptr);
  EXPECT_EQ(c.find(a).then, Then::Answer);
  c.cache.end(first.flight, Outcome::Failed, nullptr, c.now);
  EXPECT_EQ(c.find(a).then, Then::Refresh) << "it has failed";
}

TEST(ResponseCache, StaleMayDoWhenItFails) {
  Cache c;
  const Asked a("/a");
  c.keep(a, "Cache-Control: max-age=10, stale-if-error=60\r\n");
  c.now += 20 * kSecond;
  const auto found = c.find(a);
  EXPECT_EQ(found.then, Then::Make);
  EXPECT_NE(found.stored, nullptr);
  c.end(a, found, "Cache-Control: no-store\r\n");
  EXPECT_EQ(c.find(a).stored, nullptr) << "it is not kept any more";
}

TEST(ResponseCache, VariantsAreBounded) {
  Cache c;
  const std::string fields = "Cache-Control: max-age=60\r\nVary: X-A\r\n";
  auto variant = [](size_t i) { return Asked("/a", "X-A: " + std::to_string(i) + "\r\n"); };
  for (size_t i = 0; i < ResponseCache::kMostVariants + 3; ++i) c.keep(variant(i), fields);
  EXPECT_EQ(c.cache.counts().responses, ResponseCache::kMostVariants);
  EXPECT_FALSE(c.has(variant(2)));
  EXPECT_TRUE(c.has(variant(3)));
  EXPECT_FALSE(c.has(Asked("/a")));
  // Those who ask for different ones do not wait for each other, once it is known that they are.
  EXPECT_EQ(c.find(variant(50)).then, Then::Make);
  EXPECT_EQ(c.find(variant(51)).then, Then::Make);
  EXPECT_EQ(c.find(variant(51)).then, Then::Wait);
}

TEST(ResponseCache, WhatWasNotUsedForLongestGoes) {
  Cache c(100'000);
  for (int i = 0; i < 8; ++i) c.keep(Asked("/" + std::to_string(i)), "Cache-Control: max-age=60\r\n", 11'000);
  EXPECT_TRUE(c.has(Asked("/0")));
  for (int i = 8; i < 12; ++i) c.keep(Asked("/" + std::to_string(i)), "Cache-Control: max-age=60\r\n", 11'000);
  EXPECT_TRUE(c.has(Asked("/0")));
  EXPECT_FALSE(c.has(Asked("/1")));
  EXPECT_LE(c.cache.counts().bytes, 100'000u);
  EXPECT_EQ(c.cache.counts().evictions, 12 - c.cache.counts().responses);
  c.keep(Asked("/large"), "Cache-Control: max-age=60\r\n", 13'000);
  EXPECT_FALSE(c.has(Asked("/large"))) << "more than its share";
  // Marks that nothing is to be kept go likewise.
  for (int i = 0; i < 2000; ++i) c.keep(Asked("/none" + std::to_string(i)), "Cache-Control: no-store\r\n");
  EXPECT_LE(c.cache.counts().bytes, 100'000u);
}

TEST(ResponseCache, AllOfThemHaveOneBudget) {
  Cache c(100'000);
  c.budget.most = 30'000;
  ResponseCache other(100'000, c.budget);
  c.keep(Asked("/a"), "Cache-Control: max-age=60\r\n", 12'000);
  c.keep(Asked("/b"), "Cache-Control: max-age=60\r\n", 12'000);
  EXPECT_TRUE(c.has(Asked("/b")));
  c.keep(Asked("/c"), "Cache-Control: max-age=60\r\n", 12'000);
  EXPECT_FALSE(c.has(Asked("/c")));
  // What has gone, and somebody still is sent, counts.
  auto found = c.find(Asked("/a"), false);
  c.cache.purge("");
  EXPECT_GT(c.budget.held, 12'000u);
  found = {};
  EXPECT_EQ(c.budget.held, 0u);
}

TEST(ResponseCache, WhatIsMadeWhileItChangesIsNotKept) {
  Cache c;
  const Asked a("/a");
  c.keep(a);
  c.cache.invalidate(a.request.key);
  EXPECT_FALSE(c.has(a));
  auto first = c.find(a);
  c.cache.invalidate(a.request.key);
  EXPECT_EQ(c.find(a).then, Then::Make) << "nobody waits for the old one";
  c.end(a, first, "Cache-Control: max-age=60\r\n");
  EXPECT_FALSE(c.has(a));
  first = c.find(a, false);
  EXPECT_EQ(c.cache.purge("/a"), 0u);
  c.end(a, first, "Cache-Control: max-age=60\r\n");
  EXPECT_FALSE(c.has(a));
  first = c.find(a, false);
  c.cache.close();
  c.end(a, first, "Cache-Control: max-age=60\r\n");
  EXPECT_FALSE(c.has(a));
  EXPECT_EQ(c.budget.held, 0u);
}

TEST(ResponseCache, IsPurged) {
  Cache c;
  for (const char* target : {"/a", "/a/b", "/a?x", "/ab", "/c"}) c.keep(Asked(target));
  EXPECT_EQ(c.cache.purge("/a"), 1u);
  EXPECT_EQ(c.cache.purge("/a?x"), 1u);
  EXPECT_EQ(c.cache.purge("/a/*"), 1u);
  EXPECT_EQ(c.cache.purge("/zz*"), 0u);
  EXPECT_EQ(c.cache.purge(""), 2u);
}

// Threads of several loops, under the sanitizers.
TEST(ResponseCache, ThreadsShareIt) {
  Cache c(64 << 10);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5000; ++i) {
        const Asked asked("/" + std::to_string((i * 7 + t) % 50));
        const auto found = c.cache.find(asked.request, asked.head, c.now, [] {});
        EXPECT_EQ(found.stored == nullptr ? 1000u : found.stored->body->size(), 1000u);
        if (found.flight != nullptr) c.end(asked, found, "Cache-Control: max-age=60\r\n", 1000);
        if (i % 500 == 0) c.cache.purge("/1*");
      }
    });
  for (std::thread& one : threads) one.join();
  EXPECT_LE(c.cache.counts().bytes, uint64_t{64 << 10});
}

}  // namespace
