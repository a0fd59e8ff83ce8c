// job_queue.h - compiles each module of a tenant once per set of options, in worker processes, and remembers the
// outcome.
//
// A job's id follows from what is asked (see compile_request.h); jobs of different tenants have nothing in common, so
// that none can tell what another has uploaded. submit() finds an image that is there, joins the job that is making it,
// or queues a new one; its record (job_record.h) is in the store before submit() returns, so that a restart goes on with
// it. A failed job is tried again when somebody asks again.
//
// A job that was done can be done again, because a part of its image is damaged or its compiler was wrong. It is then
// the server's own ("again"): no quota counts it, the tenant's uploads go before it, and a tag moves to the new image
// only if it still names the old one ("was").
//
// Fair: a free worker goes to the tenant with the fewest workers, among equals to the one whose turn was longest ago.
// Thread-safe; whoever asks about a job does not wait for the disk. stop() ends running workers; their jobs stay queued
// on disk.
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
#include "freeze_step.h"
#include "metrics.h"
#include "store.h"
#include "tenants.h"
#include "unnamed_file.h"

namespace aotc::server {

class JobRecord;

struct JobLimits {
  unsigned workers = 1;  // processes at a time
  unsigned threads = 1;  // per process
  size_t queue = 256;    // jobs of one tenant
  uint64_t memory_bytes = uint64_t{4} << 30;
  double wall_seconds = 600;  // per target
  FreezeLimits freeze;
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
  // Does the jobs again whose images have a part with this digest and whose modules are intact; their number.
  llvm::Expected<size_t> repair(const std::string& digest);
  // Does the jobs again whose images were made by this version of the compiler and still have one of their tags; their
  // number.
  llvm::Expected<size_t> rebuild(const std::string& compiler);
  // Removes the images made by this version of the compiler, and forgets their jobs; the number of images.
  llvm::Expected<size_t> revoke(const std::string& compiler);
  // Forgets jobs that ended so long ago, unless their images are there; the number.
  llvm::Expected<uint64_t> expire(uint64_t seconds);

 private:
  struct Job;
  struct Order;
  struct Lane {  // of one tenant
    std::deque<std::shared_ptr<Job>> waiting, again;
    unsigned running = 0;
    uint64_t turn = 0;  // of its last start
  };
  std::shared_ptr<Job> next();
  llvm::Expected<Submission> place(const Order& order);
  llvm::Expected<Submission> enqueue(const Order& order, const std::string& id);
  std::string refusal(const std::string& tenant);
  llvm::Error do_again(const std::string& tenant, const JobRecord& record);
  void wait_in_lane(const std::shared_ptr<Job>& job);
  uint64_t processor_milliseconds_today(const std::string& tenant);
  void charge(const std::string& tenant, double cpu_seconds);
  void work();
  llvm::Error compile_job(Job& job);
  struct Compiled {
    BlobInfo artifact;
    Descriptor file;  // the artifact's bytes
    uint64_t functions = 0;
    bool go = false;
    double seconds = 0;
  };
  llvm::Expected<Compiled> compile_target(Job& job, const CompileTarget& target, Tier tier, const Descriptor& module);
  llvm::Expected<std::optional<FrozenProgram>> freeze_job(Job& job, std::vector<Compiled>& compiled,
                                                          const Descriptor& module);
  const char* reason_to_stop(const Job& job);
  void finish(Job& job, llvm::Error error);

  Store& store_;
  Catalog& catalog_;
  Tenants& tenants_;
  Counters& counters_;
  JobLimits limits_;
  std::string folder_;
  std::mutex writes_;  // taken before mutex_, by whoever writes records: one after the other
  std::mutex mutex_;   // of all that follows; nobody waits for the disk under it
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Job>> active_;  // queued and running, by tenant \0 id
  std::map<std::string, Lane> lanes_;
  uint64_t turns_ = 0;
  std::vector<std::thread> threads_;
  bool stopping_ = false;
};

}  // namespace aotc::server
