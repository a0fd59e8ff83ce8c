/* sandbox.c - see sandbox.h: the order in which a process takes its rights away, and everything but Landlock and
 * seccomp. */
#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "rules.h"

enum { kNobody = 65534 };
/* Of threads, for what others start meanwhile; see limit_threads. */
enum { kSpareThreads = 1024 };

static bool limit(int resource, uint64_t value) {
  struct rlimit now;
  if (getrlimit(resource, &now) != 0) return false;
  if (value > now.rlim_max) value = now.rlim_max;
  now = (struct rlimit){value, value};
  return setrlimit(resource, &now) == 0;
}

/* SIGXCPU says what it was, as the SIGKILL a second later, for who does not end by it, would not. */
static bool limit_processor(uint64_t seconds) {
  struct rlimit now;
  if (!limit(RLIMIT_CPU, seconds + 1) || getrlimit(RLIMIT_CPU, &now) != 0) return false;
  if (seconds < now.rlim_cur) now.rlim_cur = seconds;
  return setrlimit(RLIMIT_CPU, &now) == 0;
}

/* The kernel counts all threads of a user, whatever process they are in, and how many these are is not to be had. The
 * threads of the whole machine are no fewer, so this leaves room for `more`, and is still an end to what one process
 * can start. */
static bool limit_threads(unsigned more) {
  struct sysinfo machine;
  if (more == 0) return limit(RLIMIT_NPROC, 0);
  if (sysinfo(&machine) != 0) return false;
  return limit(RLIMIT_NPROC, (uint64_t)machine.procs + more + kSpareThreads);
}

/* The descriptors of artifacts get numbers above the limit, which none can have that is made later: the lowest of them
 * is a multiple of AOTC_MOST_ARTIFACTS, so that the filter can tell them by a mask. */
static bool limit_descriptors(unsigned count, const struct aotc_grants* g) {
  struct rlimit now;
  if (g->artifact == NULL) return limit(RLIMIT_NOFILE, count);
  unsigned artifacts = g->artifacts != 0 ? g->artifacts : 1;
  errno = EMFILE;
  if (artifacts > AOTC_MOST_ARTIFACTS || getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_max < artifacts) return false;
  if (count > now.rlim_max - artifacts) count = (unsigned)now.rlim_max - artifacts;
  count -= count % AOTC_MOST_ARTIFACTS;
  now.rlim_cur = count + artifacts;
  if (count == 0 || setrlimit(RLIMIT_NOFILE, &now) != 0) return false;
  for (unsigned i = 0; i < artifacts; ++i) {
    int number = (int)(count + i);
    if (g->artifact[i] == number) continue;
    if (dup3(g->artifact[i], number, O_CLOEXEC) < 0) return false;
    close(g->artifact[i]);
    g->artifact[i] = number;
  }
  return limit(RLIMIT_NOFILE, count);
}

/* Its own way into its control group, before it uses anything. */
static bool join_group(int procs) {
  bool joined = procs == 0 || write(procs, "0", 1) == 1;
  if (procs != 0) close(procs);
  return joined;
}

static const char* set_limits(const struct aotc_rules* rules, const struct aotc_grants* g) {
  unsigned descriptors = g->files != 0 ? g->files : rules->descriptors;
  if (!join_group(g->group)) return "control group";
  if (!limit(RLIMIT_CORE, 0)) return "RLIMIT_CORE";
  if (g->memory != 0 && !limit(RLIMIT_DATA, g->memory)) return "RLIMIT_DATA";
  if (g->file_bytes != 0 && !limit(RLIMIT_FSIZE, g->file_bytes)) return "RLIMIT_FSIZE";
  if (g->cpu_seconds != 0 && !limit_processor(g->cpu_seconds)) return "RLIMIT_CPU";
  if (descriptors != 0 && !limit_descriptors(descriptors, g)) return "RLIMIT_NOFILE";
  if (rules->user != AOTC_SAME_RIGHTS && !limit_threads(g->threads != 0 ? g->threads : rules->threads))
    return "RLIMIT_NPROC";
  return NULL;
}

