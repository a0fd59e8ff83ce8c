// signing.h - signed statements: what makes an image's native code something that a node may run.
//
// A statement binds one image index to one repository, in a sequence, for a time. Its text is exact; a byte more or
// less is an error:
//
//   statement = head, signature, { signature } ;                     at most 4 KiB
//   head      = "aotc-statement 1\n", "repository ", name, "\n", "index sha256:", 64 hex, "\n",
//               "sequence ", number, "\n", "issued ", number, "\n", "expires ", number, "\n" ;
//   signature = "signature ", key id, " ", 128 hex, "\n" ;            over the bytes of `head`
//   number    = "0" | decimal without leading zeros, below 2^63 ;     times are seconds since 1970
//   key id    = the first 16 hex digits of the SHA-256 of the raw public key of Ed25519, or of the
//               SubjectPublicKeyInfo of one on P-256, whose signatures are two numbers of 32 bytes ;
//
// A statement is good if one of its signatures is by one of the trusted keys: to change keys, let nodes trust both,
// sign with both or the new one, then drop the old one.
//
// The same can be said as cosign says it (cosign.h), signed by a key on P-256.
//
// Plain C++, libsodium, libcrypto and mbedTLS, so that a node can link it. Functions that can fail return nothing and
// say why in `error`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aotc {

struct Statement {
  std::string repository;  // tenant/app
  std::string index;       // "sha256:..."
  uint64_t sequence = 0;   // grows with each statement for the repository
  uint64_t issued = 0;
  uint64_t expires = 0;
};

struct Key;
class P256Key;      // p256.h
struct CosignText;  // cosign.h
struct SignedText;  // signed_text.h

// Knows one private key. `pem` is PKCS #8, as `aotc keygen` and `openssl genpkey -algorithm ed25519` write it, or what
// p256.h reads.
class Signer {
 public:
  explicit Signer(std::shared_ptr<P256Key> key);
  static std::optional<Signer> read(const std::string& pem, std::string& error);
  // A new key of Ed25519 as PEM: the private one and the public one.
  static bool generate(std::string& private_pem, std::string& public_pem, std::string& error);
  const std::string& id() const { return id_; }
  // Hexadecimal.
  std::string sign(const std::string& bytes) const;

 private:
  friend class TrustedKeys;
  Signer() = default;
  std::shared_ptr<Key> key_;
  std::string id_;
};

// Lines, and the signatures over them by all keys.
std::string sign_text(const std::string& head, const std::vector<Signer>& signers);
// The text of a statement, signed by all keys.
std::string sign_statement(const Statement& statement, const std::vector<Signer>& signers);

// What a node knows about the statement that it needs.
struct Expectation {
  std::string repository;
  std::string index;
  uint64_t now = 0;
  uint64_t least_sequence = 0;  // the highest that was seen for the repository
  bool at_any_time = false;     // instead of `now`
};

class TrustedKeys {
 public:
  // One or more public keys, Ed25519 or P-256, PEM one after the other.
  bool add(const std::string& pem, std::string& error);
  // The public key of a signer.
  void add(const Signer& signer);
  // The statement, if it is well formed, signed by a trusted key and what is expected; checked in this order. With
  // `is_trusted` set, only the last is missing.
  std::optional<Statement> verify(const std::string& text, const Expectation& expected, std::string& error,
                                  bool* is_trusted = nullptr) const;
  // Whether there are keys with which cosign signs.
  bool has_p256() const;
  // Whether one of the signatures is good.
  bool trust(const SignedText& text, std::string& error) const;

 private:
  struct Trusted {
    std::string id;
    std::shared_ptr<Key> key;
  };
  std::optional<Statement> read(const std::string& text, std::string& error) const;
  bool trust(const CosignText& text, std::string& error) const;
  std::vector<Trusted> keys_;
};

}  // namespace aotc
