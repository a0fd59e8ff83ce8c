// policy_test.cpp - what the broker takes for allowed.
#include "broker/policy.h"

#include <gtest/gtest.h>

namespace {

Policy policy_of(std::initializer_list<const char*> rules, std::initializer_list<const char*> networks = {}) {
  Policy policy;
  std::string wrong;
  for (const char* rule : rules) policy.rules.push_back(*aotc::parse_outbound_rule(rule, wrong));
  for (const char* network : networks) policy.networks.push_back(*aotc::parse_outbound_network(network));
  return policy;
}

aotc::AddressBytes address(const char* text) { return *aotc::parse_address(text); }

// The scheme of the rule that allows it, or "".
std::string judged(const Policy& policy, const char* host, uint16_t port, bool tls = false, uint64_t now = 1) {
  using Scheme = aotc::OutboundRule::Scheme;
  const Policy::Verdict verdict = policy.judge({host, port, tls}, now);
  if (verdict.rule == nullptr) return "";
  return verdict.rule->scheme == Scheme::Any    ? "any"
         : verdict.rule->scheme == Scheme::Tcp  ? "tcp"
         : verdict.rule->scheme == Scheme::Http ? "http"
                                                : "https";
}

TEST(Policy, NothingIsAllowedByDefault) {
  const Policy policy;
  EXPECT_FALSE(policy.may_look_up("a.example"));
  EXPECT_EQ(judged(policy, "192.0.66.1", 80), "");
}

TEST(Policy, ARuleIsForItsHostPortAndService) {
  const Policy policy =
      policy_of({"tcp://db.example:5432", "https://api.example", "http://api.example", "tcp://[2001:db8::1]:*"});
  EXPECT_EQ(judged(policy, "db.example", 5432), "tcp");
  EXPECT_EQ(judged(policy, "db.example", 5433), "");
  EXPECT_EQ(judged(policy, "db.example", 5432, true), "");
  EXPECT_EQ(judged(policy, "api.example", 443, true), "https");
  EXPECT_EQ(judged(policy, "api.example", 443), "");
  EXPECT_EQ(judged(policy, "api.example", 80), "http");
  EXPECT_EQ(judged(policy, "2001:db8:0::1", 7), "tcp");
  EXPECT_EQ(judged(policy, "2001:db8::2", 7), "");
}

TEST(Policy, AStarIsForWhatIsBelow) {
  const Policy policy = policy_of({"tcp://*.example:80"});
  EXPECT_TRUE(policy.may_look_up("a.example"));
  EXPECT_TRUE(policy.may_look_up("a.b.example"));
  EXPECT_FALSE(policy.may_look_up("example"));
  EXPECT_FALSE(policy.may_look_up(".example"));
  EXPECT_FALSE(policy.may_look_up("evilexample"));
}

TEST(Policy, BytesAsTheyAreComeFirst) {
  const Policy policy = policy_of({"http://a.example:80", "tcp://a.example:80"});
  EXPECT_EQ(judged(policy, "a.example", 80), "tcp");
}

TEST(Policy, NamesLeadToPublicAddressesAndToNetworksThatAreNamed) {
  const Policy policy = policy_of({"tcp://a.example:80"}, {"10.1.0.0/16", "fd00:1::/32"});
  for (const char* good : {"192.0.66.1", "2606:4700::1", "10.1.255.255", "fd00:1::9"})
    EXPECT_TRUE(policy.may_lead_to("a.example", address(good))) << good;
  for (const char* bad : {"10.2.0.1", "127.0.0.1", "::1", "::", "0.0.0.0", "169.254.169.254", "fe80::1", "fd00:2::1",
                          "100.64.0.1", "224.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"})
    EXPECT_FALSE(policy.may_lead_to("a.example", address(bad))) << bad;
  EXPECT_TRUE(policy.may_lead_to("localhost", address("127.0.0.1")));
  EXPECT_FALSE(policy.may_lead_to("localhost", address("10.2.0.1")));
}

TEST(Policy, AnAddressIsAllowedWhileItsNameIsRemembered) {
  Policy policy = policy_of({"tcp://a.example:80"});
  constexpr uint64_t kMinute = 60'000'000'000;
  policy.pin("a.example", address("192.0.66.1"), 1);
  EXPECT_EQ(judged(policy, "192.0.66.1", 80), "tcp");
  EXPECT_EQ(judged(policy, "::ffff:192.0.66.1", 80), "tcp");
  EXPECT_EQ(judged(policy, "192.0.66.1", 81), "");
  EXPECT_EQ(judged(policy, "192.0.66.2", 80), "");
  EXPECT_EQ(judged(policy, "192.0.66.1", 80, false, 9 * kMinute), "tcp");
  EXPECT_EQ(judged(policy, "192.0.66.1", 80, false, 11 * kMinute), "");
}

TEST(Policy, ManyNamesPushOutOldOnes) {
  Policy policy = policy_of({"tcp://*.example:80"});
  for (unsigned i = 0; i < 20'000; ++i) {
    aotc::AddressBytes one = address("192.0.0.0");
    one[14] = static_cast<uint8_t>(i >> 8);
    one[15] = static_cast<uint8_t>(i);
    policy.pin("a.example", one, 1);
  }
  EXPECT_EQ(judged(policy, "192.0.78.31", 80), "tcp");  // the last
  EXPECT_EQ(judged(policy, "192.0.0.0", 80), "");
}

TEST(Policy, LocalhostIsWrittenInSeveralWays) {
  const Policy policy = policy_of({"tcp://localhost:5432"});
  EXPECT_EQ(judged(policy, "127.0.0.1", 5432), "tcp");
  EXPECT_EQ(judged(policy, "::1", 5432), "tcp");
  EXPECT_EQ(judged(policy, "10.0.0.1", 5432), "");
}

TEST(Policy, AnyIsAny) {
  const Policy policy = policy_of({"any"});
  EXPECT_TRUE(policy.may_look_up("a.example"));
  EXPECT_TRUE(policy.may_lead_to("a.example", address("10.0.0.1")));
  EXPECT_EQ(judged(policy, "169.254.169.254", 80), "any");
}

}  // namespace
