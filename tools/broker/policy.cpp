// policy.cpp - see policy.h.
#include "policy.h"

#include <algorithm>
#include <cctype>

#include "registry/address_kind.h"

using aotc::AddressBytes;
using aotc::OutboundRule;

namespace {

constexpr uint64_t kPinned = 600'000'000'000;  // nanoseconds
constexpr size_t kMostPins = 4096;

sockaddr_storage as_socket_address(const AddressBytes& address) {
  sockaddr_storage out;
  aotc::socket_address(address, 0, out);
  return out;
}

aotc::AddressKind kind_of(const AddressBytes& address) {
  sockaddr_storage storage = as_socket_address(address);
  return aotc::address_kind(reinterpret_cast<const sockaddr&>(storage));
}

}  // namespace

std::string shown(const AddressBytes& address) {
  sockaddr_storage storage = as_socket_address(address);
  return aotc::shown_address(reinterpret_cast<const sockaddr&>(storage));
}

const char* shown_kind(const AddressBytes& address) { return aotc::address_kind_name(kind_of(address)); }

std::string plain_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string out(name);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool is_host(std::string_view name) {
  if (aotc::parse_address(name)) return true;
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == '_';
  });
}

bool Policy::may_look_up(std::string_view name) const {
  return std::any_of(rules.begin(), rules.end(), [&](const OutboundRule& rule) { return rule.fits_name(name); });
}

bool Policy::may_lead_to(std::string_view name, const AddressBytes& address) const {
  const aotc::AddressKind kind = kind_of(address);
  if (kind == aotc::AddressKind::Public) return true;
  if (name == "localhost") return kind == aotc::AddressKind::Loopback;
  for (const OutboundRule& rule : rules)
    if (rule.scheme == OutboundRule::Scheme::Any) return true;
  return std::any_of(networks.begin(), networks.end(), [&](const auto& network) { return network.contains(address); });
}

// The oldest go when there are too many.
void Policy::pin(const std::string& name, const AddressBytes& address, uint64_t now) {
  if (pin_count_ >= kMostPins) {
    pin_count_ = 0;
    for (auto at = pins_.begin(); at != pins_.end();) {
      std::erase_if(at->second, [&](const auto& pin) { return pin.second <= now + kPinned / 2; });
      pin_count_ += at->second.size();
      at = at->second.empty() ? pins_.erase(at) : std::next(at);
    }
    if (pin_count_ >= kMostPins) pins_.clear(), pin_count_ = 0;
  }
  auto [at, added] = pins_[address].insert_or_assign(name, now + kPinned);
  pin_count_ += added;
}

// Bytes as they are come before what the broker has to understand.
const OutboundRule* Policy::find(const std::string& name, uint16_t port, bool tls) const {
  using Scheme = OutboundRule::Scheme;
  auto has = [&](Scheme scheme) {
    auto at = std::find_if(rules.begin(), rules.end(), [&](const OutboundRule& rule) {
      return rule.scheme == scheme && rule.fits_name(name) && rule.fits_port(port);
    });
    return at == rules.end() ? nullptr : &*at;
  };
  const OutboundRule* rule = has(tls ? Scheme::Https : Scheme::Tcp);
  if (rule == nullptr && !tls) rule = has(Scheme::Http);
  return rule != nullptr ? rule : has(Scheme::Any);
}

Policy::Verdict Policy::judge(const Target& target, uint64_t now) const {
  if (const OutboundRule* rule = find(target.host, target.port, target.tls)) return {rule, target.host};
  auto address = aotc::parse_address(target.host);
  if (!address) return {};
  // Those that are written out are compared as what they are, however they are written.
  for (const OutboundRule& rule : rules)
    if (rule.address == address)
      if (const OutboundRule* found = find(rule.host, target.port, target.tls)) return {found, rule.host};
  if (kind_of(*address) == aotc::AddressKind::Loopback)
    if (const OutboundRule* rule = find("localhost", target.port, target.tls)) return {rule, "localhost"};
  auto pinned = pins_.find(*address);
  if (pinned == pins_.end()) return {};
  for (const auto& [name, until] : pinned->second)
    if (until > now)
      if (const OutboundRule* rule = find(name, target.port, target.tls)) return {rule, name};
  return {};
}
