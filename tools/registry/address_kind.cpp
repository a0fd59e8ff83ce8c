// address_kind.cpp - see address_kind.h. The longest prefix in the table decides.
#include "address_kind.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>

namespace aotc {

namespace {

struct Prefix {
  uint8_t bytes[8];
  unsigned bits;
  AddressKind kind;
};

constexpr Prefix kV4[] = {
    {{}, 0, AddressKind::Public},
    {{0}, 8, AddressKind::Loopback},
    {{10}, 8, AddressKind::Private},
    {{100, 64}, 10, AddressKind::Shared},
    {{127}, 8, AddressKind::Loopback},
    {{169, 254}, 16, AddressKind::LinkLocal},
    {{172, 16}, 12, AddressKind::Private},
    {{192, 0, 0}, 24, AddressKind::Reserved},
    {{192, 0, 2}, 24, AddressKind::Reserved},
    {{192, 88, 99}, 24, AddressKind::Reserved},
    {{192, 168}, 16, AddressKind::Private},
    {{198, 18}, 15, AddressKind::Reserved},
    {{198, 51, 100}, 24, AddressKind::Reserved},
    {{203, 0, 113}, 24, AddressKind::Reserved},
    {{224}, 4, AddressKind::Multicast},
    {{240}, 4, AddressKind::Reserved},
    {{255, 255, 255, 255}, 32, AddressKind::Multicast},
};

// Public is what has been given out so far. The first /64, where a kind depends on the bits behind it, is apart.
constexpr Prefix kV6[] = {
    {{}, 0, AddressKind::Reserved},
    {{0x20}, 3, AddressKind::Public},
    {{0x20, 0x01}, 23, AddressKind::Reserved},  // Teredo and other protocols' own
    {{0x20, 0x01, 0x0d, 0xb8}, 32, AddressKind::Reserved},
    {{0x3f, 0xff}, 20, AddressKind::Reserved},
    {{0xfc}, 7, AddressKind::Private},
    {{0xfe, 0x80}, 10, AddressKind::LinkLocal},
    {{0xfe, 0xc0}, 10, AddressKind::Private},
    {{0xff}, 8, AddressKind::Multicast},
};

bool begins_with(const uint8_t* address, const Prefix& prefix) {
  for (unsigned bit = 0; bit < prefix.bits; ++bit)
    if (((address[bit / 8] ^ prefix.bytes[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
  return true;
}

template <size_t N>
AddressKind look_up(const Prefix (&table)[N], const uint8_t* address) {
  const Prefix* best = &table[0];
  for (const Prefix& prefix : table)
    if (prefix.bits > best->bits && begins_with(address, prefix)) best = &prefix;
  return best->kind;
}

AddressKind kind_of_v6(const uint8_t* address) {
  constexpr uint8_t kZero[16] = {}, kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr uint8_t kNat64[12] = {0, 0x64, 0xff, 0x9b}, kSixToFour[2] = {0x20, 0x02};
  if (std::memcmp(address, kZero, 15) == 0 && address[15] <= 1) return AddressKind::Loopback;
  if (std::memcmp(address, kMapped, 12) == 0) return AddressKind::Mapped;
  // Those that lead to an IPv4 address are what that one is.
  if (std::memcmp(address, kNat64, 12) == 0) return look_up(kV4, address + 12);
  if (std::memcmp(address, kSixToFour, 2) == 0) return look_up(kV4, address + 2);
  return look_up(kV6, address);
}

}  // namespace

AddressKind address_kind(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    return look_up(kV4, reinterpret_cast<const uint8_t*>(&v4.sin_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    return kind_of_v6(reinterpret_cast<const uint8_t*>(&v6.sin6_addr));
  }
  return AddressKind::Reserved;
}

const char* address_kind_name(AddressKind kind) {
  constexpr const char* kNames[] = {"public", "private", "shared by a provider", "loopback", "link-local", "multicast",
                                    "mapped", "reserved"};
  static_assert(std::size(kNames) == static_cast<size_t>(AddressKind::Reserved) + 1);
  return kNames[static_cast<unsigned>(kind)];
}

std::string shown_address(const sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = "?";
  const char* bytes = reinterpret_cast<const char*>(&address);
  if (address.sa_family == AF_INET) inet_ntop(AF_INET, bytes + offsetof(sockaddr_in, sin_addr), text, sizeof text);
  if (address.sa_family == AF_INET6) inet_ntop(AF_INET6, bytes + offsetof(sockaddr_in6, sin6_addr), text, sizeof text);
  return text;
}

}  // namespace aotc
