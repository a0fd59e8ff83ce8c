/* wasi_state.h - what the files of the WASI preview 1 host share: its state, the descriptor table, guest memory access.
 *
 * One struct aotc_wasi serves one instance at a time and holds all state; there is none outside it except two signal
 * dispositions (SIGPIPE and SIGXFSZ are ignored, if they were at their default).
 *
 *     wasi.c           table of the 46 functions, create, destroy, resolve
 *     wasi_process.c   arguments, environment, clocks, random bytes, exit
 *     wasi_fd_table.c  guest descriptor numbers -> host descriptors, rights, flags
 *     wasi_fd.c        what a descriptor can be asked: status, times, size, position
 *     wasi_io.c        reading and writing through iovecs
 *     wasi_wait.c      waiting for a descriptor of the host's
 *     wasi_readdir.c   directory listing
 *     wasi_path.c      functions that take a path
 *     wasi_resolve.c   from a guest path to a host descriptor, never outside the directory
 *     wasi_poll.c      poll_oneoff
 *     wasi_sock.c      accept, receive, send, shut down
 *     wasi_errno.c     host errno -> guest errno
 *     wasi_outbound.c  connections that the program makes
 *     wasi_edge.c      what package edge asks: thaw and end of a request, values, who asks
 *     wasi_streams.c   streams of a channel to the broker, behind them
 *     wasi_connection.c  a connection in memory; descriptors of a pooled host
 *     wasi_freeze.c    standard descriptors and listeners of a program that is to be frozen, and what it wrote
 *     wasi_files.c     files that are open at the freeze
 *     wasi_tmp.c       a directory in memory
 *     wasi_kept.c      what a snapshot keeps of directories
 *     wasi_saved.c     what a snapshot keeps of all this, and going on from it
 *     wasi_report.c    what the freeze report says
 *     secrets.c        variables whose values are withheld until the thaw
 *     serve.c          pools of servers, each instance with a connection in memory
 *     accept_ahead.c   an image in which the connection is accepted already
 *
 * Blocking. Everything the host opened itself is non-blocking on the host's side, whatever the guest asked; a guest
 * that wants to block is made to wait in ppoll for the shorter of its own timeout and what is left of the instance's
 * deadline. So no guest can hold a thread in the kernel past its deadline. Descriptors that were passed in (standard
 * input and output) share their open file description with other processes, so their flags are never changed: see
 * wasi_io.c.
 */
#ifndef AOTC_WASI_STATE_H
#define AOTC_WASI_STATE_H

#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include "aotc/wasi.h"
#include "aotc/wasi_functions.h"
#include "wasi_types.h"

#define AOTC_WASI_MAX_FDS (1u << 16) /* guest descriptors; the table grows by doubling up to here (4 MiB) */
#define AOTC_WASI_MAX_PATH 4096u     /* bytes in a path the guest passes, without a terminator */
#define AOTC_WASI_MAX_IOVECS 1024u
#define AOTC_WASI_MAX_SUBSCRIPTIONS (1u << 16) /* Go can ask for 65,535 */
#define AOTC_WASI_LAST_ERRORS 16384u           /* bytes of stderr that explain why a program ended */
#define AOTC_WASI_MAX_NOTED 64u                /* files that a freeze report names */
#define AOTC_WASI_MAX_KEPT_DIRS 16u            /* directories of which a snapshot keeps what is in them */
#define AOTC_WASI_MAX_KEPT 10000u              /* files and directories in them */
#define AOTC_WASI_MAX_STREAMS 64u              /* connections that a program has made and not closed */
#define AOTC_WASI_PIECE (1u << 20)             /* bytes per system call, so that a deadline is seen soon */

struct aotc_wasi_saved;

enum aotc_wasi_kind {
  AOTC_WASI_FREE = 0,
  AOTC_WASI_NULL,   /* a standard descriptor the embedder did not give: reads nothing, swallows everything */
  AOTC_WASI_LOG,    /* a standard descriptor whose output goes to the connection's log */
  AOTC_WASI_STREAM, /* pipe, terminal, device */
  AOTC_WASI_FILE,   /* regular file or block device: always ready, has a position */
  AOTC_WASI_DIRECTORY,
  AOTC_WASI_SOCKET,
  AOTC_WASI_LISTENER,
  AOTC_WASI_CONNECTION, /* the struct aotc_connection of the WASI host */
  AOTC_WASI_OUTBOUND,   /* a connection that the program made */
  AOTC_WASI_EVENTS      /* tells of what happens to the instance */
};

