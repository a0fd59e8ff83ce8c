// log_test.cpp - lines of the log are JSON in UTF-8, whatever strangers put into them.
#include <gtest/gtest.h>

#include "support/log.h"

namespace {

using aotc::json_string;

TEST(JsonString, LeavesTextAsItIs) {
  EXPECT_EQ(json_string("Grüße aus 日本"), "\"Grüße aus 日本\"");
  EXPECT_EQ(json_string("\xf0\x9f\x98\x80 \xc3\xa9"), "\"\xf0\x9f\x98\x80 \xc3\xa9\"");
}

TEST(JsonString, EscapesWhatAJsonReaderOrATerminalWouldTakeForMore) {
  EXPECT_EQ(json_string("a\"b\\c\n\x1b[31m\x7f"), R"("a\"b\\c\u000a\u001b[31m\u007f")");
  EXPECT_EQ(json_string("\xc2\x9b"
                        "31m"),
            R"("\u009b31m")");  // the same control sequence in one character
  EXPECT_EQ(json_string(std::string_view("\0", 1)), R"("\u0000")");
}

TEST(JsonString, ReplacesWhatIsNotUtf8) {
  constexpr const char* kR = "\xef\xbf\xbd";
  auto replaced = [&](std::string_view text, size_t times, const char* rest = "") {
    std::string expected = "\"";
    while (times-- > 0) expected += kR;
    EXPECT_EQ(json_string(text), expected + rest + "\"") << text;
  };
  replaced("\xff", 1);
  replaced("\x80z", 1, "z");
  replaced("\xe6\x97", 2);  // cut off
  replaced("\xe6\x97z", 2, "z");
  replaced("\xc0\xaf", 2);  // an overlong '/'
  replaced("\xe0\x80\xaf", 3);
  replaced("\xf0\x80\x80\xaf", 4);
  replaced("\xed\xa0\x80", 3);      // half of a pair
  replaced("\xf4\x90\x80\x80", 4);  // beyond U+10FFFF
  replaced("\xf5\x80\x80\x80", 4);
}

TEST(JsonString, IsCutBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "日";
  for (size_t most = 0; most < 40; ++most) {
    const std::string cut = json_string(text, most);
    EXPECT_LE(cut.size(), std::max<size_t>(most, 2));
    EXPECT_EQ((cut.size() - 2) % 3, 0u);
  }
}

}  // namespace
