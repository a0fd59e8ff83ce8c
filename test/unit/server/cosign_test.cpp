// cosign_test.cpp - a statement in one of cosign's forms is one where it says all that ours do, once, and nowhere else.
#include "registry/cosign.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "registry/digest.h"
#include "registry/p256.h"
#include "registry/signing.h"

namespace {

using aotc::CosignText;
using aotc::Expectation;
using aotc::P256Key;
using aotc::Statement;

const std::string kHex(64, 'a');
const Statement kStatement{"acme/app", "sha256:" + kHex, 7, 1000, 2000};
const Expectation kExpected{"acme/app", "sha256:" + kHex, 1500, 7};
const std::string kAnnotations =
    R"({"aotc.expires":"2000","aotc.issued":"1000","aotc.repository":"acme/app","aotc.sequence":"7"})";

class Cosign : public testing::Test {
 protected:
  static std::shared_ptr<P256Key> make_key(aotc::TrustedKeys* trusting) {
    std::string secret, open, error;
    EXPECT_TRUE(P256Key::generate(secret, open, error)) << error;
    EXPECT_TRUE(!trusting || trusting->add(open, error)) << error;
    return P256Key::read_private(secret, error);
  }
  std::string signed_text(CosignText::Form form, const std::string& payload, const P256Key& by) const {
    CosignText text{form, payload, ""};
    text.signature = by.sign(text.signed_bytes());
    return text.text();
  }
  std::string outcome(const std::string& text, const Expectation& expected = kExpected) const {
    std::string error = "no reason given";
    return keys_.verify(text, expected, error) ? "good" : error;
  }
  std::string outcome(CosignText::Form form, const std::string& payload) const {
    return outcome(signed_text(form, payload, *key_));
  }

  aotc::TrustedKeys keys_;
  std::shared_ptr<P256Key> key_ = make_key(&keys_), stranger_ = make_key(nullptr);
};

std::string simple(const std::string& annotations, const std::string& type = "cosign container image signature") {
  return R"({"critical":{"identity":{"docker-reference":"acme/app"},"image":{"docker-manifest-digest":"sha256:)" +
         kHex + R"("},"type":")" + type + R"("},"optional":)" + annotations + "}";
}

std::string subject(const std::string& annotations, const std::string& hex = kHex) {
  return R"({"digest":{"sha256":")" + hex + R"("},"annotations":)" + annotations + "}";
}

std::string in_toto(const std::string& subjects, const std::string& predicate = aotc::kSignPredicate,
                    const std::string& type = aotc::kInTotoStatement) {
  return R"({"_type":")" + type + R"(","subject":[)" + subjects + R"(],"predicateType":")" + predicate +
         R"(","predicate":{}})";
}

TEST_F(Cosign, ReturnsWhatWasSignedInBothForms) {
  for (const auto& [form, payload] : {std::pair{CosignText::SimpleSigning, aotc::simple_signing(kStatement)},
                                      {CosignText::SimpleSigning, simple(kAnnotations)},
                                      {CosignText::InToto, in_toto(subject(kAnnotations))},
                                      {CosignText::InToto, in_toto(subject(kAnnotations), aotc::kProvenance)}}) {
    std::string error;
    std::optional<Statement> statement = keys_.verify(signed_text(form, payload, *key_), kExpected, error);
    ASSERT_TRUE(statement) << payload << error;
    EXPECT_EQ(statement->repository, "acme/app");
    EXPECT_EQ(statement->index, kStatement.index);
    EXPECT_EQ(statement->sequence, 7u);
    EXPECT_EQ(statement->issued, 1000u);
    EXPECT_EQ(statement->expires, 2000u);
    EXPECT_EQ(outcome(signed_text(form, payload, *stranger_)), "not signed by a trusted key");
  }
}

TEST_F(Cosign, EveryChangedOrMissingByteIsRefused) {
  for (const std::string& text : {signed_text(CosignText::SimpleSigning, simple(kAnnotations), *key_),
                                  signed_text(CosignText::InToto, in_toto(subject(kAnnotations)), *key_)})
    for (size_t i = 0; i < text.size(); ++i) {
      std::string changed = text;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      ASSERT_NE(outcome(changed), "good") << i;
      ASSERT_NE(outcome(text.substr(0, i)), "good") << i;
    }
}

