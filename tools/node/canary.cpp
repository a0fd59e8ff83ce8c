// canary.cpp - see canary.h.
#include "canary.h"

#include <strings.h>
#include <algorithm>
#include <functional>

#include "address.h"
#include "registry/digest.h"

namespace {

bool is(std::string_view name, std::string_view other) {
  return name.size() == other.size() && strncasecmp(name.data(), other.data(), name.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Each part up to the separator, until `take` says that it is enough; then true.
bool any_part(std::string_view text, std::string_view separator, const std::function<bool(std::string_view)>& take) {
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (take(text.substr(0, end))) return true;
    text.remove_prefix(std::min(end + separator.size(), text.size()));
  }
  return false;
}

bool any_field(std::string_view head, std::string_view name, const std::function<bool(std::string_view)>& take) {
  head.remove_prefix(std::min(head.find("\r\n"), head.size()));  // the request line
  head = head.substr(0, head.find("\r\n\r\n"));
  return any_part(head, "\r\n", [&](std::string_view line) {
    const size_t colon = line.find(':');
    return colon != line.npos && is(line.substr(0, colon), name) && take(trimmed(line.substr(colon + 1)));
  });
}

bool any_cookie(std::string_view head, std::string_view name, const std::function<bool(std::string_view)>& take) {
  return any_field(head, "Cookie", [&](std::string_view cookies) {
    return any_part(cookies, ";", [&](std::string_view pair) {
      const size_t equals = pair.find('=');
      return equals != pair.npos && trimmed(pair.substr(0, equals)) == name && take(trimmed(pair.substr(equals + 1)));
    });
  });
}

// "c" and a value, or "a" and an address: of one kind is nobody who is of the other.
std::string who_asks(const CanaryRules& rules, std::string_view head, std::string_view client) {
  std::string who;
  auto take = [&](std::string_view value) {
    if (!value.empty()) who.append("c").append(value);
    return !value.empty();
  };
  if (rules.by == CanaryRules::By::Cookie && any_cookie(head, rules.by_name, take)) return who;
  if (rules.by == CanaryRules::By::Header && any_field(head, rules.by_name, take)) return who;
  const auto address = parse_network(std::string(client));
  return "a" + (address ? address->address.group().text() : std::string(client));
}

// Below CanaryRules::kWhole, each as likely as another.
uint64_t lot(std::string_view key, std::string_view seed, std::string_view who) {
  aotc::Sha256 hash;
  for (std::string_view part : {key, seed, who}) {
    const uint64_t size = part.size();
    hash.update(&size, sizeof size);
    hash.update(part.data(), part.size());
  }
  uint64_t number = 0;
  for (unsigned char byte : hash.finish_raw()) number = (number << 8 | byte) % CanaryRules::kWhole;
  return number;
}

}  // namespace

bool is_for_canary(const CanaryRules& rules, std::string_view key, std::string_view head, std::string_view client) {
  for (const CanaryRules::Match& match : rules.headers)
    if (any_field(head, match.name, [&](std::string_view value) { return value == match.value; })) return true;
  for (const CanaryRules::Match& match : rules.cookies)
    if (any_cookie(head, match.name, [&](std::string_view value) { return value == match.value; })) return true;
  if (rules.weight == 0 || rules.weight >= CanaryRules::kWhole) return rules.weight != 0;
  return lot(key, rules.seed, who_asks(rules, head, client)) < rules.weight;
}
