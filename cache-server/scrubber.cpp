// scrubber.cpp - see scrubber.h.
#include "scrubber.h"

#include <chrono>

#include "log.h"

namespace aotc::server {

namespace {

constexpr double kPause = 1;  // between two looks for damage, when there is nothing to read

}  // namespace

Scrubber::Scrubber(Store& store, JobQueue& jobs, Counters& counters, uint64_t bytes_per_second)
    : store_(store), jobs_(jobs), counters_(counters), bytes_per_second_(bytes_per_second), thread_([this] {
        work();
      }) {}

Scrubber::~Scrubber() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool Scrubber::wait(double seconds) {
  std::unique_lock<std::mutex> lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return stopping_; });
}

void Scrubber::work() {
  std::string digest = "sha256:" + random_hex(32);
  while (wait(0)) {
    if (llvm::Error error = check_next(digest)) log(Level::Error, "scrub: " + llvm::toString(std::move(error)));
    if (llvm::Error error = repair()) log(Level::Error, "repair: " + llvm::toString(std::move(error)));
    if ((bytes_per_second_ == 0 || digest.empty()) && !wait(kPause)) return;
  }
}

// `digest` becomes the one that was checked, empty at the end of a round.
llvm::Error Scrubber::check_next(std::string& digest) {
  if (bytes_per_second_ == 0) return llvm::Error::success();
  llvm::Expected<std::vector<std::string>> next = store_.list_blobs(digest, 1);
  if (!next) return next.takeError();
  digest = next->empty() ? "" : next->front();
  if (digest.empty()) return llvm::Error::success();
  llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob(digest);
  if (!blob) return blob.takeError();
  if (!*blob || (*blob)->damaged) return llvm::Error::success();
  llvm::Error damage = store_.check_blob(**blob, [this](uint64_t bytes) {
    counters_.scrubbed_bytes += bytes;
    return wait(static_cast<double>(bytes) / static_cast<double>(bytes_per_second_));
  });
  ++counters_.scrubbed_blobs;
  llvm::consumeError(std::move(damage));  // the store has marked and logged it
  return llvm::Error::success();
}

llvm::Error Scrubber::repair() {
  std::set<std::string> damaged;
  llvm::Error error = for_each(store_, Table::Damaged, "", [&](const std::string& digest, const std::string&) {
    damaged.insert(digest);
    return llvm::Error::success();
  });
  if (error) return error;
  for (const std::string& digest : damaged) {
    if (repaired_.count(digest) != 0) continue;
    llvm::Expected<size_t> jobs = jobs_.repair(digest);
    if (!jobs) return jobs.takeError();
    counters_.repairs += *jobs;
    log(Level::Info, *jobs ? "a damaged blob is being made again" : "a damaged blob is lost until it is uploaded again",
        {{"digest", digest}});
  }
  repaired_ = std::move(damaged);
  return llvm::Error::success();
}

}  // namespace aotc::server
