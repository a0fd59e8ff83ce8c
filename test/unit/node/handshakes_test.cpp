// handshakes_test.cpp - how many handshakes an address may begin.
#include "handshakes.h"

#include <gtest/gtest.h>

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

ClientAddress address(const char* text) { return parse_network(text)->address; }

unsigned taken(HandshakeLimits& limits, const ClientAddress& from, uint64_t now, unsigned tries = 1000) {
  unsigned count = 0;
  for (unsigned i = 0; i < tries; ++i) count += limits.take(from, now);
  return count;
}

TEST(Handshakes, AnAddressHasARate) {
  HandshakeLimits limits(5, 10 * kSecond);
  const ClientAddress one = address("192.0.2.1"), other = address("192.0.2.2");
  EXPECT_EQ(taken(limits, one, kSecond), 50u) << "saved up";
  EXPECT_EQ(taken(limits, one, kSecond), 0u);
  EXPECT_EQ(taken(limits, other, kSecond), 50u) << "its own";
  EXPECT_EQ(taken(limits, one, 2 * kSecond), 5u);
  EXPECT_EQ(taken(limits, one, 4 * kSecond), 10u);
  EXPECT_EQ(taken(limits, one, 100 * kSecond), 50u) << "no more than that";
}

TEST(Handshakes, OneIsAlwaysPossible) {
  HandshakeLimits limits(1, kSecond / 10);
  const ClientAddress one = address("192.0.2.1");
  EXPECT_EQ(taken(limits, one, kSecond), 1u);
  EXPECT_EQ(taken(limits, one, 2 * kSecond), 1u);
}

TEST(Handshakes, ANetworkOfIpv6IsOneAddress) {
  HandshakeLimits limits(5, kSecond);
  EXPECT_EQ(taken(limits, address("2001:db8::1"), kSecond), 5u);
  EXPECT_EQ(taken(limits, address("2001:db8::ffff:2"), kSecond), 0u);
  EXPECT_EQ(taken(limits, address("2001:db8:0:1::1"), kSecond), 5u);
}

TEST(Handshakes, AddressesAreForgotten) {
  HandshakeLimits limits(5, kSecond);
  ClientAddress from = address("10.0.0.0");
  for (unsigned i = 0; i < HandshakeLimits::kMostAddresses + 1000; ++i) {
    from.bytes[13] = static_cast<uint8_t>(i >> 16);
    from.bytes[14] = static_cast<uint8_t>(i >> 8);
    from.bytes[15] = static_cast<uint8_t>(i);
    EXPECT_TRUE(limits.take(from, kSecond));
  }
  EXPECT_EQ(limits.addresses(), HandshakeLimits::kMostAddresses);
  EXPECT_TRUE(limits.take(address("192.0.2.1"), 3 * kSecond));
  EXPECT_EQ(limits.addresses(), 1u);
}

}  // namespace
