/* processes.c - the table: what each kind of process may do, and why what it may not do ends it or only fails.
 *
 * Groups first, smallest first, then the processes. A process has no more than it is seen to need: to find out what
 * that is, let it end on what is missing and read the number of the call in the kernel's log (or `strace -f -c`).
 *
 * No group of a process that is to be confined has a call that takes a path. fstat is the call of that name, by number
 * of a descriptor; the C library's fstat may be newfstatat or statx, which take paths, so our own code makes the call
 * itself (runtime-stubs/wasi), and what libraries ask in vain they can do without. clone3 is in no group, since no
 * filter sees its flags: the C library then uses clone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "rules.h"

#define IF(argument, mask, value) {argument, mask, value, AOTC_CONSTANT}
#define EQUALS(argument, value) {argument, UINT64_MAX, value, AOTC_CONSTANT}
#define NO_EXEC(call)                                     \
  {                                                       \
    call, "without PROT_EXEC", 1, { IF(2, PROT_EXEC, 0) } \
  }

/* --- groups ----------------------------------------------------------------------------------------------------- */

static const struct aotc_group kDescriptors = {
    "what is open",
    "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek close fstat",
    {{"fcntl", "F_GETFL", 1, {EQUALS(1, F_GETFL)}}, {"fcntl", "F_GETFD", 1, {EQUALS(1, F_GETFD)}}}};

static const struct aotc_group kMemory = {
    "memory", "munmap mremap madvise brk", {NO_EXEC("mmap"), NO_EXEC("mprotect")}};

/* The same, but nothing that does not go with the process, and is not counted as its own. */
static const struct aotc_group kPrivateMemory = {
    "memory of its own",
    "munmap mremap madvise brk",
    {{"mmap", "private, without PROT_EXEC", 2, {IF(2, PROT_EXEC, 0), IF(3, MAP_TYPE, MAP_PRIVATE)}},
     NO_EXEC("mprotect")}};

/* abort() and raise() signal their own process. */
static const struct aotc_group kItself = {"itself",
                                          "exit exit_group getpid gettid getrandom getrusage sysinfo futex sched_yield "
                                          "rt_sigprocmask rt_sigreturn sigaltstack "
                                          "restart_syscall clock_gettime clock_getres clock_nanosleep gettimeofday",
                                          {{"tgkill", "of its own", 1, {{0, UINT64_MAX, 0, AOTC_OWN_PID}}}}};

/* To hear, at the end, whether all has arrived. */
static const struct aotc_group kPrinting = {"printing", "dup", {{0}}};

static const struct aotc_group kHandlers = {"signal handlers", "rt_sigaction", {{0}}};

static const struct aotc_group kTimers = {"timers", "timer_create timer_settime timer_delete", {{0}}};

static const struct aotc_group kAlarm = {"alarm", "alarm setitimer", {{0}}};

static const struct aotc_group kThreads = {"threads",
                                           "set_robust_list rseq sched_getaffinity sched_setscheduler",
                                           {{"clone", "CLONE_THREAD", 1, {IF(0, CLONE_THREAD, CLONE_THREAD)}}}};

/* Bytes only: a message could bring or send descriptors. */
static const struct aotc_group kBytes = {"open sockets", "recvfrom sendto poll ppoll", {{0}}};

static const struct aotc_group kMessages = {
    "open sockets", "recvfrom sendto recvmsg sendmsg shutdown poll ppoll", {{0}}};

/* Reset asks which pages were touched, the WASI host how much there is to read. */
static const struct aotc_group kAsking = {
    "questions",
    "",
    {{"ioctl", "PAGEMAP_SCAN", 1, {IF(1, 0xffffffff, _IOC(_IOC_READ | _IOC_WRITE, 'f', 16, 12 * 8))}},
     {"ioctl", "FIONREAD", 1, {IF(1, 0xffffffff, FIONREAD)}}}};

/* An image is a sealed file in memory. The artifact's descriptor has one of the numbers that no other can have
 * (sandbox.h). */
static const struct aotc_group kLoading = {"loading",
                                           "memfd_create ftruncate fallocate",
                                           {{"mmap",
                                             "the artifact, to read and execute, private",
                                             3,
                                             {EQUALS(2, PROT_READ | PROT_EXEC),
                                              IF(3, MAP_TYPE | MAP_ANONYMOUS, MAP_PRIVATE),
                                              {4, ~(uint64_t)(AOTC_MOST_ARTIFACTS - 1), 0, AOTC_ARTIFACT}}},
                                            {"fcntl", "F_DUPFD_CLOEXEC", 1, {EQUALS(1, F_DUPFD_CLOEXEC)}},
                                            {"fcntl", "F_ADD_SEALS", 1, {EQUALS(1, F_ADD_SEALS)}}}};

