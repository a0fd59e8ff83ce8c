/* wasi_resolve.c - from a guest path to a host descriptor that lies beneath a directory, whatever the path and whoever
 * changes the tree meanwhile.
 *
 * Two resolvers with the same answers:
 *   openat2 with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, one system call, checked by the kernel.
 *   A walk, where there is no openat2 (kernels before 5.6, qemu-user, some seccomp filters): each component is opened
 *   with O_PATH | O_NOFOLLOW relative to the descriptor of the one before, symbolic links are expanded here, and `..`
 *   goes back to the descriptor held for the parent, never to what the parent has become. A directory that is moved
 * away during the walk therefore leads to the place it had, not out of the root. Checking a path as text and then
 * opening it, or realpath and a prefix test, lose to a symbolic link put in place between the two.
 *
 * Absolute paths, absolute links and `..` above the directory are EPERM, as in other hosts; Go reports that as
 * fs.ErrPermission.
 */
#define _GNU_SOURCE
#include "core/file_status.h"
#include "wasi_state.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

enum {
  kMaxLinks = 40,  /* like the kernel */
  kMaxDepth = 256, /* directories the walk holds open */
  kMaxRetries = 64 /* of openat2 while others rename */
};

/* --- paths from guest memory ------------------------------------------------------------------------------------ */

static bool valid_utf8(const uint8_t* p, const uint8_t* end) {
  while (p < end) {
    uint8_t c = *p++;
    if (c < 0x80) continue;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4 || end - p < more) return false;
    /* Overlong forms, surrogates and code points above U+10FFFF show in the second byte. */
    uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (*p < low || *p > high) return false;
    for (int i = 0; i < more; i++)
      if ((*p++ & 0xc0) != 0x80) return false;
  }
  return true;
}

int aotc_wasi_load_path(struct aotc_instance* instance, uint32_t address, uint32_t length, char* out) {
  const uint8_t* path = aotc_instance_memory_at(instance, address, length);
  if (!path) return WASI_EFAULT;
  if (length == 0) return WASI_ENOENT;
  if (length > AOTC_WASI_MAX_PATH) return WASI_ENAMETOOLONG;
  if (memchr(path, 0, length)) return WASI_EINVAL;
  if (!valid_utf8(path, path + length)) return WASI_EILSEQ;
  memcpy(out, path, length);
  out[length] = 0;
  return 0;
}

/* --- the walk ----------------------------------------------------------------------------------------------------- */

struct walk {
  int held[kMaxDepth + 1]; /* held[0] is the root and not ours */
  int depth;
  int links;
  char rest[AOTC_WASI_MAX_PATH + 1]; /* what is still to be resolved */
};

static int top(const struct walk* w) { return w->held[w->depth]; }

/* Replaces the symbolic link `link` by its target before `after`, the rest of the path. */
static int expand(struct walk* w, int link, const char* after) {
  char target[AOTC_WASI_MAX_PATH + 1];
  if (++w->links > kMaxLinks) return -ELOOP;
  ssize_t n = readlinkat(link, "", target, sizeof target);
  if (n < 0) return -errno;
  if (n == 0) return -ENOENT;
  if (target[0] == '/') return -EPERM;
  size_t more = strlen(after);
  if ((size_t)n + more > AOTC_WASI_MAX_PATH) return -ENAMETOOLONG;
  memmove(w->rest + n, after, more + 1);
  memcpy(w->rest, target, (size_t)n);
  return 0;
}

