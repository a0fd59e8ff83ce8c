// tls.h - the certificate and key of `--tls-cert` and `--tls-key`, read again on SIGHUP. TLS 1.2 and later.
//
// Connections go on with what they began with. Thread-safe.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "llvm/Support/Error.h"

namespace aotc::server {

class TlsIdentity {
 public:
  // Both paths empty: no TLS.
  TlsIdentity(std::string certificate, std::string key) : certificate_(std::move(certificate)), key_(std::move(key)) {}
  // Reads the files, again when they have changed. After an Error everything is as before.
  llvm::Error load();
  // Nothing without TLS.
  std::shared_ptr<boost::asio::ssl::context> context();

 private:
  std::string certificate_, key_;
  std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace aotc::server
