/* wasi.h - WASI preview 1 as a host (host.h), and pools of servers whose connections are in memory.
 */
#ifndef AOTC_WASI_H
#define AOTC_WASI_H

#include "aotc/outbound.h"
#include "aotc/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

struct aotc_wasi;
struct aotc_connection;

/* A preopened directory. `rights_base` of ~0 with read_only false allows everything the host user may do. */
struct aotc_wasi_dir {
  const char* host_path;
  const char* guest_path;
  bool read_only;
};

/* What an operator gives a program besides its environment, by name; ascending by kind and name. It is not copied. */
struct aotc_edge_value {
  uint32_t kind; /* enum aotc_edge_kind */
  uint32_t size;
  const char* name;
  const char* bytes;
};
enum aotc_edge_kind { AOTC_EDGE_CONFIG, AOTC_EDGE_SECRET };
struct aotc_edge_values {
  size_t count;
  const struct aotc_edge_value* list;
};
#define AOTC_EDGE_MAX_NAME 128u /* bytes */

/* Bytes of a directory in memory, where nobody says how many. */
#define AOTC_WASI_TMP_SIZE (64ull << 20)
/* Whether one of these directories is where it would be, or holds it. */
bool aotc_wasi_dirs_cover_tmp(const struct aotc_wasi_dir* dirs, size_t count);

struct aotc_wasi_kept;

struct aotc_wasi_options {
  int argc;
  const char* const* argv; /* argv[0] is the program's name */
  size_t env_count;
  const char* const* env; /* "KEY=value" */
  size_t secret_count;
  const char* const* secrets; /* likewise, after `env`; with `freeze` the values stand for others of the same length */
  size_t dir_count;
  const struct aotc_wasi_dir* dirs;  /* fds 3.. after the listeners */
  const struct aotc_wasi_kept* kept; /* directories that a snapshot keeps, after `dirs`; or null */
  uint64_t tmp_size;                 /* bytes of a directory in memory, /tmp, after `dirs`; 0: there is none */
  size_t listener_count;
  const int* listeners; /* listening sockets, fds 3..; ownership passes to the WASI host */
  size_t no_listeners;  /* so many fds from 3 on, in place of listeners, are nothing */
  int stdio[3];         /* host fds for 0, 1, 2; -1 for none; not closed */
  bool sigpipe;         /* writing to one that nobody reads any more ends the process, as a native program's does */
  /* To make a snapshot: nothing arrives on stdin or on `listener_count` listeners that do not exist (`listeners` and
   * `stdio` are not used), output is kept, and the first real wait for input ends the call with AOTC_FROZEN. */
  bool freeze;
  /* With it: are told when the program has drawn random bytes, and when it has got the wall clock's nanoseconds since
   * 1970. Or null. */
  void (*drawn)(void* data, struct aotc_instance* instance, uint32_t address, uint32_t size);
  void (*told_time)(void* data, struct aotc_instance* instance, uint64_t time);
  void* drawn_data;
  bool clock_continues; /* with it: the monotonic clock of a thawed program goes on from where it stopped */
  bool hidden_timers;   /* with it: the program may have timers when it is not in poll_oneoff, as Go's have */
  /* For pools: fd 3 is a listener that yields this connection, once, and nothing waits: a program that would have to
   * ends the call with AOTC_FROZEN, see aotc_instance_continue. Comes before `listeners`. */
  struct aotc_connection* connection;
  bool connection_has_log;  /* stdout and stderr go to its log */
  bool connection_blocks;   /* a program that waits for a time keeps its thread, since it could not be suspended */
  bool connection_is_stdio; /* instead, fd 0 reads from it and fd 1 writes to it, and the listener yields nothing */
  struct aotc_outbound* outbound; /* for connections that the program makes, or null; outlives the WASI host */
  struct aotc_edge_values values; /* outlive it, too; a program that is to be frozen gets none */
};

