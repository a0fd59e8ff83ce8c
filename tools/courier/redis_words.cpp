// redis_words.cpp - see redis_words.h.
#include "redis_words.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>

#include "cache/courier_channel.h"

namespace aotc {

namespace {

std::optional<unsigned> parse_number(std::string_view text, unsigned most) {
  if (text.empty() || text.size() > 5 ||
      !std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); }))
    return std::nullopt;
  unsigned number = static_cast<unsigned>(std::stoul(std::string(text)));
  return number <= most ? std::optional(number) : std::nullopt;
}

bool take(std::string_view& text, std::string_view word) {
  if (text.substr(0, word.size()) != word) return false;
  text.remove_prefix(word.size());
  return true;
}

}  // namespace

unsigned redis_slot(std::string_view key) {
  static constexpr std::array<uint16_t, 256> kOfByte = [] {
    std::array<uint16_t, 256> table{};
    for (unsigned byte = 0; byte < table.size(); ++byte) {
      unsigned crc = byte << 8;
      for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1 ^ 0x1021) & 0xffff : crc << 1;
      table[byte] = static_cast<uint16_t>(crc);
    }
    return table;
  }();
  unsigned crc = 0;
  for (unsigned char byte : key) crc = (crc << 8 & 0xffff) ^ kOfByte[crc >> 8 ^ byte];
  return crc % kRedisSlots;
}

std::optional<std::string> redis_authority(std::string_view host, std::string_view port) {
  std::optional<unsigned> number = parse_number(port, 65535);
  auto good = [](unsigned char c) { return std::isalnum(c) || (c != 0 && std::strchr(".-_:", c) != nullptr); };
  if (!number || *number == 0 || host.size() > 255 || !std::all_of(host.begin(), host.end(), good)) return std::nullopt;
  std::string name(host);
  if (name.find(':') != std::string::npos) name = "[" + name + "]";
  return name + ":" + std::to_string(*number);
}

uint64_t used_memory(std::string_view info) {
  constexpr std::string_view kWord = "\nused_memory:";
  size_t at = info.find(kWord);
  uint64_t bytes = 0;
  if (at == std::string_view::npos) return kUncounted;
  const char* begin = info.data() + at + kWord.size();
  return std::from_chars(begin, info.data() + info.size(), bytes).ec == std::errc() ? bytes : kUncounted;
}

std::optional<Redirection> parse_redirection(std::string_view error) {
  Redirection to;
  to.for_good = take(error, "MOVED ");
  if (!to.for_good && !take(error, "ASK ")) return std::nullopt;
  size_t space = error.find(' '), colon = error.rfind(':');
  if (space == std::string_view::npos || colon == std::string_view::npos || colon < space) return std::nullopt;
  std::optional<unsigned> slot = parse_number(error.substr(0, space), kRedisSlots - 1);
  std::optional<std::string> authority =
      redis_authority(error.substr(space + 1, colon - space - 1), error.substr(colon + 1));
  if (!slot || !authority) return std::nullopt;
  to.slot = *slot;
  to.authority = *authority;
  return to;
}

}  // namespace aotc
