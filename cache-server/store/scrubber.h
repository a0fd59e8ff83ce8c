// scrubber.h - the thread that looks for damage: round by round it reads every blob, at most so many bytes a second,
// and compares it with its checksums and its digest. It begins somewhere, so that a server that is restarted often
// still reaches everything.
//
// A damaged blob, found here or by a reader, is one that has to be stored again: the job is done again whose image it
// belongs to. What no job makes, such as a module, stays damaged until it is uploaded again.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <thread>

#include "store.h"

namespace aotc::server {

class JobQueue;
struct Counters;

struct ScrubOptions {
  uint64_t bytes_per_second = 4 << 20;  // 0: only what readers find is repaired
  uint64_t round_seconds = 86400;       // from the start of a round to that of the next, at least
};

class Scrubber {
 public:
  Scrubber(Store& store, JobQueue& jobs, Counters& counters, const ScrubOptions& options);

 private:
  void work();
  void check_between(std::string after, const std::string& last);
  llvm::Error check(const BlobName& name);
  void repair();
  llvm::Error repair_damaged();
  bool wait(double seconds) const;  // false when it is time to stop

  Store& store_;
  JobQueue& jobs_;
  Counters& counters_;
  const ScrubOptions options_;
  std::chrono::steady_clock::time_point looked_;  // for what is to be repaired
  std::set<std::string> repaired_;                // keys of blobs for which somebody has been asked
  std::stop_token stop_;                          // the thread's own
  std::jthread thread_;
};

}  // namespace aotc::server
