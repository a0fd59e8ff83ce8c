// idle_work.h - what the server compiles when nobody waits for it, for the functions that all tenants are given.
//
// Two things come into the part of the function cache that is everybody's, as both are code that no tenant has made:
//
//   what the operator's own modules consist of (`--warm`: Go's standard library, say, as `aotc cache warm` writes it),
//   for every architecture, at tier best;
//
//   where `--share-functions` asks for it, functions that several tenants have, each compiled once more from its unit,
//   alone, in a worker that has seen nothing of any tenant but that unit, if it becomes the same bytes. A tenant who
//   takes his compiler over can keep what he likes, but nobody else gets it.
//
// It is done in small steps, between which jobs go first: a step is stopped when one comes, and done again later. What
// a stopped step has compiled is kept. Used by one thread at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "function_cache.h"
#include "job_limits.h"
#include "store/unnamed_file.h"

namespace aotc::server {

struct Counters;

class IdleWork {
 public:
  // `folder` is for files.
  IdleWork(const JobLimits& limits, Counters& counters, std::string folder)
      : limits_(limits), counters_(counters), folder_(std::move(folder)) {}

  // Opens the operator's modules.
  llvm::Error open();
  // A job has put functions into the cache.
  void notice_job() { has_news_ = true; }
  bool has_step() const;
  // `stopped` is asked ten times a second.
  void step(const std::function<bool()>& stopped);

 private:
  using Clock = std::chrono::steady_clock;
  llvm::Error warm(const std::function<bool()>& stopped);
  llvm::Error share(const std::function<bool()>& stopped);
  llvm::Expected<std::vector<FunctionRecord>> find_common();
  // Whether it is what comes of its unit.
  bool is_right(const FunctionRecord& record, const std::function<bool()>& stopped);
  llvm::Expected<std::vector<uint8_t>> recompile(llvm::ArrayRef<uint8_t> unit, const std::function<bool()>& stopped);
  void keep(const std::vector<FunctionRecord>& records);

  const JobLimits& limits_;
  Counters& counters_;
  const std::string folder_;
  std::vector<UniqueFd> modules_;
  size_t warmed_ = 0;  // of modules and architectures
  std::atomic<bool> has_news_ = false;
  Clock::time_point next_look_ = Clock::now();
  std::set<FunctionKey> wrong_;
};

}  // namespace aotc::server