TEST_F(Cosign, OnlyWhereAndWhenItBelongs) {
  for (const std::string& text : {signed_text(CosignText::SimpleSigning, simple(kAnnotations), *key_),
                                  signed_text(CosignText::InToto, in_toto(subject(kAnnotations)), *key_)}) {
    const std::string other = "sha256:" + std::string(64, 'b');
    EXPECT_EQ(outcome(text, {"acme/app", kStatement.index, 2000, 7}), "expired");
    EXPECT_EQ(outcome(text, {"acme/app", kStatement.index, 600, 7}), "issued in the future");
    EXPECT_EQ(outcome(text, {"acme/app", kStatement.index, 1500, 8}), "its sequence is 7, but 8 was seen before");
    EXPECT_EQ(outcome(text, {"acme/other", kStatement.index, 1500, 7}), "signed for acme/app, not for acme/other");
    EXPECT_EQ(outcome(text, {"acme/app", other, 1500, 7}), "signed for " + kStatement.index + ", not for " + other);
  }
}

// A signature over one form is none over the other, and neither is one of ours.
TEST_F(Cosign, FormsAreNotExchanged) {
  const std::string payload = in_toto(subject(kAnnotations));
  EXPECT_EQ(outcome(CosignText::SimpleSigning, payload), "not a well-formed statement");
  EXPECT_EQ(outcome(CosignText::InToto, simple(kAnnotations)), "not a well-formed statement");
  CosignText bare{CosignText::InToto, payload, key_->sign(payload)};
  EXPECT_EQ(outcome(bare.text()), "not signed by a trusted key");
  const std::string ours = sign_statement(kStatement, {aotc::Signer(key_)});
  EXPECT_EQ(outcome(ours), "good");
  const std::string head = ours.substr(0, ours.find("signature "));
  EXPECT_EQ(outcome(CosignText::SimpleSigning, head), "not a well-formed statement");
}

// What cosign signs when nobody told it more, and what leaves something out, is no statement.
TEST_F(Cosign, LessThanAStatementIsNone) {
  for (
      const std::string& annotations : std::vector<std::string>{
          "null", "{}", "[]", "\"aotc.sequence\"",
          R"({"aotc.issued":"1000","aotc.repository":"acme/app","aotc.sequence":"7"})",
          R"({"aotc.expires":"2000","aotc.repository":"acme/app","aotc.sequence":"7"})",
          R"({"aotc.expires":"2000","aotc.issued":"1000","aotc.sequence":"7"})",
          R"({"aotc.expires":"2000","aotc.issued":"1000","aotc.repository":"acme/app"})",
          R"({"aotc.expires":"2000","aotc.issued":"1000","aotc.repository":"acme/app","aotc.sequence":7})",
          R"({"aotc.expires":"2000","aotc.issued":"1000","aotc.repository":"acme/app","aotc.sequence":"07"})",
          R"({"aotc.expires":"2000","aotc.issued":"1000","aotc.repository":"acme/app","aotc.sequence":"-7"})",
          R"({"aotc.expires":"9999999999999999999","aotc.issued":"1000","aotc.repository":"acme/app","aotc.sequence":"7"})",
          R"({"aotc.expires":"2000","aotc.issued":"1000","aotc.repository":["acme/app"],"aotc.sequence":"7"})"}) {
    EXPECT_EQ(outcome(CosignText::SimpleSigning, simple(annotations)), "not a well-formed statement") << annotations;
    EXPECT_EQ(outcome(CosignText::InToto, in_toto(subject(annotations))), "not a well-formed statement") << annotations;
  }
  EXPECT_EQ(outcome(CosignText::SimpleSigning, simple(kAnnotations, "another type")), "not a well-formed statement");
  const std::string one = subject(kAnnotations);
  for (const std::string& payload :
       {in_toto(""), in_toto(one + "," + one), in_toto("7"), in_toto(subject(kAnnotations, kHex.substr(1))),
        in_toto(subject(kAnnotations, std::string(64, 'A'))), in_toto(one, "https://spdx.dev/Document"),
        in_toto(one, aotc::kSignPredicate, "https://in-toto.io/Statement/v0.1"), std::string("7"), std::string("[]")})
    EXPECT_EQ(outcome(CosignText::InToto, payload), "not a well-formed statement") << payload;
}

