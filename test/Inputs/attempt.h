// attempt.h - things that a confined process must not be able to do, tried one at a time by name. Returns -1 and sets
// errno when it could not be done. AOTC_PROBE_FILE names a file to create or delete.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static long attempt(const char* what) {
  if (!strcmp(what, "read a file")) return open("/etc/passwd", O_RDONLY);
  if (!strcmp(what, "create a file")) return open(getenv("AOTC_PROBE_FILE"), O_WRONLY | O_CREAT, 0600);
  if (!strcmp(what, "see a file")) return syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", (char[256]){0}, 0);
  if (!strcmp(what, "delete a file")) return unlinkat(AT_FDCWD, getenv("AOTC_PROBE_FILE"), 0);
  if (!strcmp(what, "make an internet socket")) return socket(AF_INET, SOCK_STREAM, 0);
  if (!strcmp(what, "make a local socket")) return socket(AF_UNIX, SOCK_STREAM, 0);
  if (!strcmp(what, "make a pair of sockets")) return socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0});
  if (!strcmp(what, "fork")) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child > 0) waitpid(child, NULL, 0);
    return child;
  }
  if (!strcmp(what, "clone3")) {
    struct clone_args args = {.exit_signal = SIGCHLD};
    long child = syscall(SYS_clone3, &args, sizeof args);
    if (child == 0) _exit(0);
    if (child > 0) waitpid(child, NULL, 0);
    return child;
  }
  if (!strcmp(what, "exec")) return execve("/bin/echo", (char*[]){"echo", "probe: 0", NULL}, (char*[]){NULL});
  if (!strcmp(what, "map executable memory"))
    return (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!strcmp(what, "make memory executable"))
    return mprotect((void*)((long)what & -4096L), 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
  if (!strcmp(what, "make a file in memory")) return memfd_create("probe", 0);
  if (!strcmp(what, "read another process")) {
    char byte;
    struct iovec local = {&byte, 1}, remote = {(void*)&attempt, 1};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
  }
  if (!strcmp(what, "signal another process")) return syscall(SYS_tgkill, getppid(), getppid(), 0);
  if (!strcmp(what, "kill")) return kill(getppid(), 0);
  if (!strcmp(what, "raise a limit")) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return prlimit(0, RLIMIT_DATA, &limit, NULL);
  }
  if (!strcmp(what, "leave a namespace")) return syscall(SYS_unshare, 0);
#ifdef __x86_64__
  if (!strcmp(what, "call by the x32 numbers")) return syscall(0x40000000 | SYS_getpid);
  if (!strcmp(what, "call by the 32-bit interface")) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");  // getpid
    return result;
  }
#endif
  abort();
}
