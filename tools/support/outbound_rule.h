// outbound_rule.h - what a program may connect to, as its operator writes it: rules of an allow-list.
//
//   rule    = "any" | "tcp://", host, ":", port
//           | ( "http://" | "https://" ), host, [ ":", port ], { ",", method } ;
//   host    = name | "*." name | IPv4 address | "[", IPv6 address, "]" ;
//   port    = number | "*" ;
//
// A name does not lead to private addresses, unless a network says so; an address that is written out may be any, and
// so may localhost. "any" is all of that, for the machine of somebody who writes programs.
#pragma once

#include <sys/socket.h>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aotc {

// An IP address as 16 bytes, IPv4 as ::ffff:192.0.2.1.
using AddressBytes = std::array<uint8_t, 16>;
std::optional<AddressBytes> parse_address(std::string_view text);
// Of a socket; zeros if it is none of the internet's.
AddressBytes address_bytes(const sockaddr_storage& address);
uint16_t address_port(const sockaddr_storage& address);
// IPv4 as such; returns its size.
socklen_t socket_address(const AddressBytes& address, uint16_t port, sockaddr_storage& out);

struct OutboundRule {
  enum class Scheme { Any, Tcp, Http, Https };
  Scheme scheme = Scheme::Any;
  std::string host;                     // in lower case; "*.example" for what is below example
  std::optional<AddressBytes> address;  // of a host that is one
  uint16_t port = 0;                    // 0: each
  std::vector<std::string> methods;     // none: each

  bool fits_name(std::string_view name) const;  // which is in lower case
  bool fits_port(uint16_t wanted) const { return port == 0 || port == wanted; }
  bool fits_method(std::string_view method) const;
};

std::optional<OutboundRule> parse_outbound_rule(std::string_view text, std::string& wrong);

// 10.0.0.0/8, or one address.
struct OutboundNetwork {
  AddressBytes address;
  unsigned bits;
  bool contains(const AddressBytes& other) const;
};
std::optional<OutboundNetwork> parse_outbound_network(std::string_view text);

}  // namespace aotc
