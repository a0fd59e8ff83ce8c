/* confine.c - resource limits, Landlock for the directories, then the filter of system calls that nodes use, too.
 *
 * A filter sees no paths, so that without Landlock (Linux 5.13) a program with directories could open every file that
 * the user may read: then it is not run. A program without directories needs no Landlock, it can open nothing.
 */
#define _GNU_SOURCE
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscall_filter.h"

/* What the host itself allocates and writes beside the program's memory. */
static const uint64_t kHost = 128u << 20;
static const uint64_t kFiles = 1024;

static bool limit(int resource, uint64_t value) {
  struct rlimit now;
  if (getrlimit(resource, &now) != 0) return false;
  if (value > now.rlim_max) value = now.rlim_max;
  now = (struct rlimit){value, value};
  return setrlimit(resource, &now) == 0;
}

/* Reading beneath the directories, nothing elsewhere. */
static bool restrict_files(const char* const* directories, size_t count) {
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;
  /* One more right has been added by each of versions 2 and 3: linking elsewhere, and truncating. */
  struct landlock_ruleset_attr handled = {.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
  if (version >= 2) handled.handled_access_fs |= LANDLOCK_ACCESS_FS_MAKE_SYM << 1;
  if (version >= 3) handled.handled_access_fs |= LANDLOCK_ACCESS_FS_MAKE_SYM << 2;
  int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
  if (rules < 0) return false;
  bool good = true;
  for (size_t i = 0; i < count && good; ++i) {
    struct landlock_path_beneath_attr beneath = {
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        .parent_fd = open(directories[i], O_PATH | O_CLOEXEC)};
    good = beneath.parent_fd >= 0 &&
           syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
    close(beneath.parent_fd);
  }
  good = good && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
  close(rules);
  return good;
}

const char* aotc_confine(const struct aotc_confinement* c) {
  if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_NOFILE, kFiles)) return "limits";
  if (c->memory != 0 && (!limit(RLIMIT_DATA, c->memory + kHost) || !limit(RLIMIT_FSIZE, c->memory + kHost)))
    return "limits on memory";
  if (c->cpu_seconds != 0 && !limit(RLIMIT_CPU, c->cpu_seconds)) return "limit on time";
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "PR_SET_NO_NEW_PRIVS";
  if (c->directory_count != 0 && !restrict_files(c->directories, c->directory_count)) return "Landlock for --dir";
  int status = aotc_filter_system_calls(c->directory_count != 0);
  errno = -status;
  return status == 0 ? NULL : "filter of system calls";
}
