// forwarded.cpp - see forwarded.h.
#include "forwarded.h"

#include <arpa/inet.h>
#include <strings.h>
#include <algorithm>
#include <cctype>

namespace {

constexpr std::string_view kPrefix = "X-Forwarded-";

bool is(std::string_view name, std::string_view other) {
  return name.size() == other.size() && strncasecmp(name.data(), other.data(), name.size()) == 0;
}

void join(std::optional<std::string>& list, std::string_view more) {
  if (list)
    list->append(", ").append(more);
  else
    list = more;
}

std::string_view last_of(std::string_view list) {
  list.remove_prefix(list.rfind(',') + 1);
  while (!list.empty() && list.front() == ' ') list.remove_prefix(1);
  while (!list.empty() && list.back() == ' ') list.remove_suffix(1);
  return list;
}

// "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:80", "2001:db8::1": the address, or nothing.
std::string address_in(std::string_view text) {
  std::string host(text);
  if (host.starts_with('['))
    host = host.substr(1, host.find(']') - 1);
  else if (std::count(host.begin(), host.end(), ':') == 1)
    host.resize(host.find(':'));
  unsigned char bytes[sizeof(in6_addr)];
  const bool good = inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
  return good ? host : "";
}

// Of an element of Forwarded.
std::string_view for_in(std::string_view element) {
  constexpr std::string_view kFor = "for=";
  while (!element.empty()) {
    const size_t end = std::min(element.find(';'), element.size());
    std::string_view part = last_of(element.substr(0, end));
    element.remove_prefix(std::min(end + 1, element.size()));
    if (!is(part.substr(0, kFor.size()), kFor)) continue;
    part.remove_prefix(kFor.size());
    if (part.size() >= 2 && part.front() == '"' && part.back() == '"') part = part.substr(1, part.size() - 2);
    return part;
  }
  return {};
}

}  // namespace

Hop::Hop(const ClientAddress& from, bool is_trusted, std::string_view scheme, std::string_view country_field)
    : scheme(scheme),
      address(from.text()),
      element("for=" + (from.is_v4() ? address : "\"[" + address + "]\"") + ";proto=" + this->scheme),
      lines("X-Forwarded-For: " + address + "\r\nForwarded: " + element + "\r\nX-Forwarded-Proto: " + this->scheme +
            "\r\n"),
      trusted(is_trusted),
      country_field(country_field) {}

bool Forwarded::take(std::string_view name, std::string_view value) {
  if (!hop_.country_field.empty() && is(name, hop_.country_field)) {
    constexpr size_t kWord = 15;
    const bool word = value.size() <= kWord && std::all_of(value.begin(), value.end(),
                                                           [](unsigned char c) { return std::isalnum(c) || c == '-'; });
    if (hop_.trusted && word) country_ = value;
    return !hop_.trusted;
  }
  const char first = name.empty() ? '\0' : static_cast<char>(name[0] | 0x20);
  if (first != 'x' && first != 'f' && first != 't') return false;
  if (!hop_.trusted)
    return is(name.substr(0, kPrefix.size()), kPrefix) || is(name, "Forwarded") || is(name, "X-Real-Ip") ||
           is(name, "True-Client-Ip");
  for (auto& [known, list] : {std::pair<std::string_view, std::optional<std::string>*>{"Forwarded", &elements_},
                              {"X-Forwarded-For", &addresses_},
                              {"X-Forwarded-Proto", &scheme_}}) {
    if (!is(name, known)) continue;
    join(*list, value);
    return true;
  }
  return false;
}

std::string Forwarded::client() const {
  std::string named = addresses_  ? address_in(last_of(*addresses_))
                      : elements_ ? address_in(for_in(last_of(*elements_)))
                                  : "";
  return named.empty() ? hop_.address : named;
}

void Forwarded::write(std::string& head) const {
  if (!addresses_ && !elements_ && !scheme_) {
    head.append(hop_.lines);
    return;
  }
  auto line = [&](std::string_view name, const std::optional<std::string>& before, std::string_view ours) {
    head.append(name).append(": ");
    if (before) head.append(*before).append(", ");
    head.append(ours).append("\r\n");
  };
  if (addresses_ || !elements_) line("X-Forwarded-For", addresses_, hop_.address);
  if (elements_ || !addresses_) line("Forwarded", elements_, hop_.element);
  line("X-Forwarded-Proto", std::nullopt, scheme_ ? *scheme_ : hop_.scheme);
}
