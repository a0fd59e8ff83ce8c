// signing.cpp - see include/aotc/signing.h.
#include "aotc/signing.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <string_view>

#include "aotc/digest.h"

namespace aotc {

struct Key {
  EVP_PKEY* pkey;
  explicit Key(EVP_PKEY* pkey) : pkey(pkey) {}
  ~Key() { EVP_PKEY_free(pkey); }
};

namespace {

constexpr size_t kMaxStatement = 4096;
constexpr size_t kKeyBytes = 32, kSignatureBytes = 64;
constexpr uint64_t kClockSkew = 300;  // seconds that the signer's clock may be ahead

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, BioFree>;

struct ContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextFree>;

int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

bool unhex(std::string_view text, std::vector<unsigned char>& bytes) {
  if (text.size() % 2 != 0) return false;
  for (size_t i = 0; i < text.size(); i += 2) {
    int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes.push_back(static_cast<unsigned char>(high << 4 | low));
  }
  return true;
}

std::string key_id(EVP_PKEY* pkey) {
  unsigned char raw[kKeyBytes], hash[EVP_MAX_MD_SIZE];
  size_t size = sizeof raw;
  unsigned hash_size = 0;
  if (EVP_PKEY_get_raw_public_key(pkey, raw, &size) != 1 || size != kKeyBytes ||
      EVP_Digest(raw, size, hash, &hash_size, EVP_sha256(), nullptr) != 1)
    return "";
  return to_hex(hash, 8);
}

std::shared_ptr<Key> ed25519(EVP_PKEY* pkey, std::string& error) {
  if (pkey && EVP_PKEY_get_id(pkey) == EVP_PKEY_ED25519) return std::make_shared<Key>(pkey);
  EVP_PKEY_free(pkey);
  error = "not an Ed25519 key in PEM form";
  return nullptr;
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string head_of(const Statement& statement) {
  return "aotc-statement 1\nrepository " + statement.repository + "\nindex " + statement.index + "\nsequence " +
         std::to_string(statement.sequence) + "\nissued " + std::to_string(statement.issued) + "\nexpires " +
         std::to_string(statement.expires) + "\n";
}

// Takes "NAME VALUE\n" from the front.
bool take_line(std::string_view& text, std::string_view name, std::string_view& value) {
  if (text.substr(0, name.size()) != name || text.size() <= name.size() || text[name.size()] != ' ') return false;
  size_t end = text.find('\n');
  if (end == std::string_view::npos) return false;
  value = text.substr(name.size() + 1, end - name.size() - 1);
  text.remove_prefix(end + 1);
  return true;
}

bool take_number(std::string_view& text, std::string_view name, uint64_t& number) {
  std::string_view value;
  if (!take_line(text, name, value) || value.empty() || value.size() > 18 || (value[0] == '0' && value.size() > 1))
    return false;
  number = 0;
  for (char c : value) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return true;
}

struct Signature {
  std::string_view id;
  std::vector<unsigned char> bytes;
};

bool parse(std::string_view text, Statement& statement, std::vector<Signature>& signatures) {
  std::string_view value;
  if (text.size() > kMaxStatement || !take_line(text, "aotc-statement", value) || value != "1") return false;
  if (!take_line(text, "repository", value) || value.empty()) return false;
  statement.repository = value;
  std::vector<unsigned char> digest;
  if (!take_line(text, "index", value) || value.substr(0, 7) != "sha256:" || value.size() != 7 + 64 ||
      !unhex(value.substr(7), digest))
    return false;
  statement.index = value;
  if (!take_number(text, "sequence", statement.sequence) || !take_number(text, "issued", statement.issued) ||
      !take_number(text, "expires", statement.expires))
    return false;
  while (!text.empty()) {
    Signature signature;
    if (!take_line(text, "signature", value) || value.size() != 16 + 1 + 2 * kSignatureBytes || value[16] != ' ' ||
        !unhex(value.substr(17), signature.bytes))
      return false;
    signature.id = value.substr(0, 16);
    signatures.push_back(signature);
  }
  return !signatures.empty();
}

bool is_signed(EVP_PKEY* pkey, const std::string& bytes, const Signature& signature) {
  Context context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey) == 1 &&
         EVP_DigestVerify(context.get(), signature.bytes.data(), signature.bytes.size(),
                          reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()) == 1;
}

}  // namespace

std::optional<Signer> Signer::read(const std::string& pem, std::string& error) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  auto no_password = [](char*, int, int, void*) { return -1; };
  Signer signer;
  signer.key_ = ed25519(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr), error);
  if (!signer.key_) return std::nullopt;
  signer.id_ = key_id(signer.key_->pkey);
  return signer;
}

bool Signer::generate(std::string& private_pem, std::string& public_pem, std::string& error) {
  std::shared_ptr<Key> key = ed25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), error);
  Bio secret(BIO_new(BIO_s_mem())), open(BIO_new(BIO_s_mem()));
  if (!key || PEM_write_bio_PKCS8PrivateKey(secret.get(), key->pkey, nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_PUBKEY(open.get(), key->pkey) != 1) {
    error = "libcrypto cannot make an Ed25519 key";
    return false;
  }
  private_pem = contents(secret.get());
  public_pem = contents(open.get());
  return true;
}

std::string Signer::sign(const std::string& bytes) const {
  Context context(EVP_MD_CTX_new());
  unsigned char signature[kSignatureBytes];
  size_t size = sizeof signature;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->pkey) != 1 ||
      EVP_DigestSign(context.get(), signature, &size, reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size()) != 1)
    throw std::bad_alloc();
  return to_hex(signature, size);
}

std::string sign_statement(const Statement& statement, const std::vector<Signer>& signers) {
  std::string head = head_of(statement), text = head;
  for (const Signer& signer : signers) text += "signature " + signer.id() + " " + signer.sign(head) + "\n";
  return text;
}

bool TrustedKeys::add(const std::string& pem, std::string& error) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  size_t before = keys_.size();
  while (EVP_PKEY* pkey = PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr)) {
    std::shared_ptr<Key> key = ed25519(pkey, error);
    if (!key) return false;
    keys_.push_back({key_id(key->pkey), key});
  }
  if (keys_.size() > before) return true;
  error = "holds no public key in PEM form";
  return false;
}

std::optional<Statement> TrustedKeys::verify(const std::string& text, const Expectation& expected,
                                             std::string& error) const {
  Statement statement;
  std::vector<Signature> signatures;
  if (!parse(text, statement, signatures)) {
    error = "not a well-formed statement";
    return std::nullopt;
  }
  std::string head = head_of(statement);
  bool trusted = false, known = false;
  for (const Signature& signature : signatures)
    for (const Trusted& key : keys_) {
      if (key.id != signature.id) continue;
      known = true;
      trusted = trusted || is_signed(key.key->pkey, head, signature);
    }
  if (!trusted)
    error = known ? "the signature is wrong" : "not signed by a trusted key";
  else if (statement.repository != expected.repository)
    error = "signed for " + statement.repository + ", not for " + expected.repository;
  else if (statement.index != expected.index)
    error = "signed for " + statement.index + ", not for " + expected.index;
  else if (statement.issued > expected.now + kClockSkew)
    error = "issued in the future";
  else if (statement.expires <= expected.now)
    error = "expired";
  else if (statement.sequence < expected.least_sequence)
    error = "its sequence is " + std::to_string(statement.sequence) + ", but " +
            std::to_string(expected.least_sequence) + " was seen before";
  else
    return statement;
  return std::nullopt;
}

}  // namespace aotc
