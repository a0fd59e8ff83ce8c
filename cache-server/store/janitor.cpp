// janitor.cpp - see janitor.h. A failure is logged and tried again the next time.
#include "janitor.h"

#include <algorithm>
#include <chrono>

#include "log.h"

namespace aotc::server {

namespace {

void count(const char* duty, llvm::Expected<uint64_t> done, std::atomic<uint64_t>& counter) {
  if (done)
    counter += *done;
  else
    log(Level::Error, duty + llvm::toString(done.takeError()));
}

}  // namespace

Janitor::Janitor(Catalog& catalog, Tenants& tenants, JobQueue& jobs, Counters& counters, const JanitorOptions& options)
    : catalog_(catalog), tenants_(tenants), jobs_(jobs), counters_(counters), options_(options), thread_([this] {
        work();
      }) {}

Janitor::~Janitor() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Janitor::work() {
  uint64_t shortest = std::min({options_.grace_seconds, options_.keep_job_seconds, options_.eviction.age,
                                options_.eviction.untagged_age, uint64_t{240}});
  auto interval = std::chrono::milliseconds(std::max<uint64_t>(shortest * 250, 100));
  std::unique_lock<std::mutex> lock(mutex_);
  bool last = false;
  while (!last) {
    last = changed_.wait_for(lock, interval, [this] { return stopping_; });
    lock.unlock();
    if (llvm::Error error = catalog_.record_uses()) log(Level::Error, "uses: " + llvm::toString(std::move(error)));
    if (!last) tidy();
    lock.lock();
  }
}

void Janitor::tidy() {
  if (llvm::Error error = evict_images(catalog_, tenants_, options_.eviction))
    log(Level::Error, "eviction: " + llvm::toString(std::move(error)));
  if (llvm::Error error = catalog_.sweep(options_.grace_seconds))
    log(Level::Error, "sweep: " + llvm::toString(std::move(error)));
  count("old jobs: ", jobs_.expire(options_.keep_job_seconds), counters_.expired_jobs);
  count("renewing statements: ", catalog_.refresh(), counters_.renewed_statements);
  count("revocations: ", catalog_.publish_revocations(tenants_), counters_.published_revocations);
}

}  // namespace aotc::server
