// response_cache.h - the responses of one process of an app that are kept, for all loops of the front.
//
// There is one for each process, so nothing of an app answers for another, nothing of a release for another, and
// whatever replaces a process (a release, a reload, a restart) begins empty. It is in the front, which has what clients
// are sent anyway: in the tenant, whose workers share nothing, a hit would cost a wake-up of a worker, and each would
// keep its own. The loops share it under a lock, which is held for a look into a map: were
// there one for each loop, each would keep, and compute, every response once.
//
// Of a key there are up to kMostVariants responses, which differ by what they vary by. What was not used for longest
// goes when the bytes are too many: those of this cache, and those of all of them together (CacheBudget).
//
// Whoever does not find a response is to make it, and whoever asks for the same meanwhile waits for what comes of it
// (Flight): until its head says that it is not to be kept. Then they go by themselves, as do all others for kPassing.
// What is invalidated while it is made is not kept.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "stored_response.h"

struct CacheBudget {
  uint64_t most = 0;               // bytes of all caches
  std::atomic<uint64_t> held = 0;  // likewise, with what clients are still being sent of what has gone
};

struct CacheCounts {
  uint64_t bytes = 0, responses = 0, evictions = 0;
};

class ResponseCache {
 public:
  static constexpr size_t kMostVariants = 8;
  static constexpr uint64_t kPassing = 5'000'000'000;
  static constexpr uint64_t kShare = 8;  // a response may have one in so many bytes
  static constexpr size_t kMostWaiting = 4096;

  // A response that is being made.
  struct Flight {
    std::string key, variant;
    std::shared_ptr<const StoredResponse> replaces;  // that is stale
    bool leads = false;                              // others wait for it
    bool is_personal = false;
    bool is_void = false;
    std::vector<std::function<void()>> waiting = {};  // called in any thread, once
  };
  enum class Then {
    Answer,   // with `stored`
    Refresh,  // likewise, and have it made anew: `flight`
    Make,     // `flight`; `stored` may do if that fails
    Wait      // the function that was given will be called
  };
  struct Found {
    Then then = Then::Make;
    std::shared_ptr<const StoredResponse> stored;
    std::shared_ptr<Flight> flight;  // to be given back to end()
    bool varies = false;             // there are some, for others
  };

  ResponseCache(uint64_t most, CacheBudget& budget) : most_(most), budget_(budget) {}
  ~ResponseCache() { close(); }
  // A request that does not pass by the cache. `wait` may be empty: then it does not wait, and no others for it.
  Found find(const CacheRequest& request, std::string_view head, uint64_t now, std::function<void()> wait);
  // What a flight came to: a response that is to be kept, or none.
  enum class Outcome { Kept, NotKept, Failed };
  void end(const std::shared_ptr<Flight>& flight, Outcome outcome, std::shared_ptr<const StoredResponse> stored,
           uint64_t now);
  void invalidate(const std::string& key);
  // All whose target is `target`, or begins with it if that ends with '*'; all, if it is empty. Returns how many.
  size_t purge(std::string_view target);
  void close();  // nothing is kept any more
  uint64_t most_of_one() const { return most_ / kShare; }
  CacheCounts counts() const;

 private:
  struct Entry;
  struct Kept {
    Entry* entry;
    std::shared_ptr<const StoredResponse> response;  // null: nothing is to be kept, of such requests, until
    uint64_t passes_until = 0;
    bool is_personal = false;
    size_t bytes = 0;
    std::shared_ptr<const void> charge = nullptr;  // of these
  };
  using Order = std::list<Kept>;  // the first was used last
  struct Entry {
    const std::string* key = nullptr;
    std::vector<Order::iterator> kept;  // the newest last
    std::vector<std::shared_ptr<Flight>> flights;
  };
  Entry& entry_of(const std::string& key);
  Entry* find_entry(const std::string& key);
  Flight* leader_of(const Entry& entry, std::string_view variant, bool is_personal) const;
  bool keep(Entry& entry, Kept kept);
  void drop(Order::iterator kept);
  void drop_all(Entry& entry);
  void forget_if_empty(Entry& entry);

  const uint64_t most_;
  CacheBudget& budget_;
  mutable std::mutex mutex_;
  bool closed_ = false;
  uint64_t bytes_ = 0, evictions_ = 0, responses_ = 0;
  std::map<std::string, Entry, std::less<>> entries_;  // sorted: the keys are strangers'
  Order order_;
};
