/* io.c - see io.h. */
#define _GNU_SOURCE
#include "support/io.h"

#include <errno.h>
#include <unistd.h>

bool aotc_write_all(int fd, const void* bytes, size_t size) {
  for (const char* at = bytes; size > 0;) {
    ssize_t n = write(fd, at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ENOSPC;
    if (n <= 0) return false;
    at += n;
    size -= (size_t)n;
  }
  return true;
}

static ssize_t all(int fd, char* bytes, size_t size, const off_t* from) {
  size_t done = 0;
  while (done < size) {
    char* at = bytes + done;
    ssize_t n = from == NULL ? read(fd, at, size - done) : pread(fd, at, size - done, *from + (off_t)done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    done += (size_t)n;
  }
  return (ssize_t)done;
}

ssize_t aotc_read_all(int fd, void* bytes, size_t size) { return all(fd, bytes, size, NULL); }

ssize_t aotc_pread_all(int fd, void* bytes, size_t size, off_t offset) { return all(fd, bytes, size, &offset); }
