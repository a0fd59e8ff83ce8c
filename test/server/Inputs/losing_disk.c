// losing_disk.c - preloaded into a server, writes down what it makes durable, so that losing_disk.py can take away the
// rest after a kill, as a loss of power would.
//
// LOSING_DISK names a folder with the journal; only what lies below LOSING_DISK_ROOT counts. A line per event, fields
// separated by tabs:
//   open INODE SIZE               opened for writing, the first time at this size
//   sync INODE SIZE               fsync or fdatasync returned; SIZE as it was before the call
//   create PATH INODE             changes of folders, in order; each is written together with the change, under a lock
//   mkdir PATH
//   rename OLD NEW INODE STASH    STASH is another name of what NEW was before, or "-"
//   unlink PATH STASH
//   syncdir FOLDER COUNT          fsync of a folder returned; COUNT changes were made before the call
//
// Files are only appended to, by RocksDB and by us: nothing that has been synced is written again.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long changes, stashes;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char* folder(void) { return getenv("LOSING_DISK"); }

static int counts(const char* path) {
  const char* root = getenv("LOSING_DISK_ROOT");
  return folder() && root && strncmp(path, root, strlen(root)) == 0;
}

static void say(const char* format, ...) {
  char name[PATH_MAX], line[2 * PATH_MAX];
  snprintf(name, sizeof name, "%s/journal", folder());
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  int fd = REAL(open)(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, line, (size_t)length) != length) abort();
  close(fd);
}

// A second name for what `path` is now, so that its content outlives it; "-" when there is nothing.
static void stash(const char* path, char* name) {
  snprintf(name, PATH_MAX, "%s/stash%lu", folder(), stashes++);
  if (REAL(link)(path, name) != 0) strcpy(name, "-");
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if (!counts(path) || (flags & O_ACCMODE) == O_RDONLY) return REAL(open)(path, flags, mode);
  pthread_mutex_lock(&lock);
  int is_new = access(path, F_OK) != 0;
  int fd = REAL(open)(path, flags, mode);
  struct stat status;
  if (fd >= 0 && fstat(fd, &status) == 0) {
    if (is_new) ++changes, say("create\t%s\t%lu\n", path, (unsigned long)status.st_ino);
    say("open\t%lu\t%ld\n", (unsigned long)status.st_ino, (long)status.st_size);
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

int mkdir(const char* path, mode_t mode) {
  if (!counts(path)) return REAL(mkdir)(path, mode);
  pthread_mutex_lock(&lock);
  int result = REAL(mkdir)(path, mode);
  if (result == 0) ++changes, say("mkdir\t%s\n", path);
  pthread_mutex_unlock(&lock);
  return result;
}

int rename(const char* from, const char* to) {
  if (!counts(to)) return REAL(rename)(from, to);
  pthread_mutex_lock(&lock);
  char before[PATH_MAX];
  struct stat status = {0};
  stat(from, &status);
  stash(to, before);
  ++changes, say("rename\t%s\t%s\t%lu\t%s\n", from, to, (unsigned long)status.st_ino, before);
  int result = REAL(rename)(from, to);
  pthread_mutex_unlock(&lock);
  return result;
}

int unlink(const char* path) {
  if (!counts(path)) return REAL(unlink)(path);
  pthread_mutex_lock(&lock);
  char before[PATH_MAX];
  stash(path, before);
  if (strcmp(before, "-") != 0) ++changes, say("unlink\t%s\t%s\n", path, before);
  int result = REAL(unlink)(path);
  pthread_mutex_unlock(&lock);
  return result;
}

static int sync_with(int (*real)(int), int fd) {
  char link[64], path[PATH_MAX] = "";
  struct stat status;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (readlink(link, path, sizeof path - 1) < 0 || !counts(path) || fstat(fd, &status) != 0) return real(fd);
  pthread_mutex_lock(&lock);
  unsigned long before = changes;
  pthread_mutex_unlock(&lock);
  int result = real(fd);
  if (result == 0 && S_ISDIR(status.st_mode)) say("syncdir\t%s\t%lu\n", path, before);
  if (result == 0 && S_ISREG(status.st_mode))
    say("sync\t%lu\t%ld\n", (unsigned long)status.st_ino, (long)status.st_size);
  return result;
}

int fsync(int fd) { return sync_with(REAL(fsync), fd); }
int fdatasync(int fd) { return sync_with(REAL(fdatasync), fd); }
