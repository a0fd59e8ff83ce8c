// certificates.h - the files of --certificate: FILE, the chain in PEM and perhaps the key; FILE.key, the key if it is
// not there; FILE.ocsp, a response to be stapled, in DER.
//
// The front reads them by name before it takes its rights away. Later the supervisor opens them anew, at SIGHUP, and
// hands over the descriptors: it reads none of them itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control.h"
#include "tls.h"

// Null, and why.
std::shared_ptr<const TlsConfig> read_certificates(const std::vector<std::string>& files, std::string& error);

// A message for each certificate, with its descriptors; sends none and says why when one cannot be opened.
bool send_certificates(const std::vector<std::string>& files, ControlSocket& to, std::string& error);

// What has come of them.
class ArrivingCertificates {
 public:
  void take(const std::vector<std::string>& files, const ControlMessage& message, const std::vector<int>& descriptors);
  // Whether all have come, that are then taken; null and why when they are of no use.
  bool complete(const std::vector<std::string>& files, std::shared_ptr<const TlsConfig>& made, std::string& error);

 private:
  std::vector<TlsFiles> files_;
  std::string error_;
};
