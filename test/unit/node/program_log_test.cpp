// program_log_test.cpp - what waits in the front for the rest of a line or a panic is bounded for an app, and all of it
// becomes records.
#include <cstring>
#include <deque>
#include <string>

#include <gtest/gtest.h>

#include "program_log.h"

namespace {

std::string entry(std::string_view text) {
  const uint32_t head[2] = {static_cast<uint32_t>(text.size()), 2};
  std::string bytes(sizeof head, '\0');
  std::memcpy(bytes.data(), head, sizeof head);
  return bytes += text;
}

size_t count(const std::string& text, std::string_view word) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(word, at)) != text.npos; at += word.size()) ++count;
  return count;
}

TEST(ProgramLog, HoldsABoundedPartOfManyPanics) {
  constexpr size_t kSize = 60 << 10, kHeld = AppLog::kMaxHeld / kSize, kMore = 5;
  const std::string app = "app";
  AppLog log(app);
  std::deque<ProgramLog> requests;
  testing::internal::CaptureStderr();
  for (size_t n = 0; n < kHeld + kMore; ++n)
    EXPECT_TRUE(requests.emplace_back(log, "").take(entry("panic: x\n" + std::string(kSize - 9, '.'))));
  EXPECT_EQ(count(testing::internal::GetCapturedStderr(), "panic: x"), kMore);
  // There is room again for those of others.
  testing::internal::CaptureStderr();
  requests.clear();
  log.every_second();
  EXPECT_TRUE(requests.emplace_back(log, "").take(entry("panic: y\n")));
  EXPECT_EQ(count(testing::internal::GetCapturedStderr(), "panic: y"), 0u);
  testing::internal::CaptureStderr();
  EXPECT_TRUE(requests.front().take(entry("goroutine 1")));
  requests.clear();
  EXPECT_EQ(count(testing::internal::GetCapturedStderr(), "panic: y\\u000agoroutine 1"), 1u);
}

TEST(ProgramLog, HoldsABoundedPartOfManyLines) {
  constexpr size_t kSize = 4000, kHeld = AppLog::kMaxHeld / kSize, kMore = 7;
  const std::string app = "app";
  AppLog log(app);
  std::deque<ProgramLog> requests;
  testing::internal::CaptureStderr();
  for (size_t n = 0; n < kHeld + kMore; ++n)
    EXPECT_TRUE(requests.emplace_back(log, "").take(entry("half" + std::string(kSize - 4, '.'))));
  EXPECT_EQ(count(testing::internal::GetCapturedStderr(), "half"), kMore);
  testing::internal::CaptureStderr();
  log.every_second();
  requests.clear();
  EXPECT_EQ(count(testing::internal::GetCapturedStderr(), "half") + log.dropped(), kHeld);
}

}  // namespace