/* The image of instances that have accepted their connection is made of one that ran. */
static const struct aotc_group kSealing = {"sealing", "", {{"fcntl", "F_ADD_SEALS", 1, {EQUALS(1, F_ADD_SEALS)}}}};

/* A second, narrower rule set follows. */
static const struct aotc_group kNarrowing = {"narrowing",
                                             "seccomp",
                                             {{"prctl", "PR_SET_NO_NEW_PRIVS", 1, {EQUALS(0, PR_SET_NO_NEW_PRIVS)}},
                                              {"prlimit64", "of its own", 1, {EQUALS(0, 0)}}}};

/* Landlock says which. Without openat2, whose flags no filter sees, the WASI host opens each part of a path by openat.
 */
static const struct aotc_group kReadFiles = {
    "files to read",
    "getdents64 readlinkat fstatfs fadvise64 fsync fdatasync",
    {{"openat", "O_RDONLY", 1, {IF(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)}}}};

static const struct aotc_group kFiles = {"files",
                                         "open openat newfstatat stat lstat statx access faccessat faccessat2 readlink "
                                         "readlinkat getdents64 getcwd chdir fchdir "
                                         "fsync fdatasync flock ftruncate fallocate fadvise64 sync_file_range "
                                         "readahead fstatfs statfs rename renameat renameat2 "
                                         "unlink unlinkat rmdir mkdir mkdirat link linkat symlink symlinkat chmod "
                                         "fchmod fchmodat fchown fchownat umask utimensat "
                                         "copy_file_range sendfile fcntl dup dup2 dup3 pipe2 ioctl memfd_create",
                                         {{0}}};

static const struct aotc_group kWaiting = {
    "waiting",
    "epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd2 timerfd_create timerfd_settime "
    "signalfd4 select pselect6 rt_sigtimedwait",
    {{0}}};

static const struct aotc_group kServing = {
    "clients", "epoll_ctl epoll_wait epoll_pwait accept4 getsockopt setsockopt", {{0}}};

static const struct aotc_group kAccepting = {
    "accepting", "accept4 accept getsockname getpeername getsockopt setsockopt", {{0}}};

static const struct aotc_group kListening = {"listening", "socket bind listen socketpair", {{0}}};

static const struct aotc_group kConnecting = {
    "connecting", "socket connect bind getsockname getpeername getsockopt setsockopt sendmmsg recvmmsg uname", {{0}}};

/* Without blocking; the resolver looks whether its files have changed. */
static const struct aotc_group kCarrying = {
    "carrying",
    "socketpair newfstatat",
    {{"fcntl", "F_SETFL", 1, {EQUALS(1, F_SETFL)}}, {"ioctl", "FIONREAD", 1, {IF(1, 0xffffffff, FIONREAD)}}}};

/* What a child does before it has entered its own rule set runs under these rules, too: it is loaded by the C library's
 * loader and takes rights from itself. Files are mapped executable for that, never memory, and never writable at once.
 */
static const struct aotc_group kChildren = {
    "children",
    "clone fork vfork execve wait4 waitid pidfd_open pidfd_send_signal kill tgkill close_range prctl prlimit64 "
    "setrlimit "
    "getrlimit arch_prctl set_tid_address set_robust_list rseq setpgid setsid setuid setgid setgroups setresuid "
    "setresgid "
    "getuid geteuid getgid getegid getppid getpgrp uname sched_setscheduler sched_getaffinity seccomp "
    "landlock_create_ruleset "
    "landlock_add_rule landlock_restrict_self capset capget membarrier",
    {{"mmap", "a file, to read and execute", 2, {IF(2, PROT_EXEC | PROT_WRITE, PROT_EXEC), IF(3, MAP_ANONYMOUS, 0)}}}};

/* Leaving all file systems (sandbox.c). */
static const struct aotc_group kRoots = {"an empty root", "unshare mount umount2 pivot_root", {{0}}};

/* --- processes -------------------------------------------------------------------------------------------------- */

static const char kCompilerTries[] = "openat newfstatat readlinkat faccessat ioctl prctl prlimit64";

