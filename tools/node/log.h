// log.h - the log of all of a node's processes that write one: a line of JSON per event on stderr. A line is one write of
// at most kMaxLogLine bytes, so that lines of several processes in one pipe do not mix.
#pragma once

#include <string>
#include <string_view>

constexpr size_t kMaxLogLine = 4096;  // PIPE_BUF

// `more` are fields, each with a comma in front. A message that is too long is cut.
void write_log(const char* level, const std::string& app, const std::string& message, const std::string& more = {});
// As a string of JSON, of at most `most` bytes.
std::string quoted(std::string_view text, size_t most = 1000);
