// function_keeper.cpp - see function_keeper.h.
#include "function_keeper.h"

#include <algorithm>

#include "log.h"

namespace aotc::server {

KeeperOptions keeper_options(const FunctionCacheLimits& limits, const std::string& name_space) {
  KeeperOptions options;
  options.store.folder = limits.folder;
  options.store.limit = std::max(limits.bytes, kLeastCache);
  options.store.name_space = name_space;
  options.start_anew = true;
  options.said = [](const std::string& which, const std::string& text) {
    log(Level::Error, "function cache: " + text, {{"cache", which}});
  };
  return options;
}

std::unique_ptr<Keeper> start_keeper(const FunctionCacheLimits& limits, const std::string& tenant) {
  if (!limits.kept()) return nullptr;
  return std::make_unique<Keeper>(keeper_options(limits, "tenant " + tenant), limits.remote);
}

std::unique_ptr<Keeper> start_keeper_for_all(const FunctionCacheLimits& limits) {
  return std::make_unique<Keeper>(keeper_options(limits, ""), limits.remote);
}

}  // namespace aotc::server
