// outbound_rule.cpp - see outbound_rule.h.
#include "support/outbound_rule.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

namespace aotc {

namespace {

constexpr size_t kMaxName = 253;
constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool is_name(std::string_view text) {
  bool label = false;
  for (char c : text) {
    if (c == '.' && !label) return false;
    label = c != '.';
    if (label && !std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') return false;
  }
  return label && text.size() <= kMaxName;
}

template <typename Number>
bool parse_number(std::string_view text, Number most, Number& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number <= most;
}

// The part before the first `at`, or all; what is behind it stays in `text`.
std::string_view take_until(std::string_view& text, char at) {
  size_t end = std::min(text.find(at), text.size());
  std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool take_host(std::string_view& rest, OutboundRule& rule) {
  bool bracketed = !rest.empty() && rest.front() == '[';
  size_t end = bracketed ? rest.find(']') : std::min(rest.find(':'), rest.size());
  if (end == std::string_view::npos) return false;
  rule.host = lower(rest.substr(bracketed, end - bracketed));
  rest.remove_prefix(end + bracketed);
  rule.address = parse_address(rule.host);
  if (rule.address) return bracketed == (rule.host.find(':') != std::string::npos);
  std::string_view name = rule.host;
  if (name.starts_with("*.")) name.remove_prefix(2);
  return !bracketed && is_name(name);
}

bool take_port(std::string_view rest, OutboundRule& rule) {
  if (rest.empty()) {
    rule.port = rule.scheme == OutboundRule::Scheme::Https ? 443 : 80;
    return rule.scheme != OutboundRule::Scheme::Tcp;
  }
  if (rest == ":*") return true;
  return rest.front() == ':' && parse_number<uint16_t>(rest.substr(1), 65535, rule.port) && rule.port != 0;
}

bool is_method(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

std::optional<AddressBytes> parse_address(std::string_view text) {
  AddressBytes bytes{};
  const std::string copy(text);
  if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return bytes;
  std::copy(std::begin(kMapped), std::end(kMapped), bytes.begin());
  if (inet_pton(AF_INET, copy.c_str(), bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

AddressBytes address_bytes(const sockaddr_storage& address) {
  AddressBytes bytes{};
  if (address.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    std::copy(std::begin(kMapped), std::end(kMapped), bytes.begin());
    std::memcpy(bytes.data() + 12, &v4.sin_addr, 4);
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(bytes.data(), &v6.sin6_addr, 16);
  }
  return bytes;
}

uint16_t address_port(const sockaddr_storage& address) {
  uint16_t port = 0;  // at the same place in both
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  std::memcpy(&port, reinterpret_cast<const char*>(&address) + offsetof(sockaddr_in, sin_port), sizeof port);
  return ntohs(port);
}

socklen_t socket_address(const AddressBytes& address, uint16_t port, sockaddr_storage& out) {
  out = {};
  if (std::memcmp(address.data(), kMapped, sizeof kMapped) == 0) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.data() + 12, 4);
    std::memcpy(&out, &v4, sizeof v4);
    return sizeof v4;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, address.data(), 16);
  std::memcpy(&out, &v6, sizeof v6);
  return sizeof v6;
}

bool OutboundRule::fits_name(std::string_view name) const {
  if (scheme == Scheme::Any) return true;
  if (!host.starts_with("*.")) return name == host;
  return name.size() > host.size() - 1 && name.ends_with(std::string_view(host).substr(1));
}

bool OutboundRule::fits_method(std::string_view method) const {
  return methods.empty() || std::find(methods.begin(), methods.end(), method) != methods.end();
}

std::optional<OutboundRule> parse_outbound_rule(std::string_view text, std::string& wrong) {
  OutboundRule rule;
  if (text == "any") return rule;
  std::string_view rest = text, target = take_until(rest, ',');
  if (target.starts_with("tcp://"))
    rule.scheme = OutboundRule::Scheme::Tcp;
  else if (target.starts_with("http://"))
    rule.scheme = OutboundRule::Scheme::Http;
  else if (target.starts_with("https://"))
    rule.scheme = OutboundRule::Scheme::Https;
  wrong = "expected any, tcp://HOST:PORT, http://HOST[:PORT] or https://HOST[:PORT]";
  if (rule.scheme == OutboundRule::Scheme::Any) return std::nullopt;
  target.remove_prefix(target.find("//") + 2);
  if (!take_host(target, rule) || !take_port(target, rule)) return std::nullopt;
  wrong = "expected methods like GET,POST behind an http or https URL";
  if (text.ends_with(',') || (!rest.empty() && rule.scheme == OutboundRule::Scheme::Tcp)) return std::nullopt;
  while (!rest.empty()) {
    std::string_view method = take_until(rest, ',');
    if (!is_method(method)) return std::nullopt;
    rule.methods.emplace_back(method);
  }
  return rule;
}

bool OutboundNetwork::contains(const AddressBytes& other) const {
  for (unsigned bit = 0; bit < bits; ++bit)
    if (((address[bit / 8] ^ other[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
  return true;
}

std::optional<OutboundNetwork> parse_outbound_network(std::string_view text) {
  std::string_view rest = text, written = take_until(rest, '/');
  std::optional<AddressBytes> address = parse_address(written);
  if (!address || text.ends_with('/')) return std::nullopt;
  const unsigned size = written.find(':') == std::string_view::npos ? 32 : 128;
  unsigned bits = size;
  if (!rest.empty() && !parse_number(rest, size, bits)) return std::nullopt;
  return OutboundNetwork{*address, bits + 128 - size};
}

}  // namespace aotc
