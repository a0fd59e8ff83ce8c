/* sandbox.h - what each kind of process may do, in one table, and the only way to take the rest away.
 *
 * A process that will touch anything of a stranger's (a module, an artifact, a snapshot, what a registry or a client
 * sends) opens what it needs, then enters its rule set, and only then touches it. The table is processes.c: per process
 * the system calls, by groups and with conditions on arguments, what a call that is not among them does and why, the
 * files, the user, the limits. `--print-sandbox` prints it, from the table that is installed.
 *
 * aotc_sandbox_enter does, in this order:
 *   joins its control group; no core dumps; limits
 *   leaves every file system for an empty one, where the kernel allows that
 *   becomes a user without rights when it was started as root (`uid`, `gid`, else nobody), without capabilities
 *   dies with its parent; gives up what setuid programs could give back
 *   files beneath `read`, `write` and `execute` only (Landlock), signals and sockets within itself
 *   the filter of system calls
 *
 * It is for good and for the whole process. Enter while there is one thread; a second, narrower rule set (AOTC_TENANT
 * after AOTC_TENANT_LOADING, AOTC_FRONT after AOTC_FRONT_STARTING) is for all threads that there are.
 */
#ifndef AOTC_TOOLS_SANDBOX_H
#define AOTC_TOOLS_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum aotc_process {
  AOTC_SUPERVISOR,                 /* aotc-node: starts and watches the others */
  AOTC_FRONT_STARTING,             /* aotc-node: makes the threads of the front */
  AOTC_FRONT,                      /* aotc-node: the same process afterwards: HTTP with clients, frames with tenants */
  AOTC_TENANT_LOADING,             /* aotc-node: maps, checks and thaws an artifact */
  AOTC_TENANT,                     /* aotc-node: the same process afterwards, answering requests */
  AOTC_PULLER,                     /* aotc-node: speaks to registries, writes the cache */
  AOTC_SERVER,                     /* aotc-server */
  AOTC_COMPILER,                   /* aotc, aotc-server: compiles one module for one target */
  AOTC_FREEZER_LOADING,            /* aotc-exec --freeze: maps, checks and starts an artifact */
  AOTC_FREEZER_LOADING_WITH_FILES, /* the same with --dir */
  AOTC_FREEZER,                    /* the same processes afterwards, running the program */
  AOTC_FREEZER_WITH_FILES,
  AOTC_INSPECTOR, /* aotc: reads a file and prints what is in it */
  AOTC_CLIENT,    /* aotc: speaks to a server or registry */
  AOTC_KEEPER,    /* aotc, aotc-server: keeps what was compiled, for compilers that ask */
  AOTC_COURIER,   /* aotc-courier: carries what was compiled between a keeper and a remote */
  AOTC_BROKER,    /* aotc-broker: makes the connections that programs ask for */
  AOTC_PROCESS_COUNT
};

enum { AOTC_MOST_ARTIFACTS = 128 };

/* What this process in particular gets. A zero means what the table says, or that there is no limit. */
struct aotc_grants {
  uint64_t memory;      /* bytes that can be written to (RLIMIT_DATA: address space that is only reserved is free) */
  uint64_t file_bytes;  /* that each file may grow to */
  uint64_t cpu_seconds; /* of the processor's time */
  unsigned files;       /* descriptors, the ones that are open included */
  unsigned threads;     /* that it may still start */
  int parent;           /* process id: ends when this one does */
  int group;            /* descriptor that joins its control group (cgroup.h); is closed */
  unsigned uid, gid;    /* whom root becomes */
  /* Ended by null, or null for none: paths of what may be read, written or started; of a directory, all beneath it.
   * What a process is not to reach by name it has open before. */
  const char* const* read;
  const char* const* write;
  const char* const* execute;
  /* Where the numbers of descriptors stand, of one or of `artifacts` (at most AOTC_MOST_ARTIFACTS): the files that
   * AOTC_TENANT_LOADING and the freezers may map executable. They are moved to numbers that no later descriptor can
   * have, and these are put here. */
  int* artifact;
  unsigned artifacts;
};

/* Returns null, or what failed, with errno. The process is then in no state to go on. */
const char* aotc_sandbox_enter(enum aotc_process process, const struct aotc_grants* grants);

/* The process of this name, as it is printed; -1 if there is none. */
int aotc_sandbox_find(const char* name);

/* The rule sets of `program` ("aotc-node", ...) as text, or that of one of its processes unless `process` is empty.
 * Null if it has no such process. To be freed. */
char* aotc_sandbox_text(const char* program, const char* process);

#ifdef __cplusplus
}
#endif
#endif
