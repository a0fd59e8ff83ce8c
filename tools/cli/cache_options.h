// cache_options.h - the options of commands that use what was compiled before (cache/store.h).
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cache/keeper.h"

struct CacheOptions {
  std::string where;  // "off", a folder, a remote beside the usual folder, or empty for the usual one
  uint64_t size = uint64_t{1} << 30;
  std::string remote;
  std::vector<std::string> trust;  // files of public keys
  std::string sign;                // file of a private key
  double wait = 0;                 // seconds; 0: by what it may save

  void add_to(CLI::App& command);
  void add_place_to(CLI::App& command);   // of a remote
  void add_remote_to(CLI::App& command);  // and keys
  void add_size_to(CLI::App& command, const std::string& name, const std::string& help);
  std::string asked() const;  // by option or environment; empty: nothing was
  // Nothing: off, or there is no place for it.
  std::optional<std::string> folder() const;
  // Where the remote is, and how to get there. Nothing: there is none.
  llvm::Expected<std::optional<aotc::RemoteCache>> find_place() const;
  // The same with keys. Nothing: there is none. An Error: it cannot be meant so. Holds secrets: not for long.
  llvm::Expected<std::optional<aotc::RemoteCache>> find_remote() const;
};
