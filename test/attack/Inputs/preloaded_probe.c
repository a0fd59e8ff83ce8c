// preloaded_probe.c - preloaded into a worker, tries one thing that a worker must not be able to do and writes what came of it to the
// worker's output: "probe: 0" or "probe: ERRNO". AOTC_PROBE names the thing. It is tried when the worker first touches the
// module, which is after it has confined itself, or, with AOTC_PROBE_EARLY, at the start, when it must succeed.
#include "../../Inputs/attempt.h"

static void probe(void) {
  errno = 0;
  long result = attempt(getenv("AOTC_PROBE"));
  dprintf(STDOUT_FILENO, "probe: %d\n", result == -1 ? errno : 0);
}

__attribute__((constructor)) static void start(void) {
  if (getenv("AOTC_PROBE_EARLY")) probe();
}

off_t lseek(int fd, off_t offset, int whence) {
  static int done;
  if (fd == STDIN_FILENO && !done++ && !getenv("AOTC_PROBE_EARLY")) probe();
  return syscall(SYS_lseek, fd, offset, whence);
}

off_t lseek64(int fd, off_t offset, int whence) { return lseek(fd, offset, whence); }
