// remote_place.h - where a server is that keeps something for us, functions of the cache (tools/cache) or what programs
// keep (tools/broker), as a URL has it:
//
//   redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]     or a node of a cluster; rediss:// with TLS
//   http://[USER:PASSWORD@]HOST[:PORT][/PATH]            that takes GET and PUT of PATH/...; https:// with TLS
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace aotc {

struct RemotePlace {
  bool redis = false, tls = false;
  std::string user, password;  // decoded
  std::string host, port;      // an IPv6 address with its brackets
  std::string path;            // of HTTP: empty, or from its "/" on, without one at its end
  unsigned database = 0;       // of Redis

  std::string authority() const { return host + ":" + port; }
  // For messages: without user and password.
  std::string shown() const;
};

// Whether it is meant to be a URL, not a folder.
bool is_url(std::string_view text);
// Nothing, and why, in words that do not repeat it: it may hold a password.
std::optional<RemotePlace> parse_remote_place(std::string_view url, std::string& error);

}  // namespace aotc
