// log.cpp - see log.h.
#include "support/log.h"

#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <ctime>

namespace aotc {

namespace {

constexpr char32_t kReplacement = 0xfffd;

struct Character {
  char32_t code;
  size_t size;  // in bytes
};

// The first of `text`, which is not empty. Of what is none each byte counts for one.
Character first_of(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  char32_t code = lead & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {kReplacement, 1};
    code = code << 6 | (byte(i) & 0x3f);
  }
  // A shorter form, half of a pair, or beyond what there is.
  constexpr char32_t kLeast[] = {0x110000, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[size] || (code >= 0xd800 && code < 0xe000) || code >= 0x110000) return {kReplacement, 1};
  return {code, size};
}

}  // namespace

std::string json_string(std::string_view text, size_t most) {
  constexpr size_t kLongest = 6;  // of one character
  std::string out = "\"";
  while (!text.empty() && out.size() + kLongest < most) {
    const auto [code, size] = first_of(text);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
      char escape[kLongest + 1];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(code));
      out += escape;
    } else if (code == kReplacement) {
      out += "\xef\xbf\xbd";
    } else {
      if (code == '"' || code == '\\') out += '\\';
      out += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return out + "\"";
}

void write_log_line(std::string_view level, std::string_view fields, std::string_view message) {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  tm parts;
  gmtime_r(&t.tv_sec, &parts);
  char time[40];
  size_t n = std::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(time + n, sizeof time - n, ".%03ldZ", t.tv_nsec / 1000000);
  std::string line = "{\"time\":\"" + std::string(time) + "\",\"level\":\"";
  line.append(level).append("\"").append(fields).append(",\"message\":");
  constexpr size_t kEnd = 2;
  line += json_string(message, kMaxLogLine - std::min(line.size() + kEnd, kMaxLogLine)) + "}\n";
  // A log that cannot be written is no reason to stop serving.
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace aotc
