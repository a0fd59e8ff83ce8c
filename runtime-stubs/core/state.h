/* state.h - the runtime's own data: artifact, instance, thread. Private to runtime-stubs.
 *
 * An instance is one reservation of address space and one native stack:
 *
 *     instance          struct aotc_instance, AOTC_CONTEXT_PRIVATE_SIZE bytes
 *       ...             the rest of the context, see abi.h
 *     base              = instance + AOTC_CONTEXT_SIZE; linear memory
 *
 * so the instance is found from the base by subtraction, and freeing it is two munmaps. What an artifact's counts size
 * (host functions, dropped segments) is one malloc made at creation.
 */
#ifndef AOTC_STATE_H
#define AOTC_STATE_H

#include <signal.h>
#include <stddef.h>

#include "aotc/pool.h"
#include "entry.h"

/* Entries a table may have; 40 MB. Larger ones are refused, growing further fails. */
#define AOTC_MAX_TABLE_ENTRIES 10000000u
/* Pages of its own that a pooled instance may keep; 12 MiB. */
#define AOTC_MAX_WRITTEN 3072u

/* Bytes that are not in the snapshot's memory, but in every image of it. */
struct aotc_patch {
  uint32_t address, size;
  const void* bytes;
};

struct aotc_artifact {
  char* name;
  int fd;
  const uint8_t* map; /* [0, load_size) of the file */
  uint64_t map_size;
  uint64_t file_size;
  const struct aotc_header* header;
  const uint8_t* text;
  uint32_t text_size;
  const char* strings;
  const struct aotc_snapshot* snapshot; /* its head, mapped; null when there is none */
  struct aotc_patch* patches;           /* over the snapshot's memory, in images */
  uint32_t patch_count;
  void* given;     /* what a host was given for all instances, freed with the artifact */
  int snapshot_fd; /* it lies at snapshot_offset there; `fd`, or a file of its own */
  uint64_t snapshot_offset;
  uint64_t sequence_last[AOTC_MAX_SEQUENCES]; /* numbers that instances took last, one for each of the snapshot's */
  uint64_t frozen_at; /* when the snapshot was made, by this machine's monotonic clock; modulo 2^64 */
  void* debugger;     /* what gdb was told, see debugger.c */
};

struct aotc_image {
  struct aotc_artifact* artifact;
  bool thaw;
  enum aotc_reset_mode mode;
  int fd;               /* sealed; byte n is byte n of linear memory */
  uint64_t size;        /* of linear memory at the start; with 0 there is no file */
  const uint8_t* bytes; /* the same, mapped */
  int pagemap;          /* /proc/self/pagemap, or -1; the process's */
  int spare;            /* an empty file for the image that aotc_image_of_instance makes, or -1 */
  /* Where instances begin, if `thaw`: at the snapshot, or at what became of it (accept_ahead.c). */
  uint32_t wrapper; /* of the import that is called again */
  uint8_t* globals; /* AOTC_SLOT_SIZE each; null: those of the artifact or snapshot */
  void* host_start; /* what the host needs to begin there, freed with the image; null: at the snapshot */
};

struct aotc_type_view {
  uint32_t params;
  uint32_t results;
  const uint8_t* bytes; /* enum aotc_value_type; parameters, then results */
};

struct aotc_host_binding {
  aotc_host_function function;
  struct aotc_host* host;
};

/* Ranges of linear memory that nobody may read, each alone on its pages, which are inaccessible while an instance has
 * such a guard. All of them lie in [start, end), where nobody reads more than he wants. Everything in it can be read by
 * helpers, on the guest's stack. */
struct aotc_guarded {
  uint32_t address, size;
};
struct aotc_memory_guard {
  uint32_t start, end;
  uint32_t count;
  const struct aotc_guarded* volatile read; /* of which a byte was to be read, or null; then the program is ended */
  struct aotc_guarded secret[];
};

