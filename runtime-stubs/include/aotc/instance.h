/* instance.h - instances of an artifact: memory, calls, deadlines, traps. No allocation after creation.
 *
 * aotc_instance_create, aotc_instance_call any number of times, aotc_instance_reset to start over,
 * aotc_instance_destroy. An instance belongs to one thread at a time.
 */
#ifndef AOTC_INSTANCE_H
#define AOTC_INSTANCE_H

#include "aotc/host.h"

#ifdef __cplusplus
extern "C" {
#endif

struct aotc_instance;
struct aotc_image;

/* Called while a call goes on: `every` nanoseconds after the deadline was set, and again each time that these have
 * passed; without a deadline, not at all. It interrupts compiled code, which holds nothing, so it may do what its
 * thread may do outside of calls, except call or change the instance. It has 64 KiB of stack. */
struct aotc_meanwhile {
  void (*call)(void* data); /* or null */
  void* data;
  uint64_t every;
};

struct aotc_instance_options {
  uint64_t max_memory;            /* bytes of linear memory and native stack together; 0: what the module may ask for */
  uint64_t max_stack;             /* bytes of native stack; 0: AOTC_STACK_RESERVATION */
  struct aotc_hosts hosts;        /* asked for every import, in turn; they stay the caller's */
  bool thaw;                      /* memory and globals of the artifact's snapshot, for aotc_instance_thaw */
  const struct aotc_image* image; /* of the same artifact and `thaw`, or null: makes aotc_instance_reset fast */
  /* Asked before memory grows within max_memory, if not null. What is refused counts as refused for want of memory. */
  bool (*may_grow)(void* data, uint64_t bytes);
  void* may_grow_data;
  struct aotc_meanwhile meanwhile;
};

enum aotc_status aotc_instance_create(struct aotc_artifact* artifact, const struct aotc_instance_options* options,
                                      struct aotc_instance** instance, struct aotc_error* error);
/* Memory, globals and tables as they were after creation (before the start function). */
enum aotc_status aotc_instance_reset(struct aotc_instance* instance, struct aotc_error* error);
void aotc_instance_destroy(struct aotc_instance* instance);

/* Arguments and results of a call: two words per value, low word first. */
struct aotc_value {
  uint64_t word[2];
};

/* Runs the start function if the module has one. Once, before the first call. */
enum aotc_status aotc_instance_start(struct aotc_instance* instance, struct aotc_error* error);
/* Calls an exported function. `args` and `results` hold as many values as its type says. */
enum aotc_status aotc_instance_call(struct aotc_instance* instance, const struct aotc_export* function,
                                    const struct aotc_value* args, struct aotc_value* results,
                                    struct aotc_error* error);

/* aotc_instance_start, then a call of _start, or of a reactor's _initialize. */
enum aotc_status aotc_instance_enter(struct aotc_instance* instance, struct aotc_error* error);

/* Ends the call that runs now, or the next one, with AOTC_TRAP_DEADLINE once `nanoseconds` have passed; 0 disarms.
 * Costs the guest nothing until then. Call it from the thread that runs the instance, before the call. */
enum aotc_status aotc_instance_set_deadline(struct aotc_instance* instance, uint64_t nanoseconds,
                                            struct aotc_error* error);
/* Monotonic nanoseconds left, UINT64_MAX without a deadline. Host functions that wait must not wait longer. */
uint64_t aotc_instance_deadline_left(const struct aotc_instance* instance);

#define AOTC_MAX_BACKTRACE 128

struct aotc_trap_info {
  enum aotc_trap trap;
  uint32_t wasm_offset;              /* AOTC_NONE when unknown */
  uint64_t address;                  /* out-of-bounds access: byte in linear memory, else 0 */
  uint32_t frames;                   /* innermost first */
  uint32_t code[AOTC_MAX_BACKTRACE]; /* code offsets inside the instruction that trapped or called */
  bool truncated;                    /* more frames than fit */
};

const char* aotc_trap_message(enum aotc_trap trap);
const struct aotc_trap_info* aotc_instance_trap(const struct aotc_instance* instance);
void aotc_instance_set_trap(struct aotc_instance* instance, enum aotc_trap trap);
/* Whether the guest asked for more memory than max_memory or may_grow allows; a program that ends soon after did so
 * because of it. */
bool aotc_instance_memory_refused(const struct aotc_instance* instance);
/* Asks the embedder's may_grow for memory that a host holds on behalf of the instance. */
bool aotc_instance_may_grow(struct aotc_instance* instance, uint64_t bytes);
int aotc_instance_exit_code(const struct aotc_instance* instance);
void aotc_instance_set_exit_code(struct aotc_instance* instance, int code);

/* Linear memory for host functions. `aotc_instance_memory_at` returns null unless all `size` bytes are in bounds. */
uint8_t* aotc_instance_memory(const struct aotc_instance* instance);
uint64_t aotc_instance_memory_size(const struct aotc_instance* instance);
void* aotc_instance_memory_at(const struct aotc_instance* instance, uint32_t address, uint64_t size);
struct aotc_artifact* aotc_instance_artifact(const struct aotc_instance* instance);

/* After a call ended with AOTC_FROZEN: the monotonic time at which the program wants to go on though nothing happened
 * outside; UINT64_MAX for never. */
uint64_t aotc_instance_wake_time(const struct aotc_instance* instance);
/* Whether programs of this artifact can be suspended in an import: they are Go's. */
bool aotc_artifact_suspends(const struct aotc_artifact* artifact);
/* Lets an instance go on whose last call ended with AOTC_FROZEN, on any thread; returns like that call. */
enum aotc_status aotc_instance_continue(struct aotc_instance* instance, struct aotc_error* error);

#ifdef __cplusplus
}
#endif
#endif
