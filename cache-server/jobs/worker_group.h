// worker_group.h - a control group for one worker, where the server may make groups (tools/sandbox/cgroup.h): it counts
// what the limits of a process do not, such as shared memory and the bytes of files that the kernel keeps for it.
#pragma once

#include <cstdint>
#include <string>

#include "llvm/Support/Error.h"

#include "store/unnamed_file.h"

namespace aotc::server {

class WorkerGroup {
 public:
  // `parent` is of aotc_cgroup_open(), or -1: no group.
  static llvm::Expected<WorkerGroup> make(int parent, uint64_t memory_bytes, unsigned threads);
  WorkerGroup(WorkerGroup&& other) noexcept;
  WorkerGroup& operator=(WorkerGroup&&) = delete;
  // After the worker has ended.
  ~WorkerGroup();
  // By which the worker joins, or -1.
  int descriptor() const { return join_.get(); }

 private:
  WorkerGroup(int parent, std::string name, int join) : parent_(parent), name_(std::move(name)), join_(join) {}
  int parent_;
  std::string name_;
  UniqueFd join_;
};

}  // namespace aotc::server
