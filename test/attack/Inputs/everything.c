// everything.c - native code in a tenant tries everything that it must not be able to, and reports how each ended. The
// numbers of the report name other processes, for those that are about one.
#include "native.h"

#include <asm/unistd.h>

enum { kAtCwd = -100, kAnonymous = 0x22, kReadExecute = 5, kAll = 7 };

static void try_files(int phase, struct report* r) {
  char room[512];
  say_result(r, phase, "open", CALL(__NR_open, "/etc/shadow", 0, 0));
  say_result(r, phase, "openat", CALL(__NR_openat, kAtCwd, "/etc/passwd", 0));
  say_result(r, phase, "openat2", CALL(__NR_openat2, kAtCwd, "/etc/passwd", ((uint64_t[3]){0, 0, 0}), 24));
  say_result(r, phase, "open for writing", CALL(__NR_openat, kAtCwd, "/tmp", 1 | 020000000));
  say_result(r, phase, "stat", CALL(__NR_stat, "/etc/passwd", room));
  say_result(r, phase, "lstat", CALL(__NR_lstat, "/etc/passwd", room));
  say_result(r, phase, "newfstatat", CALL(__NR_newfstatat, kAtCwd, "/etc/passwd", room, 0));
  say_result(r, phase, "newfstatat of a descriptor", CALL(__NR_newfstatat, 1, "", room, 0x1000));
  say_result(r, phase, "statx", CALL(__NR_statx, kAtCwd, "/etc/passwd", 0, 0x7ff, room, 0));
  say_result(r, phase, "access", CALL(__NR_access, "/etc/passwd", 0));
  say_result(r, phase, "faccessat2", CALL(__NR_faccessat2, kAtCwd, "/etc/passwd", 0, 0));
  say_result(r, phase, "readlink", CALL(__NR_readlink, "/proc/self/exe", room, sizeof room));
  say_result(r, phase, "chdir", CALL(__NR_chdir, "/"));
  say_result(r, phase, "getcwd", CALL(__NR_getcwd, room, sizeof room));
  say_result(r, phase, "mkdir", CALL(__NR_mkdir, "/nowhere/folder", 0700));
  say_result(r, phase, "unlink", CALL(__NR_unlink, "/nowhere/file"));
  say_result(r, phase, "rename", CALL(__NR_rename, "/nowhere/file", "/nowhere/other"));
  say_result(r, phase, "symlink", CALL(__NR_symlink, "/nowhere/file", "/nowhere/other"));
  say_result(r, phase, "chmod", CALL(__NR_chmod, "/nowhere/file", 0777));
  say_result(r, phase, "getdents64", CALL(__NR_getdents64, 0, room, sizeof room));
  say_result(r, phase, "mount", CALL(__NR_mount, "none", "/nowhere", "tmpfs", 0, 0, 0));
  say_result(r, phase, "chroot", CALL(__NR_chroot, "/nowhere"));
  say_result(r, phase, "memfd_create", CALL(__NR_memfd_create, "file", 0));
  say_result(r, phase, "dup", CALL(__NR_dup, 1));
}

static void try_network(int phase, struct report* r) {
  int pair[2];
  const char address[16] = {2, 0, 0, 53, 127, 0, 0, 1};
  say_result(r, phase, "socket inet", CALL(__NR_socket, 2, 1, 0));
  say_result(r, phase, "socket unix", CALL(__NR_socket, 1, 1, 0));
  say_result(r, phase, "socket netlink", CALL(__NR_socket, 16, 3, 0));
  say_result(r, phase, "socketpair", CALL(__NR_socketpair, 1, 1, 0, pair));
  say_result(r, phase, "connect", CALL(__NR_connect, 3, address, sizeof address));
  say_result(r, phase, "bind", CALL(__NR_bind, 3, address, sizeof address));
  say_result(r, phase, "listen", CALL(__NR_listen, 3, 1));
  say_result(r, phase, "pipe", CALL(__NR_pipe2, pair, 0));
}

// A child that comes about ends at once.
static long child(long result) {
  if (result == 0) CALL(__NR_exit_group, 0);
  return result;
}

static void try_processes(int phase, struct report* r) {
  const char* words[] = {"/nowhere/program", 0};
  uint64_t clone_words[11] = {[4] = 17};
  say_result(r, phase, "fork", child(CALL(__NR_fork)));
  say_result(r, phase, "clone", child(CALL(__NR_clone, 17, 0)));
  say_result(r, phase, "clone of a thread", CALL(__NR_clone, 0x10000, 0));
  say_result(r, phase, "clone3", child(CALL(__NR_clone3, clone_words, sizeof clone_words)));
  say_result(r, phase, "execve", CALL(__NR_execve, words[0], words, words + 1));
  say_result(r, phase, "execveat", CALL(__NR_execveat, kAtCwd, words[0], words, words + 1, 0, 0));
  say_result(r, phase, "unshare", CALL(__NR_unshare, 0x10000000));
  say_result(r, phase, "setns", CALL(__NR_setns, 1, 0));
  say_result(r, phase, "setuid", CALL(__NR_setuid, 0));
  say_result(r, phase, "setgroups", CALL(__NR_setgroups, 0, 0));
  say_result(r, phase, "capset", CALL(__NR_capset, ((uint32_t[2]){0x20080522, 0}), 0));
  say_result(r, phase, "prctl", CALL(__NR_prctl, 4, 1));  // PR_SET_DUMPABLE
  say_result(r, phase, "prlimit64", CALL(__NR_prlimit64, 0, 7, 0, ((uint64_t[2]){0, 0})));
  say_result(r, phase, "personality", CALL(__NR_personality, 0xffffffff));
  say_result(r, phase, "setpriority", CALL(__NR_setpriority, 0, 0, 0));
  say_result(r, phase, "sched_setaffinity", CALL(__NR_sched_setaffinity, 0, 8, ((uint64_t[1]){~0ull})));
}

