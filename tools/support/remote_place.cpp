// remote_place.cpp - see remote_place.h.
#include "support/remote_place.h"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace aotc {

namespace {

constexpr size_t kMostUrl = 2048;

struct Scheme {
  std::string_view name;
  bool redis, tls;
  const char* port;
};
constexpr Scheme kSchemes[] = {{"redis", true, false, "6379"},
                               {"rediss", true, true, "6379"},
                               {"http", false, false, "80"},
                               {"https", false, true, "443"}};

bool is_number(std::string_view text, unsigned long most) {
  return !text.empty() && text.size() <= 5 && (text.size() == 1 || text.front() != '0') &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         std::stoul(std::string(text)) <= most;
}

int hex_digit(char c) {
  const char* digits = "0123456789abcdef";
  const char* found = std::strchr(digits, std::tolower(static_cast<unsigned char>(c)));
  return c != 0 && found != nullptr ? static_cast<int>(found - digits) : -1;
}

// Of percent-encoding. Nothing if it is none, or has a zero.
std::optional<std::string> decoded(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      bytes += text[i];
      continue;
    }
    int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1, low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0 || high + low == 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return bytes;
}

bool take_user(std::string_view& rest, RemotePlace& place) {
  size_t at = rest.substr(0, rest.find('/')).rfind('@');
  if (at == std::string_view::npos) return true;
  std::string_view user = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  size_t colon = user.find(':');
  if (colon == std::string_view::npos) return false;
  std::optional<std::string> name = decoded(user.substr(0, colon)), password = decoded(user.substr(colon + 1));
  if (!name || !password) return false;
  place.user = *name;
  place.password = *password;
  return true;
}

bool take_host(std::string_view& rest, RemotePlace& place) {
  std::string_view authority = rest.substr(0, rest.find('/'));
  rest.remove_prefix(authority.size());
  size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos) {
    place.port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
  }
  place.host = authority;
  bool v6 = authority.size() > 2 && authority.front() == '[' && authority.back() == ']';
  if (v6) authority = authority.substr(1, authority.size() - 2);
  const char* more = v6 ? ":." : "-._";
  return !authority.empty() && place.port != "0" && is_number(place.port, 65535) &&
         std::all_of(authority.begin(), authority.end(),
                     [&](unsigned char c) { return std::isalnum(c) || (c != 0 && std::strchr(more, c) != nullptr); });
}

bool take_path(std::string_view rest, RemotePlace& place) {
  while (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  if (!place.redis) {
    place.path = rest;
    return rest.find_first_of("?#") == std::string_view::npos;
  }
  if (rest.empty()) return true;
  rest.remove_prefix(1);
  if (!is_number(rest, 65535)) return false;
  place.database = static_cast<unsigned>(std::stoul(std::string(rest)));
  return true;
}

}  // namespace

std::string RemotePlace::shown() const {
  std::string scheme = std::string(redis ? "redis" : "http") + (tls ? "s" : "");
  return scheme + "://" + authority() + (redis && database != 0 ? "/" + std::to_string(database) : path);
}

bool is_url(std::string_view text) { return text.find("://") != std::string_view::npos; }

std::optional<RemotePlace> parse_remote_place(std::string_view url, std::string& error) {
  auto plain = [](unsigned char c) { return c > 0x20 && c < 0x7f; };
  for (const Scheme& scheme : kSchemes) {
    if (url.substr(0, scheme.name.size()) != scheme.name || url.substr(scheme.name.size(), 3) != "://") continue;
    RemotePlace place;
    place.redis = scheme.redis;
    place.tls = scheme.tls;
    place.port = scheme.port;
    std::string_view rest = url.substr(scheme.name.size() + 3);
    if (url.size() <= kMostUrl && std::all_of(url.begin(), url.end(), plain) && take_user(rest, place) &&
        take_host(rest, place) && take_path(rest, place))
      return place;
  }
  error = "not a URL like redis://[user:password@]host:port/database or https://[user:password@]host:port/path";
  return std::nullopt;
}

}  // namespace aotc
