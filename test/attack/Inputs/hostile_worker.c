// hostile_worker.c - preloaded into aotc: its compiler's process, when it first touches the module and so after it has
// confined itself, says to the cache what AOTC_WORDS holds, in hexadecimal, and goes on as if nothing had happened.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kInput = 0, kCache = 6 };

static const char* words;

// A copy: the process overwrites what its environment held.
__attribute__((constructor)) static void start(void) {
  if (getenv("AOTC_WORDS") != NULL) words = strdup(getenv("AOTC_WORDS"));
}

off_t lseek(int fd, off_t offset, int whence) {
  struct stat status;
  if (fd == kInput && words != NULL && syscall(SYS_fstat, kCache, &status) == 0 && S_ISSOCK(status.st_mode)) {
    static unsigned char bytes[1 << 16];
    size_t size = 0;
    for (unsigned byte; sscanf(words + 2 * size, "%2x", &byte) == 1; ++size) bytes[size] = (unsigned char)byte;
    words = NULL;
    if (write(kCache, bytes, size) != (ssize_t)size) _exit(99);
  }
  return syscall(SYS_lseek, fd, offset, whence);
}

off_t lseek64(int fd, off_t offset, int whence) { return lseek(fd, offset, whence); }