/* A connection without a socket behind it. The embedder owns it and its buffers and changes them between calls. */
struct aotc_connection {
  const uint8_t* in; /* from the client: bytes [in_at, in_size) are still to be read */
  size_t in_size, in_at;
  bool in_closed; /* after them comes the end: the client has left, or the program does not want to read */
  uint8_t* out;   /* to the client: bytes [0, out_size), appended by the program; grown by realloc, free it yourself */
  size_t out_size, out_capacity;
  size_t out_limit; /* no more than this in `out` at any time */
  bool accepted;    /* by the program */
  bool out_closed;  /* by the program */
  /* What it wrote to stdout and stderr: {uint32 size, uint32 descriptor, bytes}..., taken as `out` is. */
  uint8_t* log;
  size_t log_size, log_capacity;
  size_t log_limit;    /* what would be more is lost, */
  uint32_t lines_lost; /* and counted */
  uint32_t number;     /* the embedder's, since aotc_slot_begin */
};
/* Appends a line to `log`, as if the program had written it to descriptor 1 or 2. */
void aotc_connection_log(struct aotc_connection* connection, uint32_t descriptor, const char* line, size_t size);

/* Its first member is a struct aotc_host. */
enum aotc_status aotc_wasi_create(const struct aotc_wasi_options* options, struct aotc_wasi** wasi,
                                  struct aotc_error* error);
void aotc_wasi_destroy(struct aotc_wasi* wasi);
struct aotc_host* aotc_wasi_host(struct aotc_wasi* wasi);

/* --- Freezing: what the embedder asks of a host with `freeze` -------------------------------------------------------
 */

/* Between the calls of a program: its listeners yield `connection`, as above; or, with null, none again.
 * AOTC_ERROR_ARGUMENT if the program still holds the last one. */
enum aotc_status aotc_wasi_connect(struct aotc_wasi* wasi, struct aotc_connection* connection,
                                   struct aotc_error* error);
/* Whether the program, which ended a call with AOTC_FROZEN, waits for a listener. */
bool aotc_wasi_waits_for_listener(const struct aotc_wasi* wasi);
/* How much it has written to stdout and stderr, with what says which: 0 for nothing. */
size_t aotc_wasi_output_size(const struct aotc_wasi* wasi);
/* The last bytes that it has written to stderr, of which there are `*size`; with malloc, or null for none. It begins
 * with a whole line if there is one. */
char* aotc_wasi_last_errors(const struct aotc_wasi* wasi, size_t* size);
/* Name and value of the secret that the program read, or null. The snapshot is refused then. */
const char* aotc_wasi_secret_read(const struct aotc_wasi* wasi);
/* Random letters in place of a secret's value, at least 8 of them. False when `size` cannot be. */
bool aotc_secret_placeholder(char* value, size_t size);
/* The secrets of the artifact's snapshot, for its images and pools: each "NAME=value", neither more nor fewer, and with
 * the lengths that they have there. */
enum aotc_status aotc_artifact_give_secrets(struct aotc_artifact* artifact, size_t count, const char* const* secrets,
                                            struct aotc_error* error);

/* Whether the program that was frozen had a directory in memory; if so, how many listeners it was given. */
bool aotc_wasi_snapshot_has_tmp(const struct aotc_artifact* artifact, size_t* listeners);
/* The directories that the artifact's snapshot keeps, for WASI hosts that do not outlive it; null when it keeps none.
 * They are not released. */
enum aotc_status aotc_wasi_snapshot_kept(const struct aotc_artifact* artifact, const struct aotc_wasi_kept** kept,
                                         struct aotc_error* error);
/* Of a program that was frozen: why its directories are not kept, or null. */
const char* aotc_wasi_not_kept(const struct aotc_wasi* wasi);

/* --- For hosts beside WASI's
 * ------------------------------------------------------------------------------------------
 */

/* The program's only connection; whose request it is. */
struct aotc_connection* aotc_wasi_connection(const struct aotc_wasi* wasi);
const struct aotc_peer* aotc_wasi_asker(const struct aotc_wasi* wasi);
/* What a function of such a host returns that has to wait: for the connection, or for a stream of which the WASI host
 * is the owner; of a program that is to be frozen, for its request, as if that came by a listener. */
