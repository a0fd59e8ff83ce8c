// sandbox.cpp - see sandbox.h.
#include "sandbox.h"

#include <grp.h>
#include <linux/close_range.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace {

constexpr unsigned kNobody = 65534;

// What the runtime (memory, signals, timers), the WASI host without directories and the worker's loop call.
constexpr int kAllowed[] = {SCMP_SYS(read),          SCMP_SYS(readv),        SCMP_SYS(pread64),
                            SCMP_SYS(preadv2),       SCMP_SYS(write),        SCMP_SYS(writev),
                            SCMP_SYS(pwritev2),      SCMP_SYS(close),        SCMP_SYS(fstat),
                            SCMP_SYS(newfstatat),    SCMP_SYS(lseek),        SCMP_SYS(recvfrom),
                            SCMP_SYS(sendto),        SCMP_SYS(recvmsg),      SCMP_SYS(sendmsg),
                            SCMP_SYS(poll),          SCMP_SYS(ppoll),        SCMP_SYS(futex),
                            SCMP_SYS(munmap),        SCMP_SYS(madvise),      SCMP_SYS(mremap),
                            SCMP_SYS(brk),           SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
                            SCMP_SYS(rt_sigreturn),  SCMP_SYS(sigaltstack),  SCMP_SYS(restart_syscall),
                            SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep),
                            SCMP_SYS(gettimeofday),  SCMP_SYS(timer_create), SCMP_SYS(timer_settime),
                            SCMP_SYS(timer_delete),  SCMP_SYS(getrandom),    SCMP_SYS(getrusage),
                            SCMP_SYS(sched_yield),   SCMP_SYS(gettid),       SCMP_SYS(getpid),
                            SCMP_SYS(exit),          SCMP_SYS(exit_group)};

bool add_rules(scmp_filter_ctx filter) {
  for (int call : kAllowed)
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) != 0) return false;
  // No memory that can be executed.
  for (int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)})
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) != 0) return false;
  const scmp_datum_t pagemap_scan = _IOC(_IOC_READ | _IOC_WRITE, 'f', 16, 12 * 8);
  for (scmp_datum_t request : {pagemap_scan, static_cast<scmp_datum_t>(FIONREAD)})
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                         SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, request)) != 0)
      return false;
  // F_GETFL: the WASI host asks how its log is open.
  if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, 3)) != 0) return false;
  // abort() signals its own process only.
  return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                          SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid()))) == 0;
}

std::string failed(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

}  // namespace

std::string enter_process(int first_unused) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return failed("PR_SET_PDEATHSIG");
  const rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return failed("RLIMIT_CORE");
  if (syscall(SYS_close_range, first_unused, ~0u, 0) != 0) return failed("close_range");
  return {};
}

std::string lock_process() {
  if (geteuid() == 0 && (setgroups(0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0 ||
                         setresuid(kNobody, kNobody, kNobody) != 0))
    return failed("cannot become nobody");
  // Changing the user forgets this.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return failed("PR_SET_PDEATHSIG");
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
  if (filter == nullptr) return "seccomp_init failed";
  std::string error;
  int status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
  if (status == 0) status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (status != 0 || !add_rules(filter))
    error = "cannot build the system call filter";
  else if ((status = seccomp_load(filter)) != 0)
    error = std::string("cannot load the system call filter: ") + std::strerror(-status);
  seccomp_release(filter);
  return error;
}
