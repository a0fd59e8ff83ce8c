// redis_command.cpp - see redis_command.h.
#include "support/redis_command.h"

#include <hiredis/hiredis.h>

#include <new>

namespace aotc {

std::string redis_command(const std::vector<std::string_view>& words) {
  std::vector<const char*> begins;
  std::vector<size_t> sizes;
  for (std::string_view word : words) {
    begins.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* command = nullptr;
  const int size = redisFormatCommandArgv(&command, static_cast<int>(words.size()), begins.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  std::string bytes(command, static_cast<size_t>(size));
  redisFreeCommand(command);
  return bytes;
}

}  // namespace aotc
