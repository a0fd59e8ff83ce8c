// release.h - which release of an app is to run: the newest, unless it has shown that it cannot.
//
// A release is one image index with the statement for it. One that does not come up, or whose process ends kDeaths times
// within kDeathTime before one of its processes has answered kProven requests, is given up for the one that ran before,
// if there is one. It stays given up until there is another index, or forgive().
#pragma once

#include <cstdint>
#include <deque>
#include <string>

struct Release {
  std::string index, statement;  // digests; no statement: unsigned. No index: no release
  uint64_t sequence = 0, expires = 0;

  bool empty() const { return index.empty(); }
  bool is(const Release& other) const { return index == other.index; }
};

class Rollout {
 public:
  static constexpr unsigned kDeaths = 3, kProven = 100;
  static constexpr uint64_t kDeathTime = 60'000'000'000;

  // Empty when there is none.
  const Release& wanted() const { return newest_.empty() || newest_.index == given_up_ ? good_ : newest_; }
  const Release& newest() const { return newest_; }
  const Release& good() const { return good_; }

  void set_newest(const Release& release) { newest_ = release; }
  void set_good(const Release& release) { good_ = release; }
  void forgive() { given_up_.clear(); }

  // Its process ended, before or after it was ready. True when the release is given up.
  bool died(const Release& release, bool was_ready, uint64_t now) {
    if (!release.is(newest_) || good_.empty() || good_.is(newest_)) return false;
    deaths_.push_back(now);
    while (now - deaths_.front() > kDeathTime) deaths_.pop_front();
    if (was_ready && deaths_.size() < kDeaths) return false;
    given_up_ = newest_.index;
    deaths_.clear();
    return true;
  }

 private:
  Release newest_, good_;
  std::string given_up_;         // an index
  std::deque<uint64_t> deaths_;  // of the newest
};
