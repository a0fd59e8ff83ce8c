// address_kind.h - what an address on the internet is for, by the registries of special-purpose addresses (RFC 6890 and
// what has been added since): whether it is public, or inside of something that a stranger has no business in.
#pragma once

#include <sys/socket.h>
#include <string>

namespace aotc {

enum class AddressKind {
  Public,
  Private,    // RFC 1918, unique local
  Shared,     // RFC 6598, between a provider and its customers
  Loopback,   // and the unspecified address, which leads there
  LinkLocal,  // where clouds keep their metadata
  Multicast,  // and broadcast
  Mapped,     // IPv4 written as IPv6
  Reserved,   // anything else, and what is no internet address
};

AddressKind address_kind(const sockaddr& address);
const char* address_kind_name(AddressKind kind);
// "10.0.0.5"
std::string shown_address(const sockaddr& address);

}  // namespace aotc
