// janitor.h - the thread that does what has to be done again and again: evicts images, drops what nobody owns any more,
// forgets old jobs, uploads and loose blobs, renews signed statements, gives free memory back.
#pragma once

#include <cstdint>
#include <thread>

#include "evictor.h"

namespace aotc::server {

class JobQueue;
class UploadSessions;
struct Counters;

struct JanitorOptions {
  uint64_t grace_seconds = 3600;           // for which garbage is kept
  uint64_t keep_job_seconds = 30 * 86400;  // after their end
  uint64_t loose_seconds = 86400;          // for which blobs are kept that no manifest names
  EvictionLimits eviction;
};

class Janitor {
 public:
  // Looks at least once a minute, and four times within the shortest of the times given.
  Janitor(Catalog& catalog, Tenants& tenants, JobQueue& jobs, UploadSessions& uploads, Counters& counters,
          const JanitorOptions& options);

 private:
  void work(const std::stop_token& stop);
  void tidy();

  Catalog& catalog_;
  Tenants& tenants_;
  JobQueue& jobs_;
  UploadSessions& uploads_;
  Counters& counters_;
  JanitorOptions options_;
  std::jthread thread_;
};

}  // namespace aotc::server
