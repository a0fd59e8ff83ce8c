// cache_options.cpp - where the cache is: as asked, as AOTC_CACHE says, or where the user's caches are.
#include "cache_options.h"

#include <cstdlib>

#include "cache/store.h"
#include "support/quantity_option.h"

void CacheOptions::add_to(CLI::App& command) {
  command
      .add_option("--cache", where,
                  "folder of what was compiled before, or off\n(default: what AOTC_CACHE says, else "
                  "$XDG_CACHE_HOME/aotc or ~/.cache/aotc)")
      ->type_name("DIR|off");
}

void CacheOptions::add_size_to(CLI::App& command, const std::string& name, const std::string& help) {
  aotc::add_quantity(command, name, size, help, {AOTC_SIZE, aotc::kLeastCache, aotc::kMostCache});
}

std::string CacheOptions::asked() const {
  const char* variable = std::getenv("AOTC_CACHE");
  return where.empty() && variable != nullptr ? variable : where;
}

std::optional<std::string> CacheOptions::folder() const {
  std::string said = asked();
  if (said == "off") return std::nullopt;
  if (!said.empty()) return said;
  // As the XDG base directory specification has it: what is not absolute counts for nothing.
  auto from = [](const char* variable, const char* under) -> std::optional<std::string> {
    const char* base = std::getenv(variable);
    if (base == nullptr || *base != '/') return std::nullopt;
    return std::string(base) + under;
  };
  if (std::optional<std::string> folder = from("XDG_CACHE_HOME", "/aotc")) return folder;
  return from("HOME", "/.cache/aotc");
}
