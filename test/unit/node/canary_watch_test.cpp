// canary_watch_test.cpp - when a canary does worse than the version that serves, and when that cannot be told.
#include "canary_watch.h"

#include <gtest/gtest.h>
#include <string>

namespace {

using Verdict = CanaryWatch::Verdict;
const CanaryLimits kLimits;

AnswerSums answers(unsigned well, unsigned failed = 0, uint64_t microseconds = 1000, unsigned slow = 0,
                   uint64_t slowly = 0) {
  AnswerCounts counts;
  for (unsigned i = 0; i < well + failed; ++i) counts.add(i >= well, i < slow ? slowly : microseconds);
  return counts.sums();
}

// After a look at a third of it, two thirds, all.
Verdict verdict(const AnswerSums& canary, const AnswerSums& stable) {
  CanaryWatch watch;
  std::string why;
  watch.see(1, {}, 2, {}, kLimits);
  Verdict said = Verdict::Well;
  for (uint64_t part = 1; part <= 3 && said == Verdict::Well; ++part) {
    AnswerSums mine = canary, other = stable;
    for (AnswerSums* sums : {&mine, &other}) {
      sums->answers = sums->answers * part / 3;
      sums->failures = sums->failures * part / 3;
      for (uint64_t& count : sums->times) count = count * part / 3;
    }
    watch.see(1, mine, 2, other, kLimits);
    said = watch.verdict(kLimits, why);
  }
  EXPECT_EQ(why.empty(), said == Verdict::Well) << why;
  return said;
}

TEST(CanaryWatch, CountsFailures) {
  EXPECT_EQ(verdict(answers(0, 99), answers(1000)), Verdict::Well) << "too few";
  EXPECT_EQ(verdict(answers(99, 1), answers(1000)), Verdict::Well) << "a point more";
  EXPECT_EQ(verdict(answers(97, 3), answers(1000)), Verdict::Well) << "which may be chance";
  EXPECT_EQ(verdict(answers(96, 4), answers(1000)), Verdict::Errors);
  EXPECT_EQ(verdict(answers(9'800, 200), answers(10'000)), Verdict::Errors) << "of many not";
  EXPECT_EQ(verdict(answers(90, 10), answers(900, 100)), Verdict::Well) << "no more than the others";
  EXPECT_EQ(verdict(answers(80, 20), answers(900, 100)), Verdict::Well) << "which may be chance";
  EXPECT_EQ(verdict(answers(79, 21), answers(900, 100)), Verdict::Errors);
  EXPECT_EQ(verdict(answers(0, 100), answers(0, 100)), Verdict::Well);
  EXPECT_EQ(verdict(answers(0, 100), {}), Verdict::Errors) << "nobody asks the others";
  EXPECT_EQ(verdict(answers(100), {}), Verdict::Well);
}

TEST(CanaryWatch, ComparesTimes) {
  EXPECT_EQ(verdict(answers(900, 0, 50'000), answers(1000, 0, 20'000)), Verdict::Time);
  EXPECT_EQ(verdict(answers(900, 0, 30'000), answers(1000, 0, 20'000)), Verdict::Well) << "not twice as long";
  EXPECT_EQ(verdict(answers(900, 0, 4'000), answers(1000, 0, 1'000)), Verdict::Well) << "not 5 ms";
  EXPECT_EQ(verdict(answers(900, 0, 1'000, 45, 900'000), answers(1000)), Verdict::Well) << "the slowest 5 %";
  EXPECT_EQ(verdict(answers(900, 0, 1'000, 60, 900'000), answers(1000)), Verdict::Well) << "6.7 %, which may be chance";
  EXPECT_EQ(verdict(answers(900, 0, 1'000, 120, 900'000), answers(1000)), Verdict::Time);
  EXPECT_EQ(verdict(answers(900, 0, 900'000), answers(99)), Verdict::Well) << "too few to compare with";
  EXPECT_EQ(verdict(answers(150, 0, 900'000), answers(1000)), Verdict::Well) << "not at three looks";
}

// Many fail at once, or are ended when they take too long: what is left says nothing of how long requests take.
TEST(CanaryWatch, ComparesTimesOfWhatIsAnsweredWell) {
  EXPECT_EQ(verdict(answers(900, 0, 20'000), answers(20, 980)), Verdict::Well) << "the others fail quickly";
  EXPECT_EQ(verdict(answers(900, 0, 1'000, 400, 900'000), answers(900, 300)), Verdict::Well) << "or what is slow";
  EXPECT_EQ(verdict(answers(900, 0, 50'000), answers(995, 5, 20'000)), Verdict::Time) << "but for a few";
  AnswerCounts counts;
  for (unsigned i = 0; i < 1000; ++i) counts.add(i < 5, i < 5 ? 1'000'000 : 1'000);
  EXPECT_EQ(counts.sums().later_than(10'000), 0u);
}

TEST(CanaryWatch, LooksAgainWhenItIsSlow) {
  CanaryWatch watch;
  std::string why;
  watch.see(1, {}, 2, {}, kLimits);
  for (unsigned i = 0; i < 10; ++i) {
    watch.see(1, answers(500, 0, 50'000), 2, answers(500), kLimits);
    EXPECT_EQ(watch.verdict(kLimits, why), Verdict::Well) << "of nothing new " << i;
  }
}

TEST(CanaryWatch, BeginsWithTheCanary) {
  CanaryWatch watch;
  std::string why;
  watch.see(1, {}, 2, answers(0, 1000), kLimits);
  AnswerSums now = answers(200, 1000);
  watch.see(1, answers(90, 10), 2, now, kLimits);
  EXPECT_EQ(watch.stable().failures, 0u) << "those were before it";
  EXPECT_EQ(watch.verdict(kLimits, why), Verdict::Errors);
  EXPECT_EQ(why, "10 % of its 100 requests failed, 0 % of the others");
}

TEST(CanaryWatch, GoesOnWithTheNextProcess) {
  CanaryWatch watch;
  std::string why;
  for (uint32_t process = 1; process <= 10; ++process) {
    watch.see(process, {}, 100 + process, {}, kLimits);
    watch.see(process, answers(0, 10), 100 + process, answers(50), kLimits);
  }
  EXPECT_EQ(watch.canary().failures, 100u);
  EXPECT_EQ(watch.stable().answers, 500u);
  EXPECT_EQ(watch.verdict(kLimits, why), Verdict::Errors);
}

// One that fails from now on is given up soon, however long it did well.
TEST(CanaryWatch, ForgetsWhatIsOld) {
  CanaryWatch watch;
  std::string why;
  AnswerSums mine, other;
  for (unsigned i = 0; i < 10'000; ++i) {
    mine.answers += 100;
    other.answers += 1000;
    watch.see(1, mine, 2, other, kLimits);
  }
  unsigned turns = 0;
  for (; watch.verdict(kLimits, why) == Verdict::Well && turns < 100; ++turns) {
    mine.answers += 100;
    mine.failures += 10;
    other.answers += 1000;
    watch.see(1, mine, 2, other, kLimits);
  }
  EXPECT_LT(turns, 10u);
}

// What hits both for a while is forgotten of both at the same time, however few requests the canary has.
TEST(CanaryWatch, ForgetsWhatBothHad) {
  CanaryWatch watch;
  std::string why;
  AnswerSums mine, other;
  for (unsigned i = 0; i < 1000; ++i) {
    const unsigned failed = i >= 10 && i < 13 ? 2 : 0;
    mine.answers += 100;
    mine.failures += 25 * failed;
    other.answers += 1900;
    other.failures += 475 * failed;
    watch.see(1, mine, 2, other, kLimits);
    ASSERT_EQ(watch.verdict(kLimits, why), Verdict::Well) << i << ": " << why;
  }
}

TEST(CanaryWatch, CountsOnWhenACounterIsFull) {
  CanaryWatch watch;
  AnswerSums sums = answers(1);
  uint64_t& count = sums.times[answer_time(1000)];
  watch.see(1, sums, 2, {}, kLimits);
  count = UINT32_MAX;
  watch.see(1, sums, 2, {}, kLimits);
  count = 2;
  watch.see(1, sums, 2, {}, kLimits);
  EXPECT_EQ(watch.canary().times[answer_time(1000)], uint64_t{1} << 32 | 2);
}

TEST(CanaryWatch, KnowsTimesToAFifth) {
  for (uint64_t time = 4; time < uint64_t{1} << 35; time = time * 5 / 4 + 1) {
    const uint64_t said = answers(1, 0, time).quantile95();
    EXPECT_GT(said, time);
    EXPECT_LE(said, time + time / 4 + 1);
  }
  EXPECT_GT(answers(1, 0, ~uint64_t{0}).quantile95(), uint64_t{1} << 35);
  EXPECT_EQ(AnswerSums{}.quantile95(), 0u);
}

}  // namespace
