// destinations.h - where the client of a registry goes, and what it shows there.
//
// A registry is not trusted, and it names further places: where tokens are given out (the realm of a challenge), where
// a blob lies or is to be put (a Location). Whatever named it, for such a place holds:
//
//   - from a place with TLS nobody is sent to one without;
//   - the password, and a token that was got for it, are shown to the registry alone: the same scheme, host and port.
//   The
//     password is also shown to the realm that the operator named for this registry;
//   - an address is connected to if it is public, or of the same kind as the registry's own, or the operator named its
//     host. Ports are free: what a public place offers on any of them is for everybody, and object stores have odd
//     ones;
//   - what is checked is what is connected to: a name is looked up once for each connection. The registry's own name is
//     looked up once for all, and once an address has answered no other one is used, so that who controls the name
//     cannot make another machine of it half-way.
//
// An operator who names a realm gives this registry what the realm has for its repositories: of the challenge only
// `service` is passed on as it is, the scope is what is being done (registry_client.cpp). Not thread-safe.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <vector>

#include "http_client.h"

namespace aotc {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  const sockaddr& any() const { return reinterpret_cast<const sockaddr&>(bytes); }
};

// All addresses of a URL's host, in the resolver's order; none, and why.
std::vector<Address> look_up(const HttpUrl& url, std::string& error);

// That `realm` may be shown the password for `registry`; each is HOST[:PORT], by default the port of the scheme.
struct TokenRealm {
  std::string registry, realm;
};
// "REGISTRY=REALM"
std::optional<TokenRealm> parse_token_realm(const std::string& text, std::string& error);

class Destinations {
 public:
  // `registry` is "https://host:port"; of `realms` those for other registries are left out.
  Destinations(const std::string& registry, const std::vector<TokenRealm>& realms);

  // The place that an answer from `from` sends to, if anybody may go there.
  std::optional<HttpUrl> follow(const HttpUrl& from, const std::string& location, std::string& error) const;
  bool is_registry(const HttpUrl& url) const;
  bool may_have_password(const HttpUrl& url) const;

  // The addresses that may be connected to; none, and why.
  std::vector<Address> addresses(const HttpUrl& url, std::string& error);
  // One of them has answered.
  void connected(const HttpUrl& url, const Address& address);

 private:
  bool may_connect(const Address& address, std::string& error) const;

  std::optional<HttpUrl> registry_;
  std::vector<std::string> realms_;
  std::vector<Address> own_;  // the registry's addresses; one, when it has answered
  bool answered_ = false;
};

}  // namespace aotc
