// canary_watch.h - whether a canary does worse than the version that serves: by the share of its requests that fail,
// and by the time within which 95 % of the others are answered.
//
// All loops count together, for each process, what became of its requests. Once a second the front adds up what is new
// of both versions' processes, the requests of the app itself since there is a canary; what is old weighs less and
// less, of both from the same time on.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

struct CanaryLimits {
  uint64_t least_requests = 100;  // of the canary, and for times those of both that did not fail
  uint64_t more_errors = 1000;    // points, in thousandths of a percent
  uint64_t more_time = 100'000;   // thousandths of a percent
};

// Four for each power of two of microseconds, up to 2^36.
constexpr size_t kAnswerTimes = 4 * 36;
size_t answer_time(uint64_t microseconds);

struct AnswerSums {
  uint64_t answers = 0, failures = 0;          // failures are among the answers
  std::array<uint64_t, kAnswerTimes> times{};  // of all others

  uint64_t quantile95() const;  // microseconds; 0: there is none
  uint64_t later_than(uint64_t microseconds) const;
  double failed_share() const;  // from 0 to 1
};

class AnswerCounts {
 public:
  void add(bool failed, uint64_t microseconds) {
    ++(failed ? failures_ : answers_);
    if (!failed) ++times_[answer_time(microseconds)];
  }
  AnswerSums sums() const;

 private:
  std::atomic<uint64_t> answers_ = 0, failures_ = 0;
  std::array<std::atomic<uint32_t>, kAnswerTimes> times_{};
};

class CanaryWatch {
 public:
  // What the processes of both have counted so far. A process is told from the one before by its number.
  void see(uint32_t canary, const AnswerSums& canary_sums, uint32_t stable, const AnswerSums& stable_sums,
           const CanaryLimits& limits);
  enum class Verdict { Well, Errors, Time };
  Verdict verdict(const CanaryLimits& limits, std::string& why);  // after each look
  const AnswerSums& canary() const { return canary_.sums; }
  const AnswerSums& stable() const { return stable_.sums; }

 private:
  struct Side {
    AnswerSums sums, last;
    uint32_t process = 0;
    void see(uint32_t number, const AnswerSums& now, bool from_the_beginning);
    void halve();
  };
  Side canary_, stable_;
  bool is_new_ = false;  // there were more of the canary's requests
  unsigned slow_ = 0;    // looks at which it was
};
