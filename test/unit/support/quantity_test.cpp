// quantity_test.cpp - each form of a count, size and duration, and what is none.
#include "support/quantity.h"

#include <gtest/gtest.h>

#include <string>

namespace {

// The value, or why there is none.
std::string read(const char* text, aotc_quantity_kind kind, uint64_t least = 0, uint64_t most = UINT64_MAX) {
  uint64_t value = 0;
  char expected[AOTC_QUANTITY_TEXT];
  return aotc_read_quantity(text, kind, least, most, &value, expected) ? std::to_string(value) : expected;
}

std::string shown(aotc_quantity_kind kind, uint64_t value) {
  char text[AOTC_QUANTITY_TEXT];
  aotc_show_quantity(kind, value, text);
  return text;
}

TEST(Quantity, HasOneMeaning) {
  EXPECT_EQ(read("0", AOTC_COUNT), "0");
  EXPECT_EQ(read("007", AOTC_COUNT), "7");
  EXPECT_EQ(read("18446744073709551615", AOTC_COUNT), "18446744073709551615");
  for (const char* text :
       {"64M", "64MB", "64MiB", "64m", "64mb", "65536K", "65536kib", "67108864", "67108864B", "0.0625G"})
    EXPECT_EQ(read(text, AOTC_SIZE), "67108864") << text;
  EXPECT_EQ(read("1T", AOTC_SIZE), "1099511627776");
  for (const char* text :
       {"6h", "360m", "21600s", "21600000ms", "21600000000us", "21600000000000ns", "6.0h", "06h", "0.25d"})
    EXPECT_EQ(read(text, AOTC_DURATION), "21600000000000") << text;
  EXPECT_EQ(read("1d", AOTC_SECONDS), "86400");
  EXPECT_EQ(read("1.5m", AOTC_SECONDS), "90");
  EXPECT_EQ(read("0s", AOTC_SECONDS), "0");
}

TEST(Quantity, FractionsAreRounded) {
  EXPECT_EQ(read("0.0000000005s", AOTC_DURATION), "1");
  EXPECT_EQ(read("0.0000000004s", AOTC_DURATION), "0");
  EXPECT_EQ(read("0.333333333333333333333333333333s", AOTC_DURATION), "333333333");
  EXPECT_EQ(read("0.999999999999999999999999999999K", AOTC_SIZE), "1024");
}

TEST(Quantity, NothingElseIsANumber) {
  for (const char* text :
       {"",   " ",  "nan",  "NaN",  "inf", "infinity", "-1",    "+1",  "-0", "1e3", "0x10",     "0x", "1,5",
        ".5", "1.", "1..5", "1.5.", " 1",  "1 ",       "1_000", "one", "5x", "--",  "\xd9\xa1", "1\n"})
    for (auto [kind, units] :
         {std::pair{AOTC_COUNT, ""}, {AOTC_SIZE, ""}, {AOTC_SIZE, "K"}, {AOTC_DURATION, "s"}, {AOTC_SECONDS, "h"}})
      EXPECT_EQ(read((std::string(text) + units).c_str(), kind).substr(0, 8), "expected") << text << units;
  EXPECT_EQ(read("1.5", AOTC_COUNT), "expected a whole number");
  EXPECT_EQ(read("5K", AOTC_COUNT), "expected a whole number");
  for (const char* text : {"1.5", "1.5B", "5P", "5KK", "5Kb/s", "5s", "K"})
    EXPECT_EQ(read(text, AOTC_SIZE), "expected a number of bytes, or one with K, M, G or T") << text;
  for (const char* text : {"5", "1.5", "5S", "5M", "5ms ", "5 ms", "1h30m", "5min", "1.5ns", "s"})
    EXPECT_EQ(read(text, AOTC_DURATION), "expected a number with ns, us, ms, s, m, h or d") << text;
  for (const char* text : {"5", "5ms", "1.5s"})
    EXPECT_EQ(read(text, AOTC_SECONDS), "expected a number with s, m, h or d") << text;
}

TEST(Quantity, IsAPercentage) {
  EXPECT_EQ(read("5", AOTC_PERCENT), "5000");
  EXPECT_EQ(read("5%", AOTC_PERCENT), "5000");
  EXPECT_EQ(read("0.0005", AOTC_PERCENT), "1");
  for (const char* text : {"", "-1", "5 %", "5%%", ".5", "5.", "5K", "nan"})
    EXPECT_EQ(read(text, AOTC_PERCENT), "expected a percentage like 5 or 0.5") << text;
  EXPECT_EQ(read("100.1", AOTC_PERCENT, 0, 100'000), "must be from 0% to 100%");
}

TEST(Quantity, IsWithinItsRange) {
  EXPECT_EQ(read("1", AOTC_COUNT, 1, 9), "1");
  EXPECT_EQ(read("9", AOTC_COUNT, 1, 9), "9");
  for (const char* text :
       {"0", "10", "18446744073709551616", "99999999999999999999999", "340282366920938463463374607431768211457"})
    EXPECT_EQ(read(text, AOTC_COUNT, 1, 9), "must be from 1 to 9") << text;
  for (const char* text : {"16777216T", "18446744073709551615K", "99999999999999999999999T", "16777215.9999999T"})
    EXPECT_EQ(read(text, AOTC_SIZE, 1, uint64_t{1} << 63), "must be from 1 to 8388608T") << text;
  EXPECT_EQ(read("63.9K", AOTC_SIZE, 65536, 1 << 20), "must be from 64K to 1M");
  EXPECT_EQ(read("25h", AOTC_DURATION, 1000, 86400000000000), "must be from 1us to 1d");
  EXPECT_EQ(read("18446744073709551616", AOTC_COUNT), "must be from 0 to 18446744073709551615");
  EXPECT_EQ(read(("1" + std::string(10000, '0')).c_str(), AOTC_COUNT, 1, 9), "must be from 1 to 9");
}

TEST(Quantity, IsShownAsItCouldBeWritten) {
  for (auto [kind, text] : {std::pair{AOTC_COUNT, "1000"},
                            {AOTC_SIZE, "0"},
                            {AOTC_SIZE, "1"},
                            {AOTC_SIZE, "1023"},
                            {AOTC_SIZE, "1K"},
                            {AOTC_SIZE, "1025K"},
                            {AOTC_SIZE, "3M"},
                            {AOTC_SIZE, "4G"},
                            {AOTC_SIZE, "1024T"},
                            {AOTC_DURATION, "0ns"},
                            {AOTC_DURATION, "50ms"},
                            {AOTC_DURATION, "90s"},
                            {AOTC_DURATION, "2m"},
                            {AOTC_DURATION, "7d"},
                            {AOTC_SECONDS, "0s"},
                            {AOTC_SECONDS, "25h"},
                            {AOTC_SECONDS, "30d"},
                            {AOTC_PERCENT, "0%"},
                            {AOTC_PERCENT, "0.5%"},
                            {AOTC_PERCENT, "12.345%"},
                            {AOTC_PERCENT, "100%"}})
    EXPECT_EQ(shown(kind, std::stoull(read(text, kind))), text);
}

}  // namespace
