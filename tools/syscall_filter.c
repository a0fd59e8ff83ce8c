/* syscall_filter.c - see syscall_filter.h. The server's workers have a filter of their own, which kills. */
#define _GNU_SOURCE
#include "syscall_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the runtime (memory, signals, timers), the WASI host without directories and the node's loop call. */
static const int kAlways[] = {SCMP_SYS(read),          SCMP_SYS(readv),        SCMP_SYS(pread64),
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

/* What the WASI host calls besides for read-only directories. Without openat2, whose flags no filter sees, it opens each
 * part of a path by openat. */
static const int kDirectories[] = {SCMP_SYS(getdents64), SCMP_SYS(readlinkat), SCMP_SYS(fstatfs),
                                   SCMP_SYS(fadvise64),  SCMP_SYS(fsync),      SCMP_SYS(fdatasync)};

static int allow(scmp_filter_ctx filter, const int* calls, size_t count) {
  int status = 0;
  for (size_t i = 0; i < count && status == 0; ++i) status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
  return status;
}

static int allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp condition) {
  return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &condition);
}

static int add_rules(scmp_filter_ctx filter, bool directories) {
  const scmp_datum_t pagemap_scan = _IOC(_IOC_READ | _IOC_WRITE, 'f', 16, 12 * 8);
  int status = allow(filter, kAlways, sizeof(kAlways) / sizeof(kAlways[0]));
  if (status == 0) status = allow_if(filter, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  if (status == 0) status = allow_if(filter, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  if (status == 0) status = allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, pagemap_scan));
  if (status == 0) status = allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, FIONREAD));
  /* The WASI host asks how a descriptor is open. */
  if (status == 0) status = allow_if(filter, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_GETFL));
  /* abort() signals its own process only. */
  if (status == 0) status = allow_if(filter, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
  if (status != 0 || !directories) return status;
  status = allow(filter, kDirectories, sizeof(kDirectories) / sizeof(kDirectories[0]));
  if (status == 0)
    status = allow_if(filter, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
  return status;
}

int aotc_filter_system_calls(bool directories) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
  if (filter == NULL) return -ENOMEM;
  int status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
  if (status == 0) status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (status == 0) status = add_rules(filter, directories);
  if (status == 0) status = seccomp_load(filter);
  seccomp_release(filter);
  return status;
}
