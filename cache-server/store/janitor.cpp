// janitor.cpp - see janitor.h. A failure is logged and tried again the next time.
#include "janitor.h"

#include <algorithm>
#include <chrono>

#include "catalog.h"
#include "jobs/job_queue.h"
#include "log.h"
#include "metrics.h"
#include "oci/upload_sessions.h"
#include "pause.h"

namespace aotc::server {

namespace {

void count(const char* duty, llvm::Expected<uint64_t> done, std::atomic<uint64_t>& counter) {
  if (done)
    counter += *done;
  else
    log(Level::Error, duty + llvm::toString(done.takeError()));
}

}  // namespace

Janitor::Janitor(Catalog& catalog, Tenants& tenants, JobQueue& jobs, UploadSessions& uploads, Counters& counters,
                 const JanitorOptions& options)
    : catalog_(catalog),
      tenants_(tenants),
      jobs_(jobs),
      uploads_(uploads),
      counters_(counters),
      options_(options),
      thread_([this](const std::stop_token& stop) { work(stop); }) {}

void Janitor::work(const std::stop_token& stop) {
  uint64_t shortest =
      std::min({options_.grace_seconds, options_.loose_seconds, uploads_.limits().age, options_.keep_job_seconds,
                options_.eviction.age, options_.eviction.untagged_age, uint64_t{240}});
  auto interval = std::chrono::milliseconds(std::max<uint64_t>(shortest * 250, 100));
  bool last = false;
  while (!last) {
    last = !pause(stop, interval);
    if (llvm::Error error = catalog_.record_uses()) log(Level::Error, "uses: " + llvm::toString(std::move(error)));
    if (!last) tidy();
  }
}

void Janitor::tidy() {
  if (llvm::Error error = evict_images(catalog_, tenants_, options_.eviction))
    log(Level::Error, "eviction: " + llvm::toString(std::move(error)));
  counters_.expired_uploads += uploads_.expire();
  count("loose blobs: ", catalog_.drop_loose(options_.loose_seconds), counters_.dropped_loose);
  if (llvm::Error error = catalog_.sweep(options_.grace_seconds))
    log(Level::Error, "sweep: " + llvm::toString(std::move(error)));
  count("old jobs: ", jobs_.expire(options_.keep_job_seconds), counters_.expired_jobs);
  count("renewing statements: ", catalog_.refresh(), counters_.renewed_statements);
  count("revocations: ", catalog_.publish_revocations(tenants_), counters_.published_revocations);
}

}  // namespace aotc::server
