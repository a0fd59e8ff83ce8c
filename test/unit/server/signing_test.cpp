// signing_test.cpp - a statement is accepted whole, in time, in order and where it belongs, and in no other way.
#include "registry/signing.h"
#include "registry/p256.h"

#include <gtest/gtest.h>

namespace {

using aotc::Expectation;
using aotc::Signer;
using aotc::Statement;
using aotc::TrustedKeys;

const std::string kDigest = "sha256:" + std::string(64, 'a');

struct KeyPair {
  Signer signer;
  std::string public_pem;
};

KeyPair make_key() {
  std::string secret, open, error;
  EXPECT_TRUE(Signer::generate(secret, open, error)) << error;
  std::optional<Signer> signer = Signer::read(secret, error);
  EXPECT_TRUE(signer) << error;
  return {*signer, open};
}

TrustedKeys trusting(const std::vector<KeyPair>& keys) {
  TrustedKeys trusted;
  std::string pem, error;
  for (const KeyPair& key : keys) pem += key.public_pem;
  EXPECT_TRUE(trusted.add(pem, error)) << error;
  return trusted;
}

const Statement kStatement{"acme/app", kDigest, 7, 1000, 2000};
const Expectation kExpected{"acme/app", kDigest, 1500, 7};

// Why it is refused; "good" when it is not.
std::string outcome(const TrustedKeys& keys, const std::string& text, const Expectation& expected = kExpected) {
  std::string error = "no reason given";
  return keys.verify(text, expected, error) ? "good" : error;
}

TEST(Signing, ReturnsWhatWasSigned) {
  KeyPair key = make_key();
  std::string error;
  std::optional<Statement> statement =
      trusting({key}).verify(aotc::sign_statement(kStatement, {key.signer}), kExpected, error);
  ASSERT_TRUE(statement) << error;
  EXPECT_EQ(statement->repository, "acme/app");
  EXPECT_EQ(statement->index, kDigest);
  EXPECT_EQ(statement->sequence, 7u);
  EXPECT_EQ(statement->issued, 1000u);
  EXPECT_EQ(statement->expires, 2000u);
}

TEST(Signing, EveryChangedBitIsRefused) {
  KeyPair key = make_key();
  TrustedKeys keys = trusting({key});
  std::string text = aotc::sign_statement(kStatement, {key.signer});
  ASSERT_EQ(outcome(keys, text), "good");
  for (size_t i = 0; i < text.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = text;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      ASSERT_NE(outcome(keys, damaged), "good") << "byte " << i << " bit " << bit;
    }
}

TEST(Signing, EveryMissingOrAddedByteIsRefused) {
  KeyPair key = make_key();
  TrustedKeys keys = trusting({key});
  std::string text = aotc::sign_statement(kStatement, {key.signer});
  for (size_t i = 0; i < text.size(); ++i) {
    ASSERT_NE(outcome(keys, text.substr(0, i)), "good") << i;
    for (char c : {' ', '\n', '0', '\0', 'a'}) {
      std::string longer = text;
      longer.insert(i, 1, c);
      ASSERT_NE(outcome(keys, longer), "good") << "byte " << i;
    }
  }
  EXPECT_NE(outcome(keys, text + "\n"), "good");
  EXPECT_NE(outcome(keys, text + std::string(8192, 'x')), "good");
}

TEST(Signing, OnlyWhereAndWhenItBelongs) {
  KeyPair key = make_key();
  TrustedKeys keys = trusting({key});
  std::string text = aotc::sign_statement(kStatement, {key.signer});
  auto with = [&](auto change) {
    Expectation expected = kExpected;
    change(expected);
    return outcome(keys, text, expected);
  };
  EXPECT_EQ(with([](Expectation& e) { e.repository = "acme/other"; }), "signed for acme/app, not for acme/other");
  EXPECT_EQ(with([](Expectation& e) { e.repository = "evil/app"; }), "signed for acme/app, not for evil/app");
  EXPECT_NE(with([](Expectation& e) { e.index.back() = 'b'; }), "good");
  EXPECT_EQ(with([](Expectation& e) { e.now = 1999; }), "good");
  EXPECT_EQ(with([](Expectation& e) { e.now = 2000; }), "expired");
  EXPECT_EQ(with([](Expectation& e) { e.now = 700; }), "good") << "clocks may differ by five minutes";
  EXPECT_EQ(with([](Expectation& e) { e.now = 699; }), "issued in the future");
  EXPECT_EQ(with([](Expectation& e) { e.now = 2000, e.at_any_time = true; }), "good");
  EXPECT_EQ(with([](Expectation& e) { e.now = 699, e.at_any_time = true; }), "good");
  EXPECT_EQ(with([](Expectation& e) { e.least_sequence = 8; }), "its sequence is 7, but 8 was seen before");
}

TEST(Signing, OneTrustedKeyOfSeveralIsEnough) {
  KeyPair before = make_key(), after = make_key(), stranger = make_key();
  std::string by_old = aotc::sign_statement(kStatement, {before.signer});
  std::string by_both = aotc::sign_statement(kStatement, {before.signer, after.signer});
  std::string by_new = aotc::sign_statement(kStatement, {after.signer});
  for (const std::string& text : {by_old, by_both, by_new}) {
    EXPECT_EQ(outcome(trusting({before, after}), text), "good");
    EXPECT_EQ(outcome(trusting({stranger}), text), "not signed by a trusted key");
  }
  EXPECT_EQ(outcome(trusting({after}), by_old), "not signed by a trusted key");
  EXPECT_EQ(outcome(trusting({after}), by_both), "good");
  EXPECT_EQ(outcome(trusting({before}), by_both), "good");
  EXPECT_EQ(outcome(TrustedKeys(), by_old), "not signed by a trusted key");
  // A stranger's signature under a trusted key's id.
  std::string forged = aotc::sign_statement(kStatement, {stranger.signer});
  forged.replace(forged.find(stranger.signer.id()), 16, before.signer.id());
  EXPECT_EQ(outcome(trusting({before}), forged), "the signature is wrong");
}

TEST(Signing, OtherKeysAreNotRead) {
  std::string error;
  KeyPair key = make_key();
  EXPECT_FALSE(Signer::read("", error));
  EXPECT_FALSE(Signer::read(key.public_pem, error));
  EXPECT_EQ(error, "not an Ed25519 or P-256 key in PEM form");
  EXPECT_FALSE(TrustedKeys().add("no key", error));
  // P-384, made by `openssl ecparam -name secp384r1 -genkey | openssl pkey -pubout`.
  EXPECT_FALSE(
      TrustedKeys().add("-----BEGIN PUBLIC KEY-----\n"
                        "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEEzgYd1rnUWvjcJu+DeMLLt/a00R+vNlF\n"
                        "3tiYfD8gaLMG5O8TNVIL3l0Qu2IeCdB2FGBX5mBxlX1EWCtIsB03YqYmcrD4QB2n\n"
                        "k2OeF3bdxLnnT7BNTO2nM4LoRvksTM6I\n"
                        "-----END PUBLIC KEY-----\n",
                        error));
  EXPECT_EQ(error, "not an Ed25519 or P-256 key in PEM form");
}

// With any kind of key: what has one form only can be signed for all.
TEST(Signing, AKeyOnP256SignsTheSameTexts) {
  std::string secret, open, error;
  ASSERT_TRUE(aotc::P256Key::generate(secret, open, error)) << error;
  std::optional<Signer> signer = Signer::read(secret, error);
  ASSERT_TRUE(signer) << error;
  KeyPair ours = make_key(), other{*signer, open};
  std::string text = aotc::sign_statement(kStatement, {other.signer});
  EXPECT_EQ(text, aotc::sign_statement(kStatement, {Signer(aotc::P256Key::read_private(secret, error))}));
  EXPECT_EQ(outcome(trusting({other}), text), "good");
  EXPECT_EQ(outcome(trusting({ours}), text), "not signed by a trusted key");
  std::string both = aotc::sign_statement(kStatement, {ours.signer, other.signer});
  for (const KeyPair& key : {ours, other}) EXPECT_EQ(outcome(trusting({key}), both), "good");
  TrustedKeys own;
  own.add(*signer);
  EXPECT_EQ(outcome(own, both), "good");
  // One kind's signature under the other's id.
  std::string forged = aotc::sign_statement(kStatement, {ours.signer});
  forged.replace(forged.find(ours.signer.id()), 16, other.signer.id());
  EXPECT_EQ(outcome(trusting({other}), forged), "the signature is wrong");
  for (size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    ASSERT_NE(outcome(trusting({other}), damaged), "good") << i;
  }
}

}  // namespace
