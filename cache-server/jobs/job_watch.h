// job_watch.h - who waits for a job hears of what changes, once, instead of asking again and again.
//
// A watch is made by JobQueue::watch(). Its callback is called at most once, on the thread that changed the job and
// while that holds locks: it must do no more than post to another. When the watch is gone it is not called any more,
// nor is there anything left of it. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace aotc::server {

// What has happened to a job, or what has to happen for somebody to hear of it: that, or more.
enum class JobNews { Progress, Step, End };

// Of a job that is queued or runs: no two states of any job have the same.
struct JobVersion {
  uint64_t step = 0, progress = 0;
};

// All who wait for one job.
class JobWatchers : public std::enable_shared_from_this<JobWatchers> {
 public:
  class Watch {
   public:
    Watch() = default;
    Watch(Watch&&) = default;
    Watch& operator=(Watch&&) = delete;
    ~Watch();

   private:
    friend class JobWatchers;
    Watch(std::shared_ptr<JobWatchers> watchers, uint64_t id) : watchers_(std::move(watchers)), id_(id) {}
    std::shared_ptr<JobWatchers> watchers_;
    uint64_t id_ = 0;
  };

  Watch add(JobNews least, std::function<void()> wake);
  void tell(JobNews news);
  size_t size();

 private:
  struct Waiting {
    JobNews least;
    std::function<void()> wake;
  };
  std::mutex mutex_;
  uint64_t ids_ = 0;
  std::map<uint64_t, Waiting> waiting_;
};

using JobWatch = JobWatchers::Watch;

}  // namespace aotc::server
