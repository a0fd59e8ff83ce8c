// transfer.cpp - see transfer.h.
#include "transfer.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

namespace aotc {

namespace {

constexpr long kConnectTime = 5'000;  // milliseconds

}  // namespace

Transfer TransferMaker::make(char* failure) {
  Transfer transfer(curl_easy_init(), curl_easy_cleanup);
  CURL* easy = transfer.get();
  if (easy == nullptr) return transfer;
  failure[0] = 0;
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, failure);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTime);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  curl_blob certificates{const_cast<char*>(options_.certificates.data()), options_.certificates.size(),
                         CURL_BLOB_NOCOPY};
  curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &certificates);
  return transfer;
}

curl_socket_t TransferMaker::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& maker = *static_cast<TransferMaker*>(self);
  AddressKind kind = address_kind(address->addr);
  if (!maker.kind_) maker.kind_ = kind;
  if (maker.kind_ == kind) return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  errno = EACCES;
  return CURL_SOCKET_BAD;
}

std::string transfer_failure(CURLcode code, const char* failure) {
  return failure[0] != 0 ? failure : curl_easy_strerror(code);
}

}  // namespace aotc
