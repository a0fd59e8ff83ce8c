/* program.h - what main does first and last, whatever its parent left it: standard streams that are closed, full or a
 * pipe that nobody reads, signals that are blocked or ignored. In between a program prints as if nothing could fail.
 */
#ifndef AOTC_PROGRAM_H
#define AOTC_PROGRAM_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A descriptor that is closed stays unusable, but is taken: otherwise the next file that is opened, an artifact or a
 * store, would be what messages are written to. */
static inline void aotc_hold_standard_streams(void) {
  for (int fd = 0; fd <= 2; ++fd)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) _exit(EXIT_FAILURE);
  /* What is printed is kept until the end, where the system's word about it can be heard. */
  static char kept[1 << 16];
  if (!isatty(STDOUT_FILENO)) setvbuf(stdout, kept, _IOFBF, sizeof(kept));
}

static inline void aotc_begin_program(void) {
  aotc_hold_standard_streams();
  /* Faults, deadlines and children's ends must reach us. A file that may not grow is an error like a full disk. */
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGCHLD, SIG_DFL);
  signal(SIGXFSZ, SIG_IGN);
}

/* False, with errno, unless all that was printed has arrived. Some file systems say only at the end that it has not. */
static inline bool aotc_flush_stdout(void) {
  bool failed = ferror(stdout) != 0;
  errno = 0;
  if (fflush(stdout) != 0) return false;
  int copy = failed ? -1 : dup(STDOUT_FILENO);
  if (copy >= 0 && close(copy) == 0) return true;
  if (errno == 0) errno = EIO;
  return false;
}

/* The same with a message, for what ends after it has printed. */
static inline bool aotc_finish_stdout(const char* program) {
  if (aotc_flush_stdout()) return true;
  fprintf(stderr, "%s: standard output: cannot write: %s\n", program, strerror(errno));
  return false;
}

#endif
