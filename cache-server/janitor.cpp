// janitor.cpp - see janitor.h. A failure is logged and tried again the next time.
#include "janitor.h"

#include <algorithm>
#include <chrono>

#include "log.h"

namespace aotc::server {

Janitor::Janitor(Catalog& catalog, Counters& counters, uint64_t grace)
    : catalog_(catalog), counters_(counters), grace_(grace), thread_([this] { work(); }) {}

Janitor::~Janitor() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Janitor::work() {
  auto interval = std::chrono::milliseconds(std::clamp<uint64_t>(grace_ * 250, 100, 60000));
  std::unique_lock<std::mutex> lock(mutex_);
  while (!changed_.wait_for(lock, interval, [this] { return stopping_; })) {
    lock.unlock();
    llvm::Expected<uint64_t> dropped = catalog_.sweep(grace_);
    if (dropped)
      counters_.swept_blobs += *dropped;
    else
      log(Level::Error, "sweep: " + llvm::toString(dropped.takeError()));
    llvm::Expected<uint64_t> renewed = catalog_.refresh();
    if (renewed)
      counters_.renewed_statements += *renewed;
    else
      log(Level::Error, "renewing statements: " + llvm::toString(renewed.takeError()));
    lock.lock();
  }
}

}  // namespace aotc::server
