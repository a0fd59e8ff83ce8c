// courier_process.h - starts a courier (tools/courier) for a cache.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "llvm/Support/Error.h"
#include "support/unique_fd.h"

namespace aotc {

struct CourierOptions {
  std::string url;           // remote_place.h
  std::string token;         // where the URL has no password
  std::string certificates;  // a file; empty: the system's
};

// A socket between a SharedCache and a courier that is not there yet: what is said through it waits. The courier's
// options go through it first, so they are in no list of processes.
struct CourierLink {
  static llvm::Expected<CourierLink> make(const CourierOptions& options);
  UniqueFd cache, courier;
};

struct RemoteCounts {
  std::optional<uint64_t> values, bytes;  // unless the remote does not say
};
// What lies on a remote, of whoever it is. An Error: it cannot be used, or has not answered in that time.
llvm::Expected<RemoteCounts> count_remote(const CourierOptions& options, int milliseconds);

// A process of its own, aotc-courier of this program's folder, which ends with the thread that started it.
class CourierProcess {
 public:
  static llvm::Expected<CourierProcess> start(UniqueFd socket);
  CourierProcess(CourierProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  CourierProcess& operator=(CourierProcess&&) = delete;
  ~CourierProcess();  // ends it

 private:
  explicit CourierProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_;
};

}  // namespace aotc
