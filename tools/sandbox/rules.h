/* rules.h - the form of the table in processes.c; for tools/sandbox only.
 *
 * A process has groups of calls. A group has a name, calls that are allowed whatever their arguments are, and calls
 * with conditions, each `(argument & mask) == value`. Two of the values are known when the rules are installed.
 */
#ifndef AOTC_TOOLS_SANDBOX_RULES_H
#define AOTC_TOOLS_SANDBOX_RULES_H

#include <stdbool.h>

#include "sandbox.h"

enum { kMaxConditions = 3, kMaxGroups = 16, kMaxConditional = 12 };

enum aotc_value { AOTC_CONSTANT, AOTC_OWN_PID, AOTC_ARTIFACT };

struct aotc_condition {
  unsigned argument;
  uint64_t mask, value;
  enum aotc_value kind;
};

struct aotc_rule {
  const char* call;
  const char* text; /* the conditions, for people */
  unsigned count;
  struct aotc_condition conditions[kMaxConditions];
};

struct aotc_group {
  const char* name;
  const char* calls; /* separated by spaces */
  struct aotc_rule conditional[kMaxConditional];
};

/* What files a process may name. */
enum aotc_files {
  AOTC_ANY_FILE,    /* Landlock is not used */
  AOTC_NO_FILE,     /* where there is Landlock: none. The filter has no call that takes a path */
  AOTC_GRANTED,     /* what the grants name, where there is Landlock */
  AOTC_ONLY_GRANTED /* the same, and the process is refused without Landlock */
};

/* Who it is afterwards. */
enum aotc_user {
  AOTC_SAME_RIGHTS, /* it starts others, and takes rights from them */
  AOTC_SAME_USER,   /* without that user's capabilities */
  AOTC_NOBODY       /* when root starts it; no capabilities, no /proc/PID for others of that user */
};

/* Of Landlock's, besides what the calls allow. */
enum aotc_network { AOTC_ANY_NETWORK, AOTC_CONNECTS, AOTC_NO_NETWORK };

struct aotc_rules {
  const char* program; /* one or two, separated by spaces */
  const char* name;
  const char* purpose;
  int otherwise;   /* errno of a call that is not allowed; 0: it ends the process */
  const char* why; /* that */
  enum aotc_files files;
  enum aotc_user user;
  enum aotc_network network;
  bool empty_root;               /* sees no file system, where the kernel allows it */
  bool narrows;                  /* entered by a process that has other rules already: all but the filter is in force */
  unsigned descriptors, threads; /* unless granted; 0 descriptors: as many as it had */
  const char* refused;           /* calls that answer EACCES, whatever `otherwise` says: libraries try them */
  const struct aotc_group* groups[kMaxGroups];
};

extern const struct aotc_rules aotc_process_rules[AOTC_PROCESS_COUNT];

/* Each returns 0 or a negative errno. */
int aotc_filter_calls(const struct aotc_rules* rules, int artifact);
/* A descriptor of Landlock's rules, made while the grants' paths can be reached; -ENOSYS or -EOPNOTSUPP without
 * Landlock. */
int aotc_landlock_rules(const struct aotc_rules* rules, const struct aotc_grants* grants);
int aotc_landlock_enter(int rules);
/* The version of Landlock's interface that the kernel has, 0 for none. */
int aotc_landlock_version(void);

#endif
