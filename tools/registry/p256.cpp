// p256.cpp - see p256.h.
#include "p256.h"

#include <mbedtls/bignum.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <sys/random.h>

#include <array>

#include "digest.h"

namespace aotc {

struct P256Key::State {
  mbedtls_pk_context key;
  State() { mbedtls_pk_init(&key); }
  ~State() { mbedtls_pk_free(&key); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  bool is_p256() const {
    return mbedtls_pk_get_type(&key) == MBEDTLS_PK_ECKEY && mbedtls_pk_ec(key)->grp.id == MBEDTLS_ECP_DP_SECP256R1;
  }
};

namespace {

constexpr size_t kMaxPem = 4096, kMaxSignature = 128, kNumber = 32;
constexpr const char* kNoKey = "not a key on the curve P-256 in PEM form";

int random_bytes(void*, unsigned char* bytes, size_t size) {
  return getrandom(bytes, size, 0) == static_cast<ssize_t>(size) ? 0 : -1;
}

std::array<unsigned char, 32> hash_of(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes.data(), bytes.size());
  return hash.finish_raw();
}

// The two numbers that are a signature.
struct Numbers {
  mbedtls_mpi r, s;
  Numbers() { mbedtls_mpi_init(&r), mbedtls_mpi_init(&s); }
  ~Numbers() { mbedtls_mpi_free(&r), mbedtls_mpi_free(&s); }
  Numbers(const Numbers&) = delete;
  Numbers& operator=(const Numbers&) = delete;
};

// The curve for one call: mbedTLS keeps in it what it has computed, so that no two threads may use the same.
struct Group {
  mbedtls_ecp_group group;
  Group() { mbedtls_ecp_group_init(&group); }
  ~Group() { mbedtls_ecp_group_free(&group); }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  bool load() { return mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) == 0; }
};

// With the zero that it must end with.
const unsigned char* text_of(const std::string& pem) { return reinterpret_cast<const unsigned char*>(pem.c_str()); }

}  // namespace

P256Key::P256Key(std::unique_ptr<State> state) : state_(std::move(state)) {
  unsigned char der[256];
  int size = mbedtls_pk_write_pubkey_der(&state_->key, der, sizeof der);  // at the end of the buffer
  if (size > 0)
    id_ = sha256({reinterpret_cast<char*>(der) + sizeof der - size, static_cast<size_t>(size)}).substr(7, 16);
}

P256Key::~P256Key() = default;

std::shared_ptr<P256Key> P256Key::read_private(const std::string& pem, std::string& error) {
  auto state = std::make_unique<State>();
  if (pem.size() > kMaxPem || mbedtls_pk_parse_key(&state->key, text_of(pem), pem.size() + 1, nullptr, 0) != 0 ||
      !state->is_p256())
    return error = kNoKey, nullptr;
  return std::shared_ptr<P256Key>(new P256Key(std::move(state)));
}

std::shared_ptr<P256Key> P256Key::read_public(const std::string& pem, std::string& error) {
  auto state = std::make_unique<State>();
  if (pem.size() > kMaxPem || mbedtls_pk_parse_public_key(&state->key, text_of(pem), pem.size() + 1) != 0 ||
      !state->is_p256())
    return error = kNoKey, nullptr;
  return std::shared_ptr<P256Key>(new P256Key(std::move(state)));
}

bool P256Key::generate(std::string& private_pem, std::string& public_pem, std::string& error) {
  State state;
  std::string pem(kMaxPem, '\0');
  auto* buffer = reinterpret_cast<unsigned char*>(pem.data());
  error = "cannot make a key";
  if (mbedtls_pk_setup(&state.key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) != 0 ||
      mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(state.key), random_bytes, nullptr) != 0)
    return false;
  bool done = mbedtls_pk_write_key_pem(&state.key, buffer, pem.size()) == 0;
  private_pem = pem.c_str();
  mbedtls_platform_zeroize(pem.data(), pem.size());
  done = done && mbedtls_pk_write_pubkey_pem(&state.key, buffer, pem.size()) == 0;
  public_pem = pem.c_str();
  return done;
}

std::string P256Key::public_pem() const {
  std::string pem(kMaxPem, '\0');
  if (mbedtls_pk_write_pubkey_pem(&state_->key, reinterpret_cast<unsigned char*>(pem.data()), pem.size()) != 0)
    return "";
  return pem.c_str();
}

std::string P256Key::sign(std::string_view bytes) const {
  std::array<unsigned char, 32> hash = hash_of(bytes);
  unsigned char signature[kMaxSignature];
  size_t size = 0;
  if (mbedtls_pk_sign(&state_->key, MBEDTLS_MD_SHA256, hash.data(), hash.size(), signature, &size, random_bytes,
                      nullptr) != 0)
    return "";
  return {reinterpret_cast<char*>(signature), size};
}

bool P256Key::verify(std::string_view bytes, std::string_view signature) const {
  std::array<unsigned char, 32> hash = hash_of(bytes);
  return signature.size() <= kMaxSignature &&
         mbedtls_pk_verify(&state_->key, MBEDTLS_MD_SHA256, hash.data(), hash.size(),
                           reinterpret_cast<const unsigned char*>(signature.data()), signature.size()) == 0;
}

std::string P256Key::sign_raw(std::string_view bytes) const {
  std::array<unsigned char, 32> hash = hash_of(bytes);
  mbedtls_ecp_keypair* key = mbedtls_pk_ec(state_->key);
  Group curve;
  Numbers numbers;
  unsigned char raw[2 * kNumber];
  if (!curve.load() ||
      mbedtls_ecdsa_sign_det_ext(&curve.group, &numbers.r, &numbers.s, &key->d, hash.data(), hash.size(),
                                 MBEDTLS_MD_SHA256, random_bytes, nullptr) != 0 ||
      mbedtls_mpi_write_binary(&numbers.r, raw, kNumber) != 0 ||
      mbedtls_mpi_write_binary(&numbers.s, raw + kNumber, kNumber) != 0)
    return "";
  return {reinterpret_cast<char*>(raw), sizeof raw};
}

bool P256Key::verify_raw(std::string_view bytes, std::string_view signature) const {
  std::array<unsigned char, 32> hash = hash_of(bytes);
  mbedtls_ecp_keypair* key = mbedtls_pk_ec(state_->key);
  const auto* raw = reinterpret_cast<const unsigned char*>(signature.data());
  Group curve;
  Numbers numbers;
  return signature.size() == 2 * kNumber && curve.load() && mbedtls_mpi_read_binary(&numbers.r, raw, kNumber) == 0 &&
         mbedtls_mpi_read_binary(&numbers.s, raw + kNumber, kNumber) == 0 &&
         mbedtls_ecdsa_verify(&curve.group, hash.data(), hash.size(), &key->Q, &numbers.r, &numbers.s) == 0;
}

}  // namespace aotc
