// confine.cpp - resource limits, then a seccomp filter by libseccomp.
#include "confine.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace aotc::server {

namespace {

constexpr int kAllowed[] = {
    // the open descriptors
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(fstat),
    // memory; mmap and mprotect: see below
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
    // threads; clone: see below
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    // signals; tgkill: see below
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    // what it is and what time it is
    SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo), SCMP_SYS(clock_nanosleep), SCMP_SYS(restart_syscall), SCMP_SYS(getrandom), SCMP_SYS(exit),
    SCMP_SYS(exit_group)};

constexpr int kRefused[] = {SCMP_SYS(openat), SCMP_SYS(newfstatat), SCMP_SYS(readlinkat), SCMP_SYS(faccessat),
                            SCMP_SYS(ioctl),  SCMP_SYS(prctl),      SCMP_SYS(prlimit64)};

class Filter {
 public:
  // Calls by the 32-bit and x32 interfaces end the process, as does every call without a rule.
  Filter() : context_(seccomp_init(SCMP_ACT_KILL_PROCESS)) {
    check(context_ ? 0 : -ENOMEM);
    check(seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
    check(seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2));
  }
  ~Filter() { seccomp_release(context_); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  void answer(int call, uint32_t action) { check(seccomp_rule_add(context_, action, call, 0)); }
  void allow_if(int call, scmp_arg_cmp condition) {
    check(seccomp_rule_add_array(context_, SCMP_ACT_ALLOW, call, 1, &condition));
  }
  bool install() {
    if (good_) check(seccomp_load(context_));
    return good_;
  }

 private:
  void check(int status) { good_ = good_ && status == 0; }
  scmp_filter_ctx context_;
  bool good_ = true;
};

bool install_filter() {
  Filter filter;
  for (int call : kAllowed) filter.answer(call, SCMP_ACT_ALLOW);
  for (int call : kRefused) filter.answer(call, SCMP_ACT_ERRNO(EACCES));
  // A filter cannot see the flags of clone3; without it the C library uses clone, with flags that can be seen.
  filter.answer(SCMP_SYS(clone3), SCMP_ACT_ERRNO(ENOSYS));
  filter.allow_if(SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  filter.allow_if(SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  filter.allow_if(SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  filter.allow_if(SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid())));
  return filter.install();
}

bool limit(int resource, uint64_t value) {
  rlimit limits{value, value};
  return setrlimit(static_cast<__rlimit_resource_t>(resource), &limits) == 0;
}

}  // namespace

bool confine(const Confinement& limits) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != limits.parent) return false;
  return limit(RLIMIT_CORE, 0) && limit(RLIMIT_DATA, limits.memory_bytes) && limit(RLIMIT_CPU, limits.cpu_seconds) &&
         limit(RLIMIT_FSIZE, limits.file_bytes) && limit(RLIMIT_NOFILE, 64) &&
         prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && install_filter();
}

}  // namespace aotc::server
