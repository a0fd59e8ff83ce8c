// worker_group.cpp - see worker_group.h.
#include "worker_group.h"

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "sandbox/cgroup.h"

namespace aotc::server {

namespace {

constexpr unsigned kSpareThreads = 64;  // that LLVM and the C library start besides
constexpr uint64_t kWeight = 50;        // of 100 for the server, which answers while workers compute

}  // namespace

llvm::Expected<WorkerGroup> WorkerGroup::make(int parent, uint64_t memory_bytes, unsigned threads) {
  static std::atomic<uint64_t> made{0};
  if (parent < 0) return WorkerGroup(-1, "", -1);
  std::string name = "worker-" + std::to_string(++made);
  const aotc_cgroup_limits limits = {.memory = memory_bytes, .processes = threads + kSpareThreads, .weight = kWeight};
  int join = aotc_cgroup_make(parent, name.c_str(), &limits);
  if (join >= 0) return WorkerGroup(parent, std::move(name), join);
  return llvm::createStringError(std::error_code(errno, std::generic_category()), "cannot make a control group");
}

WorkerGroup::WorkerGroup(WorkerGroup&& other) noexcept
    : parent_(std::exchange(other.parent_, -1)), name_(std::move(other.name_)), join_(std::move(other.join_)) {}

WorkerGroup::~WorkerGroup() {
  if (parent_ < 0) return;
  aotc_cgroup_kill(parent_, name_.c_str());
  aotc_cgroup_remove(parent_, name_.c_str());
}

}  // namespace aotc::server
