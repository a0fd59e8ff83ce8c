// cache_control.cpp - see cache_control.h.
#include "cache_control.h"

#include <algorithm>

#include "field_lines.h"

namespace {

constexpr uint64_t kMostSeconds = uint64_t{1} << 31;

// The next directive, up to a comma that is in no quotes.
std::string_view next_directive(std::string_view& rest) {
  bool quoted = false;
  size_t end = 0;
  for (; end < rest.size(); ++end) {
    if (quoted && rest[end] == '\\')
      ++end;
    else if (rest[end] == '"')
      quoted = !quoted;
    else if (rest[end] == ',' && !quoted)
      break;
  }
  end = std::min(end, rest.size());
  const std::string_view one = trimmed_value(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return one;
}

}  // namespace

uint64_t delta_seconds(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return 0;
    value = std::min(value * 10 + static_cast<uint64_t>(c - '0'), kMostSeconds);
  }
  return value;
}

void CacheControl::add(std::string_view value) {
  while (!value.empty()) {
    const std::string_view directive = next_directive(value);
    const size_t equals = std::min(directive.find('='), directive.size());
    const std::string_view name = trimmed_value(directive.substr(0, equals));
    for (auto& [known, flag] : {std::pair<std::string_view, bool*>{"no-store", &no_store},
                                {"no-cache", &no_cache},
                                {"private", &is_private},
                                {"public", &is_public},
                                {"must-revalidate", &must_revalidate},
                                {"proxy-revalidate", &must_revalidate},
                                {"only-if-cached", &only_if_cached}})
      if (is_name(name, known)) *flag = true;
    for (auto& [known, seconds] : {std::pair<std::string_view, std::optional<uint64_t>*>{"max-age", &max_age},
                                   {"s-maxage", &s_maxage},
                                   {"stale-while-revalidate", &stale_while_revalidate},
                                   {"stale-if-error", &stale_if_error}}) {
      if (!is_name(name, known)) continue;
      const uint64_t said = delta_seconds(trimmed_value(directive.substr(std::min(equals + 1, directive.size()))));
      *seconds = std::min(seconds->value_or(said), said);
    }
  }
}

std::optional<time_t> http_date(std::string_view text) {
  if (text.size() > 40) return std::nullopt;
  const std::string date(text);
  for (const char* form : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
    tm parts{};
    const char* end = strptime(date.c_str(), form, &parts);
    if (end != nullptr && *end == '\0') return timegm(&parts);
  }
  return std::nullopt;
}

std::string http_date_text(time_t time) {
  tm parts{};
  gmtime_r(&time, &parts);
  char text[40];
  return std::string(text, strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
}
