// preloaded_probe.c - preloaded into a process that is to be confined, tries one thing that it must not be able to do
// and writes what came of it to its output: "probe: 0" or "probe: ERRNO". AOTC_PROBE names the thing. It is tried when
// the process first touches what it is to read, standard input or the file AOTC_PROBE_READS, which is after it has
// confined itself, or, with AOTC_PROBE_EARLY, at the start, when it must succeed.
#include "../../Inputs/attempt.h"

#include <sys/stat.h>

static ino_t awaited;

static void probe(void) {
  errno = 0;
  long result = attempt(getenv("AOTC_PROBE"));
  dprintf(STDOUT_FILENO, "probe: %d\n", result == -1 ? errno : 0);
}

__attribute__((constructor)) static void start(void) {
  struct stat status;
  const char* file = getenv("AOTC_PROBE_READS");
  if (file != NULL && stat(file, &status) == 0) awaited = status.st_ino;
  if (getenv("AOTC_PROBE_EARLY")) probe();
}

static void probe_at(int fd) {
  static int done;
  struct stat status;
  if (done || getenv("AOTC_PROBE_EARLY")) return;
  if (fd != STDIN_FILENO && (awaited == 0 || syscall(SYS_fstat, fd, &status) != 0 || status.st_ino != awaited)) return;
  done = 1;
  probe();
}

off_t lseek(int fd, off_t offset, int whence) {
  probe_at(fd);
  return syscall(SYS_lseek, fd, offset, whence);
}

off_t lseek64(int fd, off_t offset, int whence) { return lseek(fd, offset, whence); }

ssize_t read(int fd, void* buffer, size_t size) {
  probe_at(fd);
  return syscall(SYS_read, fd, buffer, size);
}
