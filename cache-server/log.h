// log.h - what the server has to say: one JSON object per line on standard error, with "time", "level" and "message"
// first.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace aotc::server {

enum class Level { Info, Error };

// Each line is one write, so that lines of threads do not mix.
void log(Level level, const std::string& message,
         const nlohmann::ordered_json& fields = nlohmann::ordered_json::object());

}  // namespace aotc::server
