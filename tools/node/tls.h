// tls.h - TLS 1.2 and 1.3 from the server's side, over a socket that does not block. tls.cpp is the only user of
// OpenSSL here.
//
// A TlsConfig is made of the operator's files, and never changes; a reload makes another one, for connections to come.
// Which certificate a client gets its server name (SNI) says; without a name, or with one that no certificate has, it
// is the first. There is no session cache: tickets, whose key is the configuration's own, resume sessions in every
// loop. Renegotiation, compression and early data are off.
#pragma once

#include <sys/types.h>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// What was read of one certificate's files.
struct TlsFiles {
  std::string name;   // of the first, for messages
  std::string chain;  // PEM: the certificate, then those that lead to a root; perhaps its key
  std::string key;    // PEM; empty: the chain has it
  std::string ocsp;   // DER: what its authority says of it, to be stapled; empty: nothing
};

class TlsConfig {
 public:
  // Null, and why.
  static std::shared_ptr<const TlsConfig> create(const std::vector<TlsFiles>& files, std::string& error);
  ~TlsConfig();

 private:
  friend class TlsStream;
  struct Parts;
  explicit TlsConfig(std::unique_ptr<Parts> parts);
  const std::unique_ptr<Parts> parts_;
};

class TlsStream {
 public:
  TlsStream(std::shared_ptr<const TlsConfig> config, int fd);
  ~TlsStream();
  // Like recv and send without blocking: -1 with EAGAIN when the socket has to be waited for, with another errno when
  // the connection is of no use any more. Room for kRecord bytes leaves nothing behind that the socket does not tell
  // of.
  static constexpr size_t kRecord = 16 << 10;
  static constexpr std::string_view kHttp2 = "h2", kHttp11 = "http/1.1";  // protocols that are agreed on
  ssize_t read(char* data, size_t size);
  ssize_t write(const char* data, size_t size);
  void close();  // nothing more will be written

  bool established() const { return established_; }
  bool resumed() const;
  bool wants_write() const { return wants_write_; }  // to go on with reading
  std::string_view protocol() const;                 // that was agreed on, or empty
  uint64_t received() const { return received_; }    // bytes of the socket
  // What a connection takes besides the buffers of its owner, about.
  static constexpr size_t kMemory = 40 << 10;

 private:
  friend struct TlsSocket;
  ssize_t result(int status);
  const std::shared_ptr<const TlsConfig> config_;
  const int fd_;
  void* ssl_;
  uint64_t received_ = 0;
  bool established_ = false, wants_write_ = false, failed_ = false;
};