// Whoever takes the first of two members would read another statement than who takes the last.
TEST_F(Cosign, MembersAreThereOnce) {
  for (const char* twice : {"aotc.sequence", "AOTC.Sequence", "other"}) {
    const std::string annotations =
        kAnnotations.substr(0, kAnnotations.size() - 1) + ",\"other\":\"1\",\"" + std::string(twice) + "\":\"9\"}";
    EXPECT_EQ(outcome(CosignText::SimpleSigning, simple(annotations)), "not a well-formed statement") << twice;
    EXPECT_EQ(outcome(CosignText::InToto, in_toto(subject(annotations))), "not a well-formed statement") << twice;
  }
  const std::string payload = simple(kAnnotations), more = payload.substr(0, payload.size() - 1);
  EXPECT_EQ(outcome(CosignText::SimpleSigning, more + R"(,"Critical":{}})"), "not a well-formed statement");
  EXPECT_EQ(outcome(CosignText::SimpleSigning, more + R"(,"more":{"critical":{},"optional":[{"a":1},{"a":2}]}})"),
            "good");
}

TEST_F(Cosign, WhatIsLargeOrDeepIsRefused) {
  const std::string payload = simple(kAnnotations);
  EXPECT_EQ(outcome(CosignText::SimpleSigning, payload + std::string(8 << 10, ' ')), "good");
  EXPECT_NE(outcome(CosignText::SimpleSigning, payload + std::string(16 << 10, ' ')), "good");
  EXPECT_EQ(outcome(CosignText::SimpleSigning, std::string(15 << 10, '[')), "not a well-formed statement");
  std::string deep = "{\"a\":";
  for (int i = 0; i < 2000; ++i) deep += "{\"a\":";
  EXPECT_EQ(outcome(CosignText::InToto, deep), "not a well-formed statement");
}

TEST_F(Cosign, EnvelopesAreOpened) {
  const std::string payload = in_toto(subject(kAnnotations)), envelope = aotc::dsse_envelope(payload, *key_);
  auto outcomes = [&](const std::string& document) {
    std::string all;
    for (const CosignText& text : aotc::parse_envelope(document)) all += outcome(text.text()) + ";";
    return all;
  };
  auto with = [&](std::string from, const std::string& to) {
    std::string changed = envelope;
    EXPECT_NE(changed.find(from), std::string::npos) << from;
    return outcomes(changed.replace(changed.find(from), from.size(), to));
  };
  EXPECT_EQ(outcomes(envelope), "good;");
  EXPECT_EQ(outcomes(aotc::sigstore_bundle(envelope, *key_)), "good;");
  EXPECT_EQ(with("application/vnd.in-toto+json", "text/plain"), "");
  EXPECT_EQ(with("application/vnd.in-toto+json", "application/vnd.in-toto+JSON"), "");
  EXPECT_EQ(with("\"payload\":\"", "\"payload\":\"*"), "");
  EXPECT_EQ(with("\"keyid\"", "\"sig\""), "");
  EXPECT_EQ(with("[{", R"([{"sig":""},7,{"sig":"!"},{)"), "good;");
  EXPECT_EQ(with("[{", R"([{"sig":"MAYCAQECAQE="},{)"), "not signed by a trusted key;good;");
  std::string many = "[";
  for (int i = 0; i < 16; ++i) many += R"({"sig":"MAYCAQECAQE="},)";
  EXPECT_EQ(with("[{", many + "{"), "");
  EXPECT_EQ(outcomes(""), "");
  EXPECT_EQ(outcomes(envelope + std::string(aotc::kMaxBundle, ' ')), "");
  EXPECT_EQ(outcomes(R"({"dsseEnvelope":7})"), "");
}

// At its first use mbedTLS puts a table into the curve that it is given, which two threads then free.
TEST_F(Cosign, ThreadsShareAKey) {
  constexpr int kThreads = 8, kRounds = 20;
  std::atomic<int> good = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::shared_ptr<P256Key> key = make_key(nullptr);
    std::latch ready(kThreads);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&] {
        ready.arrive_and_wait();
        good += key->verify_raw("x", key->sign_raw("x")) && key->verify("x", key->sign("x"));
      });
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(good, kThreads * kRounds);
}

TEST_F(Cosign, KeysAreOfTheirKind) {
  std::string secret, open, error;
  ASSERT_TRUE(P256Key::generate(secret, open, error)) << error;
  EXPECT_EQ(P256Key::read_private(secret, error)->public_pem(), open);
  EXPECT_FALSE(P256Key::read_private(open, error));
  EXPECT_FALSE(P256Key::read_public(secret, error));
  std::shared_ptr<P256Key> half = P256Key::read_public(open, error);
  EXPECT_EQ(half->sign("x"), "");
  EXPECT_EQ(half->sign_raw("x"), "");
  for (const std::string& raw : {std::string(), std::string(63, '\1'), std::string(64, '\0'), std::string(64, '\xff')})
    EXPECT_FALSE(half->verify_raw("x", raw));
}

}  // namespace