struct aotc_wasi_fd {
  uint8_t kind;     /* enum aotc_wasi_kind */
  uint8_t filetype; /* enum aotc_wasi_filetype */
  uint16_t flags;   /* WASI_FDFLAG_*, as the guest sees them */
  bool owned;       /* close `host` with the guest's descriptor; its file description is ours and non-blocking */
  bool read_only;   /* reached through a read-only directory */
  bool kept;        /* a copy is in `kept`, so closing it leaves `host` and `preopen` alone */
  bool no_nowait;   /* the kernel has no RWF_NOWAIT for this file */
  bool sigpipe;     /* EPIPE ends the process */
  int host;
  uint32_t poll_slot; /* scratch of poll_oneoff */
  uint64_t rights;
  uint64_t inheriting;
  char* preopen; /* guest path of a preopened directory, else null */
  /* Of a program that is to be frozen: the path by which a file or directory was opened, beneath the preopened
   * directory with number `root`; null for what was not opened. */
  char* path;
  uint32_t root;
  struct aotc_tmp_node* node; /* of a file or directory in memory, which has no `host` */
  uint64_t position;          /* in it */
  struct aotc_stream* stream; /* of AOTC_WASI_OUTBOUND */
};

/* A listener without a socket. */
#define AOTC_WASI_VIRTUAL_LISTENER                                \
  ((struct aotc_wasi_fd){.kind = AOTC_WASI_LISTENER,              \
                         .filetype = WASI_FILETYPE_SOCKET_STREAM, \
                         .flags = WASI_FDFLAG_NONBLOCK,           \
                         .host = -1,                              \
                         .rights = WASI_RIGHTS_LISTENER,          \
                         .inheriting = WASI_RIGHTS_SOCKET})

/* A list of strings the way args_get and environ_get hand it out. */
struct aotc_wasi_strings {
  uint32_t count;
  uint32_t bytes; /* all strings with their terminators */
  char* text;
};

enum aotc_wasi_resolver {
  AOTC_WASI_RESOLVER_UNKNOWN = 0, /* decided at the first path */
  AOTC_WASI_RESOLVER_OPENAT2,
  AOTC_WASI_RESOLVER_WALK
};

/* A variable whose value is withheld from a snapshot. */
struct aotc_wasi_secret {
  uint32_t environ;   /* where "NAME=value" starts in the text of `environ` */
  uint32_t name_size; /* with the '=' */
  uint32_t value_size;
  uint32_t address; /* of the value in linear memory, once the environment was handed out to be frozen */
};

struct aotc_kept_summary {
  uint64_t files, bytes;
  uint64_t digest[2]; /* XXH3-128 of names and contents, low half first */
};

/* A program that is to be frozen: what it did and what it waits for. */
struct aotc_wasi_freeze {
  uint32_t listeners; /* it was given */
  uint32_t dirs;      /* likewise */
  uint32_t waits;     /* enum aotc_wasi_waits */
  /* These five as in struct aotc_wasi_options. */
  void (*drawn)(void* data, struct aotc_instance* instance, uint32_t address, uint32_t size);
  void (*told_time)(void* data, struct aotc_instance* instance, uint64_t time);
  void* drawn_data;
  bool clock_continues;
  bool hidden_timers;
  uint64_t stopped; /* AOTC_WASI_WAITS_IN_POLL: when it began to wait, by the program's monotonic clock */
  uint64_t timer;   /* nanoseconds from then until its first timer is due, UINT64_MAX for none */
  uint8_t* output;  /* as in struct aotc_wasi_saved */
  size_t output_size, output_capacity;
  bool output_lost;                                       /* there was too much of it */
  struct aotc_kept_summary kept[AOTC_WASI_MAX_KEPT_DIRS]; /* of its directories, once they are saved */
  char not_kept[512];                                     /* why those of the host are not in the snapshot, or empty */
  char* errors;         /* a ring with the last bytes written to stderr, AOTC_WASI_LAST_ERRORS of them; null for none */
  uint64_t errors_size; /* of all that was written there */
  bool renumbered;      /* descriptors were, so a number does not tell what it is */
  bool read_environ, read_args;
  uint64_t may_pass; /* as in struct aotc_wasi_saved, once that is made */
  uint64_t random_bytes, paths_opened, realtime_reads;
  char* files[AOTC_WASI_MAX_NOTED]; /* guest paths of the first that were opened */
  uint32_t file_count, files_open;  /* noted; still open at the freeze */
  uint32_t secrets_wait;            /* the environment was handed out: looks at the clock until they are hidden */
  const char* secrets_fault;        /* why they cannot be hidden, or null */
  struct aotc_memory_guard* guard;  /* while they are hidden, and after */
};

