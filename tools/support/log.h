// log.h - the log of server and node: a line of JSON per event on stderr, in UTF-8 whatever the strings hold. A line is
// one write, of at most kMaxLogLine bytes, so that lines of several threads or processes in one pipe do not mix.
//
//   line = '{"time":"2026-11-25T22:58:01.123Z","level":', string, { ",", string, ":", value }, ',"message":', string,
//   "}\n" ;
#pragma once

#include <string>
#include <string_view>

namespace aotc {

constexpr size_t kMaxLogLine = 4096;  // PIPE_BUF

// `fields` are of JSON, each with a comma in front, and are to leave room: a message that is too long is cut.
void write_log_line(std::string_view level, std::string_view fields, std::string_view message);

// As a string of JSON, of at most `most` bytes. What is not UTF-8 becomes U+FFFD, control characters are escaped.
std::string json_string(std::string_view text, size_t most = 1000);

}  // namespace aotc
