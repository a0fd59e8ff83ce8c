// tenant_limits.cpp - see tenant_limits.h.
#include "tenant_limits.h"

#include <fcntl.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "loop.h"
#include "memory_gauge.h"
#include "sandbox/cgroup.h"

namespace {

constexpr uint64_t kSecond = 1'000'000'000, kMillisecond = 1'000'000;
constexpr uint64_t kLeast = 64 << 20;            // besides one instance
constexpr uint64_t kGrowth = uint64_t{2} << 30;  // by one processor in a second
constexpr uint64_t kSpareThreads = 4;
// Of 100 for the supervisor and the front, which are to run however busy tenants are.
constexpr uint64_t kWeight = 20;

// Of the machine, the container or the service; also of a container of control groups version 1.
uint64_t memory_of_system() {
  struct sysinfo machine;
  uint64_t memory = sysinfo(&machine) == 0 ? static_cast<uint64_t>(machine.totalram) * machine.mem_unit : ~0ull;
  std::string text, ignored;
  if (read_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", 64, text, ignored))
    memory = std::min<uint64_t>(memory, std::strtoull(text.c_str(), nullptr, 10));
  return std::min(memory, aotc_cgroup_memory_limit(nullptr));
}

}  // namespace

TenantLimits::TenantLimits(const Options& options) : threads_(options.workers) {
  share_out(*options.served);
  rate_ = kGrowth * std::min<uint64_t>(threads_, static_cast<uint64_t>(get_nprocs()));
}

void TenantLimits::share_out(const Served& served) {
  const uint64_t all = memory_of_system(), apps = std::max<uint64_t>(served.apps.size(), 1);
  share_ = all / 4 * 3 / apps;
  most_ = served.apps.empty() ? share_ : 0;
  for (const App& app : served.apps) most_ = std::max(most_, memory_of(app));
  too_many_ = most_ > all / apps;
}

uint64_t TenantLimits::memory_of(const App& app) const {
  const AppLimits& limits = app.limits;
  return limits.tenant_memory != 0 ? limits.tenant_memory : std::max(share_, limits.max_memory + kLeast);
}

TenantLimits::~TenantLimits() {
  if (groups_ >= 0) close(groups_);
}

std::string TenantLimits::open() {
  std::string text = "a tenant may use " + std::to_string(most_ >> 20) + " MiB of memory";
  if (too_many_) text += " (all together more than there is)";
  groups_ = aotc_cgroup_open(nullptr);
  if (groups_ >= 0) return text + ", by its control group";
  return text + ", by the supervisor's watch: no control groups: " + std::strerror(errno);
}

int TenantLimits::make_group(uint32_t number, uint64_t memory) {
  const aotc_cgroup_limits limits = {.memory = memory, .processes = threads_ + kSpareThreads, .weight = kWeight};
  return aotc_cgroup_make(groups_, group_name(number).c_str(), &limits);
}

bool TenantLimits::started(uint32_t number, pid_t pid, uint64_t memory) {
  if (grouped()) return true;
  int statm = ::open(("/proc/" + std::to_string(pid) + "/statm").c_str(), O_RDONLY | O_CLOEXEC);
  if (statm >= 0) processes_[number] = {pid, statm, memory, 0, false};
  return statm >= 0;
}

bool TenantLimits::ended(uint32_t number) {
  if (grouped()) {
    const std::string name = group_name(number);
    bool killed = aotc_cgroup_killed(groups_, name.c_str()) != 0;
    aotc_cgroup_remove(groups_, name.c_str());
    return killed;
  }
  auto found = processes_.find(number);
  if (found == processes_.end()) return false;
  bool too_large = found->second.too_large;
  close(found->second.statm);
  processes_.erase(found);
  return too_large;
}

int TenantLimits::look(uint64_t now) {
  if (grouped()) return -1;
  uint64_t soonest = ~0ull, least = std::max<uint64_t>(20 * kMillisecond, processes_.size() * kMillisecond / 2);
  for (auto& [number, process] : processes_) {
    if (process.too_large) continue;
    if (process.next <= now) {
      uint64_t used = own_memory(process.statm);
      process.too_large = used > process.memory;
      if (process.too_large) kill(process.pid, SIGKILL);
      uint64_t left = process.too_large ? 0 : process.memory - used;
      process.next = now + std::clamp(left * 1000 / rate_ * kMillisecond, least, kSecond);
    }
    soonest = std::min(soonest, process.next);
  }
  if (soonest == ~0ull) return -1;
  return static_cast<int>((soonest - now) / kMillisecond) + 1;
}
