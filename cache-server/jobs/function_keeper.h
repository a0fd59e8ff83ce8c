// function_keeper.h - the server's use of the function cache (tools/cache): a folder of its own, a keeper process for
// each worker, and a name space for each tenant. What is kept without a name is for all tenants; only the server's own
// work (idle_work.h) writes there.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/keeper.h"

namespace aotc::server {

struct FunctionCacheLimits {
  std::string folder;
  uint64_t bytes = uint64_t{4} << 30;  // on disk; 0: nothing is kept
  std::vector<std::string> warm;       // modules whose functions are for all
  uint64_t share = 0;                  // tenants that must have a function before it is for all; 0: none is
  std::optional<RemoteCache> remote;   // of all servers: each tenant's functions, and those for all

  bool kept() const { return bytes != 0; }
};

KeeperOptions keeper_options(const FunctionCacheLimits& limits, const std::string& name_space);
// Null when nothing is kept. `tenant` may be the one without a name.
std::unique_ptr<Keeper> start_keeper(const FunctionCacheLimits& limits, const std::string& tenant);
std::unique_ptr<Keeper> start_keeper_for_all(const FunctionCacheLimits& limits);

}  // namespace aotc::server