/* The last component, which may be a link to follow. 0: a link was expanded, or what was there has changed: go on. */
static int open_last(struct walk* w, const char* name, const char* after, int flags, mode_t mode) {
  if ((flags & O_NOFOLLOW) || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) {
    int fd = openat(top(w), name, flags | O_NOFOLLOW, mode);
    return fd < 0 ? -errno : fd;
  }
  struct stat st;
  int probe = openat(top(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (probe < 0 && (errno != ENOENT || !(flags & O_CREAT))) return -errno;
  if (probe >= 0) {
    int result = aotc_fstat(probe, &st) != 0 ? -errno : 0;
    if (result == 0 && S_ISLNK(st.st_mode)) {
      result = expand(w, probe, after);
      close(probe);
      if (result == 0) return 0;
      return result;
    }
    if (result == 0 && (flags & O_PATH)) {
      if (!(flags & O_DIRECTORY) || S_ISDIR(st.st_mode)) return probe;
      result = -ENOTDIR;
    }
    close(probe);
    if (result != 0) return result;
  }
  int fd = openat(top(w), name, flags | O_NOFOLLOW, mode);
  if (fd >= 0) return fd;
  if (errno != ELOOP || ++w->links > kMaxLinks) return -errno;
  /* A link has taken its place since. */
  memmove(w->rest, name, strlen(name) + 1);
  return 0;
}

static int enter(struct walk* w, const char* name, const char* after) {
  struct stat st;
  int fd = openat(top(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -errno;
  int result = 0;
  if (aotc_fstat(fd, &st) != 0)
    result = -errno;
  else if (S_ISLNK(st.st_mode))
    result = expand(w, fd, after);
  else if (!S_ISDIR(st.st_mode))
    result = -ENOTDIR;
  else if (w->depth == kMaxDepth)
    result = -ENAMETOOLONG;
  else {
    w->held[++w->depth] = fd;
    memmove(w->rest, after, strlen(after) + 1);
    return 0;
  }
  close(fd);
  return result;
}

static int walk(int dir, const char* path, int flags, mode_t mode) {
  struct walk w = {.depth = 0, .links = 0};
  w.held[0] = dir;
  if (path[0] == '/') return -EPERM;
  strcpy(w.rest, path);
  int result = 0;
  bool done = false;
  while (!done) {
    char name[AOTC_WASI_MAX_PATH + 1];
    const char* p = w.rest + strspn(w.rest, "/");
    size_t length = strcspn(p, "/");
    const char* after = p + length;
    memcpy(name, p, length);
    name[length] = 0;
    bool dot = strcmp(name, ".") == 0, dotdot = strcmp(name, "..") == 0;
    if (dotdot) {
      if (w.depth == 0) {
        result = -EPERM;
        break;
      }
      close(w.held[w.depth--]);
    }
    if (length == 0 || ((dot || dotdot) && after[0] == 0)) {
      /* The path ends in a directory that is held: "a/", "a/." or "a/..". */
      result = openat(top(&w), ".", flags, mode);
      if (result < 0) result = -errno;
      done = true;
    } else if (dot || dotdot) {
      memmove(w.rest, after, strlen(after) + 1);
    } else if (after[0] == 0) {
      result = open_last(&w, name, after, flags, mode);
      done = result != 0;
    } else if ((flags & O_CREAT) && after[strspn(after, "/")] == 0) {
      /* "name/" is never created, and Linux does not look whether it exists. */
      result = -EISDIR;
      done = true;
    } else {
      result = enter(&w, name, after);
      done = result != 0;
    }
  }
  while (w.depth > 0) close(w.held[w.depth--]);
  return result;
}

/* --- openat2 ------------------------------------------------------------------------------------------------------ */

static int openat2_beneath(int dir, const char* path, int flags, mode_t mode) {
  struct open_how how = {
      .flags = (uint64_t)flags, .mode = flags & O_CREAT ? mode : 0, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
  for (int i = 0;; i++) {
    long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (fd >= 0) return (int)fd;
    /* EAGAIN: somebody renamed something and the kernel cannot tell whether `..` still lies beneath. */
    if (errno == EINTR || (errno == EAGAIN && i < kMaxRetries)) continue;
    if (errno == EAGAIN) return walk(dir, path, flags, mode);
    return errno == EXDEV ? -EPERM : -errno;
  }
}

static enum aotc_wasi_resolver probe_resolver(void) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
  long fd = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how);
  if (fd < 0) return AOTC_WASI_RESOLVER_WALK;
  close((int)fd);
  return AOTC_WASI_RESOLVER_OPENAT2;
}

int aotc_wasi_open_beneath(struct aotc_wasi* wasi, int dir, const char* path, int flags, mode_t mode) {
  if (wasi->resolver == AOTC_WASI_RESOLVER_UNKNOWN) wasi->resolver = probe_resolver();
  flags |= O_CLOEXEC;
  if (wasi->resolver == AOTC_WASI_RESOLVER_OPENAT2) return openat2_beneath(dir, path, flags, mode);
  return walk(dir, path, flags, mode);
}

int aotc_wasi_open_parent(struct aotc_wasi* wasi, int dir, char* path, const char** name) {
  if (path[0] == '/') return -EPERM;
  size_t end = strlen(path);
  bool slash = path[end - 1] == '/';
  while (end > 0 && path[end - 1] == '/') end--;
  size_t start = end;
  while (start > 0 && path[start - 1] != '/') start--;
  path[slash ? end + 1 : end] = 0;
  *name = path + start;
  /* With `..` last, the parent is not what precedes it. Such a name denotes a directory that exists and is in use; only
   * the errno is left to find, and the kernel finds it for "." as well. */
  if (strcmp(*name, "..") == 0 || strcmp(*name, "../") == 0) {
    int fd = aotc_wasi_open_beneath(wasi, dir, path, O_PATH | O_DIRECTORY, 0);
    *name = ".";
    return fd;
  }
  if (start == 0) return dir;
  path[start - 1] = 0;
  return aotc_wasi_open_beneath(wasi, dir, path, O_PATH | O_DIRECTORY, 0);
}
