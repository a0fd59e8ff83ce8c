/* landlock.c - files beneath what is granted and no others; no sockets or signals to the outside where the kernel can
 * tell. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rules.h"

/* Rights by the version that they came with; headers may know fewer than the kernel that we run on. */
enum {
  kExecute = 1 << 0,
  kWriteFile = 1 << 1,
  kReadFile = 1 << 2,
  kReadFolder = 1 << 3,
  kVersion1 = (1 << 13) - 1,
  kRefer = 1 << 13,    /* 2: linking and renaming to another folder */
  kTruncate = 1 << 14, /* 3 */
  kIoctl = 1 << 15,    /* 5: of devices */
  kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kIoctl,
};

enum { kBindTcp = 1 << 0, kConnectTcp = 1 << 1 };      /* 4 */
enum { kAbstractSockets = 1 << 0, kSignals = 1 << 1 }; /* 6: to processes outside */

struct handled {
  uint64_t files, network, scoped;
};

int aotc_landlock_version(void) {
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version < 1 ? 0 : (int)version;
}

/* What is taken away, unless it is granted; `size` is how much of it this version reads. */
static struct handled handled_by(int version, enum aotc_network network, size_t* size) {
  struct handled h = {.files = kVersion1};
  if (version >= 2) h.files |= kRefer;
  if (version >= 3) h.files |= kTruncate;
  if (version >= 5) h.files |= kIoctl;
  if (network != AOTC_ANY_NETWORK) {
    if (version >= 4) h.network = network == AOTC_CONNECTS ? kBindTcp : kBindTcp | kConnectTcp;
    if (version >= 6) h.scoped = kAbstractSockets | kSignals;
  }
  *size = version >= 6 ? sizeof(h) : version >= 4 ? offsetof(struct handled, scoped) : sizeof(h.files);
  return h;
}

static int grant(int rules, const char* const* paths, uint64_t rights) {
  for (; paths != NULL && *paths != NULL; ++paths) {
    struct landlock_path_beneath_attr beneath = {.allowed_access = rights,
                                                 .parent_fd = open(*paths, O_PATH | O_CLOEXEC)};
    struct stat st;
    /* What does not exist cannot be read or started. */
    if (beneath.parent_fd < 0 && errno == ENOENT) continue;
    if (beneath.parent_fd < 0) return -errno;
    if (fstat(beneath.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode)) beneath.allowed_access &= kOfFiles;
    int status = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0 ? 0 : -errno;
    close(beneath.parent_fd);
    /* A pipe has no place, and no rule is about it. */
    if (status != 0 && status != -EBADFD) return status;
  }
  return 0;
}

int aotc_landlock_rules(const struct aotc_rules* rules, const struct aotc_grants* grants) {
  int version = aotc_landlock_version();
  if (version == 0) return -ENOSYS;
  size_t size;
  struct handled h = handled_by(version, rules->network, &size);
  int fd = (int)syscall(SYS_landlock_create_ruleset, &h, size, 0);
  if (fd < 0) return -errno;
  if (rules->files == AOTC_NO_FILE) return fd;
  int status = grant(fd, grants->read, kReadFile | kReadFolder);
  if (status == 0) status = grant(fd, grants->execute, kReadFile | kReadFolder | kExecute);
  if (status == 0) status = grant(fd, grants->write, h.files & ~(uint64_t)(kExecute | kIoctl));
  if (status == 0) return fd;
  close(fd);
  return status;
}

int aotc_landlock_enter(int rules) {
  int status = syscall(SYS_landlock_restrict_self, rules, 0) == 0 ? 0 : -errno;
  close(rules);
  return status;
}
