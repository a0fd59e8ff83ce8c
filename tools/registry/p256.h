// p256.h - ECDSA on the curve P-256 with SHA-256: the keys and signatures that cosign and OpenSSL make by default.
//
// libsodium does not have this curve. Plain C++ and mbedTLS, so that a node can link it. Functions that can fail return
// null or false and say why in `error`.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace aotc {

class P256Key {
 public:
  ~P256Key();
  // PEM. Private: PKCS #8 or SEC 1, not encrypted; public: SubjectPublicKeyInfo.
  static std::shared_ptr<P256Key> read_private(const std::string& pem, std::string& error);
  static std::shared_ptr<P256Key> read_public(const std::string& pem, std::string& error);
  static bool generate(std::string& private_pem, std::string& public_pem, std::string& error);

  // The first 16 hex digits of the SHA-256 of the public key's SubjectPublicKeyInfo.
  const std::string& id() const { return id_; }
  std::string public_pem() const;
  // DER. Empty when there is no private key.
  std::string sign(std::string_view bytes) const;
  bool verify(std::string_view bytes, std::string_view signature) const;
  // The same as two numbers of 32 bytes, which is the form that signatures of Ed25519 have room for.
  std::string sign_raw(std::string_view bytes) const;
  bool verify_raw(std::string_view bytes, std::string_view signature) const;

 private:
  struct State;
  explicit P256Key(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  std::string id_;
};

}  // namespace aotc
