// field_lines.h - fields as http.h writes them, "Name: value\r\n" one after the other, looked through.
#pragma once

#include <strings.h>
#include <algorithm>
#include <string_view>

inline bool is_name(std::string_view name, std::string_view other) {
  return name.size() == other.size() && strncasecmp(name.data(), other.data(), name.size()) == 0;
}

inline std::string_view trimmed_value(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Each part up to the separator, while `take` says that there is to be another.
template <typename Take>
void each_part(std::string_view text, std::string_view separator, Take take) {
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (!take(text.substr(0, end))) return;
    text.remove_prefix(std::min(end + separator.size(), text.size()));
  }
}

// Of lines, and of a head, whose first line is left out and which ends with an empty one.
template <typename Take>
void each_line(std::string_view lines, Take take) {
  each_part(lines, "\r\n", [&](std::string_view line) {
    const size_t colon = line.find(':');
    if (colon != line.npos) take(line.substr(0, colon), trimmed_value(line.substr(colon + 1)));
    return true;
  });
}

template <typename Take>
void each_field(std::string_view head, Take take) {
  head.remove_prefix(std::min(head.find("\r\n"), head.size()));
  each_line(head.substr(0, head.find("\r\n\r\n")), take);
}
