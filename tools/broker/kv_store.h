// kv_store.h - the key-value stores of all apps, as requests of programs see them. What keeps them is LMDB in a folder
// of the node's (kv_lmdb.h), or Redis, which a fleet of nodes shares (kv_redis.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "aotc/kv.h"

struct App;

class KvStore {
 public:
  struct Answer {
    aotc_kv_status status = AOTC_KV_OK;
    uint64_t version = 0, expires = 0;
    std::string bytes = {};
  };
  using Then = std::function<void(const Answer&)>;

  virtual ~KvStore() = default;
  // In the process that is confined, by its loop's thread, as all that follows.
  virtual void start() = 0;

  // Requests as aotc/kv.h has them, well formed, about an app's own store. `then` is called once, at once or later.
  virtual void get(const App& app, std::string_view key, Then then) = 0;
  virtual void list(const App& app, std::string_view prefix, std::string_view after, uint64_t most, Then then) = 0;
  virtual void put(const App& app, std::string key, std::string value, uint64_t version, uint64_t milliseconds,
                   Then then) = 0;
  virtual void remove(const App& app, std::string key, uint64_t version, Then then) = 0;
  virtual void add(const App& app, std::string key, int64_t number, Then then) = 0;
};
