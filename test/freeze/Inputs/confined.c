// confined.c - tries things before and after aotc_confine, each in a process of its own, and prints what came of them.
//   confined [DIR]    with DIR the process may read what is beneath it
#include "../../Inputs/attempt.h"

#include "confine.h"

static const char* folder;

static long try(const char* what) {
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
  if (!strcmp(what, "use much memory"))
    return (long)mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!strcmp(what, "write a large file")) {
    signal(SIGXFSZ, SIG_IGN);
    return lseek(STDIN_FILENO, 1 << 30, SEEK_SET) < 0 ? -1 : write(STDIN_FILENO, page, 1);
  }
  return attempt(what);
}

static void run(const char* what, int confined) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    struct aotc_confinement limits = {64 << 20, 10, folder != NULL, &folder};
    const char* failed = confined ? aotc_confine(&limits) : NULL;
    if (failed) {
      printf("%s: %s\n", failed, strerror(errno));
      fflush(stdout);
      _exit(1);
    }
    errno = 0;
    _exit(try(what) >= 0 ? 0 : errno);
  }
  int status;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    printf(" signal %d", WTERMSIG(status));
  else
    printf(" %s", WEXITSTATUS(status) == 0 ? "done" : strerrorname_np(WEXITSTATUS(status)));
}

int main(int argc, char** argv) {
  static const char* const kAlways[] = {
      "read a file", "create a file", "delete a file", "make an internet socket", "make a local socket",
      "make a pair of sockets", "fork", "clone3", "exec", "map executable memory", "make memory executable",
      "make a file in memory", "read another process", "signal another process", "kill", "raise a limit",
      "leave a namespace", "call by the 32-bit interface", "use much memory", "write a large file"};
  static const char* const kFolder[] = {"read a granted file", "list a granted directory", "write a granted file",
                                        "truncate a granted file", "open by a flag that no filter sees"};
  folder = argc > 1 ? argv[1] : NULL;
  size_t count = folder ? sizeof kFolder / sizeof *kFolder : 0;
  for (size_t i = 0; i < sizeof kAlways / sizeof *kAlways + count; ++i) {
    const char* what = i < count ? kFolder[i] : kAlways[i - count];
    printf("%s:", what);
    if (strcmp(what, "exec")) run(what, 0);
    run(what, 1);
    puts("");
  }
}
