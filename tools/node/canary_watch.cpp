// canary_watch.cpp - see canary_watch.h.
#include "canary_watch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

namespace {

constexpr uint64_t kManyTimes = 20;      // the canary's least number of requests: what is older weighs half
constexpr uint64_t kNoticeable = 5'000;  // microseconds; less is no slowness
constexpr uint64_t kAll = 100'000;
constexpr double kManyFailures = 0.01;  // so many more, and what else the others answer says nothing of their times
constexpr unsigned kOften = 3;          // looks at which it was slow, one after the other

// Of the range of times with this number, the end.
uint64_t end_of(size_t time) { return ((time % 4 + 5) << (time / 4)) / 4; }

// Of so many of which each is one with this probability, more than by chance.
bool is_no_chance(double count, double probability, double all) {
  return count > probability * all + 3 * std::sqrt(probability * (1 - probability) * all);
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %%", 100 * share);
  return text;
}

std::string milliseconds(uint64_t microseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g ms", static_cast<double>(microseconds) / 1000);
  return text;
}

}  // namespace

size_t answer_time(uint64_t microseconds) {
  const uint64_t whole = std::max<uint64_t>(microseconds, 4);
  const auto octave = static_cast<size_t>(std::bit_width(whole) - 1);
  return std::min(4 * octave + ((whole >> (octave - 2)) & 3), kAnswerTimes - 1);
}

uint64_t AnswerSums::quantile95() const {
  uint64_t all = 0, seen = 0;
  for (const uint64_t count : times) all += count;
  for (size_t i = 0; i < times.size(); ++i)
    if ((seen += times[i]) * 100 >= all * 95 && all > 0) return end_of(i);
  return 0;
}

uint64_t AnswerSums::later_than(uint64_t microseconds) const {
  uint64_t count = 0;
  for (size_t i = 1; i < times.size(); ++i)
    if (end_of(i - 1) >= microseconds) count += times[i];
  return count;
}

double AnswerSums::failed_share() const {
  return answers == 0 ? 0 : static_cast<double>(failures) / static_cast<double>(answers);
}

AnswerSums AnswerCounts::sums() const {
  AnswerSums sums;
  sums.failures = failures_;
  sums.answers = answers_ + sums.failures;
  for (size_t i = 0; i < times_.size(); ++i) sums.times[i] = times_[i];
  return sums;
}

void CanaryWatch::Side::see(uint32_t number, const AnswerSums& now, bool from_the_beginning) {
  if (number != process) last = from_the_beginning || process != 0 ? AnswerSums{} : now;
  process = number;
  sums.answers += now.answers - last.answers;
  sums.failures += now.failures - last.failures;
  // Counters of 32 bits begin again.
  for (size_t i = 0; i < sums.times.size(); ++i) sums.times[i] += static_cast<uint32_t>(now.times[i] - last.times[i]);
  last = now;
}

void CanaryWatch::Side::halve() {
  sums.answers /= 2;
  sums.failures /= 2;
  for (uint64_t& count : sums.times) count /= 2;
}

void CanaryWatch::see(uint32_t canary, const AnswerSums& canary_sums, uint32_t stable, const AnswerSums& stable_sums,
                      const CanaryLimits& limits) {
  const uint64_t before = canary_.sums.answers;
  canary_.see(canary, canary_sums, true);
  is_new_ = canary_.sums.answers > before;
  stable_.see(stable, stable_sums, false);
  if (canary_.sums.answers <= kManyTimes * limits.least_requests) return;
  for (Side* side : {&canary_, &stable_}) side->halve();
}

CanaryWatch::Verdict CanaryWatch::verdict(const CanaryLimits& limits, std::string& why) {
  const AnswerSums &mine = canary_.sums, &other = stable_.sums;
  if (mine.answers < limits.least_requests) return Verdict::Well;
  const auto all = static_cast<double>(mine.answers), well = static_cast<double>(mine.answers - mine.failures);
  // Where the app has had no requests they are taken to be without errors.
  const double expected = other.failed_share() + static_cast<double>(limits.more_errors) / kAll;
  if (is_no_chance(static_cast<double>(mine.failures), std::min(expected, 1.0), all)) {
    why = percent(mine.failed_share()) + " of its " + std::to_string(mine.answers) + " requests failed, " +
          percent(other.failed_share()) + " of the others";
    return Verdict::Errors;
  }
  // On a busy machine times are what they are by chance, and for a while: it must be so again.
  const uint64_t usual = other.quantile95(),
                 late_after = std::max(usual + kNoticeable, usual * (kAll + limits.more_time) / kAll);
  const bool is_slow = mine.answers - mine.failures >= limits.least_requests &&
                       other.answers - other.failures >= limits.least_requests &&
                       other.failed_share() <= mine.failed_share() + kManyFailures &&
                       is_no_chance(static_cast<double>(mine.later_than(late_after)), 0.05, well);
  if (!is_slow) slow_ = 0;
  if (!is_slow || !is_new_ || ++slow_ < kOften) return Verdict::Well;
  const uint64_t time = mine.quantile95();
  why = "95 % of its requests are answered within " + milliseconds(time) + ", of the others within " +
        milliseconds(usual);
  return Verdict::Time;
}
