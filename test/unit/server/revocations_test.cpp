// revocations_test.cpp - a list of revocations is accepted whole and where it belongs, says what was meant, and has one
// spelling.
#include "registry/revocations.h"

#include <gtest/gtest.h>

namespace {

using aotc::Revocations;
using aotc::Signer;
using aotc::TrustedKeys;

const std::string kBad = "sha256:" + std::string(64, 'a'), kWorse = "sha256:" + std::string(64, 'b'),
                  kGood = "sha256:" + std::string(64, 'c');

struct KeyPair {
  std::optional<Signer> signer;
  TrustedKeys trusted;
  KeyPair() {
    std::string secret, open, error;
    EXPECT_TRUE(Signer::generate(secret, open, error) && trusted.add(open, error)) << error;
    signer = Signer::read(secret, error);
  }
};

Revocations example() {
  Revocations list{"acme/app", 7, 1000, {}, {}, 0, ""};
  list.compilers = {{"0.1.0", "a miscompile"}, {"0.1.1", "another one"}};
  list.indexes = {{kBad, "leaks"}, {kWorse, "leaks more"}};
  list.through = 12;
  list.through_reason = "all of them";
  return list;
}

const char* const kHead =
    "aotc-revocations 1\nrepository acme/app\nsequence 7\nissued 1000\ncompiler 0.1.0 a miscompile\n"
    "compiler 0.1.1 another one\n";

std::string text_of(const Revocations& list, const KeyPair& key) {
  std::string error;
  std::optional<std::string> text = aotc::sign_revocations(list, {*key.signer}, error);
  EXPECT_TRUE(text) << error;
  return text.value_or("");
}

std::string outcome(const KeyPair& key, const std::string& text, const std::string& repository = "acme/app") {
  std::string error = "no reason given";
  return aotc::verify_revocations(key.trusted, text, repository, error) ? "good" : error;
}

// Signed as it is, however ill-formed.
std::string signed_as_is(const std::string& head, const KeyPair& key) { return aotc::sign_text(head, {*key.signer}); }

TEST(Revocations, SayWhatWasRevoked) {
  KeyPair key;
  std::string error, text = text_of(example(), key);
  EXPECT_EQ(text.rfind(kHead, 0), 0u) << text;
  std::optional<Revocations> list = aotc::verify_revocations(key.trusted, text, "acme/app", error);
  ASSERT_TRUE(list) << error;
  EXPECT_EQ(list->sequence, 7u);
  EXPECT_EQ(list->issued, 1000u);
  EXPECT_EQ(aotc::reason_against(*list, {kBad, 20, ""}), "leaks");
  EXPECT_EQ(aotc::reason_against(*list, {kGood, 20, "0.1.1"}), "another one");
  EXPECT_EQ(aotc::reason_against(*list, {kGood, 12, "0.1.2"}), "all of them");
  EXPECT_EQ(aotc::reason_against(*list, {kGood, 13, "0.1.2"}), "");
  EXPECT_EQ(aotc::reason_against(*list, {kGood, 13, ""}), "") << "an unknown compiler is none of those";
  EXPECT_EQ(aotc::reason_against(Revocations(), {kGood, 0, ""}), "") << "an empty list has nothing against anything";
}

TEST(Revocations, EveryChangedBitIsRefused) {
  KeyPair key;
  std::string text = text_of(example(), key);
  ASSERT_EQ(outcome(key, text), "good");
  for (size_t i = 0; i < text.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = text;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      ASSERT_NE(outcome(key, damaged), "good") << "byte " << i << " bit " << bit;
    }
  for (size_t i = 0; i < text.size(); ++i) ASSERT_NE(outcome(key, text.substr(0, i)), "good") << i;
}

TEST(Revocations, OnlyForTheirRepositoryOrTheFleet) {
  KeyPair key, stranger;
  std::string text = text_of(example(), key);
  EXPECT_EQ(outcome(key, text, "acme/other"), "revocations for acme/app, not for acme/other");
  EXPECT_EQ(outcome(stranger, text), "not signed by a trusted key");
  Revocations fleet = example();
  fleet.repository = aotc::kWholeFleet;
  fleet.through_reason.clear();
  EXPECT_EQ(outcome(key, text_of(fleet, key), "acme/other"), "good");
  EXPECT_EQ(outcome(key, aotc::sign_statement({"acme/app", kBad, 7, 1000, 2000}, {*key.signer})),
            "not a well-formed list of revocations");
}

TEST(Revocations, OneSpellingOnly) {
  KeyPair key;
  const std::string first = "aotc-revocations 1\nrepository acme/app\nsequence 7\nissued 1000\n";
  ASSERT_EQ(outcome(key, signed_as_is(first, key)), "good");
  const std::string kVersion0 = "compiler 0.1.0 x\n", kVersion1 = "compiler 0.1.1 x\n";
  const std::string kIndex0 = "index " + kBad + " x\n", kIndex1 = "index " + kWorse + " x\n";
  EXPECT_EQ(outcome(key, signed_as_is(first + kVersion0 + kVersion1 + kIndex0 + kIndex1 + "through 3 x\n", key)),
            "good");
  const std::string kBadHeads[] = {
      "",
      "aotc-revocations 2\nrepository acme/app\nsequence 7\nissued 1000\n",
      "aotc-revocations 1\nrepository acme/app\nsequence 07\nissued 1000\n",
      "aotc-revocations 1\nrepository acme/app\nsequence 1000000000000000000\nissued 1000\n",
      "aotc-revocations 1\nrepository acme/app\nissued 1000\nsequence 7\n",
      "aotc-revocations 1\nrepository \nsequence 7\nissued 1000\n",
      "aotc-revocations 1\nrepository a b\nsequence 7\nissued 1000\n",
      first + "\n",
      first + "repository acme/app\n",
      first + "tag v1 x\n",
      first + kVersion0 + kVersion0,
      first + kVersion1 + kVersion0,
      first + kIndex0 + kIndex0,
      first + kIndex1 + kIndex0,
      first + kIndex0 + kVersion0,
      first + "through 3 x\nthrough 4 x\n",
      first + "through 3 x\n" + kIndex0,
      first + "through 03 x\n",
      first + "through x x\n",
      first + "through 3\n",
      first + "through 3 \n",
      first + "compiler 0.1.0\n",
      first + "compiler 0.1.0 \n",
      first + "compiler  x\n",
      first + "compiler 0/1 x\n",
      first + "compiler " + std::string(65, '1') + " x\n",
      first + "compiler 1 " + std::string(201, 'x') + "\n",
      first + "compiler 1 a\tb\n",
      first + "compiler 1 \xc3\xa4\n",
      first + "index sha256:aa x\n",
      first + "index sha256:" + std::string(64, 'A') + " x\n",
      first + "index " + kBad + "\n",
      "aotc-revocations 1\nrepository *\nsequence 7\nissued 1000\nthrough 3 x\n"};
  for (const std::string& head : kBadHeads)
    EXPECT_EQ(outcome(key, signed_as_is(head, key)), "not a well-formed list of revocations") << head;
  std::string many = text_of(example(), key), line = many.substr(many.find("signature "));
  for (int i = 0; i < 16; ++i) many += line;
  EXPECT_EQ(outcome(key, many), "not a well-formed list of revocations") << "17 signatures";
}

TEST(Revocations, AreOfBoundedSize) {
  KeyPair key;
  std::string error;
  Revocations list{"acme/app", 1, 1, {}, {}, 0, ""};
  auto index = [](int i) {
    std::string number = std::to_string(i);
    return "sha256:" + std::string(64 - number.size(), '0') + number;
  };
  int count = 0;
  while (aotc::sign_revocations(list, {*key.signer}, error)) list.indexes[index(count++)] = "x";
  EXPECT_EQ(error, "there is no room for more revocations in one list");
  EXPECT_GT(count, 800);
  list.indexes.erase(index(count - 1));
  EXPECT_EQ(outcome(key, text_of(list, key)), "good");
  list.indexes[index(0)] = "two\nlines";
  EXPECT_FALSE(aotc::sign_revocations(list, {*key.signer}, error));
  EXPECT_EQ(error, "the revocations are not well formed");
}

}  // namespace
