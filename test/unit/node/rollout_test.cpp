// rollout_test.cpp - which release is to run, when releases come, die and are revoked.
#include "release.h"

#include <gtest/gtest.h>

namespace {

const Release kOld{"old", "", 1, 0}, kNew{"new", "", 2, 0}, kNewer{"newer", "", 3, 0};

Rollout with(const Release& good, const Release& newest) {
  Rollout rollout;
  rollout.set_good(good);
  rollout.set_newest(newest);
  return rollout;
}

TEST(Rollout, NewestRunsUnlessItCannot) {
  Rollout rollout = with(kOld, kNew);
  EXPECT_EQ(rollout.wanted().index, "new");
  EXPECT_TRUE(rollout.died(kNew, false, 1));
  EXPECT_EQ(rollout.wanted().index, "old");
  rollout.forgive();
  EXPECT_EQ(rollout.wanted().index, "new");
}

TEST(Rollout, RevokedNeverRunsAgain) {
  Rollout rollout = with(kOld, kNew);
  EXPECT_TRUE(rollout.revoke("new", 2));
  EXPECT_FALSE(rollout.revoke("new", 2)) << "it was known";
  EXPECT_EQ(rollout.wanted().index, "old");
  rollout.forgive();
  rollout.set_newest(kNew);
  EXPECT_EQ(rollout.wanted().index, "old");
  rollout.set_newest(kNewer);
  EXPECT_EQ(rollout.wanted().index, "newer");
}

TEST(Rollout, SignedAnewItRunsAgain) {
  Rollout rollout = with(kOld, kNew);
  EXPECT_TRUE(rollout.revoke("new", 2));
  rollout.set_newest({"new", "", 3, 0});
  EXPECT_EQ(rollout.wanted().index, "new");
  EXPECT_TRUE(rollout.revoke("new", 3));
  EXPECT_EQ(rollout.wanted().index, "old");
}

TEST(Rollout, NothingRunsWhenAllIsRevoked) {
  Rollout rollout = with(kOld, kNew);
  rollout.revoke("new", 5);
  rollout.revoke("old", 5);
  EXPECT_TRUE(rollout.wanted().empty());
  rollout.set_good(kNew);
  EXPECT_TRUE(rollout.wanted().empty());
}

TEST(Rollout, NobodyGoesBackToWhatIsRevoked) {
  Rollout rollout = with(kOld, kNew);
  rollout.revoke("old", 5);
  EXPECT_FALSE(rollout.died(kNew, false, 1)) << "there is nothing to go back to";
  EXPECT_EQ(rollout.wanted().index, "new");
  // Given up before: better than nothing.
  rollout = with(kOld, kNew);
  EXPECT_TRUE(rollout.died(kNew, false, 1));
  rollout.revoke("old", 5);
  EXPECT_EQ(rollout.wanted().index, "new");
}

TEST(Rollout, WhatIsRememberedIsBounded) {
  Rollout rollout = with(kOld, kNew);
  for (int i = 0; i < 5000; ++i) rollout.revoke(std::to_string(i), 1);
  EXPECT_FALSE(rollout.is_revoked({"0", "", 1, 0}));
  EXPECT_TRUE(rollout.is_revoked({"4999", "", 1, 0}));
}

}  // namespace
