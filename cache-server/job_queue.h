// job_queue.h - compiles each module once per set of options, in worker processes, and remembers the outcome.
//
// A job's id follows from what is asked (see compile_request.h). submit() finds an image that is there, joins the job
// that is making it, or queues a new one; its record is in the store before submit() returns, so that a restart goes on
// with it. A failed job is tried again when somebody asks again.
//
// Record, in the store's table `jobs` and, with "progress" while it runs, what GET /v1/jobs/{id} shows:
//   {"id", "state": "queued" | "running" | "done" | "failed", "module": digest, "tier", "targets": [{"target", "cpu"}],
//    "images": [{"name", "tag"}], "index": digest, "artifacts": [{"target", "cpu", "digest", "size", "functions",
//    "seconds"}], "parts": [[digest, media type]], "error": problem document}
//
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

#include "compile_request.h"
#include "metrics.h"
#include "store.h"
#include "unnamed_file.h"

namespace aotc::server {

struct JobLimits {
  unsigned workers = 1;  // processes at a time
  unsigned threads = 1;  // per process
  size_t queue = 256;    // jobs waiting
  uint64_t memory_bytes = uint64_t{4} << 30;
  double wall_seconds = 600;  // per target
};

struct Submission {
  std::string id;
  bool done = false;  // the image is there
  bool full = false;  // refused: too many jobs are waiting
};

class JobQueue {
 public:
  // `folder` is for the workers' files; it is emptied.
  JobQueue(Store& store, Counters& counters, const JobLimits& limits, std::string folder);
  ~JobQueue();
  // Requeues what a previous process left unfinished and starts the threads.
  llvm::Error start();
  void stop();

  llvm::Expected<Submission> submit(const BlobInfo& module, const CompileRequest& request);
  // The job as JSON, nothing when there is none.
  llvm::Expected<std::optional<std::string>> describe(const std::string& id);
  bool finished(const std::string& id);
  size_t waiting();

 private:
  struct Job;
  void work();
  llvm::Error compile_job(Job& job);
  llvm::Error compile_target(Job& job, const CompileTarget& target, const Descriptor& module, BlobInfo& artifact);
  void finish(Job& job, llvm::Error error);

  Store& store_;
  Counters& counters_;
  JobLimits limits_;
  std::string folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Job>> active_;  // queued and running
  std::deque<std::shared_ptr<Job>> queue_;
  std::vector<std::thread> threads_;
  bool stopping_ = false;
};

}  // namespace aotc::server