const struct aotc_rules aotc_process_rules[AOTC_PROCESS_COUNT] = {
    [AOTC_SUPERVISOR] =
        {.program = "aotc-node",
         .name = "supervisor",
         .purpose =
             "starts and watches the other processes, which need these calls, too; reads no byte of a stranger's",
         .otherwise = EPERM,
         .why = "a library that asks for more must not take the node down",
         .files = AOTC_ANY_FILE,
         .user = AOTC_SAME_RIGHTS,
         .network = AOTC_ANY_NETWORK,
         .groups = {&kDescriptors, &kMemory, &kItself, &kHandlers, &kTimers, &kAlarm, &kThreads, &kMessages, &kFiles,
                    &kWaiting, &kAccepting, &kListening, &kConnecting, &kChildren, &kRoots}},
    [AOTC_FRONT_STARTING] = {.program = "aotc-node",
                             .name = "front-starting",
                             .purpose = "makes the threads of the front",
                             .otherwise = ENOSYS,
                             .why = "the C library tries what there is",
                             .files = AOTC_NO_FILE,
                             .user = AOTC_NOBODY,
                             .network = AOTC_NO_NETWORK,
                             .empty_root = true,
                             .threads = 16,
                             .groups = {&kDescriptors, &kMemory, &kItself, &kThreads, &kMessages, &kServing,
                                        &kNarrowing}},
    [AOTC_FRONT] = {.program = "aotc-node",
                    .name = "front",
                    .purpose = "speaks HTTP with clients and frames with tenants",
                    .otherwise = 0,
                    .why = "it does a few things over and over: another one is somebody else's",
                    .files = AOTC_NO_FILE,
                    .narrows = true,
                    .groups = {&kDescriptors, &kMemory, &kItself, &kMessages, &kServing}},
    [AOTC_TENANT_LOADING] = {.program = "aotc-node",
                             .name = "tenant-loading",
                             .purpose = "maps, checks and thaws an artifact, and makes its threads",
                             .otherwise = ENOSYS,
                             .why = "the C library and the WASI host try what there is",
                             .files = AOTC_NO_FILE,
                             .user = AOTC_NOBODY,
                             .network = AOTC_NO_NETWORK,
                             .empty_root = true,
                             .descriptors = 256,
                             .threads = 1024,
                             .groups = {&kDescriptors, &kMemory, &kItself, &kHandlers, &kTimers, &kThreads, &kBytes,
                                        &kAsking, &kLoading, &kNarrowing}},
    [AOTC_TENANT] = {.program = "aotc-node",
                     .name = "tenant",
                     .purpose = "answers requests with compiled programs",
                     .otherwise = ENOSYS,
                     .why = "the WASI host tries what there is",
                     .files = AOTC_NO_FILE,
                     .narrows = true,
                     .groups = {&kDescriptors, &kPrivateMemory, &kItself, &kTimers, &kBytes, &kAsking, &kSealing}},
    [AOTC_PULLER] = {.program = "aotc-node",
                     .name = "puller",
                     .purpose = "speaks to registries, checks what they send, writes the cache",
                     .otherwise = EPERM,
                     .why = "looking up names tries several ways",
                     .files = AOTC_GRANTED,
                     .user = AOTC_NOBODY,
                     .network = AOTC_CONNECTS,
                     .groups = {&kDescriptors, &kMemory, &kItself, &kAlarm, &kMessages, &kFiles, &kConnecting}},
    [AOTC_SERVER] = {.program = "aotc-server",
                     .name = "server",
                     .purpose = "answers clients, keeps the store and the keys, starts compilers and freezers",
                     .otherwise = EPERM,
                     .why = "a library that asks for more must not take the service down",
                     .files = AOTC_GRANTED,
                     .user = AOTC_SAME_RIGHTS,
                     .network = AOTC_ANY_NETWORK,
                     .groups = {&kDescriptors, &kMemory, &kItself, &kHandlers, &kTimers, &kThreads, &kMessages, &kFiles,
                                &kWaiting, &kAccepting, &kListening, &kConnecting, &kChildren}},
    [AOTC_COMPILER] = {.program = "aotc aotc-server",
                       .name = "compiler",
                       .purpose = "reads one module, writes one artifact",
                       .otherwise = 0,
                       .why = "it only computes: anything else is an attack",
                       .files = AOTC_NO_FILE,
                       .user = AOTC_NOBODY,
                       .network = AOTC_NO_NETWORK,
                       .empty_root = true,
                       .descriptors = 16,
                       .threads = 64,
                       .refused = kCompilerTries,
                       .groups = {&kDescriptors, &kPrivateMemory, &kItself, &kHandlers, &kThreads}},
    [AOTC_FREEZER_LOADING] = {.program = "aotc-exec",
                              .name = "freezer-loading",
                              .purpose = "maps, checks and starts an artifact",
                              .otherwise = ENOSYS,
                              .why = "the C library and the WASI host try what there is",
                              .files = AOTC_NO_FILE,
                              .user = AOTC_NOBODY,
                              .network = AOTC_NO_NETWORK,
                              .empty_root = true,
                              .descriptors = 1000,
                              .groups = {&kDescriptors, &kMemory, &kItself, &kHandlers, &kTimers, &kLoading,
                                         &kNarrowing}},
    [AOTC_FREEZER_LOADING_WITH_FILES] = {.program = "aotc-exec",
                                         .name = "freezer-loading-with-files",
                                         .purpose = "the same for a program with read-only directories",
                                         .otherwise = ENOSYS,
                                         .why = "the C library and the WASI host try what there is",
                                         .files = AOTC_ONLY_GRANTED,
                                         .user = AOTC_SAME_USER,
                                         .network = AOTC_NO_NETWORK,
                                         .descriptors = 1000,
                                         .groups = {&kDescriptors, &kMemory, &kItself, &kHandlers, &kTimers, &kLoading,
                                                    &kNarrowing, &kReadFiles}},
    [AOTC_FREEZER] = {.program = "aotc-exec",
                      .name = "freezer",
                      .purpose = "runs the program until it waits for input, writes its snapshot",
                      .otherwise = ENOSYS,
                      .why = "the WASI host tries what there is",
                      .narrows = true,
                      .groups = {&kDescriptors, &kPrivateMemory, &kItself, &kTimers, &kAsking}},
    [AOTC_FREEZER_WITH_FILES] = {.program = "aotc-exec",
                                 .name = "freezer-with-files",
                                 .purpose = "the same for a program with read-only directories",
                                 .otherwise = ENOSYS,
                                 .why = "the WASI host tries what there is",
                                 .narrows = true,
                                 .groups = {&kDescriptors, &kPrivateMemory, &kItself, &kTimers, &kAsking, &kReadFiles}},
    [AOTC_INSPECTOR] = {.program = "aotc",
                        .name = "inspector",
                        .purpose = "reads a module, an artifact or a statement and prints what is in it",
                        .otherwise = 0,
                        .why = "it only computes: anything else is an attack",
                        .files = AOTC_NO_FILE,
                        .user = AOTC_NOBODY,
                        .network = AOTC_NO_NETWORK,
                        .empty_root = true,
                        .descriptors = 16,
                        .threads = 64,
                        .refused = kCompilerTries,
                        .groups = {&kDescriptors, &kPrivateMemory, &kItself, &kHandlers, &kThreads, &kPrinting}},
    [AOTC_CLIENT] = {.program = "aotc",
                     .name = "client",
                     .purpose = "speaks to a server or registry, reads or writes the files of its command",
                     .otherwise = EPERM,
                     .why = "looking up names tries several ways",
                     .files = AOTC_GRANTED,
                     .user = AOTC_SAME_RIGHTS,
                     .network = AOTC_CONNECTS,
                     .groups = {&kDescriptors, &kMemory, &kItself, &kHandlers, &kMessages, &kFiles, &kConnecting}},
    [AOTC_KEEPER] = {.program = "aotc aotc-server",
                     .name = "keeper",
                     .purpose = "keeps what was compiled in the folder of the cache, for compilers that ask",
                     .otherwise = EPERM,
                     .why = "the database tries what there is",
                     .files = AOTC_GRANTED,
                     .user = AOTC_SAME_USER,
                     .network = AOTC_NO_NETWORK,
                     .threads = 64,
                     .groups = {&kDescriptors, &kMemory, &kItself, &kHandlers, &kThreads, &kBytes, &kFiles}},
    [AOTC_COURIER] = {.program = "aotc-courier",
                      .name = "courier",
                      .purpose = "carries functions between a keeper and Redis or an HTTP server",
                      .otherwise = EPERM,
                      .why = "looking up names tries several ways",
                      .files = AOTC_GRANTED,
                      .user = AOTC_NOBODY,
                      .network = AOTC_CONNECTS,
                      .descriptors = 256,
                      .threads = 8,
                      .groups = {&kDescriptors, &kMemory, &kItself, &kHandlers, &kThreads, &kMessages, &kReadFiles,
                                 &kConnecting, &kCarrying}},
    [AOTC_BROKER] = {.program = "aotc-broker",
                     .name = "broker",
                     .purpose = "makes the connections that programs ask for, if they are allowed",
                     .otherwise = EPERM,
                     .why = "looking up names tries several ways",
                     .files = AOTC_GRANTED,
                     .user = AOTC_NOBODY,
                     .network = AOTC_CONNECTS,
                     .threads = 24,
                     .groups = {&kDescriptors, &kMemory, &kItself, &kHandlers, &kThreads, &kMessages, &kReadFiles,
                                &kConnecting, &kCarrying, &kServing}},
};
