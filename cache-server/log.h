// log.h - what the server has to say: lines of JSON (support/log.h).
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace aotc::server {

enum class Level { Info, Error };

void log(Level level, const std::string& message,
         const nlohmann::ordered_json& fields = nlohmann::ordered_json::object());

}  // namespace aotc::server
