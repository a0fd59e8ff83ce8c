/* cgroup.h - a control group (version 2) for each process that is to be held by limits on all that it uses.
 *
 * Limits of a process (RLIMIT_DATA) do not count what is written to files in memory or shared, and are counted per
 * process and user. A group's do, but making groups is a right that has to be given: systemd's Delegate=, or root.
 * Without it aotc_cgroup_open fails, and what is left are the limits of sandbox.h.
 */
#ifndef AOTC_TOOLS_SANDBOX_CGROUP_H
#define AOTC_TOOLS_SANDBOX_CGROUP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zeros: no limit. */
struct aotc_cgroup_limits {
  uint64_t memory;    /* bytes, without swap */
  uint64_t processes; /* and threads */
  uint64_t weight;    /* of processor time, 1 to 10000; 100 is usual */
};

/* Returns a descriptor of the folder in which this process may make groups, or -1 with errno. This process moves to a
 * group "main" in it, since a group with limited children cannot have processes itself. `folder` is null for the group
 * it is in. */
int aotc_cgroup_open(const char* folder);

/* The least memory that this process's group (or `folder`) and those above it may have, in bytes; UINT64_MAX: any. */
uint64_t aotc_cgroup_memory_limit(const char* folder);

/* A new, empty group beneath `parent`, or one of this name that is left over and empty. Returns a descriptor for
 * aotc_grants.group, which the process to be limited inherits, or -1 with errno. */
int aotc_cgroup_make(int parent, const char* name, const struct aotc_cgroup_limits* limits);

/* Bytes that the group `name` uses; how often the kernel ended a process of it for want of memory. 0 if it cannot be
 * read. */
uint64_t aotc_cgroup_memory(int parent, const char* name);
uint64_t aotc_cgroup_killed(int parent, const char* name);

/* Ends what is in it, and removes it if nothing is any more. */
void aotc_cgroup_kill(int parent, const char* name);
int aotc_cgroup_remove(int parent, const char* name);

#ifdef __cplusplus
}
#endif
#endif
