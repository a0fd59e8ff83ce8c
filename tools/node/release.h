// release.h - which release of an app is to run: the newest, unless it has shown that it cannot.
//
// A release is one image index with the statement for it. One that does not come up, or whose process ends kDeaths
// times within kDeathTime before one of its processes has answered kProven requests, is given up for the one that ran
// before, if there is one. It stays given up until there is another index, or forgive(). One that was revoked does not
// run again, whatever happens, unless it is signed with a higher sequence than was revoked; then nothing may be left to
// run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>

struct Release {
  std::string index, statement;  // digests; no statement: unsigned. No index: no release
  uint64_t sequence = 0, expires = 0;

  bool empty() const { return index.empty(); }
  bool is(const Release& other) const { return index == other.index; }
};

// The lists of revocations that its releases must not be in: digests, empty without one.
struct ObeyedLists {
  std::string own, fleet;

  bool operator==(const ObeyedLists&) const = default;
};

class Rollout {
 public:
  static constexpr unsigned kDeaths = 3, kProven = 100;
  static constexpr uint64_t kDeathTime = 60'000'000'000;

  // Empty when there is none.
  const Release& wanted() const {
    static const Release none;
    if (may_run(newest_) && newest_.index != given_up_) return newest_;
    return may_run(good_) ? good_ : may_run(newest_) ? newest_ : none;
  }
  const Release& newest() const { return newest_; }
  const Release& good() const { return good_; }

  void set_newest(const Release& release) { newest_ = release; }
  void set_good(const Release& release) { good_ = release; }
  void forgive() { given_up_.clear(); }
  // Releases with this index, signed with this sequence or a lower one. False when it was known. It counts as the
  // newest release if there is none, as after a restart.
  bool revoke(const std::string& index, uint64_t sequence) {
    Release revoked;
    revoked.index = index;
    revoked.sequence = sequence;
    if (newest_.empty()) newest_ = revoked;
    if (is_revoked(revoked)) return false;
    revoked_.push_back(revoked);
    if (revoked_.size() > kRevoked) revoked_.pop_front();
    return true;
  }
  bool is_revoked(const Release& release) const {
    return std::any_of(revoked_.begin(), revoked_.end(), [&](const Release& revoked) {
      return release.is(revoked) && release.sequence <= revoked.sequence;
    });
  }

  // Its process ended, before or after it was ready. True when the release is given up.
  bool died(const Release& release, bool was_ready, uint64_t now) {
    if (!release.is(newest_) || !may_run(good_) || good_.is(newest_)) return false;
    deaths_.push_back(now);
    while (now - deaths_.front() > kDeathTime) deaths_.pop_front();
    if (was_ready && deaths_.size() < kDeaths) return false;
    given_up_ = newest_.index;
    deaths_.clear();
    return true;
  }

 private:
  static constexpr size_t kRevoked = 1024;  // that are remembered
  bool may_run(const Release& release) const { return !release.empty() && !is_revoked(release); }

  Release newest_, good_;
  std::deque<Release> revoked_;  // indexes and sequences
  std::string given_up_;         // an index
  std::deque<uint64_t> deaths_;  // of the newest
};
