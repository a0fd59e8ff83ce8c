// tenants.h - who may do what: the token file of `aotc-server --token-file`.
//
//   {"tenants": {"acme": {"tokens": [{"sha256": "<64 hex digits>", "roles": ["pull", "push"]}],
//                         "bytes": 10000000000, "evict": true, "jobs": 16, "workers": 1, "cpu_seconds": 36000}},
//    "operators": [{"sha256": "..."}]}
//
// A token is 32 random bytes in hex (`aotc-server new-token` makes one), so its plain SHA-256 can be kept. A tenant has
// the repositories that start with its name and a slash. `bytes` are all that the store has of it, and what is promised
// to uploads and jobs under way (accounts.h); `jobs` counts those that wait or run and uploads under way, `workers`
// those that run; `cpu_seconds` are per day (UTC). With `evict`, what would go beyond `bytes` is not refused, but takes
// the place of the tenant's images that were not used for the longest time. Quotas that are left out do not limit, but
// `workers` leaves one to others. Operators see metrics and every repository, and compile nothing.
//
// Without a token file there is one tenant, "", that may do everything without limits. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "llvm/Support/Error.h"

namespace aotc::server {

enum Role : unsigned { kPull = 1, kPush = 2, kOperator = 4 };

struct Caller {
  std::string tenant;
  unsigned roles = 0;

  bool may(Role role) const { return (roles & role) != 0; }
};

struct Quota {
  uint64_t bytes = UINT64_MAX;
  uint64_t jobs = UINT64_MAX;
  uint64_t workers = UINT64_MAX;
  uint64_t cpu_seconds = UINT64_MAX;
  bool evict = false;
};

class Tenants {
 public:
  // `path` may be empty: no token file.
  explicit Tenants(std::string path) : path_(std::move(path)) {}
  // Reads the file, again when it has changed. After an Error everything is as before.
  llvm::Error load();
  bool open_to_all() const { return path_.empty(); }
  // `authorization` is the header: "Bearer TOKEN", or "Basic ..." with the token as the password and any user name.
  std::optional<Caller> authenticate(const std::string& authorization);
  Quota quota(const std::string& tenant);
  // Of all tenants in the token file.
  std::map<std::string, Quota> quotas();
  // Whether the caller's repositories include this one; `repository` may be one that does not exist.
  bool owns(const Caller& caller, const std::string& repository) const;

 private:
  struct Token {
    std::string hash;  // as digest.h writes it
    Caller caller;
  };
  std::string path_;
  std::mutex mutex_;
  std::vector<Token> tokens_;
  std::map<std::string, Quota> quotas_;
};

}  // namespace aotc::server
