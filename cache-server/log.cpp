// log.cpp - see log.h.
#include "log.h"

#include "support/log.h"

namespace aotc::server {

void log(Level level, const std::string& message, const nlohmann::ordered_json& fields) {
  std::string text;
  for (const auto& [name, value] : fields.items())
    text +=
        "," + json_string(name) + ":" + value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  write_log_line(level == Level::Error ? "error" : "info", text, message);
}

}  // namespace aotc::server
