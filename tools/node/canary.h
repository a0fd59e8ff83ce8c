// canary.h - which of two versions of an app a request is for: the one that serves, or its canary, which a part of
// those who ask is to try.
//
// A field or cookie that the operator named leads to the canary. Else a hash decides, of who asks: nothing is kept and
// nothing set, all loops, all nodes with the same rules and key and the next front say the same, and who has the canary
// keeps it when its weight grows. Who asks is an address, which nobody chooses; or the value of a cookie or field of
// the app's own: who sends another value is somebody else, and may fall to the other version, but with a key nobody
// can tell beforehand to which. Drawing lots for each request would show a user both versions; setting a cookie would
// give each client without one, as many are, a new lot every time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

constexpr const char* kCanarySuffix = ".canary";  // of the app that an app's canary is
constexpr size_t kMaxCanaryKey = 4096;

struct CanaryRules {
  static constexpr uint64_t kWhole = 100'000;  // the weight that is everybody
  struct Match {
    std::string name, value;
  };
  enum class By { Address, Cookie, Header };

  uint64_t weight = 0;
  std::vector<Match> headers, cookies;
  By by = By::Address;
  std::string by_name;
  std::string seed;  // others are the first for the next canary
};

// `head` is that of a request as http.h writes it, of whose cookies the first 16 KiB count and 256 at most;
// `client` is the address of who asks.
bool is_for_canary(const CanaryRules& rules, std::string_view key, std::string_view head, std::string_view client);
