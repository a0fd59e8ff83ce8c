// address.cpp - see address.h.
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <algorithm>
#include <cstddef>
#include <cstring>

static constexpr std::array<uint8_t, 12> kV4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

ClientAddress ClientAddress::of(const sockaddr_storage& from) {
  ClientAddress address;
  if (from.ss_family == AF_INET6) {
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, 16);
  } else if (from.ss_family == AF_INET) {
    std::copy(kV4.begin(), kV4.end(), address.bytes.begin());
    std::memcpy(address.bytes.data() + kV4.size(), &reinterpret_cast<const sockaddr_in&>(from).sin_addr, 4);
  }
  return address;
}

uint16_t port_of(const sockaddr_storage& from) {
  // In the same place in both kinds.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  return ntohs(reinterpret_cast<const sockaddr_in&>(from).sin_port);
}

bool ClientAddress::is_v4() const { return std::equal(kV4.begin(), kV4.end(), bytes.begin()); }

std::string ClientAddress::text() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (is_v4())
    inet_ntop(AF_INET, bytes.data() + kV4.size(), text, sizeof text);
  else
    inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

ClientAddress ClientAddress::group() const {
  ClientAddress group = *this;
  if (!is_v4()) std::fill(group.bytes.begin() + 8, group.bytes.end(), 0);
  return group;
}

bool Network::contains(const ClientAddress& other) const {
  for (unsigned bit = 0; bit < bits; bit += 8) {
    const unsigned shift = bits - bit < 8 ? 8 - (bits - bit) : 0;
    if ((address.bytes[bit / 8] ^ other.bytes[bit / 8]) >> shift) return false;
  }
  return true;
}

bool any_contains(const std::vector<Network>& networks, const ClientAddress& address) {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& one) { return one.contains(address); });
}

std::optional<Network> parse_network(const std::string& text) {
  const size_t slash = text.find('/');
  const std::string host = text.substr(0, slash);
  sockaddr_storage from{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&from);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&from);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1)
    from.ss_family = AF_INET;
  else if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1)
    from.ss_family = AF_INET6;
  else
    return std::nullopt;
  const unsigned most = from.ss_family == AF_INET ? 32 : 128;
  unsigned bits = most;
  if (slash != std::string::npos) {
    const std::string digits = text.substr(slash + 1);
    if (digits.empty() || digits.size() > 3 || digits.find_first_not_of("0123456789") != std::string::npos)
      return std::nullopt;
    bits = static_cast<unsigned>(std::stoul(digits));
    if (bits > most) return std::nullopt;
  }
  return Network{ClientAddress::of(from), bits + 128 - most};
}
