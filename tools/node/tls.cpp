// tls.cpp - see tls.h.
#include "tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace {

template <auto free_it>
struct Free {
  template <typename T>
  void operator()(T* one) const {
    free_it(one);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

void free_chain(STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); }
using Chain = std::unique_ptr<STACK_OF(X509), Free<free_chain>>;

constexpr char kSuites[] = "ECDHE+AESGCM:ECDHE+CHACHA20";  // of TLS 1.2

std::string last_error() {
  char text[256] = "";
  if (const unsigned long code = ERR_peek_last_error(); code != 0) {
    const char* reason = ERR_reason_error_string(code);
    std::snprintf(text, sizeof text, "%s", reason != nullptr ? reason : "OpenSSL fails");
  }
  ERR_clear_error();
  return text[0] == 0 ? "it cannot be read" : text;
}

// No key is asked for at a terminal.
int no_password(char*, int, int, void*) { return -1; }

Bio memory(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

struct Entry {
  Certificate certificate;
  Chain chain;
  Key key;
  std::string ocsp;

  bool read(const TlsFiles& files, std::string& error);
  bool is_for(const char* name) const { return X509_check_host(certificate.get(), name, 0, 0, nullptr) == 1; }
};

bool Entry::read(const TlsFiles& files, std::string& error) {
  const Bio pem = memory(files.chain);
  certificate.reset(PEM_read_bio_X509_AUX(pem.get(), nullptr, no_password, nullptr));
  if (certificate == nullptr) return error = files.name + ": no certificate: " + last_error(), false;
  chain.reset(sk_X509_new_null());
  while (X509* next = PEM_read_bio_X509(pem.get(), nullptr, no_password, nullptr)) sk_X509_push(chain.get(), next);
  ERR_clear_error();  // at the end there is no other one
  const Bio from = memory(files.key.empty() ? files.chain : files.key);
  key.reset(PEM_read_bio_PrivateKey(from.get(), nullptr, no_password, nullptr));
  if (key == nullptr) return error = files.name + ": no private key: " + last_error(), false;
  if (X509_check_private_key(certificate.get(), key.get()) != 1)
    return error = files.name + ": the private key is another certificate's", ERR_clear_error(), false;
  ocsp = files.ocsp;
  if (ocsp.empty()) return true;
  const auto* at = reinterpret_cast<const unsigned char*>(ocsp.data());
  OCSP_RESPONSE* response = d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(ocsp.size()));
  const bool good = response != nullptr && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL;
  OCSP_RESPONSE_free(response);
  ERR_clear_error();
  if (!good) error = files.name + ": its OCSP response is none";
  return good;
}

}  // namespace

struct TlsConfig::Parts {
  std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>> context;
  std::vector<Entry> entries;

  static int choose(SSL* ssl, void* self);
  static int staple(SSL* ssl, void* self);
  static int agree(SSL* ssl, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                   unsigned int offered_size, void* self);
};

// All certificates that have the client's name, of which OpenSSL takes one that it can verify.
int TlsConfig::Parts::choose(SSL* ssl, void* self) {
  const auto& entries = static_cast<const Parts*>(self)->entries;
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  bool any = false;
  auto use = [&](const Entry& one) {
    any |= SSL_use_cert_and_key(ssl, one.certificate.get(), one.key.get(), one.chain.get(), 1) == 1;
  };
  SSL_certs_clear(ssl);
  for (const Entry& one : entries)
    if (name != nullptr && one.is_for(name)) use(one);
  if (!any) use(entries[0]);
  ERR_clear_error();
  return any ? 1 : 0;
}

