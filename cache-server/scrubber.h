// scrubber.h - the thread that looks for damage: it reads every blob again and again, at most so many bytes a second,
// and compares it with its checksums and its digest. It begins somewhere, so that a server that is restarted often
// still reaches everything.
//
// A damaged blob, found here or by a reader, is one that has to be stored again: the job is done again whose image it
// belongs to. What no job makes, such as a module, stays damaged until it is uploaded again.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "job_queue.h"

namespace aotc::server {

class Scrubber {
 public:
  // With 0 bytes a second it only has repaired what readers find.
  Scrubber(Store& store, JobQueue& jobs, Counters& counters, uint64_t bytes_per_second);
  ~Scrubber();

 private:
  void work();
  llvm::Error check_next(std::string& digest);
  llvm::Error repair();
  bool wait(double seconds);  // false when it is time to stop

  Store& store_;
  JobQueue& jobs_;
  Counters& counters_;
  const uint64_t bytes_per_second_;
  std::set<std::string> repaired_;  // digests for which somebody has been asked
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace aotc::server
