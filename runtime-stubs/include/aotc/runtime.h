/* runtime.h - load artifacts and run instances of them. libc only; no allocation after an instance is created.
 *
 * Order of calls: aotc_runtime_init once; then per artifact aotc_load; per instance aotc_instance_create,
 * aotc_instance_call any number of times, aotc_instance_reset to start over, aotc_instance_destroy; aotc_unload when no
 * instance is left. An artifact is immutable and may be shared by threads. An instance belongs to one thread at a time.
 *
 * Errors: functions return an aotc_status; details are in the struct aotc_error that the caller passes (never null).
 */
#ifndef AOTC_RUNTIME_H
#define AOTC_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aotc/abi.h"
#include "aotc/artifact_format.h"

#ifdef __cplusplus
extern "C" {
#endif

enum aotc_status {
  AOTC_OK = 0,
  AOTC_ERROR_IO,          /* a system call failed */
  AOTC_ERROR_FORMAT,      /* not an artifact, truncated, corrupted, or of another version */
  AOTC_ERROR_CPU,         /* wrong architecture, or the CPU lacks a feature */
  AOTC_ERROR_LINK,        /* an import or export is missing or has another type */
  AOTC_ERROR_LIMIT,       /* a limit of the caller or the system */
  AOTC_ERROR_ARGUMENT,    /* the caller's mistake */
  AOTC_ERROR_DIFFERS,     /* an instance is not as its image: a reset has failed unnoticed */
  AOTC_TRAPPED,           /* the guest trapped: see struct aotc_trap_info */
  AOTC_EXITED,            /* the guest called proc_exit: see aotc_instance_exit_code */
  AOTC_FROZEN             /* the guest waits for input and can be frozen here: see aotc_snapshot_write */
};

struct aotc_error {
  enum aotc_status status;
  char message[512]; /* lower case, no full stop, names what is wrong */
};

struct aotc_artifact;
struct aotc_instance;
struct aotc_connection;
struct aotc_image;
struct aotc_wasi;

/* Installs signal handlers and probes the CPU. Idempotent. */
enum aotc_status aotc_runtime_init(struct aotc_error* error);

/* Maps the artifact in `path` (or in `fd`, which stays the caller's). Time does not depend on its size. */
enum aotc_status aotc_load(const char* path, struct aotc_artifact** artifact, struct aotc_error* error);
enum aotc_status aotc_load_fd(int fd, const char* name, struct aotc_artifact** artifact, struct aotc_error* error);
void aotc_unload(struct aotc_artifact* artifact);
const struct aotc_header* aotc_artifact_header(const struct aotc_artifact* artifact);
/* Reads every byte and compares the section checksums. */
enum aotc_status aotc_artifact_verify(const struct aotc_artifact* artifact, struct aotc_error* error);
/* Name of the function that holds `code_offset`, "?" when unknown. */
const char* aotc_artifact_symbol(const struct aotc_artifact* artifact, uint32_t code_offset);
bool aotc_artifact_has_symbol(const struct aotc_artifact* artifact, const char* name);
/* Its wasm function index (imports included), AOTC_NONE when the code belongs to no function. */
uint32_t aotc_artifact_function_index(const struct aotc_artifact* artifact, uint32_t code_offset);
/* Null when there is no export of that name and kind. */
const struct aotc_export* aotc_artifact_export(const struct aotc_artifact* artifact, const char* name, enum aotc_export_kind kind);

/* A function the guest imports. `slots` is the scratch area: argument i in the low bytes of slots[2 * i], results go to
 * the same places. It runs on the host's stack. Return AOTC_OK to go on; AOTC_TRAPPED (after aotc_instance_set_trap),
 * AOTC_EXITED or AOTC_FROZEN to end the call. */
typedef enum aotc_status (*aotc_host_function)(struct aotc_instance* instance, void* data, uint64_t* slots);

/* Finds the host function for an import, or returns null. `type` is written as "params:results" with i,I,f,F for i32, i64,
 * f32, f64, e.g. "iiii:i". */
typedef aotc_host_function (*aotc_resolver)(void* data, const char* module, const char* field, const char* type);

struct aotc_instance_options {
  uint64_t max_memory;     /* bytes of linear memory and native stack together; 0: what the module may ask for */
  uint64_t max_stack;      /* bytes of native stack; 0: AOTC_STACK_RESERVATION */
  aotc_resolver resolver;  /* asked for every import */
  void* resolver_data;     /* also the `data` of every host function it returns */
  bool thaw;               /* memory and globals of the artifact's snapshot, for aotc_instance_thaw */
  const struct aotc_image* image; /* of the same artifact and `thaw`, or null: makes aotc_instance_reset fast */
  /* Asked before memory grows within max_memory, if not null. What is refused counts as refused for want of memory. */
  bool (*may_grow)(void* data, uint64_t bytes);
  void* may_grow_data;
};

enum aotc_status aotc_instance_create(struct aotc_artifact* artifact, const struct aotc_instance_options* options,
                                      struct aotc_instance** instance, struct aotc_error* error);
/* Memory, globals and tables as they were after creation (before the start function). */
enum aotc_status aotc_instance_reset(struct aotc_instance* instance, struct aotc_error* error);
void aotc_instance_destroy(struct aotc_instance* instance);

/* --- Pools: many instances of one artifact, used again and again ------------------------------------------------
 *
 * An image is the memory that they start from, kept once per process. Resetting an instance that was created with one
 * costs what the guest wrote, not what memory it has. The image outlives its instances, the artifact the image. After an
 * error of aotc_instance_reset the instance must be destroyed. */
enum aotc_reset_mode {
  AOTC_RESET_BEST = 0, /* the first of these that works on this kernel */
  AOTC_RESET_SCAN,     /* copy pages back, found by PAGEMAP_SCAN */
  AOTC_RESET_PAGEMAP,  /* copy pages back, found in /proc/self/pagemap */
  AOTC_RESET_MADVISE,  /* let the kernel drop every page that was written */
  AOTC_RESET_REMAP     /* map the image again */
};
/* Opens what images need of the file system, for processes that will not have one when they make them. */
void aotc_pools_prepare(void);
/* AOTC_ERROR_ARGUMENT when `mode` does not work here. */
enum aotc_status aotc_image_create(struct aotc_artifact* artifact, bool thaw, enum aotc_reset_mode mode,
                                   struct aotc_image** image, struct aotc_error* error);
void aotc_image_destroy(struct aotc_image* image);
enum aotc_reset_mode aotc_image_reset_mode(const struct aotc_image* image);

/* Bytes that its file takes, besides what instances have of their own. */
uint64_t aotc_image_memory(const struct aotc_image* image);

/* What the last reset of an instance did; zero for modes that do not look at single pages. */
struct aotc_reset_counts {
  uint32_t own;    /* pages that are the instance's own, ready to be written again */
  uint32_t copied; /* of them: differed from the image */
  bool scanned;    /* the kernel was asked which pages they are */
};
struct aotc_reset_counts aotc_instance_reset_counts(const struct aotc_instance* instance);
/* Right after a reset: compares memory, globals, tables, segments and the stack's size with the image. AOTC_ERROR_DIFFERS
 * says what is not the same. */
enum aotc_status aotc_instance_compare(struct aotc_instance* instance, struct aotc_error* error);

/* Arguments and results of a call: two words per value, low word first. */
struct aotc_value {
  uint64_t word[2];
};

/* Runs the start function if the module has one. Once, before the first call. */
enum aotc_status aotc_instance_start(struct aotc_instance* instance, struct aotc_error* error);
/* Calls an exported function. `args` and `results` hold as many values as its type says. */
enum aotc_status aotc_instance_call(struct aotc_instance* instance, const struct aotc_export* function,
                                    const struct aotc_value* args, struct aotc_value* results, struct aotc_error* error);

/* aotc_instance_start, then a call of _start, or of a reactor's _initialize. */
enum aotc_status aotc_instance_enter(struct aotc_instance* instance, struct aotc_error* error);

/* Ends the call that runs now, or the next one, with AOTC_TRAP_DEADLINE once `nanoseconds` have passed; 0 disarms. Costs
 * the guest nothing until then. Call it from the thread that runs the instance, before the call. */
enum aotc_status aotc_instance_set_deadline(struct aotc_instance* instance, uint64_t nanoseconds, struct aotc_error* error);
/* Monotonic nanoseconds left, UINT64_MAX without a deadline. Host functions that wait must not wait longer. */
uint64_t aotc_instance_deadline_left(const struct aotc_instance* instance);

#define AOTC_MAX_BACKTRACE 128

struct aotc_trap_info {
  enum aotc_trap trap;
  uint32_t wasm_offset; /* AOTC_NONE when unknown */
  uint64_t address;     /* out-of-bounds access: byte in linear memory, else 0 */
  uint32_t frames;      /* innermost first */
  uint32_t code[AOTC_MAX_BACKTRACE]; /* code offsets inside the instruction that trapped or called */
  bool truncated;       /* more frames than fit */
};

const char* aotc_trap_message(enum aotc_trap trap);
const struct aotc_trap_info* aotc_instance_trap(const struct aotc_instance* instance);
void aotc_instance_set_trap(struct aotc_instance* instance, enum aotc_trap trap);
/* Whether the guest asked for more memory than max_memory or may_grow allows; a program that ends soon after did so because of it. */
bool aotc_instance_memory_refused(const struct aotc_instance* instance);
int aotc_instance_exit_code(const struct aotc_instance* instance);
void aotc_instance_set_exit_code(struct aotc_instance* instance, int code);

/* Linear memory for host functions. `aotc_instance_memory_at` returns null unless all `size` bytes are in bounds. */
uint8_t* aotc_instance_memory(const struct aotc_instance* instance);
uint64_t aotc_instance_memory_size(const struct aotc_instance* instance);
void* aotc_instance_memory_at(const struct aotc_instance* instance, uint32_t address, uint64_t size);
struct aotc_artifact* aotc_instance_artifact(const struct aotc_instance* instance);

/* Makes every loaded artifact known to gdb (JIT interface), and lets perf unwind: memory images are then read, not
 * mapped. Costs time in proportion to the symbol table and the image; off unless called before aotc_load. */
void aotc_debugger_enable(void);

/* --- WASI preview 1 ------------------------------------------------------------------------------------------ */

/* A preopened directory. `rights_base` of ~0 with read_only false allows everything the host user may do. */
struct aotc_wasi_dir {
  const char* host_path;
  const char* guest_path;
  bool read_only;
};

struct aotc_wasi_options {
  int argc;
  const char* const* argv; /* argv[0] is the program's name */
  size_t env_count;
  const char* const* env; /* "KEY=value" */
  size_t secret_count;
  const char* const* secrets; /* likewise, after `env`; with `freeze` the values stand for others of the same length */
  size_t dir_count;
  const struct aotc_wasi_dir* dirs; /* fds 3.. after the listeners */
  size_t listener_count;
  const int* listeners; /* listening sockets, fds 3..; ownership passes to the WASI host */
  int stdio[3];         /* host fds for 0, 1, 2; -1 for none; not closed */
  bool sigpipe;         /* writing to one that nobody reads any more ends the process, as a native program's does */
  /* To make a snapshot: nothing arrives on stdin or on `listener_count` listeners that do not exist (`listeners` and
   * `stdio` are not used), output is kept, and the first real wait for input ends the call with AOTC_FROZEN. */
  bool freeze;
  /* For pools: fd 3 is a listener that yields this connection, once, and nothing waits: a program that would have to ends
   * the call with AOTC_FROZEN, see aotc_instance_continue. Comes before `listeners`. */
  struct aotc_connection* connection;
  bool connection_is_stdio; /* instead, fd 0 reads from it and fd 1 writes to it, and the listener yields nothing */
};

/* A connection without a socket behind it. The embedder owns it and its buffers and changes them between calls. */
struct aotc_connection {
  const uint8_t* in; /* from the client: bytes [in_at, in_size) are still to be read */
  size_t in_size, in_at;
  bool in_closed; /* after them comes the end: the client has left, or the program does not want to read */
  uint8_t* out;   /* to the client: bytes [0, out_size), appended by the program; grown by realloc, free it yourself */
  size_t out_size, out_capacity;
  size_t out_limit; /* no more than this in `out` at any time */
  bool accepted;   /* by the program */
  bool out_closed; /* by the program */
};

enum aotc_status aotc_wasi_create(const struct aotc_wasi_options* options, struct aotc_wasi** wasi, struct aotc_error* error);
void aotc_wasi_destroy(struct aotc_wasi* wasi);
/* Between the calls of a program with `freeze`: its listeners yield `connection`, as above; or, with null, none again.
 * AOTC_ERROR_ARGUMENT if the program still holds the last one. */
enum aotc_status aotc_wasi_connect(struct aotc_wasi* wasi, struct aotc_connection* connection, struct aotc_error* error);
/* After a call ended with AOTC_FROZEN: the monotonic time (of the host) at which the program wants to go on though
 * nothing happened to its connection; UINT64_MAX for never. */
uint64_t aotc_wasi_wake_time(const struct aotc_wasi* wasi);
/* For pools: takes note of the descriptors as they are now, once; restore closes what was opened and opens what was
 * closed since then. The connection is the embedder's to restore. */
enum aotc_status aotc_wasi_keep(struct aotc_wasi* wasi, struct aotc_error* error);
void aotc_wasi_restore(struct aotc_wasi* wasi);
/* An aotc_resolver with a struct aotc_wasi* as data. */
aotc_host_function aotc_wasi_resolve(void* wasi, const char* module, const char* field, const char* type);

/* --- Snapshots ------------------------------------------------------------------------------------------------
 *
 * Freeze: a WASI host with `freeze`, an instance, aotc_instance_call of _start until it returns AOTC_FROZEN (or of a
 * reactor's _initialize until it returns AOTC_OK), aotc_snapshot_write.
 * Thaw: a WASI host that aotc_snapshot_matches, an instance with `thaw`, aotc_wasi_thaw, aotc_instance_thaw. */

/* Gives the artifact the snapshot in `fd`, a file of its own that stays the caller's, instead of the one it may have.
 * Before anything is made of the artifact. */
enum aotc_status aotc_attach_snapshot(struct aotc_artifact* artifact, int fd, struct aotc_error* error);
/* Null when the artifact has none. */
const struct aotc_snapshot* aotc_artifact_snapshot(const struct aotc_artifact* artifact);
/* What the embedder knows about the run, for the report. */
struct aotc_freeze_run {
  uint64_t nanoseconds;        /* until it first waited for input */
  uint64_t warmup_nanoseconds; /* after that */
  uint32_t warmup_requests;
  uint32_t warmup_status; /* of the last response */
  uint64_t warmup_bytes;  /* of all responses */
  bool rehearsed;         /* net/http has answered a request of ours, see tools/freeze_program.h */
};
/* Writes the snapshot to `fd`, an empty file. AOTC_ERROR_ARGUMENT when the program cannot be frozen in this state; the
 * message says why, without a name. */
enum aotc_status aotc_snapshot_write(struct aotc_instance* instance, struct aotc_wasi* wasi,
                                     const struct aotc_freeze_run* run, int fd, struct aotc_error* error);
/* Whether the program, which ended a call with AOTC_FROZEN, waits for a listener. */
bool aotc_wasi_waits_for_listener(const struct aotc_wasi* wasi);
/* How much it has written to stdout and stderr, with what says which: 0 for nothing. */
size_t aotc_wasi_output_size(const struct aotc_wasi* wasi);
/* Whether a program started with what `wasi` offers would be as the snapshot is: the same arguments, environment and
 * directories, and a listener if that is what it waits for. */
bool aotc_snapshot_matches(const struct aotc_artifact* artifact, const struct aotc_wasi* wasi);
/* Descriptors as they were; the monotonic clock goes on from where it stopped. With `replay`, writes what the program had
 * written. */
enum aotc_status aotc_wasi_thaw(struct aotc_wasi* wasi, const struct aotc_artifact* artifact, bool replay,
                                struct aotc_error* error);
/* With `freeze`: random letters in place of a secret's value, at least 8 of them. False when `size` cannot be. */
bool aotc_secret_placeholder(char* value, size_t size);
/* Name and value of the secret that the program read, or null. The snapshot is refused then. */
const char* aotc_wasi_secret_read(const struct aotc_wasi* wasi);
/* Writes the secrets of a WASI host that aotc_snapshot_matches into an instance of the snapshot. */
enum aotc_status aotc_secrets_fill(struct aotc_instance* instance, const struct aotc_wasi* wasi,
                                   struct aotc_error* error);
/* For pools, before an image is made: the secrets of the artifact's snapshot, each "NAME=value", neither more nor fewer, and
 * with the lengths that they have there. */
enum aotc_status aotc_artifact_give_secrets(struct aotc_artifact* artifact, size_t count, const char* const* secrets,
                                            struct aotc_error* error);
/* Seeds the random generators anew and lets the program go on; returns like aotc_instance_call. Right after creation or
 * reset, instead of aotc_instance_start and the call of the entry point. For a reactor it only seeds. */
enum aotc_status aotc_instance_thaw(struct aotc_instance* instance, struct aotc_error* error);

/* Whether programs of this artifact can be suspended: they are Go's. */
bool aotc_artifact_suspends(const struct aotc_artifact* artifact);
/* Lets an instance go on whose last call ended with AOTC_FROZEN, on any thread; returns like that call. */
enum aotc_status aotc_instance_continue(struct aotc_instance* instance, struct aotc_error* error);

/* --- Slots: one request per life ----------------------------------------------------------------------------------
 *
 * take a slot, fill in connection.in, aotc_slot_begin; as long as calls end with AOTC_FROZEN and the response is not
 * complete: take bytes from connection.out, add to connection.in, aotc_instance_continue; at the end give it back,
 * whatever the last call returned. A pool and its slots belong to one thread. */
struct aotc_pool;
struct aotc_slot {
  struct aotc_instance* instance;
  struct aotc_wasi* wasi;
  struct aotc_connection connection;
  struct aotc_slot* next; /* of the pool */
  uint64_t thaw_nanoseconds; /* the last aotc_slot_begin took until the program could run */
};
struct aotc_pool_options {
  uint64_t max_memory; /* of each instance, as in struct aotc_instance_options */
  size_t write_buffer; /* out_limit of each connection */
  int log;             /* where the program's stdout and stderr go, or -1 */
  bool (*may_grow)(void* data, uint64_t bytes); /* likewise */
  void* may_grow_data;
  uint32_t compare_sample; /* compare one instance in so many with its image after the reset, at random; 0: none */
};
/* `image` outlives the pool. AOTC_ERROR_ARGUMENT when its program is no server that can be suspended. */
enum aotc_status aotc_pool_create(const struct aotc_image* image, const struct aotc_pool_options* options,
                                  struct aotc_pool** pool, struct aotc_error* error);
/* Makes a better image of one with a snapshot: instances begin where the program has accepted its connection and waits for
 * the request's first byte. AOTC_ERROR_ARGUMENT when the program does anything else first, or for longer than `deadline`
 * nanoseconds; `better` is null for a program that waits for stdin. Destroy `image` or keep it, as you like. */
enum aotc_status aotc_image_accept_ahead(struct aotc_image* image, const struct aotc_pool_options* options,
                                         uint64_t deadline, struct aotc_image** better, struct aotc_error* error);
void aotc_pool_destroy(struct aotc_pool* pool); /* every slot must have been given back */
/* Whether the connection is the programs' stdin and stdout: so it is if their snapshot waits for stdin and no listener. What the
 * program had written to stdout before that is then at the start of connection.out. */
bool aotc_pool_uses_stdio(const struct aotc_pool* pool);
enum aotc_status aotc_pool_take(struct aotc_pool* pool, struct aotc_slot** slot, struct aotc_error* error);
/* From the snapshot, or from the beginning; returns like aotc_instance_call. */
enum aotc_status aotc_slot_begin(struct aotc_slot* slot, struct aotc_error* error);
/* On an error the slot is gone, and nothing else has happened. AOTC_ERROR_DIFFERS: other instances of the process may have
 * been left with bytes of earlier requests, too; it should end. */
enum aotc_status aotc_pool_give(struct aotc_pool* pool, struct aotc_slot* slot, struct aotc_error* error);
/* Destroys idle slots until at most `keep` are left; returns how many are. */
uint32_t aotc_pool_trim(struct aotc_pool* pool, uint32_t keep);

#ifdef __cplusplus
}
#endif
#endif
