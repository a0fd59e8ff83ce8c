// listener.h - accepts connections on one address and runs a session for each, until it is told to stop.
//
// Graceful: stop() closes the listening socket and idle connections; an answer being sent is finished and is the last
// of its connection. run() returns when no connection is left, or `kGrace` after stop().
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "connections.h"
#include "llvm/Support/Error.h"
#include "service.h"

namespace aotc::server {

class TlsIdentity;

struct HttpLimits {
  uint64_t max_upload = 256 << 20;
  ConnectionLimits connections;
  double header_seconds = 30;     // for a whole header, and for an idle connection
  uint64_t least_rate = 4 << 10;  // bytes a second of a body, either way
  double body_seconds = 60;       // that a client may be behind this
  unsigned threads = 0;           // that sessions run on; 0: one for each core
  bool log_requests = true;
};

class Listener {
 public:
  Listener(Service service, const HttpLimits& limits, TlsIdentity& tls);
  ~Listener();
  // "127.0.0.1:8080", "[::1]:0"; returns the address with the port that was chosen.
  llvm::Expected<std::string> bind(const std::string& address);
  // Serves until SIGTERM or SIGINT; SIGHUP reads the token file and the certificate again.
  void run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aotc::server
