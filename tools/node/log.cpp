// log.cpp - see log.h.
#include "log.h"

#include <unistd.h>
#include <cstdio>
#include <ctime>

std::string quoted(std::string_view text, size_t most) {
  constexpr size_t kLongest = 6;  // of one character
  std::string out = "\"";
  for (char c : text) {
    char code[kLongest + 1];
    if (out.size() + kLongest >= most) break;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned char>(c));
      out += code;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

void write_log(const char* level, const std::string& app, const std::string& message, const std::string& more) {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  tm parts;
  gmtime_r(&t.tv_sec, &parts);
  char time[40];
  size_t n = std::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(time + n, sizeof time - n, ".%03ldZ", t.tv_nsec / 1000000);
  std::string line = "{\"time\":\"" + std::string(time) + "\",\"level\":\"" + level + "\"";
  if (!app.empty()) line += ",\"app\":" + quoted(app);
  line += more + ",\"message\":";
  line += quoted(message, kMaxLogLine - line.size() - 4) + "}\n";
  (void)!::write(2, line.data(), line.size());
}
