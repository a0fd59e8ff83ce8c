/* filter.c - a process's row of the table as a seccomp filter; the only user of libseccomp.
 *
 * Calls by the 32-bit and the x32 interface end the process, whatever the table says. Calls that this architecture does
 * not have are left out. The filter is for all threads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <unistd.h>

#include "rules.h"

enum { kLongestName = 32 };

/* The number of the next call in `*list`, which moves on; __NR_SCMP_ERROR at its end. A name that nobody knows is one
 * that libseccomp is too old for: such a call cannot be allowed, and is not missed, since it is new to our own code as
 * well. */
static bool next_call(const char** list, int* number) {
  char name[kLongestName];
  *list += strspn(*list, " ");
  size_t length = strcspn(*list, " ");
  if (length == 0) return false;
  if (length >= sizeof(name)) length = sizeof(name) - 1;
  memcpy(name, *list, length);
  name[length] = 0;
  *list += length;
  *number = seccomp_syscall_resolve_name(name);
  return true;
}

static int answer_all(scmp_filter_ctx filter, const char* list, uint32_t action) {
  int number, status = 0;
  while (status == 0 && next_call(&list, &number))
    if (number >= 0) status = seccomp_rule_add(filter, action, number, 0);
  return status;
}

static int allow_if(scmp_filter_ctx filter, const struct aotc_rule* rule, int artifact) {
  struct scmp_arg_cmp compare[kMaxConditions];
  int number = seccomp_syscall_resolve_name(rule->call);
  if (number < 0) return 0;
  for (unsigned i = 0; i < rule->count; ++i) {
    const struct aotc_condition* c = &rule->conditions[i];
    if (c->kind == AOTC_ARTIFACT && artifact < 0) return 0;
    scmp_datum_t value = c->kind == AOTC_OWN_PID    ? (scmp_datum_t)getpid()
                         : c->kind == AOTC_ARTIFACT ? (scmp_datum_t)artifact & c->mask
                                                    : c->value;
    compare[i] = SCMP_CMP(c->argument, SCMP_CMP_MASKED_EQ, c->mask, value);
  }
  return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, rule->count, compare);
}

static int add_rules(scmp_filter_ctx filter, const struct aotc_rules* rules, int artifact) {
  int status = 0;
  for (size_t i = 0; i < kMaxGroups && rules->groups[i] != NULL && status == 0; ++i) {
    const struct aotc_group* group = rules->groups[i];
    status = answer_all(filter, group->calls, SCMP_ACT_ALLOW);
    for (size_t k = 0; k < kMaxConditional && group->conditional[k].call != NULL && status == 0; ++k)
      status = allow_if(filter, &group->conditional[k], artifact);
  }
  if (status == 0 && rules->refused != NULL) status = answer_all(filter, rules->refused, SCMP_ACT_ERRNO(EACCES));
  if (status == 0 && rules->otherwise != ENOSYS) status = answer_all(filter, "clone3", SCMP_ACT_ERRNO(ENOSYS));
  return status;
}

int aotc_filter_calls(const struct aotc_rules* rules, int artifact) {
  scmp_filter_ctx filter =
      seccomp_init(rules->otherwise == 0 ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO((uint32_t)rules->otherwise));
  if (filter == NULL) return -ENOSYS; /* it asks the kernel for the action */
  int status = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (status == 0) status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
  if (status == 0) status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (status == 0) status = add_rules(filter, rules, artifact);
  if (status == 0) status = seccomp_load(filter);
  seccomp_release(filter);
  return status;
}
