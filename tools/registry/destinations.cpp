// destinations.cpp - see include/aotc/destinations.h.
#include "destinations.h"

#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "address_kind.h"

namespace aotc {

namespace {

constexpr size_t kMaxLocation = 8192;

std::string scheme_of(const HttpUrl& url) { return url.tls ? "https://" : "http://"; }

// Whether HOST[:PORT] is where a URL leads.
bool names(const std::string& place, const HttpUrl& url) {
  std::string ignored;
  std::optional<HttpUrl> named = parse_url(scheme_of(url) + place, ignored);
  return named && named->authority() == url.authority();
}

bool is_place(const std::string& text) {
  std::string ignored;
  return text.find('/') == std::string::npos && parse_url("https://" + text, ignored);
}

}  // namespace

std::vector<Address> look_up(const HttpUrl& url, std::string& error) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  int status = getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found);
  if (status != 0) return error = gai_strerror(status), std::vector<Address>();
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    if (a->ai_addrlen > sizeof(sockaddr_storage)) continue;
    Address& address = addresses.emplace_back();
    std::memcpy(&address.bytes, a->ai_addr, a->ai_addrlen);
    address.size = a->ai_addrlen;
  }
  return addresses;
}

std::optional<TokenRealm> parse_token_realm(const std::string& text, std::string& error) {
  size_t equals = text.find('=');
  if (equals != std::string::npos) {
    TokenRealm realm{text.substr(0, equals), text.substr(equals + 1)};
    if (is_place(realm.registry) && is_place(realm.realm)) return realm;
  }
  error = "\"" + text + "\" is not REGISTRY=REALM, each HOST[:PORT]";
  return std::nullopt;
}

Destinations::Destinations(const std::string& registry, const std::vector<TokenRealm>& realms) {
  std::string ignored;
  registry_ = parse_url(registry, ignored);
  for (const TokenRealm& realm : realms)
    if (registry_ && names(realm.registry, *registry_)) realms_.push_back(realm.realm);
}

std::optional<HttpUrl> Destinations::follow(const HttpUrl& from, const std::string& location,
                                            std::string& error) const {
  auto fail = [&](const std::string& reason) {
    error = from.authority() + ": " + reason;
    return std::nullopt;
  };
  if (location.size() > kMaxLocation) return fail("sent on to a place with a name that is too long");
  bool relative = !location.empty() && location.front() == '/';
  std::string reason;
  std::optional<HttpUrl> to = parse_url(relative ? scheme_of(from) + from.authority() + location : location, reason);
  if (!to) return fail(reason);
  if (from.tls && !to->tls) return fail("sent on to a place without TLS");
  return to;
}

bool Destinations::is_registry(const HttpUrl& url) const {
  return registry_ && url.tls == registry_->tls && url.authority() == registry_->authority();
}

bool Destinations::may_have_password(const HttpUrl& url) const {
  auto is_named = [&](const std::string& realm) { return names(realm, url); };
  return is_registry(url) || std::any_of(realms_.begin(), realms_.end(), is_named);
}

std::vector<Address> Destinations::addresses(const HttpUrl& url, std::string& error) {
  if (is_registry(url)) {
    if (own_.empty()) own_ = look_up(url, error);
    return own_;
  }
  std::vector<Address> found = look_up(url, error);
  if (may_have_password(url)) return found;
  std::erase_if(found, [&](const Address& address) { return !may_connect(address, error); });
  return found;
}

void Destinations::connected(const HttpUrl& url, const Address& address) {
  if (answered_ || !is_registry(url)) return;
  own_ = {address};
  answered_ = true;
}

bool Destinations::may_connect(const Address& address, std::string& error) const {
  AddressKind kind = address_kind(address.any());
  if (kind == AddressKind::Public || (answered_ && kind == address_kind(own_.front().any()))) return true;
  error =
      "a registry may not send anybody to " + shown_address(address.any()) + ", which is " + address_kind_name(kind);
  return false;
}

}  // namespace aotc
