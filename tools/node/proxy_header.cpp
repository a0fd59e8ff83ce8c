// proxy_header.cpp - see proxy_header.h.
#include "proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <cstring>

namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr uint8_t kLocal = 0x20, kProxy = 0x21;                                   // version and command
constexpr uint8_t kUnspecified = 0x00, kTcp4 = 0x11, kTcp6 = 0x21, kUnix = 0x31;  // family and kind
constexpr size_t kCommand = 12, kFamily = 13, kLength = 14;                       // where they are

uint8_t byte(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

uint16_t number(std::string_view text, size_t at) {
  return static_cast<uint16_t>(byte(text, at) << 8 | byte(text, at + 1));
}

// Behind the head: the client's address, ours, the client's port, ours; what follows is not looked at.
template <typename Address>
std::optional<ProxyHeader> read_addresses(std::string_view rest, int family) {
  if (rest.size() < 2 * sizeof(Address) + 4) return std::nullopt;
  sockaddr_storage from{};
  from.ss_family = static_cast<sa_family_t>(family);
  if constexpr (sizeof(Address) == sizeof(in_addr))
    std::memcpy(&reinterpret_cast<sockaddr_in&>(from).sin_addr, rest.data(), sizeof(Address));
  else
    std::memcpy(&reinterpret_cast<sockaddr_in6&>(from).sin6_addr, rest.data(), sizeof(Address));
  return ProxyHeader{ClientAddress::of(from), number(rest, 2 * sizeof(Address))};
}

}  // namespace

std::optional<size_t> ProxyHeader::size(std::string_view first) {
  if (first.substr(0, kSignature.size()) != kSignature) return std::nullopt;
  const size_t size = kFirst + number(first, kLength);
  return size <= kMost ? std::optional(size) : std::nullopt;
}

std::optional<ProxyHeader> ProxyHeader::read(std::string_view header) {
  const uint8_t command = byte(header, kCommand);
  if (command == kLocal) return ProxyHeader{};
  if (command != kProxy) return std::nullopt;
  const std::string_view rest = header.substr(kFirst);
  switch (byte(header, kFamily)) {
    case kUnspecified:
    case kUnix:
      return ProxyHeader{};
    case kTcp4:
      return read_addresses<in_addr>(rest, AF_INET);
    case kTcp6:
      return read_addresses<in6_addr>(rest, AF_INET6);
    default:
      return std::nullopt;
  }
}
