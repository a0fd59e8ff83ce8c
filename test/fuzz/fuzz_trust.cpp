// fuzz_trust.cpp - what a node and `aotc pull` parse of a registry's: a signed statement, in each form, a list of
// revocations, a manifest, an image's config, a reference, a URL, where a registry sends to, keys. No statement or list
// may be good, since nobody has signed it by the trusted key; when that is done here, what is good is spelled just as
// it would have been.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "registry/cosign.h"
#include "registry/p256.h"
#include "registry/registry_client.h"
#include "registry/revocations.h"
#include "registry/signing.h"

namespace {

struct Keys {
  aotc::TrustedKeys trusted;
  std::vector<aotc::Signer> signers;
  Keys() {
    std::string secret, open, error;
    if (!aotc::Signer::generate(secret, open, error) || !trusted.add(open, error)) std::abort();
    signers.push_back(*aotc::Signer::read(secret, error));
    if (!aotc::P256Key::generate(secret, open, error) || !trusted.add(open, error)) std::abort();
  }
};

const std::string kIndex = "sha256:" + std::string(64, 'a');

// What comes before the first signature, signed by us.
void check_spelling(const Keys& keys, const std::string& text) {
  std::string error, head = text.substr(0, text.find("\nsignature ") + 1), whole = aotc::sign_text(head, keys.signers);
  if (auto statement = keys.trusted.verify(whole, {"tenant/app", kIndex, 1000, 0}, error))
    if (aotc::sign_statement(*statement, keys.signers) != whole) std::abort();
  auto list = aotc::verify_revocations(keys.trusted, whole, "tenant/app", error);
  if (!list) return;
  if (aotc::sign_revocations(*list, keys.signers, error) != whole) std::abort();
  (void)aotc::reason_against(*list, {kIndex, 3, "0.1.0"});
}

// What is read of others' documents is all of it that counts.
void check_cosign(const std::string& text) {
  for (aotc::CosignText::Form form : {aotc::CosignText::SimpleSigning, aotc::CosignText::InToto}) {
    auto statement = aotc::parse_cosign({form, text, ""});
    if (!statement) continue;
    const std::string payload = aotc::simple_signing(*statement);
    auto again = aotc::parse_cosign({aotc::CosignText::SimpleSigning, payload, ""});
    if (!again || aotc::simple_signing(*again) != payload) std::abort();
  }
  for (const aotc::CosignText& one : aotc::parse_envelope(text)) {
    const std::string kept = one.text();
    auto again = aotc::split_cosign(kept);
    if (kept.size() <= aotc::kMaxCosignText && (!again || again->text() != kept)) std::abort();
    (void)aotc::parse_cosign(one);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Keys keys;
  std::string text(reinterpret_cast<const char*>(data), size), error;
  if (keys.trusted.verify(text, {"tenant/app", kIndex, 1000, 0}, error)) std::abort();
  if (aotc::verify_revocations(keys.trusted, text, "tenant/app", error)) std::abort();
  check_spelling(keys, text);
  check_cosign(text);
  (void)aotc::compiler_in_config(text);
  (void)aotc::parse_manifest(text);
  if (auto reference = aotc::parse_reference(text, error)) (void)reference->text();
  (void)aotc::parse_url(text, error);
  (void)aotc::parse_token_realm(text, error);
  // What is followed from TLS has it, and shows the registry's password to nobody but the registry.
  static const aotc::Destinations destinations("https://registry.example", {});
  const aotc::HttpUrl from{true, "registry.example", "443", "/"};
  if (auto to = destinations.follow(from, text, error))
    if (!to->tls || (destinations.may_have_password(*to) && to->authority() != from.authority())) std::abort();
  aotc::TrustedKeys other;
  (void)other.add(text, error);
  (void)aotc::Signer::read(text, error);
  return 0;
}
