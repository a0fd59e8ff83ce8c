// sandbox.cpp - see sandbox.h.
#include "sandbox.h"

#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

#include "sandbox/sandbox.h"

namespace {

constexpr unsigned kNobody = 65534;
constexpr int kSetMemoryMerge = 67;  // PR_SET_MEMORY_MERGE, of Linux 6.4

std::string failed(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

}  // namespace

std::string enter_process(int first_unused) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return failed("PR_SET_PDEATHSIG");
  const rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return failed("RLIMIT_CORE");
  // No huge pages instead of small ones, behind a reset's back (reset.c); no page shared with other processes because it has
  // the same bytes, since a write to it takes longer and so tells what others have. EINVAL: the kernel does neither.
  if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0 && errno != EINVAL) return failed("PR_SET_THP_DISABLE");
  if (prctl(kSetMemoryMerge, 0, 0, 0, 0) != 0 && errno != EINVAL) return failed("PR_SET_MEMORY_MERGE");
  if (syscall(SYS_close_range, first_unused, ~0u, 0) != 0) return failed("close_range");
  return {};
}

std::string lock_process() {
  if (geteuid() == 0 && (setgroups(0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0 ||
                         setresuid(kNobody, kNobody, kNobody) != 0))
    return failed("cannot become nobody");
  // Changing the user forgets this.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return failed("PR_SET_PDEATHSIG");
  const char* wrong = aotc_sandbox_enter(AOTC_TENANT, nullptr);
  return wrong == nullptr ? "" : failed(wrong);
}
