// cache_options.h - the options of commands that use what was compiled before (cache/store.h).
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

struct CacheOptions {
  std::string where;  // "off", a folder, or empty for the usual one
  uint64_t size = uint64_t{1} << 30;

  void add_to(CLI::App& command);
  void add_size_to(CLI::App& command, const std::string& name, const std::string& help);
  std::string asked() const;  // by option or environment; empty: nothing was
  // Nothing: off, or there is no place for it.
  std::optional<std::string> folder() const;
};
