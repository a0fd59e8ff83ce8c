// fuzz_trust.cpp - what a node and `aotc pull` parse of a registry's: a signed statement, a manifest, a reference, a URL,
// where a registry sends to, keys. No statement may be good, since nobody has signed anything by the trusted key.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "aotc/registry_client.h"
#include "aotc/signing.h"

namespace {

struct Keys {
  aotc::TrustedKeys trusted;
  Keys() {
    std::string secret, open, error;
    if (!aotc::Signer::generate(secret, open, error) || !trusted.add(open, error)) std::abort();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Keys keys;
  std::string text(reinterpret_cast<const char*>(data), size), error;
  aotc::Expectation expected{"tenant/app", "sha256:" + std::string(64, 'a'), 1000, 0};
  if (keys.trusted.verify(text, expected, error)) std::abort();
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