static void try_others(int phase, struct report* r) {
  for (int i = 0; i < 3; ++i) {
    long other = phase == PHASE_ACCEPT ? 1 : r->numbers[i];
    char room[8];
    uint64_t mine[2] = {(uint64_t)(uintptr_t)room, sizeof room}, theirs[2] = {0x400000, sizeof room};
    if (other == 0) break;
    say_result(r, phase, "kill", CALL(__NR_kill, other, 0));
    say_result(r, phase, "tgkill", CALL(__NR_tgkill, other, other, 0));
    say_result(r, phase, "ptrace", CALL(__NR_ptrace, 0x4206, other, 0, 0));  // PTRACE_SEIZE
    say_result(r, phase, "process_vm_readv", CALL(__NR_process_vm_readv, other, mine, 1, theirs, 1, 0));
    say_result(r, phase, "process_vm_writev", CALL(__NR_process_vm_writev, other, mine, 0, theirs, 0, 0));
    say_result(r, phase, "pidfd_open", CALL(__NR_pidfd_open, other, 0));
    say_result(r, phase, "kcmp", CALL(__NR_kcmp, other, other, 0, 0, 0, 0));
    say_result(r, phase, "prlimit64 of another", CALL(__NR_prlimit64, other, 7, 0, 0));
    say_result(r, phase, "migrate_pages", CALL(__NR_migrate_pages, other, 0, 0, 0));
    if (phase == PHASE_ACCEPT) break;
  }
  say_result(r, phase, "kill of all", CALL(__NR_kill, -1, 0));
}

static void try_memory(int phase, struct report* r) {
  long page = CALL(__NR_mmap, 0, 4096, 3, kAnonymous, -1, 0);
  say_result(r, phase, "mmap executable", CALL(__NR_mmap, 0, 4096, kReadExecute, kAnonymous, -1, 0));
  say_result(r, phase, "mmap writable and executable", CALL(__NR_mmap, 0, 4096, kAll, kAnonymous, -1, 0));
  say_result(r, phase, "mmap shared", CALL(__NR_mmap, 0, 4096, 3, 0x21, -1, 0));
  say_result(r, phase, "mprotect executable", CALL(__NR_mprotect, page, 4096, kReadExecute));
  say_result(r, phase, "pkey_mprotect", CALL(__NR_pkey_mprotect, page, 4096, kReadExecute, -1));
  for (int fd = 0; fd < 64; ++fd) {  // any file that is open
    long mapped = CALL(__NR_mmap, 0, 4096, kReadExecute, 2, fd, 0);
    if (mapped != -9 || fd == 0) say_result(r, phase, "mmap of a file, executable", mapped);
  }
  say_result(r, phase, "remap_file_pages", CALL(__NR_remap_file_pages, page, 4096, 0, 0, 0, 0));
  say_result(r, phase, "shmget", CALL(__NR_shmget, 0, 4096, 0600));
  say_result(r, phase, "modify_ldt", CALL(__NR_modify_ldt, 0, 0, 0));
  say_result(r, phase, "arch_prctl", CALL(__NR_arch_prctl, 0x1003, &page));
}

static void try_kernel(int phase, struct report* r) {
  char room[512] = {0};
  uint64_t action[4] = {1, 0, 0, 0};  // SIG_IGN
  say_result(r, phase, "rt_sigaction", CALL(__NR_rt_sigaction, 12, action, 0, 8));
  say_result(r, phase, "rt_sigqueueinfo", CALL(__NR_rt_sigqueueinfo, 1, 0, room));
  say_result(r, phase, "io_uring_setup", CALL(__NR_io_uring_setup, 1, room));
  say_result(r, phase, "userfaultfd", CALL(__NR_userfaultfd, 0));
  say_result(r, phase, "bpf", CALL(__NR_bpf, 0, room, 64));
  say_result(r, phase, "perf_event_open", CALL(__NR_perf_event_open, room, 0, -1, -1, 0, 0));
  say_result(r, phase, "keyctl", CALL(__NR_keyctl, 0, -3));
  say_result(r, phase, "add_key", CALL(__NR_add_key, "user", "name", room, 1, -3, 0));
  say_result(r, phase, "inotify_init1", CALL(__NR_inotify_init1, 0));
  say_result(r, phase, "fanotify_init", CALL(__NR_fanotify_init, 0, 0));
  say_result(r, phase, "init_module", CALL(__NR_init_module, room, 0, room));
  say_result(r, phase, "seccomp", CALL(__NR_seccomp, 2, 0, room));
  say_result(r, phase, "syslog", CALL(__NR_syslog, 3, room, sizeof room));
  say_result(r, phase, "uname", CALL(__NR_uname, room));
  say_result(r, phase, "epoll_create1", CALL(__NR_epoll_create1, 0));
  say_result(r, phase, "eventfd2", CALL(__NR_eventfd2, 0, 0));
  say_result(r, phase, "ioctl", CALL(__NR_ioctl, 1, 0x5412, room));  // TIOCSTI
  say_result(r, phase, "fcntl F_DUPFD", CALL(__NR_fcntl, 1, 0, 0));
  say_result(r, phase, "fcntl F_SETOWN", CALL(__NR_fcntl, 3, 8, 1));
  say_result(r, phase, "setsockopt", CALL(__NR_setsockopt, 3, 1, 7, room, 4, 0));
}

static void attack(int phase, struct report* r) {
  // In Go's memory a request begins with what was reported when its connection was accepted.
  try_files(phase, r);
  try_network(phase, r);
  try_processes(phase, r);
  try_others(phase, r);
  try_memory(phase, r);
  try_kernel(phase, r);
}
