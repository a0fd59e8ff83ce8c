// digest.cpp - SHA-256 by OpenSSL's libcrypto, which uses the processor's instructions for it.
#include "digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <new>

#include "llvm/ADT/StringExtras.h"

namespace aotc::server {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (!state_->context || EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
}

Sha256::~Sha256() = default;

void Sha256::update(llvm::ArrayRef<uint8_t> bytes) { EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()); }

std::string Sha256::finish() {
  unsigned char hash[32];
  EVP_DigestFinal_ex(state_->context, hash, nullptr);
  std::string text = "sha256:";
  for (unsigned char byte : hash) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string sha256(llvm::StringRef bytes) {
  Sha256 hash;
  hash.update(as_bytes(bytes));
  return hash.finish();
}

bool equal_secrets(llvm::StringRef a, llvm::StringRef b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_hex(size_t bytes) {
  std::string random(bytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), static_cast<int>(bytes)) != 1) throw std::bad_alloc();
  return llvm::toHex(random, true);
}

bool is_digest(llvm::StringRef text) {
  return text.consume_front("sha256:") && text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace aotc::server
