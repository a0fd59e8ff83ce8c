// users.cpp - see users.h. In a container there may be fewer users than elsewhere: /proc/self/uid_map says which.
#include "users.h"

#include <unistd.h>
#include <cstdlib>

namespace {

// Nobody else gives these away: systemd's list of ranges calls 1879048192 to 2147483647 unused.
constexpr unsigned kDefaultBase = 2'000'000'000;

// Lines of "first, first outside, count".
bool has_ids(const char* map, uint64_t first, uint64_t count) {
  std::string text, error;
  if (!read_file(map, 64 << 10, text, error)) return false;
  std::vector<std::string> words = split_words(text);
  for (size_t i = 0; i + 2 < words.size(); i += 3) {
    uint64_t begin = std::strtoull(words[i].c_str(), nullptr, 10),
             size = std::strtoull(words[i + 2].c_str(), nullptr, 10);
    if (first >= begin && first + count <= begin + size) return true;
  }
  return false;
}

}  // namespace

bool Users::choose(const Options& options, std::string& error) {
  if (geteuid() != 0) return true;
  unsigned base = options.uid_base != 0 ? options.uid_base : kDefaultBase;
  const uint64_t count = kOthers + options.served->apps.size();
  bool there = has_ids("/proc/self/uid_map", base, count) && has_ids("/proc/self/gid_map", base, count);
  if (there) base_ = base;
  shares_nobody_ = !there;
  error =
      "--uid-base: there are no users " + std::to_string(base) + " to " + std::to_string(base + count - 1) + " here";
  return there || options.uid_base == 0;
}

bool Users::has(uint32_t place) const {
  return base_ == 0 || (has_ids("/proc/self/uid_map", base_, kOthers + uint64_t{place} + 1) &&
                        has_ids("/proc/self/gid_map", base_, kOthers + uint64_t{place} + 1));
}
