// release_document_test.cpp - a release document is accepted whole and where it belongs, and has one spelling.
#include "registry/release_document.h"

#include <gtest/gtest.h>
#include <string>

namespace {

using aotc::ReleaseDocument;

const std::string kOne = "sha256:" + std::string(64, 'a'), kTwo = "sha256:" + std::string(64, 'b');

struct KeyPair {
  std::optional<aotc::Signer> signer;
  aotc::TrustedKeys trusted;
  KeyPair() {
    std::string secret, open, error;
    EXPECT_TRUE(aotc::Signer::generate(secret, open, error) && trusted.add(open, error)) << error;
    signer = aotc::Signer::read(secret, error);
  }
};

ReleaseDocument example() {
  ReleaseDocument document;
  document.repository = "acme/app";
  document.sequence = 7;
  document.issued = 1000;
  document.from = 1060;
  document.stable = kOne;
  document.canary = kTwo;
  document.weight = 500;
  document.headers = {{"x-env", "canary"}, {"x-team", "us"}};
  document.cookies = {{"env", "a=b"}};
  document.previous = kTwo;
  return document;
}

const std::string kHead =
    "aotc-release 1\nrepository acme/app\nsequence 7\nissued 1000\nfrom 1060\nstable " + kOne + "\ncanary " + kTwo +
    "\nweight 500\nheader x-env canary\nheader x-team us\ncookie env a=b\nprevious " + kTwo + "\n";

std::string outcome(const KeyPair& key, const std::string& text, const std::string& repository = "acme/app") {
  std::string error = "no reason given";
  return aotc::verify_release(key.trusted, text, repository, error) ? "good" : error;
}

// Signed as it is, however ill-formed.
std::string signed_as_is(const std::string& head, const KeyPair& key) { return aotc::sign_text(head, {*key.signer}); }

std::string with(std::string head, const std::string& what, const std::string& instead) {
  const size_t at = head.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return head.replace(at, what.size(), instead);
}

TEST(ReleaseDocument, SaysWhatWasReleased) {
  KeyPair key;
  std::string error;
  const auto text = aotc::sign_release(example(), {*key.signer}, error);
  ASSERT_TRUE(text) << error;
  EXPECT_EQ(text->substr(0, kHead.size()), kHead);
  const auto document = aotc::verify_release(key.trusted, *text, "acme/app", error);
  ASSERT_TRUE(document) << error;
  EXPECT_EQ(document->canary, kTwo);
  EXPECT_EQ(document->headers.at("x-team"), "us");
  EXPECT_EQ(document->cookies.at("env"), "a=b");
  EXPECT_EQ(document->previous, kTwo);
}

TEST(ReleaseDocument, IsForOneRepositoryAndByATrustedKey) {
  KeyPair key, other;
  const std::string text = signed_as_is(kHead, key);
  EXPECT_EQ(outcome(key, text), "good");
  EXPECT_EQ(outcome(key, text, "acme/other"), "a release of acme/app, not of acme/other");
  EXPECT_EQ(outcome(other, text), "not signed by a trusted key");
  EXPECT_EQ(outcome(key, with(text, "weight 500", "weight 501")), "the signature is wrong");
}

TEST(ReleaseDocument, HasOneSpelling) {
  KeyPair key;
  const std::string no_canary =
      with(with(kHead, "canary " + kTwo + "\nweight 500\nheader x-env canary\nheader x-team us\ncookie env a=b\n", ""),
           "previous " + kTwo + "\n", "");
  EXPECT_EQ(outcome(key, signed_as_is(no_canary, key)), "good");
  std::string nine;
  for (char c = 'a'; c <= 'i'; ++c) nine += std::string("header ") + c + " 1\n";
  for (const std::string& head :
       {std::string("\n"),
        with(kHead, "aotc-release 1", "aotc-release 2"),
        with(kHead, "sequence 7", "sequence 07"),
        with(kHead, "sequence 7", "sequence -7"),
        with(kHead, "sequence 7", "sequence 1000000000000000000"),
        with(kHead, "from 1060\n", ""),
        with(kHead, "from 1060", "from  1060"),
        with(kHead, "stable " + kOne, "stable v1"),
        with(kHead, "stable " + kOne + "\n", ""),
        with(kHead, "weight 500", "weight 100001"),
        with(kHead, "weight 500\n", ""),
        with(kHead, "x-env canary", "x env canary"),
        with(kHead, "x-env canary", "x-env "),
        with(kHead, "x-env canary", "x-env c\x01"),
        with(kHead, "x-env canary", "x-env " + std::string(129, 'a')),
        with(kHead, "x-env", std::string(65, 'a')),
        with(kHead, "header x-env canary\nheader x-team us\n", "header x-team us\nheader x-env canary\n"),
        with(kHead, "header x-env canary\n", "header x-env canary\nheader x-env canary\n"),
        with(kHead, "header x-env canary\nheader x-team us\n", nine),
        with(kHead, "canary " + kTwo + "\n", ""),
        with(no_canary, "stable", "weight 5\nstable"),
        no_canary + "header a b\n",
        kHead + "more 1\n",
        with(kHead, "repository acme/app", "repository ")})
    EXPECT_EQ(outcome(key, signed_as_is(head, key)), "not a well-formed release") << head;
  EXPECT_EQ(outcome(key, ""), "not a well-formed release");
  EXPECT_EQ(outcome(key, kHead), "not a well-formed release") << "no signature";
  EXPECT_EQ(outcome(key, signed_as_is(kHead, key) + "\n"), "not a well-formed release");
  EXPECT_EQ(outcome(key, std::string(5000, 'x')), "not a well-formed release");
}

TEST(ReleaseDocument, IsNotSignedWhenItIsIllFormed) {
  KeyPair key;
  std::string error;
  ReleaseDocument document = example();
  document.weight = aotc::kWholeWeight + 1;
  EXPECT_FALSE(aotc::sign_release(document, {*key.signer}, error));
  EXPECT_EQ(error, "the release is not well formed");
  document = example();
  document.canary.clear();
  EXPECT_FALSE(aotc::sign_release(document, {*key.signer}, error)) << "rules without a canary";
}

}  // namespace