/* True when [address, address + size) is near one of them. If it has a byte of one, that is noted as read. */
static inline __attribute__((always_inline)) bool aotc_guard_asks(struct aotc_memory_guard* guard, uint64_t address,
                                                                  uint64_t size) {
  if (size == 0 || address >= guard->end || address + size <= guard->start) return false;
  for (uint32_t i = 0; i < guard->count && guard->read == NULL; ++i) {
    const struct aotc_guarded* secret = &guard->secret[i];
    if (address < secret->address + (uint64_t)secret->size && address + size > secret->address) guard->read = secret;
  }
  return true;
}

struct aotc_instance {
  uint64_t host_stack;  /* AOTC_STATE_HOST_STACK: the host's stack pointer inside aotc_enter */
  uint64_t guest_frame; /* AOTC_STATE_GUEST_FRAME: frame record left on the guest's stack by a switch to the host's */

  struct aotc_artifact* artifact;
  bool running;
  volatile sig_atomic_t deadline_hit; /* set by the signal handler, looked at by helpers and after host calls */
  volatile uint64_t deadline;         /* CLOCK_MONOTONIC nanoseconds, 0 for none */
  volatile uint64_t meanwhile_at;     /* when `meanwhile` is called next, likewise */
  struct aotc_meanwhile meanwhile;
  int exit_code;
  bool thaw; /* starts from the artifact's snapshot */
  struct aotc_hosts hosts;
  struct aotc_memory_guard* guard; /* or null */
  uint32_t frozen_import;          /* in which the last call ended with AOTC_FROZEN */

  /* Linear memory. Its size is in the context tail, where compiled code can see it. */
  uint64_t memory_max; /* bytes */
  bool memory_refused; /* it would have grown past the limit */
  bool (*may_grow)(void* data, uint64_t bytes);
  void* may_grow_data;
  uint64_t memory_limit; /* max_memory of the options, UINT64_MAX for none */

  /* Native stack: [stack_map, stack_low) is inaccessible, [stack_low, stack_top) is the guest's. */
  uint8_t* stack_map;
  uint8_t* stack_low;
  uint8_t* stack_top;
  uint8_t* stack_low_initial;

  uint32_t table_count;
  uint32_t import_count;
  uint32_t function_count;            /* imports included */
  struct aotc_host_binding* bindings; /* per import */
  uint8_t* data_dropped;              /* one byte per segment */
  uint8_t* elem_dropped;
  uint8_t* dropped_at_start; /* both, after creation */
  void* allocation;          /* holds the four above */

  struct aotc_trap_info trap;

  /* reset.c; only with an image */
  const struct aotc_image* image;
  struct aotc_reset_counts reset;
  uint64_t kept_size;    /* memory beyond the image up to here was used before, and is inaccessible and zero */
  uint64_t clean_thread; /* serial of the only thread that used the instance since its reset, or 0 */
  uint64_t clean_faults; /* page faults of that thread until then */
  uint32_t written_count;
  uint32_t written[AOTC_MAX_WRITTEN]; /* pages of its own, ascending */
};

_Static_assert(offsetof(struct aotc_instance, host_stack) == AOTC_STATE_HOST_STACK, "entry.h");
_Static_assert(offsetof(struct aotc_instance, guest_frame) == AOTC_STATE_GUEST_FRAME, "entry.h");
_Static_assert(sizeof(struct aotc_instance) <= AOTC_CONTEXT_PRIVATE_SIZE, "the private state must fit its place");
_Static_assert(sizeof(struct aotc_context_tail) == 128, "abi.h");

static inline uint8_t* aotc_base(const struct aotc_instance* instance) {
  return (uint8_t*)(uintptr_t)instance + AOTC_CONTEXT_SIZE;
}
static inline struct aotc_instance* aotc_instance_of(uint8_t* base) {
  return (struct aotc_instance*)(void*)(base - AOTC_CONTEXT_SIZE);
}
static inline struct aotc_context_tail* aotc_tail(const struct aotc_instance* instance) {
  return (struct aotc_context_tail*)(void*)(aotc_base(instance) - sizeof(struct aotc_context_tail));
}
static inline uint64_t* aotc_slots(const struct aotc_instance* instance) {
  return (uint64_t*)(void*)(aotc_base(instance) + AOTC_SCRATCH_OFFSET);
}
static inline struct aotc_table* aotc_tables(const struct aotc_instance* instance) {
  return (struct aotc_table*)(void*)(aotc_base(instance) + AOTC_TABLES_OFFSET);
}

