// listen.cpp - see listen.h.
#include "listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

#include "support/quantity.h"

namespace {

struct Address {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t size = 0;  // 0: not an address
};

Address parse_address(const std::string& text) {
  Address address;
  std::memset(&address.v6, 0, sizeof address.v6);
  size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon + 1 == text.size()) return address;
  uint64_t port = 0;
  char expected[AOTC_QUANTITY_TEXT];
  std::string host = text.substr(0, colon);
  if (!aotc_read_quantity(text.c_str() + colon + 1, AOTC_COUNT, 0, 65535, &port, expected)) return address;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(static_cast<uint16_t>(port));
    if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &address.v6.sin6_addr) == 1)
      address.size = sizeof address.v6;
    return address;
  }
  address.v4.sin_family = AF_INET;
  address.v4.sin_port = htons(static_cast<uint16_t>(port));
  if (host.empty() || inet_pton(AF_INET, host.c_str(), &address.v4.sin_addr) == 1) address.size = sizeof address.v4;
  return address;
}

}  // namespace

bool is_listen_address(const std::string& text, std::string& error) {
  return parse_address(text).size != 0 || (error = text + ": not an address like 127.0.0.1:8080", false);
}

bool open_listeners(const std::string& text, uint64_t count, std::vector<int>& listeners, std::string& error) {
  if (!is_listen_address(text, error)) return false;
  Address address = parse_address(text);
  for (uint64_t i = 0; i < count; ++i) {
    const int one = 1;
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        (count > 1 && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0) ||
        bind(fd, &address.any, address.size) != 0 || listen(fd, 4096) != 0 ||
        // The others have the port that the kernel chose.
        getsockname(fd, &address.any, &address.size) != 0) {
      error = text + ": " + std::strerror(errno);
      if (fd >= 0) close(fd);
      return false;
    }
    listeners.push_back(fd);
  }
  return true;
}

std::string shown_address(int listener) {
  Address address;
  char host[INET6_ADDRSTRLEN] = "?";
  address.size = sizeof address.v6;
  if (getsockname(listener, &address.any, &address.size) != 0) return host;
  bool v6 = address.any.sa_family == AF_INET6;
  inet_ntop(address.any.sa_family, v6 ? static_cast<void*>(&address.v6.sin6_addr) : &address.v4.sin_addr, host,
            sizeof host);
  std::string port = std::to_string(ntohs(v6 ? address.v6.sin6_port : address.v4.sin_port));
  return (v6 ? "[" + std::string(host) + "]:" : std::string(host) + ":") + port;
}
