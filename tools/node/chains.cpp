// chains.cpp - "NAME=HANDLER,...,LAST", as if each of them had been said to be an app; see settings.h.
#include "settings.h"

std::vector<Setting> with_chains(const std::vector<Setting>& settings) {
  std::vector<Setting> out;
  for (const Setting& s : settings) {
    size_t at = 0;
    unsigned number = 0;
    for (size_t comma; s.option == "app" && (comma = s.value.find(',', at)) != std::string::npos; at = comma + 1) {
      Setting& handler = out.emplace_back(s);
      handler.app += "." + std::to_string(++number);
      handler.value = s.value.substr(at, comma - at);
    }
    out.emplace_back(s).value.erase(0, at);
  }
  return out;
}
