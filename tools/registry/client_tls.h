// client_tls.h - TLS 1.2 from the client's side, over a socket that the caller reads and writes.
//
// The server must have a certificate for its name, or for its address, that leads to one in SSL_CERT_FILE or in the
// system's bundle. mbedTLS adds 0.7 MB to a node's static binary. OpenSSL would add 3.7 MB, without
// TLS, as soon as its EVP interface is used.
#pragma once

#include <sys/types.h>
#include <cstddef>
#include <memory>
#include <string>

namespace aotc {

// Bytes to and from the other side; neither waits longer than its deadline. -1 is a failure; read: 0 is the end.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual ssize_t read(char* data, size_t size, std::string& error) = 0;
  virtual ssize_t write(const char* data, size_t size, std::string& error) = 0;
};

// Null, and why, when there is no connection to be trusted. `socket` must outlive it.
std::unique_ptr<Transport> start_tls(Transport& socket, const std::string& host, std::string& error);

}  // namespace aotc
