// handshakes.cpp - see handshakes.h.
#include "handshakes.h"

#include <algorithm>

static constexpr uint64_t kSecond = 1'000'000'000;

bool HandshakeLimits::take(const ClientAddress& from, uint64_t now) {
  const std::lock_guard lock(mutex_);
  if (now >= forgotten_at_ + kSecond) forget_full(now);
  auto found = full_at_.find(from.group());
  if (found == full_at_.end()) {
    if (full_at_.size() < kMostAddresses) full_at_[from.group()] = now + cost_;
    return true;
  }
  const uint64_t full_at = std::max(found->second, now) + cost_;
  if (full_at > now + std::max(period_, cost_)) return false;
  found->second = full_at;
  return true;
}

void HandshakeLimits::forget_full(uint64_t now) {
  forgotten_at_ = now;
  std::erase_if(full_at_, [&](const auto& one) { return one.second <= now; });
}

size_t HandshakeLimits::addresses() const {
  const std::lock_guard lock(mutex_);
  return full_at_.size();
}
