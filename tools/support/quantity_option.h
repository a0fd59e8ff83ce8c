// quantity_option.h - options of CLI11 that are quantities (quantity.h). --help says in which form, the range and the
// default. CLI11's own numbers would take "0x10" for 16, wrap at an overflow, or end at the first letter.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <type_traits>

#include "support/quantity.h"

namespace aotc {

struct Range {
  aotc_quantity_kind kind;
  uint64_t least, most;
};

inline std::string shown(aotc_quantity_kind kind, uint64_t value) {
  char text[AOTC_QUANTITY_TEXT];
  aotc_show_quantity(kind, value, text);
  return text;
}

constexpr uint64_t kSecond = 1'000'000'000, kDay = 86400 * kSecond;

// `value` becomes what is written, a double the seconds of a duration. Its value before is the default, and shown if it
// could be written.
template <typename Value>
CLI::Option* add_quantity(CLI::App& app, const std::string& names, Value& value, const std::string& help, Range range) {
  auto read = [&value, range, name = names.substr(names.rfind("--"))](const std::string& text) {
    char expected[AOTC_QUANTITY_TEXT];
    uint64_t number = 0;
    if (!aotc_read_quantity(text.c_str(), range.kind, range.least, range.most, &number, expected))
      throw CLI::ValidationError(name, std::string(expected) + ": " + text);
    if constexpr (std::is_floating_point_v<Value>)
      value = static_cast<Value>(number) / kSecond;
    else
      value = static_cast<Value>(number);
  };
  const char* type = range.kind == AOTC_COUNT     ? "N"
                     : range.kind == AOTC_SIZE    ? "SIZE"
                     : range.kind == AOTC_PERCENT ? "PERCENT"
                                                  : "DURATION";
  CLI::Option* option = app.add_option_function<std::string>(
      names, read, help + " (from " + shown(range.kind, range.least) + " to " + shown(range.kind, range.most) + ")");
  uint64_t before = static_cast<uint64_t>(std::is_floating_point_v<Value> ? value * kSecond : value);
  if (before >= range.least && before <= range.most) option->default_str(shown(range.kind, before));
  return option->type_name(type);
}

}  // namespace aotc