#pragma GCC visibility push(hidden)

/* error.c */
enum aotc_status aotc_fail(struct aotc_error* error, enum aotc_status status, const char* format, ...)
    __attribute__((format(printf, 3, 4)));
/* Copies text that an artifact chose into `out`, with anything unprintable replaced, so it can be shown. */
const char* aotc_printable(const char* text, char* out, size_t size);

/* cpu.c */
uint64_t aotc_cpu_features(void);
const char* aotc_cpu_feature_name(uint32_t bit);
extern const uint32_t aotc_host_architecture;
extern const uint64_t aotc_required_features;

/* artifact.c: arrays of the artifact. Indices are checked here or by the caller against the header's counts. */
const void* aotc_span_data(const struct aotc_artifact* artifact, const struct aotc_span* span);
bool aotc_artifact_type(const struct aotc_artifact* artifact, uint32_t index, struct aotc_type_view* type);
const char* aotc_artifact_string(const struct aotc_artifact* artifact, uint32_t offset); /* null when outside */
const struct aotc_function* aotc_artifact_function(const struct aotc_artifact* artifact, uint32_t code);
uint32_t aotc_artifact_wasm_offset(const struct aotc_artifact* artifact, uint32_t code); /* AOTC_NONE when unknown */

/* The bytes of a data segment, null when they are out of place. */
const uint8_t* aotc_artifact_segment(const struct aotc_artifact* artifact, const struct aotc_data_segment* segment);

/* helpers.c: helpers that obey a guard. */
void aotc_helpers_guard(struct aotc_instance* instance);

/* snapshot_file.c */
/* The snapshot of `size` bytes at `offset` of `fd` becomes the artifact's. */
enum aotc_status aotc_snapshot_map(struct aotc_artifact* artifact, int fd, uint64_t offset, uint64_t size,
                                   struct aotc_error* error);
void aotc_snapshot_unmap(struct aotc_artifact* artifact);
static inline const void* aotc_snapshot_data(const struct aotc_snapshot* s, const struct aotc_span* span) {
  return (const uint8_t*)s + span->offset;
}

/* thaw.c: hosts of an instance, or of a pool's (`instance` is null), as they were. */
enum aotc_status aotc_snapshot_hosts(const struct aotc_artifact* artifact, const struct aotc_hosts* hosts,
                                     struct aotc_instance* instance, struct aotc_error* error);

/* Fresh seeds, and entering where the program stopped: the parts of aotc_instance_thaw. */
enum aotc_status aotc_instance_seed(struct aotc_instance* instance, struct aotc_error* error);
enum aotc_status aotc_instance_go_on(struct aotc_instance* instance, uint32_t wrapper, struct aotc_error* error);

/* freeze_report.c: to be freed, null when there is no memory. */
struct aotc_image_size {
  uint64_t pages;
  uint32_t runs;
};
char* aotc_freeze_report(const struct aotc_instance* instance, const struct aotc_freeze_run* run,
                         const struct aotc_image_size* image, const char* go_version, size_t* size);

/* call.c: the loop that restarts goroutines. */
enum aotc_status aotc_instance_resume(struct aotc_instance* instance, struct aotc_error* error);

/* go_random.c: the runtime's random generators in the memory of a Go program. */
/* Fills in `chacha8` and `fast_rand`. AOTC_ERROR_ARGUMENT when this Go is not known; `version` is its "1.26.6". */
enum aotc_status aotc_go_random_find(const struct aotc_instance* instance, struct aotc_snapshot* s, char version[32],
                                     struct aotc_error* error);
enum aotc_status aotc_go_random_seed(struct aotc_instance* instance, const struct aotc_snapshot* s,
                                     struct aotc_error* error);