/* To a file system of one empty folder, which is all that this process then has; what it has open stays. /proc is a
 * place that there is. */
static bool leave_file_systems(int namespaces) {
  if (unshare(namespaces) != 0) return false;
  return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("none", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=555") == 0 &&
         chdir("/proc") == 0 && syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 &&
         chdir("/") == 0;
}

/* A user namespace with one user has no nobody: its root is a user without rights outside, and stays. */
static bool become(unsigned uid, unsigned gid) {
  bool nobody = uid == 0 && gid == 0;
  if (uid == 0) uid = kNobody;
  if (gid == 0) gid = kNobody;
  if (setresgid(gid, gid, gid) != 0) return nobody && errno == EINVAL;
  return setgroups(0, NULL) == 0 && setresuid(uid, uid, uid) == 0;
}

static bool drop_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {{0}};
  return syscall(SYS_capset, &header, none) == 0;
}

static const char* change_user(const struct aotc_rules* rules, const struct aotc_grants* g) {
  bool root = geteuid() == 0 && rules->user == AOTC_NOBODY;
  bool left = root && rules->empty_root && leave_file_systems(CLONE_NEWNS);
  if (root && !become(g->uid, g->gid)) return "cannot become another user";
  if (rules->empty_root && !left) leave_file_systems(CLONE_NEWUSER | CLONE_NEWNS);
  if (rules->user == AOTC_NOBODY && prctl(PR_SET_DUMPABLE, 0) != 0) return "PR_SET_DUMPABLE";
  return rules->user == AOTC_SAME_RIGHTS || drop_capabilities() ? NULL : "capabilities";
}

/* Changing the user forgets this, so it comes after that. */
static bool die_with(int parent) {
  return parent == 0 || (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent);
}

/* Whether it can go on without Landlock, whose rules could not be made. */
static bool does_without_landlock(const struct aotc_rules* rules, int status) {
  return rules->files != AOTC_ONLY_GRANTED && (status == -ENOSYS || status == -EOPNOTSUPP);
}

static const char* failure(int status, const char* what) {
  errno = -status;
  return what;
}

static const char* enter_first(const struct aotc_rules* rules, const struct aotc_grants* g) {
  int death_signal = 0, parent = g->parent;
  if (parent == 0 && prctl(PR_GET_PDEATHSIG, &death_signal) == 0 && death_signal != 0) parent = getppid();
  const char* failed = set_limits(rules, g);
  if (failed != NULL) return failed;
  int landlock = rules->files == AOTC_ANY_FILE ? -ENOSYS : aotc_landlock_rules(rules, g);
  if (landlock < 0 && !does_without_landlock(rules, landlock)) return failure(landlock, "Landlock");
  if ((failed = change_user(rules, g)) != NULL) return failed;
  if (!die_with(parent)) return "PR_SET_PDEATHSIG";
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "PR_SET_NO_NEW_PRIVS";
  int status = landlock < 0 ? 0 : aotc_landlock_enter(landlock);
  return status == 0 ? NULL : failure(status, "Landlock");
}

const char* aotc_sandbox_enter(enum aotc_process process, const struct aotc_grants* grants) {
  static const struct aotc_grants kNone = {0};
  const struct aotc_rules* rules = &aotc_process_rules[process];
  const struct aotc_grants* g = grants != NULL ? grants : &kNone;
  if (rules->narrows) {
    if (!limit(RLIMIT_NPROC, 0)) return "RLIMIT_NPROC";
  } else {
    const char* failed = enter_first(rules, g);
    if (failed != NULL) return failed;
  }
  int status = aotc_filter_calls(rules, g->artifact == NULL ? -1 : *g->artifact);
  return status == 0 ? NULL : failure(status, "filter of system calls");
}
