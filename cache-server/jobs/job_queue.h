// job_queue.h - compiles each module of a tenant once per set of options, in worker processes, and remembers the
// outcome.
//
// A job's id follows from what is asked (see compile_request.h); jobs of different tenants have nothing in common, so
// that none can tell what another has uploaded. submit() finds an image that is there, joins the job that is making it,
// or queues a new one; its record (job_record.h) is in the store before submit() returns, so that a restart goes on
// with it. A failed job is tried again when somebody asks again.
//
// A job that was done can be done again, because a part of its image is damaged or its compiler was wrong. It is then
// the server's own ("again"): no quota counts it, the tenant's uploads go before it, and a tag moves to the new image
// only if it still names the old one ("was").
//
// At tier auto a job makes quick code of what was not compiled before. Then the server asks itself for the best: that
// job's tags move as if it were done again, but it is the tenant's in what it costs. Who asks for tier auto is given
// the best as soon as it is there.
//
// Bounded: jobs that wait, and the bytes of their modules, are counted per tenant and in all; an upload has a place
// among them from before its body is read. What one job may take is in job_limits.h.
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
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "compile_request.h"
#include "idle_work.h"
#include "job_limits.h"
#include "job_watch.h"
#include "store/blob_info.h"
#include "support/unique_fd.h"
#include "tenants/accounts.h"

namespace aotc::server {

class Catalog;
class JobRecord;
class Store;
class Tenants;
struct Counters;
struct FrozenProgram;
struct Image;
struct ImageName;
struct Quota;

// A job as its tenant sees it.
struct JobView {
  std::string text;  // JSON
  bool ended = false;
  JobVersion version = {};  // until it has ended
};

struct Submission {
  std::string id;
  bool done = false;  // the image is there
};

// What a tenant may not do, and how to answer it.
class Refusal : public llvm::ErrorInfo<Refusal> {
 public:
  static char ID;
  Refusal(unsigned status, std::string message) : status(status), message(std::move(message)) {}
  void log(llvm::raw_ostream& os) const override { os << message; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }
  unsigned status;
  std::string message;
};

// Why there is a job: somebody asked for it, or the server itself wants better code than it has made, or another image
// in the place of one.
enum class JobCause { Asked, Better, Again };

// Those that fit all that is given.
struct RevokedImages {
  std::string compiler, index, repository;
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

  // A place in the queue for a module that is not there yet. Given back when it is not used.
  class Place {
   public:
    Place(Place&& other) noexcept;
    Place& operator=(Place&&) = delete;
    ~Place();
    // The module has so many bytes.
    llvm::Error resize(uint64_t bytes);

   private:
    friend class JobQueue;
    Place(JobQueue& queue, std::string tenant) : queue_(&queue), tenant_(std::move(tenant)) {}
    JobQueue* queue_;  // null once it is used
    std::string tenant_;
    uint64_t bytes_ = 0;
  };
  llvm::Expected<Place> take_place(const std::string& tenant);

  // Of a module of this tenant; fails with a Refusal or a QuotaError when it may not have another job.
  // The image's tag moves to it on the condition `was` (see ImageName).
  llvm::Expected<Submission> submit(const BlobInfo& module, const CompileRequest& request, Place* place = nullptr,
                                    const std::string& was = "");
  // Nothing when the tenant has no such job.
  llvm::Expected<std::optional<JobView>> describe(const std::string& tenant, const std::string& id);
  // Calls `wake`, as job_watch.h says, as soon as there is such news of the job since `seen`; at once if there is now.
  JobWatch watch(const std::string& tenant, const std::string& id, JobVersion seen, JobNews least,
                 std::function<void()> wake);
  size_t watchers();
  // False when the job has ended or does not exist.
  llvm::Expected<bool> cancel(const std::string& tenant, const std::string& id);
  size_t waiting();
  // Does the jobs again whose images have a part with this digest and whose modules are intact; their number.
  llvm::Expected<size_t> repair(const BlobName& part);
  // Does the jobs again whose images were made by this version of the compiler and still have one of their tags, or had
  // one that is free when they were revoked; their number.
  llvm::Expected<size_t> rebuild(const std::string& compiler);
  // Removes images that have been put into the revocations, and forgets their jobs, except for what rebuild() can do
  // again; the number of images.
  llvm::Expected<size_t> revoke(const RevokedImages& which);
  // The repositories that had or have an image with this index.
  llvm::Expected<std::set<std::string>> repositories_of(const std::string& index);
  // Forgets jobs that ended so long ago, unless their images are there, and all but the last of those of a tenant that
  // ended badly; the number.
  llvm::Expected<uint64_t> expire(uint64_t seconds);

 private:
  struct Job;
  struct Order;
  struct Compiled;
  struct Load {
    uint64_t jobs = 0, bytes = 0;  // of jobs that wait and of places; without those that are done again
  };
  struct Lane {  // of one tenant
    std::deque<std::shared_ptr<Job>> asked, others;
    Load load;
    unsigned running = 0;
    uint64_t turn = 0;         // of its last start
    uint64_t cpu_seconds = 0;  // that its workers may still use
  };
  std::shared_ptr<Job> next();
  llvm::Expected<Submission> fulfil(const Order& order, Place* place);
  llvm::Expected<Submission> fulfil_auto(const Order& order, Place* place);
  llvm::Expected<std::optional<JobRecord>> find_done(const std::string& key, Image& image);
  llvm::Error make_better(const std::string& tenant, const JobRecord& record);
  llvm::Expected<Submission> enqueue(const Order& order, const std::string& id, Place* place);
  llvm::Expected<Submission> add_names(const Order& order, const std::shared_ptr<Job>& job, JobRecord record);
  llvm::Error drop_stale_names(JobRecord& record);
  Quota quota_of(const std::string& tenant, JobCause cause);
  llvm::Error check_room(const std::string& tenant, const Lane& lane, uint64_t bytes);
  void count(Lane& lane, int jobs, int64_t bytes);
  llvm::Error do_again(const std::string& tenant, const JobRecord& record);
  void wait_in_lane(const std::shared_ptr<Job>& job, Place* place);
  llvm::Expected<bool> forget(const std::string& key, const std::string& text);
  llvm::Error forget_revoked(const std::string& key, const JobRecord& record);
  llvm::Expected<size_t> revoke_one(const std::string& key, const RevokedImages& which);
  llvm::Expected<bool> rebuild_one(const std::string& key, const JobRecord& record);
  uint64_t processor_milliseconds_today(const std::string& tenant);
  uint64_t allow_cpu_seconds(const Job& job);
  void charge(const Job& job, double cpu_seconds, uint64_t allowed = 0);
  void work();
  bool is_quiet() const;
  bool is_wanted();
  llvm::Error compile_job(Job& job);
  llvm::Expected<Compiled> compile_target(Job& job, Accounts::Reservation& space, const CompileTarget& target,
                                          Tier tier, const UniqueFd& module);
  llvm::Expected<std::optional<FrozenProgram>> freeze_job(Job& job, Accounts::Reservation& space,
                                                          std::vector<Compiled>& compiled, const UniqueFd& module);
  const char* reason_to_stop(const Job& job);
  void tell(Job& job, JobNews news);
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
  Load load_;  // of all lanes
  uint64_t turns_ = 0;
  uint64_t versions_ = 0;  // of all jobs
  IdleWork idle_;          // of the thread that has set idling_
  bool idling_ = false;
  std::vector<std::thread> threads_;
  bool stopping_ = false;
};

}  // namespace aotc::server
