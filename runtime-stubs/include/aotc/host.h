/* host.h - what a program imports: the seam between the runtime and the interfaces that it knows nothing of.
 *
 * A host is one interface (WASI preview 1, say) as one instance sees it: functions, and state of its own that has to be
 * reset, frozen and thawed with the instance. The runtime asks it by the table below. An instance can have several:
 * each import belongs to the first that knows it. How to write one: CONTRIBUTING.md.
 */
#ifndef AOTC_HOST_H
#define AOTC_HOST_H

#include <stdio.h>

#include "aotc/artifact.h"

#ifdef __cplusplus
extern "C" {
#endif

struct aotc_instance;
struct aotc_host;

/* A function the guest imports. `slots` is the scratch area: argument i in the low bytes of slots[2 * i], results go to
 * the same places; `host` is whose function it is. It runs on the host's stack. Return AOTC_OK to go on; AOTC_TRAPPED
 * (after aotc_instance_set_trap) or AOTC_EXITED to end the call; AOTC_FROZEN to end it because the program has to wait:
 * the same function is called again, with the same arguments, when the instance goes on. */
typedef enum aotc_status (*aotc_host_function)(struct aotc_instance* instance, void* host, uint64_t* slots);

/* Arrays one after the other, each at a multiple of 8: a part of a snapshot that grows. */
struct aotc_arrays {
  uint8_t* bytes;
  uint64_t size, capacity;
};
/* Appends `count` elements; `span` (or null) tells where they are. AOTC_ERROR_ARGUMENT for more than 64 MiB. */
enum aotc_status aotc_arrays_add(struct aotc_arrays* arrays, struct aotc_span* span, const void* data, size_t element,
                                 uint64_t count, struct aotc_error* error);

/* What may be null says so. `state` is what `freeze` wrote, or what somebody wrote in its place: it is to be checked.
 */
struct aotc_host_interface {
  /* At most 31 bytes; names its state in a snapshot. */
  const char* name;
  /* The function for an import, or null. `type` is written as "params:results" with i,I,f,F for i32, i64, f32, f64,
   * e.g. "iiii:i". */
  aotc_host_function (*resolve)(struct aotc_host* host, const char* module, const char* field, const char* type);
  void (*destroy)(struct aotc_host* host); /* null: the embedder's affair */

  /* Reset: `keep` takes note of the state as it is, once; `restore` goes back to it. Null: it has none. */
  enum aotc_status (*keep)(struct aotc_host* host, struct aotc_error* error);
  void (*restore)(struct aotc_host* host);

  /* After a call ended with AOTC_FROZEN: the monotonic time at which the program wants to go on though nothing happened
   * outside; UINT64_MAX for never. Null: never. */
  uint64_t (*wake_time)(const struct aotc_host* host);

  /* May the instance be frozen as it stands? Then `state` gets what a thaw needs, which may be nothing; else
   * AOTC_ERROR_ARGUMENT, and the message says why, without a name. Null: it may, and nothing is needed. */
  enum aotc_status (*freeze)(struct aotc_host* host, struct aotc_instance* instance, struct aotc_arrays* state,
                             struct aotc_error* error);
  /* Its members of the freeze report, a JSON object, each after ", ". `import` is the field name of the import in which
   * the program waits, for people, or null. May be null. */
  void (*report)(const struct aotc_host* host, const char* import, FILE* out);
  /* Whether a program that it offers its surroundings to would be as the one that was frozen. Null: yes. */
  bool (*matches)(const struct aotc_host* host, const void* state, uint64_t size);
  /* The state that the program knows. `instance` is of the snapshot and has not run; null when it is a pool's, whose
   * image has been prepared. May be null. */
  enum aotc_status (*thaw)(struct aotc_host* host, struct aotc_instance* instance, const void* state, uint64_t size,
                           struct aotc_error* error);
  /* Each time that a thawed instance begins to run. `frozen_at` is when its snapshot was made, by this machine's
   * monotonic clock in nanoseconds, modulo 2^64: not in the future, whatever the snapshot says. May be null. */
  void (*begin)(struct aotc_host* host, uint64_t frozen_at);
};

/* The state of a host begins with this. */
struct aotc_host {
  const struct aotc_host_interface* interface;
};

#define AOTC_MAX_HOSTS 8
struct aotc_hosts {
  uint32_t count;
  struct aotc_host* list[AOTC_MAX_HOSTS];
};
static inline struct aotc_hosts aotc_one_host(struct aotc_host* host) {
  struct aotc_hosts hosts = {1, {host}};
  return hosts;
}

#ifdef __cplusplus
}
#endif
#endif