/* Where a Go program keeps whom its connection comes from, in linear memory; 0 for what was not found (go_peer.c). */
struct aotc_go_peer {
  uint32_t address; /* net.TCPAddr */
  uint32_t text;    /* the string in an http.conn */
};
void aotc_go_peer_find(const struct aotc_instance* instance, const struct aotc_wasi* wasi, struct aotc_go_peer* places);

/* How a program stands that has accepted its connection: in one allocation, with the image (accept_ahead.c). */
struct aotc_serve_start {
  uint64_t monotonic; /* nanoseconds that its clock showed */
  uint64_t at;        /* and ours */
  uint64_t may_pass;  /* as in struct aotc_wasi_saved */
  struct aotc_go_peer peer;
  uint32_t fd_count;
  struct aotc_wasi_fd fds[];
};

/* What a program can be told by its descriptor of events, a byte each; the bits of what it wants to be told. */
enum aotc_edge_event { AOTC_EDGE_NOTHING, AOTC_EDGE_THAW = 1, AOTC_EDGE_IDLE = 2 };

struct aotc_edge {
  struct aotc_edge_values values;
  uint32_t wanted;      /* bits of enum aotc_edge_event */
  uint32_t kept_wanted; /* to go back to */
  uint8_t pending;      /* enum aotc_edge_event: it has not read it */
  uint8_t running;      /* it has, and has not done what it has to do then */
  bool told_idle;
  bool ahead;             /* it runs on behalf of all instances (accept_ahead.c) */
  struct aotc_peer asker; /* of a pool: whose request it is */
};

struct aotc_wasi {
  struct aotc_host host;
  struct aotc_wasi_fd* fds;
  uint32_t fd_count;    /* entries in `fds` */
  uint32_t lowest_free; /* no smaller number is free */
  enum aotc_wasi_resolver resolver;
  struct aotc_wasi_strings args;
  struct aotc_wasi_strings environ;
  struct aotc_wasi_secret* secrets; /* the last of `environ` */
  uint32_t secret_count;
  struct pollfd* poll_fds; /* scratch of poll_oneoff */
  uint32_t poll_capacity;
  struct aotc_tmp* tmp;                    /* null for none */
  const struct aotc_wasi_saved* saved_tmp; /* what is in it at the beginning, or null; of the snapshot */
  uint64_t monotonic_offset;               /* added to the host's clock, modulo 2^64 */
  uint64_t monotonic_start;                /* of a thawed program: what its clock showed when it stopped */
  uint64_t may_pass;                       /* by how much more it may show when it begins */
  bool begins_in_poll;                     /* it goes on in a poll_oneoff */
  bool drew;                               /* random bytes, since it was made */
  bool reached_out;                        /* for a connection or a name, since it was made */
  struct aotc_outbound* outbound;          /* the embedder's; null: no connection can be made */
  uint32_t streams_open;
  struct aotc_edge edge;
  struct aotc_wasi_freeze* freeze;      /* null unless a snapshot is to be made */
  struct aotc_connection* connection;   /* the embedder's; null: listeners are sockets, and calls wait */
  bool blocks;                          /* waits for a time keep the thread though there is one */
  bool owns_connection;                 /* of a pool: freed with the host */
  const struct aotc_serve_start* start; /* of a pool: where its image begins, or null: at the snapshot */
  uint64_t wait_start;                  /* when the poll_oneoff that was suspended began to wait; 0 for none */
  uint64_t wake_time;                   /* when it is to be made again at the latest */
  bool waits_for_connection;            /* it waits for bytes from the connection, in a poll_oneoff */
  struct aotc_wasi_fd* kept;            /* the table to go back to, null for none */
  uint32_t kept_count;
};

/* --- arguments, results, guest memory ------------------------------------------------------------------------- */

static inline uint32_t aotc_wasi_arg32(const uint64_t* slots, int i) { return (uint32_t)slots[2 * i]; }
static inline uint64_t aotc_wasi_arg64(const uint64_t* slots, int i) { return slots[2 * i]; }

/* Beside WASI_TRAPPED: the guest waits for input and can be frozen. */
#define AOTC_WASI_FROZEN (WASI_TRAPPED - 1)

