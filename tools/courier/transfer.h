// transfer.h - what is the same of all that libcurl does here: no proxies, no redirects, no files; certificates and
// their names are checked; only addresses of the kind that the remote itself has.
//
// A remote in wrong hands could send us on to other machines of our network. A cluster's nodes are named by the
// cluster, and a name's address by whoever answers for it, so each address that is about to be connected to must be of
// the kind (tools/registry/address_kind.h) of the first that was.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>

#include "registry/address_kind.h"
#include "remote.h"

namespace aotc {

using Transfer = std::unique_ptr<CURL, void (*)(CURL*)>;

class TransferMaker {
 public:
  explicit TransferMaker(const RemoteOptions& options) : options_(options) {}
  TransferMaker(const TransferMaker&) = delete;
  // To be given a URL. `failure` has room for CURL_ERROR_SIZE bytes and lives as long.
  Transfer make(char* failure);

 private:
  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address);

  const RemoteOptions& options_;
  std::optional<AddressKind> kind_;
};

// What failed, in a sentence.
std::string transfer_failure(CURLcode code, const char* failure);

}  // namespace aotc