enum aotc_status aotc_wasi_suspend(struct aotc_wasi* wasi);
/* Appends to the connection's `out` what there is room for: all, or nothing. */
bool aotc_connection_append(struct aotc_connection* connection, const void* bytes, size_t size);

/* --- Serving: one request per life
 * ------------------------------------------------------------------------------------
 *
 * Take a slot, fill in aotc_slot_connection(slot)->in, aotc_slot_begin; as long as calls end with AOTC_FROZEN and the
 * response is not complete: take bytes from `out`, add to `in`, aotc_instance_continue; at the end give it back. */
struct aotc_host;
struct aotc_serve_options {
  uint64_t tmp_size;              /* of each /tmp in memory; 0: nothing fits into it */
  size_t write_buffer;            /* out_limit of each connection */
  size_t log_buffer;              /* log_limit; 0: what programs write to stdout and stderr goes nowhere */
  int set_up_log;                 /* with it: where goes what they write when they accept ahead */
  struct aotc_outbound* outbound; /* as in struct aotc_wasi_options */
  struct aotc_edge_values values; /* likewise */
  /* Makes a host besides WASI's, which outlives it. Or null. */
  enum aotc_status (*create_host)(const struct aotc_serve_options* options, struct aotc_wasi* wasi,
                                  struct aotc_host** host, struct aotc_error* error);
  const void* host_options; /* for it */
  bool called; /* by it programs are called: they are no servers, and the connection is there for its log */
};
/* AOTC_ERROR_ARGUMENT when the image's program is no server that can be suspended. */
enum aotc_status aotc_serve_pool_create(const struct aotc_image* image, const struct aotc_pool_options* options,
                                        const struct aotc_serve_options* serve, struct aotc_pool** pool,
                                        struct aotc_error* error);
struct aotc_connection* aotc_slot_connection(const struct aotc_slot* slot);
/* Of the instance that aotc_outbound_receive tells of. */
struct aotc_connection* aotc_outbound_connection(void* owner);
/* The other end of a connection; IPv4 as ::ffff:192.0.2.1. */
struct aotc_peer {
  uint8_t address[16];
  uint16_t port;
  uint16_t text_size; /* at most the room that is there */
  char text[60];      /* "192.0.2.1:80", "[2001:db8::1]:80" */
  uint64_t request;   /* its number, of all that the node has had */
  char client[48];    /* who asks, as far as it is known: the address of the other end, or whom a proxy names */
  char country[16];   /* and where that is, if a proxy says so */
};
/* Before aotc_slot_begin: what a Go program that accepted its connection ahead takes for the client's address. Others
 * go on seeing none, but package edge tells all. */
void aotc_slot_set_peer(struct aotc_slot* slot, const struct aotc_peer* peer);
/* After the response: tells a program that wants to know it. False when it does not, or has done what it had to do
 * then; so it is to go on, and to be asked again, for as long as this is true. */
bool aotc_slot_idle(struct aotc_slot* slot);
/* Whether the connection is the programs' stdin and stdout: so it is if their snapshot waits for stdin and no listener.
 * What the program had written to stdout before that is then at the start of connection.out. */
bool aotc_serve_uses_stdio(const struct aotc_image* image);
/* Writes to `fd` what the program had written before the snapshot, unless it is the beginning of each response. */
void aotc_serve_show_output(const struct aotc_image* image, int fd);
/* Makes a better image of one with a snapshot: instances begin where the program has accepted its connection and waits
 * for the request's first byte. AOTC_ERROR_ARGUMENT when the program does anything else first, or for longer than
 * `deadline` nanoseconds; `better` is null for a program that waits for stdin. Destroy `image` or keep it, as you like.
 */
enum aotc_status aotc_image_accept_ahead(struct aotc_image* image, const struct aotc_pool_options* options,
                                         const struct aotc_serve_options* serve, uint64_t deadline,
                                         struct aotc_image** better, struct aotc_error* error);

#ifdef __cplusplus
}
#endif
#endif
