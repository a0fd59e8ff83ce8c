// purge.cpp - see purge.h.
#include "purge.h"

#include <charconv>

#include "field_lines.h"

namespace {

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || end != digits.data() + 2 || error != std::errc()) return std::nullopt;
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

}  // namespace

std::optional<PurgeRequest> parse_purge(std::string_view target) {
  PurgeRequest request;
  const size_t query = target.find('?');
  if (query == target.npos) return std::nullopt;
  bool good = true;
  each_part(target.substr(query + 1), "&", [&](std::string_view pair) {
    const size_t equals = std::min(pair.find('='), pair.size());
    const auto value = percent_decoded(pair.substr(std::min(equals + 1, pair.size())));
    std::string* place = pair.substr(0, equals) == "app" ? &request.app : &request.path;
    good &= (place == &request.app || pair.substr(0, equals) == "path") && value && !value->empty() && place->empty();
    if (good) *place = *value;
    return good;
  });
  if (!good || request.app.empty() || (!request.path.empty() && !request.path.starts_with('/'))) return std::nullopt;
  return request;
}
