// apply_relocation: each kind at both ends of its range, and one step past them.
#include "native/relocation.h"

#include <gtest/gtest.h>

#include <cstring>

namespace aotc {
namespace {

constexpr uint64_t kPlace = 1ull << 40;

// The patched word, or what was wrong.
struct Outcome {
  const char* problem;
  uint32_t word;
};

Outcome apply(RelocationKind kind, uint32_t word, uint64_t target, uint64_t place = kPlace) {
  uint8_t bytes[8] = {};
  std::memcpy(bytes, &word, sizeof word);
  const char* problem = apply_relocation(kind, bytes, place, target);
  std::memcpy(&word, bytes, sizeof word);
  return {problem, word};
}

TEST(Relocation, Pc32) {
  EXPECT_EQ(apply(RelocationKind::Pc32, 0, kPlace + INT32_MAX).word, 0x7fffffffu);
  EXPECT_EQ(apply(RelocationKind::Pc32, 0, kPlace + INT32_MIN).word, 0x80000000u);
  EXPECT_STREQ(apply(RelocationKind::Pc32, 0, kPlace + INT32_MAX + 1).problem, "out of range");
  EXPECT_STREQ(apply(RelocationKind::Pc32, 0, kPlace + INT32_MIN - 1).problem, "out of range");
}

TEST(Relocation, Pc64) {
  uint8_t bytes[8];
  EXPECT_EQ(apply_relocation(RelocationKind::Pc64, bytes, 10, 4), nullptr);
  int64_t value;
  std::memcpy(&value, bytes, sizeof value);
  EXPECT_EQ(value, -6);
}

TEST(Relocation, ArmCall) {
  constexpr int64_t kReach = 128 << 20;
  EXPECT_EQ(apply(RelocationKind::ArmCall26, 0x94000000, kPlace + 4).word, 0x94000001u);
  EXPECT_EQ(apply(RelocationKind::ArmCall26, 0x94000000, kPlace - 4).word, 0x97ffffffu);
  EXPECT_EQ(apply(RelocationKind::ArmCall26, 0x14000000, kPlace + kReach - 4).word, 0x15ffffffu);
  EXPECT_EQ(apply(RelocationKind::ArmCall26, 0x94000000, kPlace - kReach).word, 0x96000000u);
  EXPECT_STREQ(apply(RelocationKind::ArmCall26, 0, kPlace + kReach).problem, "out of range");
  EXPECT_STREQ(apply(RelocationKind::ArmCall26, 0, kPlace - kReach - 4).problem, "out of range");
  EXPECT_STREQ(apply(RelocationKind::ArmCall26, 0, kPlace + 2).problem, "misaligned");
}

TEST(Relocation, ArmPage) {
  // adrp x0: immlo in bits 29-30, immhi from bit 5. The low bits of both addresses do not count.
  EXPECT_EQ(apply(RelocationKind::ArmAdrpPage21, 0x90000000, kPlace + 0x1fff, kPlace + 0xffc).word, 0xb0000000u);
  EXPECT_EQ(apply(RelocationKind::ArmAdrpPage21, 0x90000000, kPlace + 0x4000).word, 0x90000020u);
  EXPECT_EQ(apply(RelocationKind::ArmAdrpPage21, 0x90000000, kPlace - 1).word, 0xf0ffffe0u);
  EXPECT_STREQ(apply(RelocationKind::ArmAdrpPage21, 0x90000000, kPlace + (1ull << 32)).problem, "out of range");
  EXPECT_EQ(apply(RelocationKind::ArmAdrpPage21, 0x90000000, kPlace + (1ull << 32) - 1).problem, nullptr);
  EXPECT_EQ(apply(RelocationKind::ArmAdrpPage21, 0x90000000, kPlace - (1ull << 32)).problem, nullptr);
  EXPECT_STREQ(apply(RelocationKind::ArmAdrpPage21, 0x90000000, kPlace - (1ull << 32) - 1).problem, "out of range");
}

TEST(Relocation, ArmLow12) {
  EXPECT_EQ(apply(RelocationKind::ArmAddLow12, 0x91000000, 0x12345fff).word, 0x913ffc00u);
  EXPECT_EQ(apply(RelocationKind::ArmLoad8Low12, 0x39400000, 0x1001).word, 0x39400400u);
  EXPECT_EQ(apply(RelocationKind::ArmLoad16Low12, 0x79400000, 0x1002).word, 0x79400400u);
  EXPECT_EQ(apply(RelocationKind::ArmLoad32Low12, 0xb9400000, 0x1004).word, 0xb9400400u);
  EXPECT_EQ(apply(RelocationKind::ArmLoad64Low12, 0xf9400000, 0x1008).word, 0xf9400400u);
  EXPECT_EQ(apply(RelocationKind::ArmLoad128Low12, 0x3dc00000, 0x1010).word, 0x3dc00400u);
  EXPECT_STREQ(apply(RelocationKind::ArmLoad16Low12, 0, 0x1001).problem, "misaligned");
  EXPECT_STREQ(apply(RelocationKind::ArmLoad32Low12, 0, 0x1002).problem, "misaligned");
  EXPECT_STREQ(apply(RelocationKind::ArmLoad64Low12, 0, 0x1004).problem, "misaligned");
  EXPECT_STREQ(apply(RelocationKind::ArmLoad128Low12, 0, 0x1008).problem, "misaligned");
}

// Numbers of 31 bits: extended with their sign or without, they are the same.
TEST(Relocation, Constants) {
  constexpr uint64_t kMost = (uint64_t{1} << 31) - 1;
  EXPECT_EQ(apply(RelocationKind::Abs32, 0, kMost).word, kMost);
  EXPECT_EQ(apply(RelocationKind::Abs32, 0, 0).problem, nullptr);
  // movz x0, #0, lsl #16; movk x0, #0
  EXPECT_EQ(apply(RelocationKind::ArmMovHigh16, 0xd2a00000, 0x12345678).word, 0xd2a24680u);
  EXPECT_EQ(apply(RelocationKind::ArmMovLow16, 0xf2800000, 0x12345678).word, 0xf28acf00u);
  for (RelocationKind kind : {RelocationKind::Abs32, RelocationKind::ArmMovHigh16, RelocationKind::ArmMovLow16}) {
    EXPECT_EQ(apply(kind, 0, kMost).problem, nullptr);
    for (uint64_t value : {kMost + 1, uint64_t{1} << 32, ~uint64_t{0}})
      EXPECT_STREQ(apply(kind, 0, value).problem, "out of range");
  }
}

}  // namespace
}  // namespace aotc
