// address_kind_test.cpp - which addresses a registry may not send anybody to, at the edges of each range.
#include "registry/address_kind.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace {

using aotc::AddressKind;

sockaddr_storage parse(const std::string& text) {
  sockaddr_storage storage{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  bool six = text.find(':') != std::string::npos;
  storage.ss_family = six ? AF_INET6 : AF_INET;
  int status =
      six ? inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) : inet_pton(AF_INET, text.c_str(), &v4->sin_addr);
  EXPECT_EQ(status, 1) << text;
  return storage;
}

TEST(AddressKind, EdgesOfEachRange) {
  const struct {
    AddressKind kind;
    std::vector<std::string> addresses;
  } kRows[] = {{AddressKind::Public,
                {"1.0.0.0",         "9.255.255.255",    "11.0.0.0",        "100.63.255.255", "100.128.0.0",
                 "126.255.255.255", "128.0.0.0",        "169.253.255.255", "169.255.0.0",    "172.15.255.255",
                 "172.32.0.0",      "192.167.255.255",  "192.169.0.0",     "192.0.1.0",      "198.17.255.255",
                 "198.20.0.0",      "223.255.255.255",  "2000::",          "2001:200::",     "2606:4700::1111",
                 "3fff:1000::",     "64:ff9b::8.8.8.8", "2002:808:808::"}},
               {AddressKind::Private,
                {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255",
                 "fc00::", "fdff:ffff::1", "fec0::1", "64:ff9b::10.0.0.1", "2002:c0a8:101::1"}},
               {AddressKind::Shared, {"100.64.0.0", "100.127.255.255"}},
               {AddressKind::Loopback,
                {"127.0.0.0", "127.255.255.255", "0.0.0.0", "0.255.255.255", "::1", "::", "64:ff9b::127.0.0.1"}},
               {AddressKind::LinkLocal,
                {"169.254.0.0", "169.254.169.254", "fe80::1", "febf:ffff::1", "64:ff9b::169.254.169.254"}},
               {AddressKind::Multicast, {"224.0.0.0", "239.255.255.255", "255.255.255.255", "ff00::", "ff02::1"}},
               {AddressKind::Mapped, {"::ffff:8.8.8.8", "::ffff:127.0.0.1"}},
               {AddressKind::Reserved, {"192.0.0.1",       "192.0.2.1",
                                        "192.88.99.1",     "198.18.0.0",
                                        "198.19.255.255",  "198.51.100.1",
                                        "203.0.113.1",     "240.0.0.0",
                                        "255.255.255.254", "::2",
                                        "::127.0.0.1",     "::fffe:8.8.8.8",
                                        "100::1",          "64:ff9b:1::8.8.8.8",
                                        "2001::1",         "2001:1ff::1",
                                        "2001:db8::1",     "3fff::1",
                                        "4000::1",         "5f00::1"}}};
  for (const auto& row : kRows)
    for (const std::string& text : row.addresses) {
      sockaddr_storage storage = parse(text);
      AddressKind kind = aotc::address_kind(reinterpret_cast<const sockaddr&>(storage));
      EXPECT_STREQ(aotc::address_kind_name(kind), aotc::address_kind_name(row.kind)) << text;
      if (text.find('.') == std::string::npos || text.find(':') == std::string::npos) {
        EXPECT_EQ(aotc::shown_address(reinterpret_cast<const sockaddr&>(storage)), text);
      }
    }
}

TEST(AddressKind, OtherFamiliesAreReserved) {
  sockaddr_storage storage{};
  storage.ss_family = AF_UNIX;
  EXPECT_EQ(aotc::address_kind(reinterpret_cast<const sockaddr&>(storage)), AddressKind::Reserved);
}

}  // namespace
