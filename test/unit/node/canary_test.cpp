// canary_test.cpp - which of two versions a request is for: as many as were asked for, always the same, and nobody by
// his own choice.
#include "canary.h"

#include <gtest/gtest.h>
#include <cstdio>
#include <set>
#include <string>

namespace {

using By = CanaryRules::By;
constexpr unsigned kUsers = 100'000;

CanaryRules rules_of(uint64_t weight, By by = By::Address, const std::string& name = "") {
  CanaryRules rules;
  rules.weight = weight;
  rules.by = by;
  rules.by_name = name;
  rules.seed = "site";
  return rules;
}

std::string head(const std::string& fields) { return "GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n"; }

std::string address(unsigned user) {
  return "10." + std::to_string(user >> 16) + "." + std::to_string(user >> 8 & 255) + "." + std::to_string(user & 255);
}

std::set<unsigned> users_with(const CanaryRules& rules, const std::string& key = "") {
  std::set<unsigned> users;
  for (unsigned i = 0; i < kUsers; ++i) {
    const std::string fields = rules.by == By::Cookie   ? "Cookie: a=b; user=" + std::to_string(i) + "\r\n"
                               : rules.by == By::Header ? "X-User: " + std::to_string(i) + "\r\n"
                                                        : "";
    if (is_for_canary(rules, key, head(fields), address(rules.by == By::Address ? i : 1))) users.insert(i);
  }
  return users;
}

double percent(const std::set<unsigned>& users) { return 100.0 * static_cast<double>(users.size()) / kUsers; }

TEST(Canary, HasItsShareOfUsers) {
  for (const CanaryRules& rules :
       {rules_of(5000), rules_of(5000, By::Cookie, "user"), rules_of(5000, By::Header, "x-user")}) {
    const std::set<unsigned> users = users_with(rules);
    EXPECT_NEAR(percent(users), 5, 0.5);
    EXPECT_EQ(users_with(rules), users) << "sticky";
    std::printf("a canary of 5 %%: %.3f %% of %u users\n", percent(users), kUsers);
  }
  EXPECT_NEAR(percent(users_with(rules_of(100))), 0.1, 0.05);
  EXPECT_EQ(users_with(rules_of(0)).size(), 0u);
  EXPECT_EQ(users_with(rules_of(CanaryRules::kWhole)).size(), kUsers);
}

TEST(Canary, IsKeptWhenItsWeightGrows) {
  const std::set<unsigned> before = users_with(rules_of(5000)), after = users_with(rules_of(20'000));
  for (unsigned user : before) EXPECT_EQ(after.count(user), 1u) << user;
  EXPECT_NEAR(percent(after), 20, 0.5);
}

TEST(Canary, HasOthersByAnotherKeyAndTheNextTime) {
  const std::set<unsigned> users = users_with(rules_of(20'000));
  CanaryRules next = rules_of(20'000);
  next.seed = "next";
  for (const std::set<unsigned>& others : {users_with(rules_of(20'000), "key"), users_with(next)}) {
    std::set<unsigned> both;
    for (unsigned user : users)
      if (others.count(user) != 0) both.insert(user);
    EXPECT_NEAR(percent(both), 4, 0.5) << "a fifth of 20 %";
  }
}

TEST(Canary, IsLedToByFieldsAndCookies) {
  CanaryRules rules = rules_of(0);
  rules.headers = {{"X-Env", "canary"}};
  rules.cookies = {{"env", "canary"}};
  for (const char* fields :
       {"X-Env: canary\r\n", "x-env:  canary \r\n", "X-Env: a\r\nX-Env: canary\r\n", "Cookie: env=canary\r\n",
        "cookie: a; b=c;env=canary ;d\r\n", "Cookie: env=a\r\nCookie: env=canary\r\n"})
    EXPECT_TRUE(is_for_canary(rules, "", head(fields), "10.0.0.1")) << fields;
  for (const char* fields :
       {"", "X-Env: Canary\r\n", "X-Env: canary2\r\n", "X-Env:\r\n", "X-Envy: canary\r\n", "Env: canary\r\n",
        "Cookie: ENV=canary\r\n", "Cookie: xenv=canary\r\n", "Cookie: env=canary2\r\n", "Cookie: env\r\n",
        "Cookie: a=env=canary\r\n", "Cookie: ;;;=;==\r\n", "X: X-Env: canary\r\n", "X-Env\r\n"})
    EXPECT_FALSE(is_for_canary(rules, "", head(fields), "10.0.0.1")) << fields;
  // A body is no field, and neither is what is asked for.
  EXPECT_FALSE(is_for_canary(rules, "", head("") + "X-Env: canary\r\n\r\n", "10.0.0.1"));
  EXPECT_FALSE(is_for_canary(rules, "", "X-Env: canary\r\n\r\n", "10.0.0.1"));
  EXPECT_FALSE(is_for_canary(rules, "", "", ""));
}

// What all rules look at of a head of a megabyte is no more than a client has cookies.
TEST(Canary, ReadsSomeCookies) {
  CanaryRules rules = rules_of(0);
  rules.cookies = {{"env", "canary"}};
  auto is_led = [&](const std::string& before) {
    return is_for_canary(rules, "", head("Cookie: " + before + "env=canary\r\n"), "10.0.0.1");
  };
  auto many = [](unsigned times, const std::string& pair) {
    std::string text;
    while (times-- > 0) text += pair;
    return text;
  };
  EXPECT_TRUE(is_led(many(255, "a=b; ")));
  EXPECT_FALSE(is_led(many(256, "a=b; ")));
  EXPECT_FALSE(is_led(many(1 << 20, ";")));
  EXPECT_FALSE(is_led(many(256, "a=b\r\nCookie: "))) << "in several fields";
  EXPECT_TRUE(is_led("a=" + many(16'000, "b") + "; "));
  EXPECT_FALSE(is_led("a=" + many(16'384, "b") + "; "));
}

// Whoever has no such cookie is told by his address, not counted as one user with all others.
TEST(Canary, TellsThoseApartWhoSayNothing) {
  const CanaryRules rules = rules_of(50'000, By::Cookie, "user");
  unsigned with = 0;
  for (unsigned i = 0; i < 1000; ++i) with += is_for_canary(rules, "", head("Cookie: user=\r\n"), address(i));
  EXPECT_NEAR(with, 500, 100);
}

// A client has a whole network of IPv6 to choose its address from: it is one user.
TEST(Canary, IsNotChosenByAnAddress) {
  const CanaryRules rules = rules_of(50'000);
  unsigned with = 0;
  for (unsigned i = 0; i < 1000; ++i) with += is_for_canary(rules, "", head(""), "2001:db8::" + std::to_string(i + 1));
  EXPECT_TRUE(with == 0 || with == 1000) << with;
}

}  // namespace