/* Ends a host function: stores the errno for the guest, or passes a trap on. */
static inline enum aotc_status aotc_wasi_finish(uint64_t* slots, int error) {
  if (error == WASI_TRAPPED) return AOTC_TRAPPED;
  if (error == AOTC_WASI_FROZEN) return AOTC_FROZEN;
  slots[0] = (uint64_t)error;
  return AOTC_OK;
}

static inline uint32_t aotc_wasi_load32(const uint8_t* p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline uint64_t aotc_wasi_load64(const uint8_t* p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline void aotc_wasi_store16(uint8_t* p, uint16_t v) { memcpy(p, &v, sizeof v); }
static inline void aotc_wasi_store32(uint8_t* p, uint32_t v) { memcpy(p, &v, sizeof v); }
static inline void aotc_wasi_store64(uint8_t* p, uint64_t v) { memcpy(p, &v, sizeof v); }

/* Two's complement nanoseconds, saturated; Go reads timestamps as signed. */
static inline uint64_t aotc_wasi_nanoseconds(struct timespec t) {
  int64_t ns;
  if (__builtin_mul_overflow((int64_t)t.tv_sec, (int64_t)1000000000, &ns) ||
      __builtin_add_overflow(ns, (int64_t)t.tv_nsec, &ns))
    return t.tv_sec < 0 ? (uint64_t)INT64_MIN : (uint64_t)INT64_MAX;
  return (uint64_t)ns;
}

/* --- errors: wasi_errno.c -------------------------------------------------------------------------------------- */

/* The guest's number for a host errno; WASI_EIO for what has none. */
int aotc_wasi_errno(int host_errno);

/* --- descriptors: wasi_fd_table.c ------------------------------------------------------------------------------ */

/* WASI_EBADF when `fd` is not open, WASI_ENOTCAPABLE when it lacks one of `rights`. */
int aotc_wasi_lookup(struct aotc_wasi* wasi, uint32_t fd, uint64_t rights, struct aotc_wasi_fd** entry);
/* Like lookup, for directories; WASI_ENOTDIR when it is something else. */
int aotc_wasi_lookup_directory(struct aotc_wasi* wasi, uint32_t fd, uint64_t rights, struct aotc_wasi_fd** entry);
/* The lowest free number. It stays free until an entry is written there; the pointer is valid until the next reserve.
 */
int aotc_wasi_reserve(struct aotc_wasi* wasi, uint32_t* fd, struct aotc_wasi_fd** entry);
/* So that `fd` is a number in the table. */
int aotc_wasi_make_room(struct aotc_wasi* wasi, uint32_t fd);
/* Fills a reserved entry, taking kind, file type and default rights from the host descriptor. */
int aotc_wasi_install(struct aotc_wasi_fd* entry, int host, bool owned);
/* Likewise with what is in memory, which the caller holds. */
void aotc_wasi_install_node(struct aotc_wasi_fd* entry, struct aotc_tmp_node* node);
/* Zeros for what is neither in memory nor of the host. */
int aotc_wasi_stat(const struct aotc_wasi_fd* entry, struct stat* st);
int aotc_wasi_close(struct aotc_wasi* wasi, uint32_t fd);
void aotc_wasi_close_all(struct aotc_wasi* wasi);

uint8_t aotc_wasi_filetype(mode_t mode);
void aotc_wasi_store_filestat(uint8_t* out, const struct stat* st, uint8_t filetype);
/* Turns (times, WASI_FSTFLAG_*) into what utimensat takes. */
int aotc_wasi_times(uint64_t atim, uint64_t mtim, uint32_t flags, struct timespec out[2]);

/* --- waiting: wasi_wait.c; moving bytes: wasi_io.c --------------------------------------------------------------- */

/* Waits until `host` has one of `events`; WASI_TRAPPED at the instance's deadline. */
int aotc_wasi_wait(struct aotc_instance* instance, int host, short events);
/* WASI_TRAPPED, with the trap recorded, if the deadline has passed; else 0. */
int aotc_wasi_check_deadline(struct aotc_instance* instance);
/* Turns guest iovecs into host ones; empty ones are dropped. `out` has AOTC_WASI_MAX_IOVECS entries. */
int aotc_wasi_iovecs(struct aotc_instance* instance, uint32_t address, uint32_t count, struct iovec* out,
                     int* out_count);

/* --- freezing: wasi_freeze.c ------------------------------------------------------------------------------------- */

enum aotc_status aotc_wasi_freeze_setup(struct aotc_wasi* wasi, const struct aotc_wasi_options* options,
                                        struct aotc_error* error);
void aotc_wasi_freeze_release(struct aotc_wasi* wasi);
/* Whether waiting for `entry` is a reason to freeze. */
bool aotc_wasi_is_input(const struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry);
void aotc_wasi_note_wait(struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry);
/* Keeps what the program writes. */
int aotc_wasi_freeze_write(struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry, const struct iovec* vectors,
                           int count, uint32_t* moved);

/* Writes again what the program wrote before the freeze: what goes to the connection, or what does not. */
void aotc_wasi_replay(struct aotc_wasi* wasi, const struct aotc_wasi_saved* saved, bool to_connection);
/* Writes to a descriptor of ours what a connection's log holds. */
void aotc_wasi_show_log(const struct aotc_connection* connection, int host);
/* Likewise what the program wrote before the freeze to stderr, and to stdout. */
void aotc_wasi_show_output(const struct aotc_wasi_saved* saved, int host, bool stdout_too);
/* For the program's monotonic clock, the time since it stopped has passed, as far as may be. */
void aotc_wasi_begin(struct aotc_host* host, uint64_t frozen_at);
uint64_t aotc_wasi_monotonic_now(const struct aotc_wasi* wasi);

/* --- secrets: secrets.c ---------------------------------------------------------------------------------------------
 */

/* Of a program that is to be frozen: how many more bytes it is to give for its environment; and the secrets' strings
 * into these, when the others are in place. False when they are not in its memory. */
uint64_t aotc_secrets_room(const struct aotc_wasi* wasi);
bool aotc_secrets_place(struct aotc_instance* instance, struct aotc_wasi* wasi, uint32_t pointers, uint32_t text);
/* It asks for the time. */
void aotc_secrets_on_clock(struct aotc_instance* instance, struct aotc_wasi* wasi);
/* At the freeze. Null, or why there can be no snapshot. */
const char* aotc_secrets_show(struct aotc_instance* instance, struct aotc_wasi* wasi);
/* The values into an instance of the snapshot. */
enum aotc_status aotc_secrets_fill(struct aotc_instance* instance, const struct aotc_wasi* wasi,
                                   const struct aotc_wasi_saved* saved, struct aotc_error* error);

/* --- what a snapshot keeps: wasi_saved.c
 * -------------------------------------------------------------------------------
 *
 * saved = struct aotc_wasi_saved arrays; offsets of spans are from its start. */

enum aotc_wasi_waits {
  AOTC_WASI_WAITS_STDIN = 1u << 0, /* among what it waits for */
  AOTC_WASI_WAITS_LISTENER = 1u << 1,
  AOTC_WASI_WAITS_IN_POLL = 1u << 2 /* in a poll_oneoff, which says when the first timer is due */
};

struct aotc_wasi_saved {
  uint32_t waits;           /* enum aotc_wasi_waits; 0 for a reactor */
  uint32_t listeners;       /* it was given this many, from fd 3 on */
  uint64_t monotonic;       /* nanoseconds that the program's monotonic clock showed */
  uint64_t may_pass;        /* how far it may go on by itself until the thaw: to the first timer; UINT64_MAX: no end */
  struct aotc_span fds;     /* struct aotc_saved_fd, ascending */
  struct aotc_span args;    /* bytes: the arguments after the program's name, each NUL-terminated */
  struct aotc_span environ; /* bytes: "KEY=value", each NUL-terminated */
  struct aotc_span dirs;    /* bytes: guest paths of the preopened directories, each NUL-terminated */
  struct aotc_span
      output; /* bytes: (u32 fd, u32 size, bytes, zero to three bytes of padding)*, written before the stop */
  struct aotc_span files;    /* struct aotc_saved_file: those of `fds` that are files */
  struct aotc_span paths;    /* bytes: their paths, each NUL-terminated */
  struct aotc_span secrets;  /* struct aotc_saved_secret */
  uint64_t has_tmp;          /* whether the last of `dirs` is /tmp in memory */
  uint32_t events_fd;        /* its descriptor of events, if it wants any: */
  uint32_t events_wanted;    /* bits of enum aotc_edge_event */
  uint64_t keeps_dirs;       /* whether all that is in `dirs` is in `nodes`, and not only what is in /tmp */
  struct aotc_span nodes;    /* struct aotc_saved_node; those of one directory stand together */
  struct aotc_span names;    /* bytes: of nodes, each NUL-terminated */
  struct aotc_span contents; /* bytes: of files */
};

/* A file or directory that is kept. */
struct aotc_saved_node {
  uint32_t root;      /* number of its directory among `dirs` */
  uint32_t parent;    /* number of the node that it is in, which comes before it; AOTC_NONE: `root` itself */
  uint32_t name;      /* offset in `names` */
  uint32_t directory; /* whether it is one */
  uint64_t modified;  /* nanoseconds since 1970 */
  uint64_t content;   /* offset in `contents` */
  uint64_t size;
};

/* A variable whose value is not in the snapshot: letters of the same number are in `environ`, zeros in memory. */
struct aotc_saved_secret {
  uint32_t environ; /* offset of the value in `environ` */
  uint32_t size;    /* bytes */
  uint32_t address; /* in linear memory */
  uint32_t reserved;
};

/* A file that is open for reading. */
struct aotc_saved_file {
  uint32_t number;
  uint32_t root; /* number of the preopened directory beneath which it lies */
  uint32_t path; /* offset in `paths` */
  uint32_t reserved;
  uint64_t position;
  uint64_t size;
  uint64_t digest[2]; /* XXH3-128 of the content, low half first */
};

/* A descriptor that is still open; what is not listed was closed. */
struct aotc_saved_fd {
  uint32_t number;
  uint32_t flags;          /* WASI fdflags */
  uint64_t removed_rights; /* WASI rights that the program gave up */
};

static inline const void* aotc_saved_data(const struct aotc_wasi_saved* saved, const struct aotc_span* span) {
  return (const uint8_t*)saved + span->offset;
}
/* Every span lies inside and every string ends: null, or what is wrong. */
const char* aotc_wasi_saved_fault(const void* state, uint64_t size);
enum aotc_status aotc_wasi_save(struct aotc_host* host, struct aotc_instance* instance, struct aotc_arrays* state,
                                struct aotc_error* error);
bool aotc_wasi_matches(const struct aotc_host* host, const void* state, uint64_t size);
enum aotc_status aotc_wasi_thaw(struct aotc_host* host, struct aotc_instance* instance, const void* state,
                                uint64_t size, struct aotc_error* error);
/* wasi_report.c */
void aotc_wasi_report(const struct aotc_host* host, const char* import, FILE* out);

/* --- files that are open at the freeze: wasi_files.c ---------------------------------------------------------------
 */

/* Keeps by which path, beneath directory `dir` with number `dir_number`, `entry` was opened. */
void aotc_wasi_note_path(struct aotc_wasi* wasi, struct aotc_wasi_fd* entry, const struct aotc_wasi_fd* dir,
                         uint32_t dir_number, const char* path);
/* All but the path and the descriptor's number. False when it is no file that a thaw can open again. */
bool aotc_wasi_describe_file(const struct aotc_wasi_fd* entry, struct aotc_saved_file* file);
/* XXH3-128, low half first. */
void aotc_wasi_digest(const void* bytes, size_t size, uint64_t digest[2]);
/* Opens them, or puts back their positions when they are open already. */
enum aotc_status aotc_wasi_reopen_files(struct aotc_wasi* wasi, const struct aotc_wasi_saved* saved,
                                        struct aotc_error* error);

/* --- a connection in memory: wasi_connection.c ---------------------------------------------------------------------
 */

/* The listener or the connection that has no host descriptor. */
bool aotc_wasi_is_virtual(const struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry);
/* Whether it can be read or written without waiting, and how much. */
bool aotc_wasi_virtual_ready(const struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry, bool read,
                             uint64_t* bytes);
int aotc_wasi_connection_accept(struct aotc_wasi* wasi, const struct aotc_wasi_fd* listener, uint32_t fdflags,
                                struct aotc_wasi_fd* entry);
int aotc_wasi_connection_read(struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry, const struct iovec* vectors,
                              int count, bool peek, uint32_t* moved);
int aotc_wasi_connection_write(struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry, const struct iovec* vectors,
                               int count, uint32_t* moved);
/* To the connection's log; returns the bytes that the program is to think were written. */
uint32_t aotc_wasi_log_write(struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry, const struct iovec* vectors,
                             int count);

/* Whether the last call that was suspended waits for bytes from the connection. */
bool aotc_wasi_waits_for_connection(const struct aotc_wasi* wasi);
enum aotc_status aotc_wasi_keep(struct aotc_host* host, struct aotc_error* error);
void aotc_wasi_restore(struct aotc_host* host);
uint64_t aotc_wasi_wake_time(const struct aotc_host* host);
/* Since aotc_wasi_keep no descriptor was opened or closed, and no file in memory read, but connections accepted. */
bool aotc_wasi_only_accepted(const struct aotc_wasi* wasi);
/* The descriptors of a start in another WASI host with the same options. */
enum aotc_status aotc_wasi_adopt(struct aotc_wasi* wasi, const struct aotc_serve_start* start,
                                 struct aotc_error* error);

/* --- connections that the program makes: wasi_outbound.c --------------------------------------------------------- */

/* Tells the broker what is to be told, and hears what it has said. */
void aotc_wasi_outbound_exchange(struct aotc_wasi* wasi);
int aotc_wasi_outbound_move(struct aotc_instance* instance, struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry,
                            const struct iovec* vectors, int count, bool write, bool peek, uint32_t* moved);
int aotc_wasi_outbound_shutdown(struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry, bool read, bool write);

/* --- what package edge asks: wasi_edge.c ------------------------------------------------------------------------- */

/* Whether what comes from outside is not to be seen yet, since the program has to do something at its thaw. */
static inline bool aotc_edge_holds_back(const struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry) {
  return (wasi->edge.pending | wasi->edge.running) == AOTC_EDGE_THAW &&
         (entry->kind == AOTC_WASI_LISTENER || entry->kind == AOTC_WASI_CONNECTION || entry == &wasi->fds[0]);
}
/* The descriptor of events: the next one, WASI_EAGAIN without one. */
int aotc_edge_read(struct aotc_wasi* wasi, const struct iovec* vectors, int count, uint32_t* moved);
/* The descriptor of a snapshot; why it cannot be there, or null. */
const char* aotc_edge_thaw(struct aotc_wasi* wasi, const struct aotc_wasi_saved* saved);

/* --- a directory in memory: wasi_tmp.c ----------------------------------------------------------------------------
 *
 * Paths lead from a directory of it, as in wasi_resolve.c. What returns int returns a WASI errno. */

#define AOTC_WASI_TMP "/tmp"

/* With room for `limit` bytes; null when there is no memory. */
struct aotc_tmp* aotc_tmp_create(uint64_t limit);
void aotc_tmp_destroy(struct aotc_tmp* tmp);
/* No descriptor may be open but its root's. */
void aotc_tmp_clear(struct aotc_tmp* tmp);
struct aotc_tmp_node* aotc_tmp_root(struct aotc_tmp* tmp);
bool aotc_tmp_is_directory(const struct aotc_tmp_node* node);
const void* aotc_tmp_bytes(const struct aotc_tmp_node* node);
/* A file or directory without what is in it. */
struct aotc_tmp_object {
  const char* name;
  bool directory;
  const uint8_t* bytes;
  uint64_t size;
  struct timespec modified;
};
/* One more, whose name is free there and whose bytes stay where they are; null when there is no memory. */
struct aotc_tmp_node* aotc_tmp_add(struct aotc_tmp* tmp, struct aotc_tmp_node* dir,
                                   const struct aotc_tmp_object* object);
/* All of them by name, each before what is in it; false without memory, too. `visit` returns a number for it, AOTC_NONE
 * to stop; `parent` is that of the directory, AOTC_NONE for the root. */
bool aotc_tmp_visit(struct aotc_tmp* tmp,
                    uint32_t (*visit)(void* data, uint32_t parent, const struct aotc_tmp_object* object), void* data);
/* Whether anything has changed since it was made, cleared or settled. */
bool aotc_tmp_changed(const struct aotc_tmp* tmp);
void aotc_tmp_settle(struct aotc_tmp* tmp);
/* For each descriptor. */
void aotc_tmp_hold(struct aotc_tmp_node* node);
void aotc_tmp_let_go(struct aotc_tmp* tmp, struct aotc_tmp_node* node);
/* Holds it. */
int aotc_tmp_open(struct aotc_tmp* tmp, struct aotc_tmp_node* from, const char* path, uint32_t oflags, bool write,
                  struct aotc_tmp_node** node);
int aotc_tmp_find(struct aotc_tmp* tmp, struct aotc_tmp_node* from, const char* path, struct aotc_tmp_node** node);
int aotc_tmp_make_directory(struct aotc_tmp* tmp, struct aotc_tmp_node* from, const char* path);
int aotc_tmp_remove(struct aotc_tmp* tmp, struct aotc_tmp_node* from, const char* path, bool directory);
int aotc_tmp_rename(struct aotc_tmp* tmp, struct aotc_tmp_node* from, const char* path, struct aotc_tmp_node* to,
                    const char* new_path);
void aotc_tmp_stat(const struct aotc_tmp_node* node, struct stat* st);
void aotc_tmp_set_times(struct aotc_tmp* tmp, struct aotc_tmp_node* node, const struct timespec times[2]);
/* The entry with this cookie; false after the last. `entry` is zeros, or that of a smaller cookie: a listing begins at
 * the name where it was. */
struct aotc_tmp_entry {
  const struct aotc_tmp_node* at;
  const char* name;
  bool directory;
  uint64_t inode, next; /* cookie of the next one */
};
bool aotc_tmp_entry(const struct aotc_tmp_node* dir, uint64_t cookie, struct aotc_tmp_entry* entry);
/* `instance` is asked for memory when it grows. Without `tmp`, WASI_EROFS. */
int aotc_tmp_resize(struct aotc_tmp* tmp, struct aotc_instance* instance, struct aotc_tmp_node* node, uint64_t size);
uint64_t aotc_tmp_read(struct aotc_tmp_node* node, uint64_t at, const struct iovec* vectors, int count);
/* All of it, or nothing; likewise. */
int aotc_tmp_write(struct aotc_tmp* tmp, struct aotc_instance* instance, struct aotc_tmp_node* node, uint64_t at,
                   const struct iovec* vectors, int count);

/* --- what a snapshot keeps of directories: wasi_kept.c -------------------------------------------------------------
 */

enum aotc_status aotc_wasi_save_kept(struct aotc_wasi* wasi, struct aotc_wasi_saved* saved, struct aotc_arrays* out,
                                     struct aotc_error* error);
/* Into an empty one, what is kept of directory number `root`; null, or what is wrong. */
const char* aotc_wasi_load_kept(struct aotc_tmp* tmp, const struct aotc_wasi_saved* saved, uint32_t root);
/* Puts what is kept of /tmp there. */
const char* aotc_wasi_fill_tmp(struct aotc_wasi* wasi);
/* Those of the host, for hosts that do not outlive them; null for none. Returns null, or why they cannot be had. */
struct aotc_wasi_kept {
  uint32_t count;
  struct {
    const char* guest_path;
    struct aotc_tmp* tree;
  } list[AOTC_WASI_MAX_KEPT_DIRS];
};
const char* aotc_wasi_kept_of(const struct aotc_wasi_saved* saved, struct aotc_wasi_kept** kept);
void aotc_wasi_kept_destroy(struct aotc_wasi_kept* kept);

/* --- paths: wasi_resolve.c -------------------------------------------------------------------------------------- */

/* Copies a guest path and terminates it; refuses empty, overlong, NUL and bad UTF-8. `out` has AOTC_WASI_MAX_PATH + 1
 * bytes. */
int aotc_wasi_load_path(struct aotc_instance* instance, uint32_t address, uint32_t length, char* out);
/* Opens `path` beneath `dir` like open(2); returns a descriptor or a negative host errno. -EPERM: it leads outside. */
int aotc_wasi_open_beneath(struct aotc_wasi* wasi, int dir, const char* path, int flags, mode_t mode);
/* Splits `path` (modified) into the directory that holds it, opened beneath `dir`, and its last name, which points into
 * `path` and keeps one trailing slash if there was any. Returns a descriptor, which is `dir` itself for a bare name, or
 * a negative host errno. */
int aotc_wasi_open_parent(struct aotc_wasi* wasi, int dir, char* path, const char** name);

/* --- the functions ------------------------------------------------------------------------------------------------ */

#define AOTC_WASI_DECLARE(name, type) \
  enum aotc_status aotc_wasi_##name(struct aotc_instance* instance, void* data, uint64_t* slots);
AOTC_WASI_FUNCTIONS(AOTC_WASI_DECLARE)
#define AOTC_OUTBOUND_DECLARE(name, type) AOTC_WASI_DECLARE(outbound_##name, type)
AOTC_OUTBOUND_FUNCTIONS(AOTC_OUTBOUND_DECLARE)
#define AOTC_EDGE_DECLARE(name, type) AOTC_WASI_DECLARE(edge_##name, type)
AOTC_EDGE_FUNCTIONS(AOTC_EDGE_DECLARE)

#endif