int TlsConfig::Parts::staple(SSL* ssl, void* self) {
  const X509* used = SSL_get_certificate(ssl);
  for (const Entry& one : static_cast<const Parts*>(self)->entries) {
    if (used == nullptr || one.ocsp.empty() || X509_cmp(one.certificate.get(), used) != 0) continue;
    void* copy = OPENSSL_memdup(one.ocsp.data(), one.ocsp.size());
    if (copy == nullptr) break;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(one.ocsp.size()));
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

// Who offers protocols, and none of ours, would speak another one (RFC 7301).
int TlsConfig::Parts::agree(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                            unsigned int offered_size, void*) {
  const std::string_view all(reinterpret_cast<const char*>(offered), offered_size);
  for (const std::string_view ours : {TlsStream::kHttp2, TlsStream::kHttp11}) {
    for (size_t at = 0; at < all.size(); at += 1 + static_cast<unsigned char>(all[at])) {
      if (all.substr(at + 1, static_cast<unsigned char>(all[at])) != ours) continue;
      *out = offered + at + 1;
      *size = static_cast<unsigned char>(ours.size());
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

TlsConfig::TlsConfig(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TlsConfig::~TlsConfig() = default;

std::shared_ptr<const TlsConfig> TlsConfig::create(const std::vector<TlsFiles>& files, std::string& error) {
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr);
  auto parts = std::make_unique<Parts>();
  for (const TlsFiles& one : files)
    if (!parts->entries.emplace_back().read(one, error)) return nullptr;
  parts->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = parts->context.get();
  // The key of its tickets has been drawn with it.
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context, kSuites) != 1)
    return error = last_error(), nullptr;
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  const unsigned char id[] = "aotc-node";
  SSL_CTX_set_session_id_context(context, id, sizeof id - 1);
  SSL_CTX_set_cert_cb(context, Parts::choose, parts.get());
  SSL_CTX_set_tlsext_status_cb(context, Parts::staple);
  SSL_CTX_set_tlsext_status_arg(context, parts.get());
  SSL_CTX_set_alpn_select_cb(context, Parts::agree, parts.get());
  return std::shared_ptr<const TlsConfig>(new TlsConfig(std::move(parts)));
}

// The socket as OpenSSL wants it: without signals, and never blocking.
struct TlsSocket {
  static int write(BIO* bio, const char* data, int size) {
    auto* stream = static_cast<TlsStream*>(BIO_get_data(bio));
    ssize_t n;
    do n = ::send(stream->fd_, data, static_cast<size_t>(size), MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    BIO_clear_retry_flags(bio);
    if (n < 0 && errno == EAGAIN) BIO_set_retry_write(bio);
    return static_cast<int>(n);
  }
  static int read(BIO* bio, char* data, int size) {
    auto* stream = static_cast<TlsStream*>(BIO_get_data(bio));
    ssize_t n;
    do n = ::recv(stream->fd_, data, static_cast<size_t>(size), MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    BIO_clear_retry_flags(bio);
    if (n < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
    if (n > 0) stream->received_ += static_cast<uint64_t>(n);
    if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return static_cast<int>(n);
  }
  static long control(BIO* bio, int what, long, void*) {
    if (what == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return what == BIO_CTRL_FLUSH;
  }
  static BIO_METHOD* method() {
    static BIO_METHOD* const kMethod = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
      BIO_meth_set_write(made, write);
      BIO_meth_set_read(made, read);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return kMethod;
  }
};

static SSL* of(void* ssl) { return static_cast<SSL*>(ssl); }

TlsStream::TlsStream(std::shared_ptr<const TlsConfig> config, int fd)
    : config_(std::move(config)), fd_(fd), ssl_(SSL_new(config_->parts_->context.get())) {
  BIO* bio = BIO_new(TlsSocket::method());
  if (ssl_ == nullptr || bio == nullptr) {
    BIO_free(bio);
    failed_ = true;
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(of(ssl_), bio, bio);
  SSL_set_accept_state(of(ssl_));
}

TlsStream::~TlsStream() { SSL_free(of(ssl_)); }

ssize_t TlsStream::result(int status) {
  wants_write_ = false;
  established_ |= SSL_is_init_finished(of(ssl_)) == 1;
  if (status > 0) return status;
  switch (SSL_get_error(of(ssl_), status)) {
    case SSL_ERROR_WANT_WRITE:
      wants_write_ = true;
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_WANT_READ:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      failed_ = true;
      ERR_clear_error();
      errno = EPROTO;
      return -1;
  }
}

ssize_t TlsStream::read(char* data, size_t size) {
  if (failed_) return errno = EPROTO, -1;
  ERR_clear_error();
  return result(SSL_read(of(ssl_), data, static_cast<int>(size)));
}

ssize_t TlsStream::write(const char* data, size_t size) {
  if (failed_) return errno = EPROTO, -1;
  ERR_clear_error();
  const ssize_t n = result(SSL_write(of(ssl_), data, static_cast<int>(std::min<size_t>(size, 1 << 30))));
  // Whoever has said that nothing more will come, and is gone: OpenSSL tells the first only.
  return n == 0 ? (errno = EPIPE, -1) : n;
}

void TlsStream::close() {
  if (!failed_ && established_) SSL_shutdown(of(ssl_));
  ERR_clear_error();
}

bool TlsStream::resumed() const { return SSL_session_reused(of(ssl_)) == 1; }

std::string_view TlsStream::protocol() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(of(ssl_), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}
