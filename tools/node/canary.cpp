// canary.cpp - see canary.h.
#include "canary.h"

#include "address.h"
#include "field_lines.h"
#include "registry/digest.h"

namespace {

// Of all its cookies, what is looked at.
constexpr size_t kMaxCookies = 16 << 10, kMostCookies = 256;

// What a head says that rules ask for. It is gone through once: it may be long.
class Said {
 public:
  Said(const CanaryRules& rules, std::string_view head) : rules_(rules) {
    each_field(head, [&](std::string_view name, std::string_view value) {
      for (const CanaryRules::Match& match : rules_.headers)
        leads_ |= value == match.value && is_name(name, match.name);
      if (rules_.by == CanaryRules::By::Header && is_name(name, rules_.by_name)) take_who(value);
      if (is_name(name, "Cookie")) take_cookies(value);
    });
  }
  bool leads() const { return leads_; }               // a field or cookie, to the canary
  std::string_view who_asks() const { return who_; }  // empty: it does not say so

 private:
  void take_who(std::string_view value) {
    if (who_.empty()) who_ = value;
  }

  void take_cookies(std::string_view cookies) {
    cookies = cookies.substr(0, bytes_left_);
    bytes_left_ -= cookies.size();
    each_part(cookies, ";", [&](std::string_view pair) {
      if (pairs_left_ == 0) return false;
      --pairs_left_;
      const size_t equals = pair.find('=');
      if (equals == pair.npos) return true;
      const std::string_view name = trimmed_value(pair.substr(0, equals)),
                             value = trimmed_value(pair.substr(equals + 1));
      for (const CanaryRules::Match& match : rules_.cookies) leads_ |= value == match.value && name == match.name;
      if (rules_.by == CanaryRules::By::Cookie && name == rules_.by_name) take_who(value);
      return true;
    });
  }

  const CanaryRules& rules_;
  bool leads_ = false;
  std::string_view who_;
  size_t bytes_left_ = kMaxCookies, pairs_left_ = kMostCookies;
};

// "c" and a value, or "a" and an address: of one kind is nobody who is of the other.
std::string asker(const Said& said, std::string_view client) {
  if (!said.who_asks().empty()) return "c" + std::string(said.who_asks());
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
  const Said said(rules, head);
  if (said.leads()) return true;
  if (rules.weight == 0 || rules.weight >= CanaryRules::kWhole) return rules.weight != 0;
  return lot(key, rules.seed, asker(said, client)) < rules.weight;
}
