// job_queue.h - compiles each module of a tenant once per set of options, in worker processes, and remembers the
// outcome.
//
// A job's id follows from what is asked (see compile_request.h); jobs of different tenants have nothing in common, so
// that none can tell what another has uploaded. submit() finds an image that is there, joins the job that is making it,
// or queues a new one; its record is in the store before submit() returns, so that a restart goes on with it. A failed
// job is tried again when somebody asks again.
//
// Record, in the store's table `jobs` and, with "progress" while it runs, what GET /v1/jobs/{id} shows:
//   {"id", "state": "queued" | "running" | "done" | "failed" | "cancelled", "module": digest, "tier",
//    "targets": [{"target", "cpu"}], "images": [{"name", "tag"}], "index": digest, "artifacts": [{"target", "cpu",
//    "digest", "size", "functions", "seconds"}], "parts": [[digest, media type]], "error": problem document,
//    "finished": milliseconds since 1970}
//
// Fair: a free worker goes to the tenant with the fewest workers, among equals to the one whose turn was longest ago.
// Thread-safe. stop() ends running workers; their jobs stay queued on disk.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "catalog.h"
#include "compile_request.h"
#include "metrics.h"
#include "store.h"
#include "tenants.h"
#include "unnamed_file.h"

namespace aotc::server {

struct JobLimits {
  unsigned workers = 1;  // processes at a time
  unsigned threads = 1;  // per process
  size_t queue = 256;    // jobs of one tenant
  uint64_t memory_bytes = uint64_t{4} << 30;
  double wall_seconds = 600;  // per target
};

struct Submission {
  std::string id;
  bool done = false;    // the image is there
  std::string refusal;  // not empty: what quota does not allow it
};

class JobQueue {
 public:
  // `folder` is for files of workers and uploads; it is emptied.
  JobQueue(Store& store, Catalog& catalog, Tenants& tenants, Counters& counters, const JobLimits& limits,
           std::string folder);
  ~JobQueue();
  // Requeues what a previous process left unfinished and starts the threads.
  llvm::Error start();
  void stop();
  const std::string& folder() const { return folder_; }

  llvm::Expected<Submission> submit(const std::string& tenant, const BlobInfo& module, const CompileRequest& request);
  // The job as JSON, nothing when the tenant has no such job.
  llvm::Expected<std::optional<std::string>> describe(const std::string& tenant, const std::string& id);
  bool finished(const std::string& tenant, const std::string& id);
  // False when the job has ended or does not exist.
  llvm::Expected<bool> cancel(const std::string& tenant, const std::string& id);
  size_t waiting();
  // Why the tenant cannot have another job now; empty when it can.
  std::string refusal(const std::string& tenant);

 private:
  struct Job;
  struct Lane {  // of one tenant
    std::deque<std::shared_ptr<Job>> waiting;
    unsigned running = 0;
    uint64_t turn = 0;  // of its last start
  };
  std::shared_ptr<Job> next();
  std::string refusal_locked(const std::string& tenant);
  uint64_t processor_milliseconds_today(const std::string& tenant);
  void charge(const std::string& tenant, double cpu_seconds);
  void work();
  llvm::Error compile_job(Job& job);
  llvm::Error compile_target(Job& job, const CompileTarget& target, const Descriptor& module, BlobInfo& artifact);
  void finish(Job& job, llvm::Error error);

  Store& store_;
  Catalog& catalog_;
  Tenants& tenants_;
  Counters& counters_;
  JobLimits limits_;
  std::string folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Job>> active_;  // queued and running, by tenant \0 id
  std::map<std::string, Lane> lanes_;
  uint64_t turns_ = 0;
  std::vector<std::thread> threads_;
  bool stopping_ = false;
};

}  // namespace aotc::server
