// signing.cpp - see signing.h.
#include "signing.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>

#include "cosign.h"
#include "digest.h"
#include "p256.h"
#include "signed_text.h"

namespace aotc {

struct Key {
  std::shared_ptr<P256Key> p256;  // or Ed25519:
  unsigned char open[crypto_sign_PUBLICKEYBYTES] = {};
  unsigned char secret[crypto_sign_SECRETKEYBYTES] = {};
  ~Key() { sodium_memzero(secret, sizeof secret); }
};

namespace {

constexpr size_t kMaxStatement = 4096;
constexpr size_t kSignatureBytes = crypto_sign_BYTES;
constexpr uint64_t kClockSkew = 300;  // seconds that the signer's clock may be ahead

// What comes before the 32 bytes of a key in the forms of RFC 8410: PKCS #8, and SubjectPublicKeyInfo.
constexpr std::string_view kSecretHead("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16);
constexpr std::string_view kOpenHead("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);
constexpr std::string_view kSecretLabel = "PRIVATE KEY", kOpenLabel = "PUBLIC KEY";
constexpr size_t kRawBytes = 32;
constexpr const char* kNoKey = "not an Ed25519 or P-256 key in PEM form";

std::string key_id(const Key& key) {
  if (key.p256) return key.p256->id();
  std::string digest = sha256({reinterpret_cast<const char*>(key.open), sizeof key.open});
  return digest.substr(7, 16);
}

std::string to_pem(std::string_view label, std::string_view head, const unsigned char* raw) {
  std::string der(head), name(label);
  der.append(reinterpret_cast<const char*>(raw), kRawBytes);
  std::string text = to_base64(der);
  sodium_memzero(der.data(), der.size());
  return "-----BEGIN " + name + "-----\n" + text + "\n-----END " + name + "-----\n";
}

enum class Pem { Found, None, Bad };

// The 32 bytes of the first key in `text`, which goes on behind it.
Pem take_pem(std::string_view& text, std::string_view label, std::string_view head, unsigned char* raw) {
  std::string begin = "-----BEGIN " + std::string(label) + "-----", end = "-----END " + std::string(label) + "-----";
  size_t first = text.find(begin);
  if (first == std::string_view::npos) return Pem::None;
  text.remove_prefix(first + begin.size());
  size_t last = text.find(end);
  if (last == std::string_view::npos) return Pem::Bad;
  std::string body(text.substr(0, last));
  text.remove_prefix(last + end.size());
  std::erase_if(body, [](char c) { return c == ' ' || c == '\r' || c == '\n'; });
  std::string der = from_base64(body).value_or("");
  bool good = der.size() == head.size() + kRawBytes && der.starts_with(head);
  if (good) std::memcpy(raw, der.data() + head.size(), kRawBytes);
  sodium_memzero(body.data(), body.size());
  sodium_memzero(der.data(), der.size());
  return good ? Pem::Found : Pem::Bad;
}

// With its labels and nothing around it.
std::string first_pem(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN PUBLIC KEY-----", kEnd = "-----END PUBLIC KEY-----";
  text.remove_prefix(std::min(text.size(), text.find(kBegin)));
  return std::string(text.substr(0, text.find(kEnd))) + std::string(kEnd) + "\n";
}

std::string head_of(const Statement& statement) {
  return "aotc-statement 1\nrepository " + statement.repository + "\nindex " + statement.index + "\nsequence " +
         std::to_string(statement.sequence) + "\nissued " + std::to_string(statement.issued) + "\nexpires " +
         std::to_string(statement.expires) + "\n";
}

bool parse(std::string_view head, Statement& statement) {
  std::string_view value;
  if (!take_line(head, "aotc-statement", value) || value != "1") return false;
  if (!take_line(head, "repository", value) || value.empty()) return false;
  statement.repository = value;
  if (!take_line(head, "index", value) || !is_digest(value)) return false;
  statement.index = value;
  return take_number(head, "sequence", statement.sequence) && take_number(head, "issued", statement.issued) &&
         take_number(head, "expires", statement.expires) && head.empty();
}

bool is_signed(const Key& key, std::string_view bytes, const Signature& signature) {
  if (key.p256)
    return key.p256->verify_raw(bytes, {reinterpret_cast<const char*>(signature.bytes.data()), kSignatureBytes});
  return crypto_sign_verify_detached(signature.bytes.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                                     bytes.size(), key.open) == 0;
}

}  // namespace

Signer::Signer(std::shared_ptr<P256Key> key) : key_(std::make_shared<Key>()), id_(key->id()) {
  key_->p256 = std::move(key);
}

std::optional<Signer> Signer::read(const std::string& pem, std::string& error) {
  std::string_view text(pem);
  unsigned char seed[kRawBytes];
  Signer signer;
  signer.key_ = std::make_shared<Key>();
  if (take_pem(text, kSecretLabel, kSecretHead, seed) != Pem::Found) {
    std::shared_ptr<P256Key> key = P256Key::read_private(pem, error);
    if (key) return Signer(std::move(key));
    error = kNoKey;
    return std::nullopt;
  }
  crypto_sign_seed_keypair(signer.key_->open, signer.key_->secret, seed);
  sodium_memzero(seed, sizeof seed);
  signer.id_ = key_id(*signer.key_);
  return signer;
}

bool Signer::generate(std::string& private_pem, std::string& public_pem, std::string& error) {
  if (sodium_init() < 0) return error = "libsodium cannot be used", false;
  Key key;
  unsigned char seed[kRawBytes];
  randombytes_buf(seed, sizeof seed);
  crypto_sign_seed_keypair(key.open, key.secret, seed);
  private_pem = to_pem(kSecretLabel, kSecretHead, seed);
  public_pem = to_pem(kOpenLabel, kOpenHead, key.open);
  sodium_memzero(seed, sizeof seed);
  return true;
}

std::string Signer::sign(const std::string& bytes) const {
  if (key_->p256) {
    const std::string raw = key_->p256->sign_raw(bytes);
    return to_hex(reinterpret_cast<const unsigned char*>(raw.data()), raw.size());
  }
  unsigned char signature[kSignatureBytes];
  crypto_sign_detached(signature, nullptr, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                       key_->secret);
  return to_hex(signature, sizeof signature);
}

std::string sign_text(const std::string& head, const std::vector<Signer>& signers) {
  std::string text = head;
  for (const Signer& signer : signers) text += "signature " + signer.id() + " " + signer.sign(head) + "\n";
  return text;
}

std::string sign_statement(const Statement& statement, const std::vector<Signer>& signers) {
  return sign_text(head_of(statement), signers);
}

bool TrustedKeys::add(const std::string& pem, std::string& error) {
  std::string_view text(pem);
  size_t before = keys_.size();
  for (;;) {
    auto key = std::make_shared<Key>();
    std::string_view whole = text;
    Pem found = take_pem(text, kOpenLabel, kOpenHead, key->open);
    if (found == Pem::None) break;
    if (found == Pem::Bad && !(key->p256 = P256Key::read_public(first_pem(whole), error))) return error = kNoKey, false;
    keys_.push_back({key_id(*key), key});
  }
  if (keys_.size() > before) return true;
  error = "holds no public key in PEM form";
  return false;
}

void TrustedKeys::add(const Signer& signer) {
  auto key = std::make_shared<Key>();
  key->p256 = signer.key_->p256;
  std::memcpy(key->open, signer.key_->open, sizeof key->open);
  keys_.push_back({signer.id(), key});
}

bool TrustedKeys::has_p256() const {
  return std::any_of(keys_.begin(), keys_.end(), [](const Trusted& trusted) { return trusted.key->p256 != nullptr; });
}

bool TrustedKeys::trust(const SignedText& text, std::string& error) const {
  bool known = false;
  for (const Signature& signature : text.signatures)
    for (const Trusted& key : keys_) {
      if (key.id != signature.id) continue;
      known = true;
      if (is_signed(*key.key, text.head, signature)) return true;
    }
  error = known ? "the signature is wrong" : "not signed by a trusted key";
  return false;
}

bool TrustedKeys::trust(const CosignText& text, std::string& error) const {
  const std::string bytes = text.signed_bytes();
  for (const Trusted& trusted : keys_)
    if (trusted.key->p256 && trusted.key->p256->verify(bytes, text.signature)) return true;
  return error = "not signed by a trusted key", false;
}

// In any form.
std::optional<Statement> TrustedKeys::read(const std::string& text, std::string& error) const {
  if (std::optional<CosignText> cosign = split_cosign(text)) {
    if (!trust(*cosign, error)) return std::nullopt;
    std::optional<Statement> statement = parse_cosign(*cosign);
    if (!statement) error = "not a well-formed statement";
    return statement;
  }
  Statement statement;
  std::optional<SignedText> parts;
  if (text.size() <= kMaxStatement) parts = split_signatures(text);
  if (!parts || !parse(parts->head, statement)) return error = "not a well-formed statement", std::nullopt;
  if (!trust(*parts, error)) return std::nullopt;
  return statement;
}

std::optional<Statement> TrustedKeys::verify(const std::string& text, const Expectation& expected, std::string& error,
                                             bool* is_trusted) const {
  std::optional<Statement> found = read(text, error);
  if (is_trusted) *is_trusted = found.has_value();
  if (!found) return std::nullopt;
  const Statement& statement = *found;
  if (statement.repository != expected.repository)
    error = "signed for " + statement.repository + ", not for " + expected.repository;
  else if (statement.index != expected.index)
    error = "signed for " + statement.index + ", not for " + expected.index;
  else if (!expected.at_any_time && statement.issued > expected.now + kClockSkew)
    error = "issued in the future";
  else if (!expected.at_any_time && statement.expires <= expected.now)
    error = "expired";
  else if (statement.sequence < expected.least_sequence)
    error = "its sequence is " + std::to_string(statement.sequence) + ", but " +
            std::to_string(expected.least_sequence) + " was seen before";
  else
    return statement;
  return std::nullopt;
}

}  // namespace aotc
