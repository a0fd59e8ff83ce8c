// remote.h - a remote that keeps values under keys, as the courier uses it: requests go out as they come, answers come
// back in any order, and nothing blocks but looking up a name and connecting.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "support/remote_place.h"

namespace aotc {

// Hears what becomes of requests.
class Requester {
 public:
  virtual ~Requester() = default;
  // Of the get() of that number; empty: not there.
  virtual void answer(uint32_t number, std::string_view value) = 0;
  // Of one put() of a value of that size.
  virtual void settled(size_t size, bool taken) = 0;
  // Of count(); kUncounted is what the remote does not say.
  virtual void counted(uint64_t values, uint64_t bytes) = 0;
};

class Remote {
 public:
  virtual ~Remote() = default;
  // `key` is hexadecimal.
  virtual void get(uint32_t number, const std::string& key) = 0;
  virtual void put(const std::string& key, std::string value) = 0;
  virtual void count() = 0;
  // How many have not come back.
  virtual size_t waiting() const = 0;
  // Does what can be done, having waited until there is something, also for `other`, for at most so long. False: it
  // cannot be used, and why.
  virtual bool step(pollfd& other, int milliseconds, std::string& error) = 0;
};

struct RemoteOptions {
  RemotePlace place;
  std::string token;         // instead of a password
  std::string certificates;  // PEM, whom to trust
};

// Null, and why. They are connected, or will be.
std::unique_ptr<Remote> make_redis(const RemoteOptions& options, Requester& requester, std::string& error);
std::unique_ptr<Remote> make_http(const RemoteOptions& options, Requester& requester, std::string& error);

}  // namespace aotc