/* go_stack.c: who called the import in which a Go program stands. */
struct aotc_go_table {
  uint64_t header, names, pcs, functab; /* addresses in linear memory */
  uint32_t count;
};
struct aotc_go_frame {
  char function[AOTC_GO_NAME]; /* NUL-terminated, perhaps cut off */
  uint64_t arguments;          /* address of the first */
};
bool aotc_go_table_find(const struct aotc_instance* instance, struct aotc_go_table* table);
uint64_t aotc_go_stack_pointer(const struct aotc_instance* instance);
/* The function to which the return address at `sp` leads; then `sp` is at its own. False at the end of the stack, and
 * for what is none. */
bool aotc_go_caller(const struct aotc_instance* instance, const struct aotc_go_table* table, uint64_t* sp,
                    struct aotc_go_frame* frame);

/* go_program.c */
struct aotc_go_data {
  uint64_t begin, end; /* addresses of package-level variables; inside memory */
};
bool aotc_go_data_find(const struct aotc_instance* instance, const struct aotc_go_table* table,
                       struct aotc_go_data* data);
/* Of a module that the program is built of, and that no other replaces. */
bool aotc_go_module_version(const struct aotc_instance* instance, const char* module, uint32_t version[3]);

/* math_rand.c: the address of what math/rand.NewSource made of `seed`, and whether there may be such a thing. */
bool aotc_go_source_find(const struct aotc_instance* instance, uint64_t seed, uint32_t* address);
bool aotc_go_is_source(const struct aotc_instance* instance, uint64_t address);

/* random_draws.c */
/* What each instance is to do, so that it is not as all others. */
struct aotc_renewed {
  struct aotc_random_range ranges[AOTC_MAX_RANDOM_RANGES];
  struct aotc_snapshot_sequence sequences[AOTC_MAX_SEQUENCES];
  uint32_t range_count, sequence_count;
};
/* At the freeze: drops what is unused, or lists it. */
void aotc_draws_settle(struct aotc_draws* draws, struct aotc_instance* instance, struct aotc_renewed* renewed);
/* After that: one for which `unique` refuses the snapshot, or null. */
const struct aotc_snapshot_draw* aotc_draws_shared(const struct aotc_draws* draws, enum aotc_unique unique);
/* go_reader.c: what bufio.Reader begins with. */
struct aotc_go_reader {
  uint64_t buffer, length, capacity, source[2], r, w;
};
bool aotc_go_reader_load(const struct aotc_instance* instance, uint64_t address, struct aotc_go_reader* reader);
/* It was loaded, and is as it was. */
void aotc_go_reader_drop(struct aotc_instance* instance, uint64_t address, struct aotc_go_reader reader);

/* id_generators.c */
enum { AOTC_MAX_ID_STATES = 24 };
/* What one draw, or one look at the clock, may have become. */
struct aotc_id_state {
  uint32_t rows;          /* of the table, a bit each: what it may be; the one that it is, once it is found */
  uint32_t draw;          /* whose */
  bool warmup;            /* during a warm-up request */
  uint32_t address, size; /* of the draw; 0 for the clock */
  uint64_t seed;          /* the time */
  uint8_t bytes[16];      /* that were drawn */
  uint32_t draw_bytes;    /* of the draw that are not shared if it is found */
  uint32_t tries;
  uint32_t place; /* where it is, once it is found */
  bool found;
};
struct aotc_id_states {
  struct aotc_id_state list[AOTC_MAX_ID_STATES];
  uint32_t count, pending;
  uint32_t known, asked; /* rows: whose module has a version that is known; of which that was looked up */
  struct aotc_go_data data;
  bool searched, placed; /* for `data` */
};
/* Rows for what `function` drew; with `size` 0, when it looked at the clock. 0 when there are none. */
uint32_t aotc_ids_match(struct aotc_id_states* states, const struct aotc_instance* instance, const char* function,
                        uint32_t size);
