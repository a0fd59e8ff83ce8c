// option_set_test.cpp - what each kind of option may be, and for whom.
#include "process/option_set.h"

#include <set>

#include <gtest/gtest.h>

namespace aotc {
namespace {

std::string add(OptionSet& options, Option option, const std::string& value, bool for_server = false) {
  return llvm::toString(options.add(option, value, for_server));
}

TEST(OptionSet, KindsHaveRules) {
  OptionSet options;
  EXPECT_EQ(add(options, Option::Snapshot, "maybe"), "expected auto, off or required: maybe");
  EXPECT_EQ(add(options, Option::Listeners, "10"), "must be from 0 to 9: 10");
  EXPECT_EQ(add(options, Option::Env, "=x"), "expected KEY=VALUE: =x");
  EXPECT_EQ(add(options, Option::Env, "x"), "expected KEY=VALUE: x");
  EXPECT_EQ(add(options, Option::SecretEnv, "KEY"), "expected NAME:LENGTH: KEY");
  EXPECT_EQ(add(options, Option::SecretEnv, "KEY:7"), "must be from 8 to 4096: 7");
  EXPECT_EQ(add(options, Option::SecretEnv, "A=B:8"), "expected NAME:LENGTH: A=B:8");
  EXPECT_EQ(add(options, Option::Dir, "a::b"), "expected HOST::GUEST:ro: a::b");
  EXPECT_EQ(add(options, Option::Arg, std::string("a\0b", 3)), "has a zero byte");
  EXPECT_EQ(add(options, Option::Warmup, ""), "an empty request");
  EXPECT_NE(add(options, Option::Warmup, "GET /"), "");
  for (const OptionInfo& row : option_table()) EXPECT_EQ(options.get(row.option), row.standard) << row.name;
}

TEST(OptionSet, TheLastOfOneAndAllOfSeveral) {
  OptionSet options;
  for (const char* value : {"off", "required"}) EXPECT_EQ(add(options, Option::Snapshot, value), "");
  for (const char* value : {"A=1", "A=1"}) EXPECT_EQ(add(options, Option::Env, value), "");
  EXPECT_EQ(add(options, Option::Arg, ""), "");
  EXPECT_EQ(options.get(Option::Snapshot), "required");
  EXPECT_EQ(options.all(Option::Env), (std::vector<std::string>{"A=1", "A=1"}));
  EXPECT_EQ(options.all(Option::Arg), std::vector<std::string>{""});
  EXPECT_TRUE(options.all(Option::Name).empty());
}

TEST(OptionSet, WhatAServerTakes) {
  OptionSet options;
  EXPECT_EQ(add(options, Option::Dir, "a::b:ro"), "");
  EXPECT_EQ(add(options, Option::Dir, "a::b:ro", true), "a server takes none");
  EXPECT_EQ(add(options, Option::SecretEnv, "KEY:8", true), "a server takes none");
  EXPECT_EQ(add(options, Option::Arg, "\xff"), "");
  EXPECT_EQ(add(options, Option::Arg, "\xff", true), "a server takes UTF-8 only");
  std::string half = encode_request(std::string(4096, 'x'));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(add(options, Option::Warmup, half, true), "");
  EXPECT_EQ(add(options, Option::Warmup, half, true), "more than 8192 bytes, which is what a server takes");
  EXPECT_EQ(add(options, Option::Warmup, half), "");
}

// Pairs are enough to ask for the same again.
TEST(OptionSet, PairsGoBackAndForth) {
  OptionSet options, again;
  EXPECT_EQ(add(options, Option::Tier, "quick"), "");
  EXPECT_EQ(add(options, Option::Rehearsal, "off"), "");
  for (const char* value : {"A=1", "B="}) EXPECT_EQ(add(options, Option::Env, value), "");
  EXPECT_EQ(add(options, Option::Warmup, encode_request("GET")), "");
  auto pairs = options.snapshot_pairs();
  for (const auto& [name, value] : pairs) {
    ASSERT_NE(find_option(name), nullptr);
    EXPECT_EQ(add(again, find_option(name)->option, value, true), "");
  }
  EXPECT_EQ(again.snapshot_pairs(), pairs);
  EXPECT_EQ(pairs.front(), (std::pair<std::string, std::string>{"snapshot", "auto"}));
  EXPECT_EQ(pairs.size(), 8u);
}

TEST(OptionSet, NamesAreUnique) {
  std::set<std::string> names, words;
  for (const OptionInfo& row : option_table()) {
    EXPECT_TRUE(names.insert(row.name).second && words.insert(row.word).second) << row.name;
    EXPECT_EQ(info(row.option).name, row.name);
  }
  EXPECT_EQ(find_option("colour"), nullptr);
}

}  // namespace
}  // namespace aotc
