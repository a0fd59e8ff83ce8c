// handshakes.h - how many TLS handshakes an address may begin in a second: each costs the front as much as a hundred
// requests, and its client nothing.
//
// An address, of IPv6 a network of 64 bits, has a bucket of them. Only those are kept that are not full, and no more
// than kMostAddresses: for who comes then there is what handshakes may take of a loop's time (FrontLoop::greet), as
// there is for all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

#include "address.h"

class HandshakeLimits {
 public:
  static constexpr size_t kMostAddresses = 1 << 16;
  // So many a second, saved up over `period` nanoseconds.
  HandshakeLimits(uint64_t rate, uint64_t period) : period_(period), cost_(1'000'000'000 / rate) {}
  bool take(const ClientAddress& from, uint64_t now);  // one more; from any thread
  size_t addresses() const;

 private:
  void forget_full(uint64_t now);

  const uint64_t period_, cost_;  // nanoseconds; of one handshake
  mutable std::mutex mutex_;
  uint64_t forgotten_at_ = 0;
  std::map<ClientAddress, uint64_t> full_at_;  // when each bucket is full again; sorted: the keys are strangers'
};
