// client_tls.cpp - see client_tls.h.
#include "client_tls.h"

#include <arpa/inet.h>
#include <mbedtls/asn1.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/ssl.h>

#include <cstdlib>
#include <cstring>

namespace aotc {

namespace {

constexpr const char* kBundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                    "/etc/ssl/cert.pem"};

std::string reason(int code) {
  char text[128];
  mbedtls_strerror(code, text, sizeof text);
  return text;
}

// The 4 or 16 bytes of a host that is an address; empty for a name.
std::string address_of(const std::string& host) {
  char bytes[16];
  if (inet_pton(AF_INET, host.c_str(), bytes) == 1) return std::string(bytes, 4);
  if (inet_pton(AF_INET6, host.c_str(), bytes) == 1) return std::string(bytes, 16);
  return "";
}

// mbedTLS compares names only. GeneralNames ::= SEQUENCE OF GeneralName; an address is [7] OCTET STRING.
bool is_for_address(const mbedtls_x509_crt& certificate, const std::string& address) {
  unsigned char *at = certificate.v3_ext.p, *end = at + certificate.v3_ext.len;
  size_t size;
  if (mbedtls_asn1_get_tag(&at, end, &size, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) != 0) return false;
  while (at < end) {
    unsigned char* next;
    if (mbedtls_asn1_get_tag(&at, end, &size, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) != 0) return false;
    next = at + size;
    if (mbedtls_asn1_get_tag(&at, next, &size, MBEDTLS_ASN1_OID) != 0) return false;
    bool names = size == MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME) &&
                 std::memcmp(at, MBEDTLS_OID_SUBJECT_ALT_NAME, size) == 0;
    at += size;
    int critical;
    mbedtls_asn1_get_bool(&at, next, &critical);
    if (names && mbedtls_asn1_get_tag(&at, next, &size, MBEDTLS_ASN1_OCTET_STRING) == 0 &&
        mbedtls_asn1_get_tag(&at, next, &size, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) == 0) {
      while (at < next) {
        unsigned char tag = *at++;
        if (mbedtls_asn1_get_len(&at, next, &size) != 0) return false;
        if (tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7) && address == std::string(reinterpret_cast<char*>(at), size))
          return true;
        at += size;
      }
    }
    at = next;
  }
  return false;
}

class Tls : public Transport {
 public:
  explicit Tls(Transport& socket) : socket_(socket) {
    mbedtls_ssl_init(&ssl_);
    mbedtls_ssl_config_init(&config_);
    mbedtls_x509_crt_init(&roots_);
    mbedtls_entropy_init(&entropy_);
    mbedtls_ctr_drbg_init(&random_);
  }
  ~Tls() override {
    mbedtls_ssl_free(&ssl_);
    mbedtls_ssl_config_free(&config_);
    mbedtls_x509_crt_free(&roots_);
    mbedtls_ctr_drbg_free(&random_);
    mbedtls_entropy_free(&entropy_);
  }

  bool start(const std::string& host, std::string& error) {
    if (!read_roots(error)) return false;
    std::string address = address_of(host);
    int status = mbedtls_ctr_drbg_seed(&random_, mbedtls_entropy_func, &entropy_, nullptr, 0);
    if (status == 0)
      status = mbedtls_ssl_config_defaults(&config_, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                           MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_min_version(&config_, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_rng(&config_, mbedtls_ctr_drbg_random, &random_);
    mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&config_, &roots_, nullptr);
    if (status == 0) status = mbedtls_ssl_setup(&ssl_, &config_);
    if (status == 0 && address.empty()) status = mbedtls_ssl_set_hostname(&ssl_, host.c_str());
    mbedtls_ssl_set_bio(&ssl_, this, send, receive, nullptr);
    if (status == 0) status = mbedtls_ssl_handshake(&ssl_);
    if (status != 0) return fail(status, error), false;
    if (address.empty() || is_for_address(*mbedtls_ssl_get_peer_cert(&ssl_), address)) return true;
    error = "the certificate is not for " + host;
    return false;
  }

  ssize_t read(char* data, size_t size, std::string& error) override {
    int count = mbedtls_ssl_read(&ssl_, reinterpret_cast<unsigned char*>(data), size);
    if (count >= 0) return count;
    if (count == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) return 0;
    return fail(count, error);
  }
  ssize_t write(const char* data, size_t size, std::string& error) override {
    int count = mbedtls_ssl_write(&ssl_, reinterpret_cast<const unsigned char*>(data), size);
    return count >= 0 ? count : fail(count, error);
  }

 private:
  // One damaged certificate in a bundle does not make the others useless.
  bool read_roots(std::string& error) {
    if (const char* file = std::getenv("SSL_CERT_FILE")) {
      if (mbedtls_x509_crt_parse_file(&roots_, file) >= 0) return true;
      error = std::string(file) + ": no certificates";
      return false;
    }
    for (const char* file : kBundles)
      if (mbedtls_x509_crt_parse_file(&roots_, file) >= 0) return true;
    error = "the system has no bundle of certificates; SSL_CERT_FILE can name one";
    return false;
  }

  int fail(int code, std::string& error) {
    error = failure_;
    if (error.empty() && code == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
      char text[512];
      mbedtls_x509_crt_verify_info(text, sizeof text, "", mbedtls_ssl_get_verify_result(&ssl_));
      error = text;
      while (!error.empty() && error.back() == '\n') error.pop_back();
    }
    if (error.empty()) error = reason(code);
    return -1;
  }

  static int send(void* self, const unsigned char* data, size_t size) {
    auto* tls = static_cast<Tls*>(self);
    ssize_t count = tls->socket_.write(reinterpret_cast<const char*>(data), size, tls->failure_);
    return count >= 0 ? static_cast<int>(count) : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
  }
  static int receive(void* self, unsigned char* data, size_t size) {
    auto* tls = static_cast<Tls*>(self);
    ssize_t count = tls->socket_.read(reinterpret_cast<char*>(data), size, tls->failure_);
    return count >= 0 ? static_cast<int>(count) : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
  }

  Transport& socket_;
  std::string failure_;  // of the socket
  mbedtls_ssl_context ssl_;
  mbedtls_ssl_config config_;
  mbedtls_x509_crt roots_;
  mbedtls_entropy_context entropy_;
  mbedtls_ctr_drbg_context random_;
};

}  // namespace

std::unique_ptr<Transport> start_tls(Transport& socket, const std::string& host, std::string& error) {
  auto tls = std::make_unique<Tls>(socket);
  if (!tls->start(host, error)) return nullptr;
  return tls;
}

}  // namespace aotc
