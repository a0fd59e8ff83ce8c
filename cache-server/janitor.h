// janitor.h - the thread that drops what nobody owns any more and renews signed statements.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "catalog.h"
#include "metrics.h"

namespace aotc::server {

class Janitor {
 public:
  // Looks at least once a minute, and four times within `grace` seconds.
  Janitor(Catalog& catalog, Counters& counters, uint64_t grace);
  ~Janitor();

 private:
  void work();

  Catalog& catalog_;
  Counters& counters_;
  uint64_t grace_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace aotc::server
