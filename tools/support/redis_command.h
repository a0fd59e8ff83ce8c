// redis_command.h - what is asked of a Redis, as it is written. For who links hiredis.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aotc {

// Words are bytes, whatever they are. std::bad_alloc without memory.
std::string redis_command(const std::vector<std::string_view>& words);

}  // namespace aotc