/* `rows` and what comes before `bytes` are filled in. */
void aotc_ids_add(struct aotc_id_states* states, const struct aotc_instance* instance,
                  const struct aotc_id_state* state);
/* When the program has drawn again, or looks at the clock. */
void aotc_ids_locate(struct aotc_id_states* states, struct aotc_instance* instance, const struct aotc_go_table* table);
/* At the freeze: whether it is known beyond doubt where it is. Then it is added to what is renewed. */
bool aotc_ids_settle(struct aotc_id_states* states, struct aotc_id_state* state, struct aotc_instance* instance,
                     const struct aotc_go_table* table, struct aotc_renewed* renewed);

/* snowflake.c: the generator made at `made`, if there is just one but `others`. */
bool aotc_go_snowflake_find(const struct aotc_instance* instance, uint64_t made, const uint32_t* others,
                            uint32_t other_count, uint32_t* address);
bool aotc_go_snowflake_share(struct aotc_instance* instance, uint32_t address, struct aotc_snapshot_sequence* sequence);

/* memory.c */
/* No huge page in [memory, memory + size), neither at a fault nor later, whatever the system's settings are and whoever
 * asks for it. What is mapped there anew forgets this. */
bool aotc_memory_only_small_pages(void* memory, size_t size);
enum aotc_status aotc_memory_reserve(struct aotc_artifact* artifact, struct aotc_instance** instance,
                                     struct aotc_error* error);
enum aotc_status aotc_memory_populate(struct aotc_instance* instance, struct aotc_error* error);
enum aotc_status aotc_memory_reset(struct aotc_instance* instance, struct aotc_error* error);
/* Bytes of memory at creation. */
uint64_t aotc_memory_initial(const struct aotc_instance* instance);
void aotc_memory_release(struct aotc_instance* instance);

/* pages.c */
uint64_t aotc_page_size(void);
/* Where the pages of an artifact's image, or of its snapshot, lie in a file. */
struct aotc_pages {
  struct aotc_artifact* artifact;
  int fd;
  uint64_t memory_size;
  const struct aotc_image_run* runs;
  uint32_t count;
  uint64_t start; /* what the runs' offsets are relative to */
  uint64_t begin; /* of the pages, in the file */
  uint64_t size;
};
struct aotc_pages aotc_pages_of(struct aotc_artifact* artifact, bool thaw);
/* A run that was checked; its offset is from the start of the file. */
enum aotc_status aotc_pages_run(const struct aotc_pages* pages, uint32_t index, struct aotc_image_run* run,
                                struct aotc_error* error);
enum aotc_status aotc_pages_read(const struct aotc_pages* pages, const struct aotc_image_run* run, uint8_t* memory,
                                 struct aotc_error* error);

/* image.c */
int aotc_pagemap(void); /* -1 when there is none */
/* An image of an instance as it is now, which need not be one of `out`'s. Once for each `old`, whose instance it is. */
enum aotc_status aotc_image_of_instance(struct aotc_image* old, const struct aotc_instance* instance,
                                        struct aotc_image** out, struct aotc_error* error);

/* own_pages.c */
struct aotc_page_list {
  uint32_t count;                   /* may exceed AOTC_MAX_WRITTEN: then the rest is unknown */
  uint32_t pages[AOTC_MAX_WRITTEN]; /* ascending */
};
enum aotc_status aotc_image_choose_reset(struct aotc_image* image, enum aotc_reset_mode wanted,
                                         struct aotc_error* error);
/* The numbers of the pages of [memory, memory + size), a private mapping, that are its own. */
bool aotc_own_pages(const struct aotc_image* image, const uint8_t* memory, uint64_t size, struct aotc_page_list* list);
/* Page faults of this thread so far. */
bool aotc_count_faults(uint64_t* faults);

/* reset.c */
/* Whoever lets an instance run, or writes to its memory, says on which thread. */
void aotc_note_thread(struct aotc_instance* instance);
/* Memory and native stack. Whatever else is reset may cause page faults, hence the second call, after it. */
enum aotc_status aotc_memory_reset_pooled(struct aotc_instance* instance, struct aotc_error* error);
void aotc_memory_is_clean(struct aotc_instance* instance);
/* Whether the pages that are its own are known to be the same as then. */
bool aotc_memory_is_unchanged(const struct aotc_instance* instance);

