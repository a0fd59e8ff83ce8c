// address.h - whom a connection comes from. IPv4 addresses are kept as IPv6 writes them, however they came.
#pragma once

#include <sys/socket.h>
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

struct ClientAddress {
  std::array<uint8_t, 16> bytes{};
  auto operator<=>(const ClientAddress&) const = default;

  static ClientAddress of(const sockaddr_storage& from);
  bool is_v4() const;
  std::string text() const;
  // What one client has to itself: an IPv4 address, or an IPv6 network of 64 bits.
  ClientAddress group() const;
};

uint16_t port_of(const sockaddr_storage& from);

struct Network {
  ClientAddress address;
  unsigned bits;
  bool contains(const ClientAddress& other) const;
};

bool any_contains(const std::vector<Network>& networks, const ClientAddress& address);

// 10.0.0.0/8, fd00::/8, or an address.
std::optional<Network> parse_network(const std::string& text);
