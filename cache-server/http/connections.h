// connections.h - how many connections there are, in all, per client address and per tenant, and how much memory they
// hold, so that neither one machine nor one tenant can take what the others need.
//
// An IPv6 address counts by its first 64 bits, which is what one customer of a provider has. When there are as many as
// there may be, a new one takes the place of the one that has been waited for longest: since when a client is behind,
// or idle, is what its session says here. So does a transfer when there is no memory left. Whoever is not waited for
// stays.
//
// Thread-safe; a session's own thread ends it, when it sees that it has to leave.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "metrics.h"

namespace aotc::server {

struct ConnectionLimits {
  unsigned all = 1024;
  unsigned per_address = 256;
  unsigned per_tenant = 256;              // without effect where there are no tenants
  uint64_t memory = uint64_t{256} << 20;  // of what is being received and sent
};

class Connections {
 public:
  using Clock = std::chrono::steady_clock;

  Connections(const ConnectionLimits& limits, Counters& counters) : limits_(limits), counters_(counters) {}

  // One connection, as long as it lives. Only has_to_leave() and what it says are for other threads.
  class Slot {
   public:
    ~Slot();
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    // It now carries a request of this tenant, or of nobody's (""); false when the tenant has too many.
    bool take_tenant(const std::string& tenant);
    // It has so many bytes in memory; false when that is too much for all, and nothing has changed.
    bool hold(uint64_t bytes);
    // The client has been behind, or idle, since then.
    void waits_for_client(Clock::time_point since) { behind_since_ = since.time_since_epoch().count(); }
    void works_for_client() { behind_since_ = kNotWaiting; }
    // Closed::Full or Closed::Memory when another needs the place, otherwise Closed::Done.
    Closed has_to_leave() const { return leave_; }
    // Why it ended; the first reason counts.
    void ends_because(Closed reason) {
      if (reason_ == Closed::Done) reason_ = reason;
    }

   private:
    friend class Connections;
    static constexpr Clock::rep kNotWaiting = std::numeric_limits<Clock::rep>::max();
    Slot(Connections& connections, std::string address) : connections_(connections), address_(std::move(address)) {}
    Connections& connections_;
    std::string address_, tenant_;
    Closed reason_ = Closed::Done;
    std::atomic<Clock::rep> behind_since_{kNotWaiting};
    std::atomic<uint64_t> held_{0};
    std::atomic<Closed> leave_{Closed::Done};
  };

  // Nothing when there are too many.
  std::unique_ptr<Slot> take_slot(const std::string& address);
  bool empty() const { return counters_.connections == 0; }

 private:
  using Count = std::map<std::string, unsigned>;
  static void remove(Count& count, const std::string& name);
  bool make_room(Closed reason);

  ConnectionLimits limits_;
  Counters& counters_;
  std::atomic<uint64_t> memory_{0};
  std::mutex mutex_;  // of what follows
  std::set<Slot*> slots_;
  unsigned leaving_ = 0;  // of these
  Count addresses_, tenants_;
};

}  // namespace aotc::server
