// forwarded.cpp - see forwarded.h.
#include "forwarded.h"

#include <strings.h>

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

}  // namespace

Hop::Hop(const ClientAddress& from, bool is_trusted, std::string_view scheme)
    : scheme(scheme),
      address(from.text()),
      element("for=" + (from.is_v4() ? address : "\"[" + address + "]\"") + ";proto=" + this->scheme),
      lines("X-Forwarded-For: " + address + "\r\nForwarded: " + element + "\r\nX-Forwarded-Proto: " + this->scheme +
            "\r\n"),
      trusted(is_trusted) {}

bool Forwarded::take(std::string_view name, std::string_view value) {
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
