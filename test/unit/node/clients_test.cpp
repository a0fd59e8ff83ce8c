// clients_test.cpp - whom the front takes for one client, and for how slow.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <cstring>

#include "address.h"
#include "pace.h"

namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr Pace::Limits kLimits = {1000, 10 * kSecond};

// Feeds what is moved in each of the seconds; in which it was too slow, or 0.
uint64_t too_slow_after(std::initializer_list<uint64_t> moved) {
  Pace pace;
  uint64_t second = 0, total = 77;
  pace.begin(0, total, kLimits);
  for (uint64_t bytes : moved) {
    total += bytes;
    if (!pace.go_on(++second * kSecond, total, kLimits)) return second;
  }
  return 0;
}

TEST(Pace, APauseIsAsLongAsTheGrace) {
  EXPECT_EQ(too_slow_after({0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 0);
  EXPECT_EQ(too_slow_after({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 11);
  EXPECT_EQ(too_slow_after({100000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 0);
  EXPECT_EQ(too_slow_after({0, 0, 0, 0, 0, 0, 0, 0, 0, 100000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 21);
}

TEST(Pace, InTheLongRunTheRateHolds) {
  Pace at_the_rate, below;
  at_the_rate.begin(0, 0, kLimits);
  below.begin(0, 0, kLimits);
  uint64_t second = 0;
  while (++second < 10000) ASSERT_TRUE(at_the_rate.go_on(second * kSecond, second * 1000, kLimits));
  second = 0;
  while (below.go_on((second + 1) * kSecond, (second + 1) * 900, kLimits)) ++second;
  EXPECT_EQ(second, 100);
}

// What came in a burst is not saved up for ever.
TEST(Pace, ABurstBuysNoMoreThanTheGrace) {
  Pace pace;
  pace.begin(0, 0, kLimits);
  EXPECT_TRUE(pace.go_on(kSecond, 1'000'000'000, kLimits));
  uint64_t second = 1;
  while (pace.go_on(++second * kSecond, 1'000'000'000, kLimits)) {
  }
  EXPECT_EQ(second, 12);
}

TEST(Pace, OurOwnDelayIsNotTheClients) {
  Pace pace;
  pace.begin(0, 0, kLimits);
  EXPECT_TRUE(pace.go_on(3600 * kSecond, 0, kLimits));
}

TEST(Pace, TheOldestOfTheSlowGoesFirst) {
  Pace oldest, younger, working, newest;
  oldest.begin(0, 0, kLimits);
  younger.begin(5 * kSecond, 0, kLimits);
  working.begin(0, 0, kLimits);
  newest.begin(59 * kSecond, 0, kLimits);
  EXPECT_TRUE(working.go_on(60 * kSecond, 60000, kLimits));
  auto merit = [](const Pace& pace) { return pace.merit(60 * kSecond, kLimits); };
  EXPECT_LT(merit(oldest), merit(younger));
  EXPECT_LT(merit(younger), merit(working));
  EXPECT_LT(merit(working), merit(newest));
}

ClientAddress address(const char* text) {
  sockaddr_storage from{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&from);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&from);
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
    from.ss_family = AF_INET;
  else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
    from.ss_family = AF_INET6;
  return ClientAddress::of(from);
}

TEST(ClientAddress, OneClientHasAnAddressOrANetworkOf64Bits) {
  EXPECT_EQ(address("192.0.2.1").group(), address("192.0.2.1").group());
  EXPECT_NE(address("192.0.2.1").group(), address("192.0.2.2").group());
  EXPECT_EQ(address("2001:db8:1:2::1").group(), address("2001:db8:1:2:ffff:ffff:ffff:ffff").group());
  EXPECT_NE(address("2001:db8:1:2::1").group(), address("2001:db8:1:3::1").group());
  // By a socket for both, an IPv4 client comes from an address within ::/64.
  EXPECT_EQ(address("::ffff:192.0.2.1").group(), address("192.0.2.1").group());
  EXPECT_NE(address("::ffff:192.0.2.1").group(), address("::ffff:192.0.2.2").group());
}

bool contains(const char* network, const char* text) { return parse_network(network).value().contains(address(text)); }

TEST(Network, Contains) {
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(contains("192.0.2.8/29", "192.0.2.15"));
  EXPECT_FALSE(contains("192.0.2.8/29", "192.0.2.16"));
  EXPECT_TRUE(contains("192.0.2.8", "::ffff:192.0.2.8"));
  EXPECT_FALSE(contains("192.0.2.8", "192.0.2.9"));
  EXPECT_TRUE(contains("0.0.0.0/0", "192.0.2.9"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(contains("::/0", "192.0.2.9"));
}

TEST(Network, Refuses) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/8 ", "10.0.0.0/+8",
                           "10.0.0.0/8/8", "fd00::/129", "fd00::/1000", "host"})
    EXPECT_FALSE(parse_network(text)) << text;
}

}  // namespace
