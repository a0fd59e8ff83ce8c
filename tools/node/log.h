// log.h - the log of all of a node's processes that write one (support/log.h): what is said of an app names it.
#pragma once

#include <string>

#include "support/log.h"

// `fields` are of JSON, each with a comma in front.
inline void write_log(const char* level, const std::string& app, const std::string& message,
                      const std::string& fields = {}) {
  aotc::write_log_line(level, (app.empty() ? "" : ",\"app\":" + aotc::json_string(app)) + fields, message);
}
