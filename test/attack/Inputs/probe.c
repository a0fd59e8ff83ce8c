/* probe.c - tries one thing after the other in a rule set of tools/sandbox, and prints what came of each:
 *
 *   probe PROCESS [DIR]    a line "WHAT: BEFORE AFTER" per thing, each tried in a process of its own: outside of the
 * rule set, then in it. "done", the name of an errno, or "killed". DIR is granted for reading, DIR/file is in it
 *
 * AOTC_PROBE_FILE names a file to create or delete. The rule set is entered as the real process does: a narrower one
 * after the one for loading, with the artifact's descriptor (here this program's own file) moved as it is there.
 */
#include "../../Inputs/attempt.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>

#include "sandbox/sandbox.h"

static const char* folder;
static int artifact = -1, big = -1;

static void* nothing(void* argument) { return argument; }
static void on_signal(int number) { (void)number; }

static long map_code(int fd, int protection, int flags) { return (long)mmap(NULL, 4096, protection, flags, fd, 0); }

static long attempt_more(const char* what) {
  static char page[4096];
  char path[4096];
  snprintf(path, sizeof path, "%s/file", folder ? folder : ".");
  if (!strcmp(what, "read a granted file")) return open(path, O_RDONLY);
  if (!strcmp(what, "list a granted directory"))
    return syscall(SYS_getdents64, open(folder, O_RDONLY | O_DIRECTORY), page, sizeof page);
  if (!strcmp(what, "write a granted file")) return open(path, O_WRONLY);
  if (!strcmp(what, "truncate a granted file")) return open(path, O_RDONLY | O_TRUNC);
  if (!strcmp(what, "open by a flag that no filter sees"))
    return syscall(SYS_openat2, AT_FDCWD, path, (uint64_t[3]){O_RDONLY}, 24);
  if (!strcmp(what, "see a descriptor by a path")) return syscall(SYS_newfstatat, 1, "", page, AT_EMPTY_PATH);
  if (!strcmp(what, "see a file by statx")) return syscall(SYS_statx, AT_FDCWD, "/etc/passwd", 0, 0xfff, page);
  if (!strcmp(what, "see a descriptor")) return syscall(SYS_fstat, 1, page);
  if (!strcmp(what, "connect")) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    long result = connect(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr*)&to, sizeof to);
    return result;
  }
  if (!strcmp(what, "use much memory"))
    return (long)mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!strcmp(what, "write a large file")) return lseek(big, 1 << 30, SEEK_SET) < 0 ? -1 : write(big, page, 1);
  if (!strcmp(what, "exec")) return execve("/bin/true", (char*[]){"true", NULL}, (char*[]){NULL});
  if (!strcmp(what, "start a thread")) {
    pthread_t thread;
    int code = pthread_create(&thread, NULL, nothing, NULL);
    if (code == 0) pthread_join(thread, NULL);
    errno = code;
    return code == 0 ? 0 : -1;
  }
  if (!strcmp(what, "set a signal handler")) return signal(SIGUSR1, on_signal) == SIG_ERR ? -1 : 0;
  if (!strcmp(what, "be traced")) return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
  if (!strcmp(what, "become root")) return syscall(SYS_setuid, 0);
  if (!strcmp(what, "mount")) return syscall(SYS_mount, "none", "/proc/self/fd", "tmpfs", 0, NULL);
  if (!strcmp(what, "make a ring")) return syscall(SYS_io_uring_setup, 1, page);
  if (!strcmp(what, "load a program into the kernel")) return syscall(SYS_bpf, 0, page, 4);
  if (!strcmp(what, "map a file as code")) return map_code(big, PROT_READ | PROT_EXEC, MAP_PRIVATE);
  if (!strcmp(what, "map the artifact as code")) return map_code(artifact, PROT_READ | PROT_EXEC, MAP_PRIVATE);
  if (!strcmp(what, "map the artifact as code to write"))
    return map_code(artifact, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE);
  if (!strcmp(what, "map the artifact as shared code")) return map_code(artifact, PROT_READ | PROT_EXEC, MAP_SHARED);
  if (!strcmp(what, "map anonymous memory by its number"))
    return map_code(artifact, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS);
  /* In its place, code of one's own. */
  if (!strcmp(what, "take the artifact's number")) {
    close(artifact);
    for (int fd = 0; fd >= 0 && fd != artifact;) fd = syscall(SYS_fcntl, big, F_DUPFD_CLOEXEC, 0);
    return map_code(artifact, PROT_READ | PROT_EXEC, MAP_PRIVATE);
  }
  return attempt(what);
}

