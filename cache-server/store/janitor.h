// janitor.h - the thread that does what has to be done again and again: evicts images, drops what nobody owns any more,
// forgets old jobs, renews signed statements, gives free memory back.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "catalog.h"
#include "evictor.h"
#include "jobs/job_queue.h"
#include "metrics.h"

namespace aotc::server {

struct JanitorOptions {
  uint64_t grace_seconds = 3600;           // for which garbage is kept
  uint64_t keep_job_seconds = 30 * 86400;  // after their end
  EvictionLimits eviction;
};

class Janitor {
 public:
  // Looks at least once a minute, and four times within the shortest of the times given.
  Janitor(Catalog& catalog, Tenants& tenants, JobQueue& jobs, Counters& counters, const JanitorOptions& options);
  ~Janitor();

 private:
  void work();
  void tidy();

  Catalog& catalog_;
  Tenants& tenants_;
  JobQueue& jobs_;
  Counters& counters_;
  JanitorOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace aotc::server
