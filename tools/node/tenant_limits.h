// tenant_limits.h - how much memory and processor a tenant's process gets, and who sees to it: control groups where the
// supervisor may make them, else the supervisor itself, which looks at the processes as often as they could have grown
// by what is left.
//
// A program is refused memory before (memory_gauge.h), so what ends here is a process in wrong hands, or one whose
// stacks and images are more than its limit.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <map>
#include <string>

#include "options.h"

class TenantLimits {
 public:
  explicit TenantLimits(const Options& options);
  ~TenantLimits();
  // For the log: who sees to it.
  std::string open();
  void share_out(const Served& served);      // from now on
  uint64_t memory_of(const App& app) const;  // of its process
  bool grouped() const { return groups_ >= 0; }

  // A descriptor by which the process `number` joins its group, or -1 with errno.
  int make_group(uint32_t number, uint64_t memory);
  // False with errno when it cannot be watched.
  bool started(uint32_t number, pid_t pid, uint64_t memory);
  // Or was not started. Whether it used more than it may.
  bool ended(uint32_t number);
  // Ends those that use too much. Returns after how many milliseconds to look again, -1 for never.
  int look(uint64_t now);

 private:
  struct Process {
    pid_t pid;
    int statm;
    uint64_t memory;
    uint64_t next;
    bool too_large;
  };
  std::string group_name(uint32_t number) const { return "tenant-" + std::to_string(number); }
  uint64_t share_ = 0;  // bytes of an app's that says nothing of it
  uint64_t most_ = 0;   // of those that there are
  uint64_t rate_;       // bytes that one can grow by in a second
  const unsigned threads_;
  bool too_many_ = false;  // for the memory that there is
  int groups_ = -1;
  std::map<uint32_t, Process> processes_;  // that have no group
};
