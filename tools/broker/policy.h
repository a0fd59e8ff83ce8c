// policy.h - what the programs of one app may reach: its operator's rules, and the addresses that names had when they
// were checked.
//
// A name is looked up if a rule has it. An address that is private, or otherwise none of the public internet's, is left
// out unless a network of the app's holds it. A program connects to addresses, as programs do, so those that were given
// to it are kept for some time with their names, and nothing else can be connected to: a name whose address changes
// between the check and the connection leads nowhere.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/outbound_rule.h"

class Policy {
 public:
  std::vector<aotc::OutboundRule> rules;
  std::vector<aotc::OutboundNetwork> networks;  // private ones that names may lead to

  bool may_look_up(std::string_view name) const;
  // Whether `name` may lead there.
  bool may_lead_to(std::string_view name, const aotc::AddressBytes& address) const;
  // The program was told that the name leads there.
  void pin(const std::string& name, const aotc::AddressBytes& address, uint64_t now);

  // What was asked for: over TLS by the broker, or not.
  struct Target {
    std::string host;  // a name, or an address as text
    uint16_t port;
    bool tls;
  };
  struct Verdict {
    const aotc::OutboundRule* rule = nullptr;  // null: not allowed
    std::string host;                          // by which the rule allows it
  };
  Verdict judge(const Target& target, uint64_t now) const;

 private:
  const aotc::OutboundRule* find(const std::string& name, uint16_t port, bool tls) const;
  std::map<aotc::AddressBytes, std::map<std::string, uint64_t>> pins_;  // to until when
  size_t pin_count_ = 0;
};

std::string shown(const aotc::AddressBytes& address);
// "public", "private", ...
const char* shown_kind(const aotc::AddressBytes& address);
// Whether it is an address, or has letters that names of machines have.
bool is_host(std::string_view name);
// A name in lower case, without a dot at its end.
std::string plain_name(std::string_view name);
