// confine.cpp - resource limits, then a seccomp filter written out as its few instructions: a library would be one more
// thing to trust, and the list of calls is the same with it.
#include "confine.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <vector>

namespace aotc::server {

namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

constexpr uint32_t kAllowed[] = {SYS_read,
                                 SYS_write,
                                 SYS_lseek,
                                 SYS_close,
                                 SYS_fstat,  // the open descriptors
                                 SYS_munmap,
                                 SYS_mremap,
                                 SYS_madvise,
                                 SYS_brk,  // memory; mmap: see below
                                 SYS_futex,
                                 SYS_set_robust_list,
                                 SYS_rseq,
                                 SYS_sched_yield,
                                 SYS_sched_getaffinity,  // threads; clone: see below
                                 SYS_rt_sigaction,
                                 SYS_rt_sigprocmask,
                                 SYS_rt_sigreturn,
                                 SYS_sigaltstack,  // signals; tgkill: see below
                                 SYS_getpid,
                                 SYS_gettid,
                                 SYS_clock_gettime,
                                 SYS_gettimeofday,
                                 SYS_getrusage,
                                 SYS_sysinfo,
                                 SYS_clock_nanosleep,
                                 SYS_restart_syscall,
                                 SYS_getrandom,
                                 SYS_exit,
                                 SYS_exit_group};

constexpr uint32_t kRefused[] = {SYS_openat, SYS_newfstatat, SYS_readlinkat, SYS_faccessat,
                                 SYS_ioctl,  SYS_prctl,      SYS_prlimit64};

class Filter {
 public:
  void load(uint32_t offset) { add(BPF_LD | BPF_W | BPF_ABS, offset); }
  void load_number() { load(offsetof(seccomp_data, nr)); }
  // The low half, which is all that the calls below look at; both architectures are little-endian.
  void load_argument(unsigned index) { load(offsetof(seccomp_data, args) + 8 * index); }
  void answer(uint32_t action) { add(BPF_RET | BPF_K, action); }
  // The next `count` instructions run only if the loaded word is (is not) `value`, or has one of its bits.
  void if_equal(uint32_t value, uint8_t count) { add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count); }
  void if_not_equal(uint32_t value, uint8_t count) { add(BPF_JMP | BPF_JEQ | BPF_K, value, count, 0); }
  void if_any_bit(uint32_t bits, uint8_t count) { add(BPF_JMP | BPF_JSET | BPF_K, bits, 0, count); }
  void if_no_bit(uint32_t bits, uint8_t count) { add(BPF_JMP | BPF_JSET | BPF_K, bits, count, 0); }

  bool install() {
    sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
  }

 private:
  void add(uint16_t code, uint32_t k, uint8_t when_true = 0, uint8_t when_false = 0) {
    code_.push_back({code, when_true, when_false, k});
  }
  std::vector<sock_filter> code_;
};

constexpr uint32_t fail_with(int code) { return SECCOMP_RET_ERRNO | static_cast<uint32_t>(code); }

// Numbers of the 32-bit and x32 interfaces differ from those in the lists; x32's have a bit that no number here has.
bool install_filter() {
  Filter filter;
  filter.load(offsetof(seccomp_data, arch));
  filter.if_not_equal(kArchitecture, 1);
  filter.answer(SECCOMP_RET_KILL_PROCESS);
  filter.load_number();
  for (uint32_t number : kAllowed) {
    filter.if_equal(number, 1);
    filter.answer(SECCOMP_RET_ALLOW);
  }
  for (uint32_t number : kRefused) {
    filter.if_equal(number, 1);
    filter.answer(fail_with(EACCES));
  }
  // A filter cannot see the flags of clone3; without it the C library uses clone, with flags that can be seen.
  filter.if_equal(SYS_clone3, 1);
  filter.answer(fail_with(ENOSYS));
  filter.if_equal(SYS_clone, 4);
  filter.load_argument(0);
  filter.if_any_bit(CLONE_THREAD, 1);
  filter.answer(SECCOMP_RET_ALLOW);
  filter.answer(SECCOMP_RET_KILL_PROCESS);
  for (uint32_t number : {SYS_mmap, SYS_mprotect}) {
    filter.if_equal(number, 4);
    filter.load_argument(2);
    filter.if_no_bit(PROT_EXEC, 1);
    filter.answer(SECCOMP_RET_ALLOW);
    filter.answer(SECCOMP_RET_KILL_PROCESS);
  }
  filter.if_equal(SYS_tgkill, 4);
  filter.load_argument(0);
  filter.if_equal(static_cast<uint32_t>(getpid()), 1);
  filter.answer(SECCOMP_RET_ALLOW);
  filter.answer(SECCOMP_RET_KILL_PROCESS);
  filter.answer(SECCOMP_RET_KILL_PROCESS);
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
