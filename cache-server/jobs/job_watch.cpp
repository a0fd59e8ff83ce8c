// job_watch.cpp - see job_watch.h.
#include "job_watch.h"

namespace aotc::server {

JobWatchers::Watch JobWatchers::add(JobNews least, std::function<void()> wake) {
  std::lock_guard<std::mutex> lock(mutex_);
  waiting_.emplace(++ids_, Waiting{least, std::move(wake)});
  return Watch(shared_from_this(), ids_);
}

void JobWatchers::tell(JobNews news) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(waiting_, [news](const auto& entry) {
    if (news < entry.second.least) return false;
    entry.second.wake();
    return true;
  });
}

size_t JobWatchers::size() {
  std::lock_guard<std::mutex> lock(mutex_);
  return waiting_.size();
}

// Waits for a call that is under way.
JobWatchers::Watch::~Watch() {
  if (!watchers_) return;
  std::lock_guard<std::mutex> lock(watchers_->mutex_);
  watchers_->waiting_.erase(id_);
}

}  // namespace aotc::server
