// queued_job.h - a job that waits or runs, for the files of the queue only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cache/keeper.h"
#include "job_queue.h"
#include "job_record.h"
#include "metrics.h"
#include "store/unnamed_file.h"

namespace aotc::server {

struct JobQueue::Job {
  BlobName module;
  std::string id;
  CompileRequest request;
  JobCause cause = JobCause::Asked;
  uint64_t bytes = 0;  // of the module
  // Guarded by the queue's mutex:
  JobRecord record;
  JobProgress progress = {};
  JobVersion version = {};
  std::shared_ptr<JobWatchers> watchers = nullptr;
  bool cancelled = false;
  std::vector<BlobInfo> blobs = {};  // what has been made, with leases

  const std::string& tenant() const { return module.tenant; }
  std::string key() const { return job_key(module.tenant, id); }
};

struct JobQueue::Order {
  BlobName module;
  uint64_t bytes = 0;
  CompileRequest request;
  std::vector<ImageName> images;
  JobCause cause = JobCause::Asked;
};

// For one target.
struct JobQueue::Compiled {
  BlobInfo artifact;
  UniqueFd file;  // the artifact's bytes
  CompileStats stats;
  double seconds = 0;
  std::unique_ptr<Keeper> keeper;  // which keeps its functions; null: none does
};

int64_t milliseconds_since_1970();
std::string tenant_in(const std::string& key);
// The record of a job that was done; nothing for others.
std::optional<JobRecord> done_record(const std::string& text);

}  // namespace aotc::server
