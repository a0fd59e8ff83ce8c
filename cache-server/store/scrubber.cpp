// scrubber.cpp - see scrubber.h.
#include "scrubber.h"

#include <algorithm>
#include <chrono>

#include "jobs/job_queue.h"
#include "log.h"
#include "metrics.h"
#include "pause.h"

namespace aotc::server {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPause(1);  // between two looks for what is to be repaired
constexpr uint64_t kLeastRead = 16 << 10;  // what a small blob costs

}  // namespace

Scrubber::Scrubber(Store& store, JobQueue& jobs, Counters& counters, const ScrubOptions& options)
    : store_(store), jobs_(jobs), counters_(counters), options_(options), thread_([this](std::stop_token stop) {
        stop_ = std::move(stop);
        work();
      }) {}

bool Scrubber::wait(double seconds) const { return pause(stop_, std::chrono::duration<double>(seconds)); }

void Scrubber::work() {
  const std::string start = "sha256:" + random_hex(32);
  do {
    Clock::time_point next = Clock::now() + std::chrono::seconds(options_.round_seconds);
    if (options_.bytes_per_second > 0) {
      check_between(start, "sha256:~");  // to the end
      check_between("", start);
    }
    do repair();
    while (wait(std::chrono::duration<double>(kPause).count()) && Clock::now() < next);
  } while (wait(0));
}

void Scrubber::check_between(std::string after, const std::string& last) {
  while (wait(0)) {
    llvm::Expected<std::vector<std::string>> next = store_.list_blobs(after, 1);
    llvm::Error error = next ? llvm::Error::success() : next.takeError();
    if (!error) {
      if (next->empty() || next->front() > last) return;
      after = next->front();
      error = check(BlobName::of_key(after));
    }
    if (error) {
      log(Level::Error, "scrub: " + llvm::toString(std::move(error)));
      wait(std::chrono::duration<double>(kPause).count());
    }
    repair();
  }
}

llvm::Error Scrubber::check(const BlobName& name) {
  llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob(name);
  if (!blob) return blob.takeError();
  if (!*blob || (*blob)->damaged) return llvm::Error::success();
  llvm::Error damage = store_.check_blob(**blob, [this](uint64_t bytes) {
    counters_.scrubbed_bytes += bytes;
    return wait(static_cast<double>(std::max(bytes, kLeastRead)) / static_cast<double>(options_.bytes_per_second));
  });
  ++counters_.scrubbed_blobs;
  llvm::consumeError(std::move(damage));  // the store has marked and logged it
  return llvm::Error::success();
}

void Scrubber::repair() {
  if (Clock::now() < looked_ + kPause) return;
  looked_ = Clock::now();
  if (llvm::Error error = repair_damaged()) log(Level::Error, "repair: " + llvm::toString(std::move(error)));
}

llvm::Error Scrubber::repair_damaged() {
  std::set<std::string> damaged;
  llvm::Error error = for_each(store_, Table::Damaged, "", [&](const std::string& key, const std::string&) {
    damaged.insert(key);
    return llvm::Error::success();
  });
  if (error) return error;
  for (const std::string& key : damaged) {
    if (repaired_.count(key) != 0) continue;
    BlobName name = BlobName::of_key(key);
    llvm::Expected<size_t> jobs = jobs_.repair(name);
    if (!jobs) return jobs.takeError();
    counters_.repairs += *jobs;
    log(Level::Info, *jobs ? "a damaged blob is being made again" : "a damaged blob is lost until it is uploaded again",
        {{"digest", name.digest}, {"tenant", name.tenant}});
  }
  repaired_ = std::move(damaged);
  return llvm::Error::success();
}

}  // namespace aotc::server