static void enter(enum aotc_process process, struct aotc_grants* grants) {
  const char* failed = aotc_sandbox_enter(process, grants);
  if (failed == NULL) return;
  dprintf(STDOUT_FILENO, " %s: %s\n", failed, strerror(errno));
  _exit(1);
}

static void confine(enum aotc_process process) {
  const char* folders[] = {folder, NULL};
  struct aotc_grants grants = {.memory = 64 << 20, .file_bytes = 64 << 20, .cpu_seconds = 10, .read = folders};
  if (process == AOTC_TENANT || process == AOTC_TENANT_LOADING || process == AOTC_FREEZER ||
      process == AOTC_FREEZER_LOADING || process == AOTC_FREEZER_WITH_FILES ||
      process == AOTC_FREEZER_LOADING_WITH_FILES)
    grants.artifact = &artifact;
  if (process == AOTC_FRONT) enter(AOTC_FRONT_STARTING, &grants);
  if (process == AOTC_TENANT) enter(AOTC_TENANT_LOADING, &grants);
  if (process == AOTC_FREEZER) enter(AOTC_FREEZER_LOADING, &grants);
  if (process == AOTC_FREEZER_WITH_FILES) enter(AOTC_FREEZER_LOADING_WITH_FILES, &grants);
  enter(process, &grants);
}

/* -1: outside of any. */
static void run(const char* what, int process) {
  fflush(stdout);
  close(open(getenv("AOTC_PROBE_FILE"), O_WRONLY | O_CREAT, 0600));
  pid_t child = fork();
  if (child == 0) {
    if (process >= 0) confine((enum aotc_process)process);
    errno = 0;
    long result = attempt_more(what);
    _exit(result >= 0 ? 0 : errno);
  }
  int status;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    printf(" %s", WTERMSIG(status) == SIGSYS ? "killed" : strsignal(WTERMSIG(status)));
  else
    printf(" %s", WEXITSTATUS(status) == 0 ? "done" : strerrorname_np(WEXITSTATUS(status)));
}

int main(int argc, char** argv) {
  static const char* const kAlways[] = {"read a file",
                                        "create a file",
                                        "delete a file",
                                        "see a file",
                                        "see a file by statx",
                                        "see a descriptor by a path",
                                        "see a descriptor",
                                        "make an internet socket",
                                        "make a local socket",
                                        "make a pair of sockets",
                                        "connect",
                                        "fork",
                                        "clone3",
                                        "exec",
                                        "start a thread",
                                        "set a signal handler",
                                        "map executable memory",
                                        "make memory executable",
                                        "map a file as code",
                                        "map the artifact as code",
                                        "map the artifact as code to write",
                                        "map the artifact as shared code",
                                        "map anonymous memory by its number",
                                        "take the artifact's number",
                                        "make a file in memory",
                                        "read another process",
                                        "be traced",
                                        "signal another process",
                                        "kill",
                                        "become root",
                                        "raise a limit",
                                        "leave a namespace",
                                        "mount",
                                        "make a ring",
                                        "load a program into the kernel",
                                        "call by the 32-bit interface",
                                        "use much memory",
                                        "write a large file"};
  static const char* const kFolder[] = {"read a granted file", "list a granted directory", "write a granted file",
                                        "truncate a granted file", "open by a flag that no filter sees"};
  int process = argc > 1 ? aotc_sandbox_find(argv[1]) : -1;
  if (process < 0) return 2;
  signal(SIGXFSZ, SIG_IGN);
  folder = argc > 2 ? argv[2] : NULL;
  artifact = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  big = memfd_create("big", 0);
  if (artifact < 0 || big < 0 || ftruncate(big, 4096) != 0) return 2;
  size_t count = folder ? sizeof kFolder / sizeof *kFolder : 0;
  for (size_t i = 0; i < sizeof kAlways / sizeof *kAlways + count; ++i) {
    const char* what = i < count ? kFolder[i] : kAlways[i - count];
    printf("%s:", what);
    run(what, -1);
    run(what, process);
    puts("");
  }
}
