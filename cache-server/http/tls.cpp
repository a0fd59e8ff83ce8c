// tls.cpp - see tls.h.
#include "tls.h"

namespace aotc::server {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

llvm::Error TlsIdentity::load() {
  if (certificate_.empty()) return llvm::Error::success();
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  auto check = [](const error_code& code, const std::string& path) {
    return code ? llvm::createStringError(llvm::inconvertibleErrorCode(), path + ": " + code.message())
                : llvm::Error::success();
  };
  error_code code;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                           ssl::context::no_tlsv1_1 | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE,
                       code);
  context->use_certificate_chain_file(certificate_, code);
  if (llvm::Error error = check(code, certificate_)) return error;
  context->use_private_key_file(key_, ssl::context::pem, code);  // fails if it is not the certificate's
  if (llvm::Error error = check(code, key_)) return error;
  std::lock_guard<std::mutex> lock(mutex_);
  context_ = std::move(context);
  return llvm::Error::success();
}

std::shared_ptr<ssl::context> TlsIdentity::context() {
  std::lock_guard<std::mutex> lock(mutex_);
  return context_;
}

}  // namespace aotc::server
