// connections.h - how many connections there are, in all, per client address and per tenant, so that neither one
// machine nor one tenant can take those of the others.
//
// An IPv6 address counts by its first 64 bits, which is what one customer of a provider has. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "metrics.h"

namespace aotc::server {

struct ConnectionLimits {
  unsigned all = 1024;
  unsigned per_address = 256;
  unsigned per_tenant = 256;  // without effect where there are no tenants
};

class Connections {
 public:
  Connections(const ConnectionLimits& limits, Counters& counters) : limits_(limits), counters_(counters) {}

  // One connection, as long as it lives.
  class Seat {
   public:
    ~Seat();
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    // It now carries a request of this tenant, or of nobody's (""); false when the tenant has too many.
    bool take_tenant(const std::string& tenant);

   private:
    friend class Connections;
    Seat(Connections& connections, std::string address) : connections_(connections), address_(std::move(address)) {}
    Connections& connections_;
    std::string address_, tenant_;
  };

  // Nothing when there are too many.
  std::unique_ptr<Seat> take_seat(const std::string& address);
  bool empty() const { return counters_.connections == 0; }

 private:
  using Count = std::map<std::string, unsigned>;
  static void remove(Count& count, const std::string& name);

  ConnectionLimits limits_;
  Counters& counters_;
  std::mutex mutex_;
  Count addresses_, tenants_;
};

}  // namespace aotc::server