/* instance.c: AOTC_SLOT_SIZE bytes, not aligned. */
const void* aotc_initial_global(const struct aotc_instance* instance, uint32_t slot);

/* stack.c */
enum aotc_status aotc_stack_create(struct aotc_instance* instance, uint64_t max_stack, struct aotc_error* error);
void aotc_stack_release(struct aotc_instance* instance);
bool aotc_stack_reset(struct aotc_instance* instance);
/* Gives up unused stack so that `bytes` more fit under the memory limit. False when they do not. */
bool aotc_stack_make_room(struct aotc_instance* instance, uint64_t bytes);

/* table.c */
enum aotc_status aotc_tables_create(struct aotc_instance* instance, struct aotc_error* error);
enum aotc_status aotc_tables_populate(struct aotc_instance* instance, struct aotc_error* error);
void aotc_tables_release(struct aotc_instance* instance);
/* AOTC_ERROR_DIFFERS when they are not as aotc_tables_populate leaves them. */
enum aotc_status aotc_tables_compare(const struct aotc_instance* instance, struct aotc_error* error);
uint64_t aotc_tables_bytes(const struct aotc_instance* instance);

/* helpers.c */
void aotc_helpers_install(struct aotc_instance* instance);

/* backtrace.c */
struct aotc_cursor {
  uintptr_t pc;
  uintptr_t sp; /* x86-64: stack pointer at pc */
  uintptr_t fp; /* AArch64: innermost frame record */
  uintptr_t lr; /* AArch64: x30 when pc is exact */
  bool exact;   /* pc is the instruction itself, not a return address */
};
void aotc_record_trap(struct aotc_instance* instance, enum aotc_trap trap, uint64_t address, struct aotc_cursor cursor);
/* The caller of the function whose frame record {caller's frame pointer, return address} is at `frame`. */
struct aotc_cursor aotc_cursor_above(const void* frame);

/* trap.c */
enum aotc_status aotc_signals_install(struct aotc_error* error);

/* thread.c */
struct aotc_thread {
  struct aotc_instance* volatile current; /* innermost running instance */
  volatile uint64_t armed;                /* what the timer is set for, 0 for nothing */
  void* alternate_stack;
  size_t alternate_size;
  uint64_t serial; /* no other thread ever has it; 0 before it is prepared */
  bool prepared;
  bool has_timer;
  int timer; /* kernel's timer id */
};
extern _Thread_local struct aotc_thread aotc_this_thread __attribute__((tls_model("initial-exec")));
/* Gives the calling thread an alternate signal stack. Cheap after the first time. */
enum aotc_status aotc_thread_prepare(struct aotc_error* error);
enum aotc_status aotc_thread_install(struct aotc_error* error);

/* machine.c: what the signal handlers know about the CPU. `context` is a ucontext_t. */
struct aotc_cursor aotc_machine_cursor(const void* context);
void aotc_machine_leave(void* context, uint8_t* base, int status);
/* The code of the trap instruction at pc, or -1. Reads at most `available` bytes. */
int aotc_machine_trap_code(uintptr_t pc, uintptr_t available);
int aotc_machine_trap_signal(void);

/* deadline.c */
enum aotc_status aotc_deadline_install(struct aotc_error* error);
/* Sets this thread's timer for the instance's deadline, if it has one. */
enum aotc_status aotc_deadline_arm(struct aotc_instance* instance, struct aotc_error* error);
bool aotc_deadline_passed(struct aotc_instance* instance);
int aotc_deadline_signal(void);

/* debugger.c */
bool aotc_debugger_enabled(void);
void aotc_debugger_add(struct aotc_artifact* artifact);
void aotc_debugger_remove(struct aotc_artifact* artifact);

#pragma GCC visibility pop

#endif
