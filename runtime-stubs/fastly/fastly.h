/* fastly.h - the host's state, and what its files share.
 *
 *     fastly.c          the host's table, the pool, what is asked once
 *     fastly_freeze.c   the host of a program that is to be frozen
 *     fastly_names.c    handles that are there before the request: stores and logs, by name
 *     fastly_handles.c  all others
 *     fastly_memory.c   the program's memory, bytes that are kept for it, limits
 *     fastly_fields.c   fields of messages
 *     fastly_reader.c   messages of HTTP/1.1 that come in
 *     fastly_link.c     streams to the broker
 *     fastly_exchange.c requests to backends and their responses
 *     fastly_parts.c    what bodies are made of
 *     fastly_message.c  methods, URIs, versions, status, fields
 *     fastly_body.c     bodies, and what is sent on at once
 *     fastly_downstream.c  the client's request and the response to it
 *     fastly_backend.c  what is sent to backends
 *     fastly_values.c   config stores and secret stores
 *     fastly_kv.c       KV stores
 *     fastly_log.c      logs
 *
 * Everything that a program says is an address, a size or a handle, and none is believed: functions answer with a
 * status, as Fastly's do, and never trap.
 */
#ifndef AOTC_FASTLY_STATE_H
#define AOTC_FASTLY_STATE_H

#include <string.h>

#include "aotc/fastly.h"
#include "aotc/fastly_functions.h"
#include "aotc/http_handler.h"

enum fastly_status {
  FASTLY_OK,
  FASTLY_ERROR,
  FASTLY_INVAL,
  FASTLY_BADF,
  FASTLY_BUFLEN,
  FASTLY_UNSUPPORTED,
  FASTLY_BADALIGN,
  FASTLY_HTTPINVALID,
  FASTLY_HTTPUSER,
  FASTLY_HTTPINCOMPLETE,
  FASTLY_NONE,
  FASTLY_HTTPHEADTOOLARGE,
  FASTLY_HTTPINVALIDSTATUS,
  FASTLY_LIMITEXCEEDED,
  FASTLY_AGAIN,
  /* Not for the program: the call has to wait, and is made again. */
  FASTLY_WAIT
};

enum fastly_version { FASTLY_HTTP_10 = 1, FASTLY_HTTP_11, FASTLY_HTTP_2 };

/* --- handles: fastly_names.c, fastly_handles.c -------------------------------------------------------------------- */

enum fastly_kind {
  FASTLY_FREE,
  /* By name, and so in a snapshot. */
  FASTLY_ENDPOINT,
  FASTLY_CONFIG_STORE,
  FASTLY_SECRET_STORE,
  FASTLY_KV_STORE,
  /* Others. */
  FASTLY_REQUEST,
  FASTLY_RESPONSE,
  FASTLY_BODY,
  FASTLY_SECRET,
  FASTLY_ASKED,
  FASTLY_PENDING
};

#define FASTLY_MOST_NAMES 256u
#define FASTLY_MOST_NAME 255u
#define FASTLY_MOST_FIELD_NAME 65535u
#define FASTLY_MOST_HANDLES 4096u
/* Of the request that comes next: there is one promise, and it is always the same. */
#define FASTLY_PROMISE 0x40000000u

/* A handle by name: the first one is 1. As a snapshot has them. */
struct fastly_name {
  uint32_t kind, size;
  char bytes[FASTLY_MOST_NAME + 1];
};
struct fastly_names {
  struct fastly_name* list;
  uint32_t count;
};
/* The handle of the one with this name, made if need be; 0 when there are too many. */
uint32_t fastly_name_handle(struct fastly_names* names, enum fastly_kind kind, const char* name, uint32_t size);
/* Null when the handle is none of this kind. */
const struct fastly_name* fastly_name_of(const struct fastly_names* names, enum fastly_kind kind, uint32_t handle);
/* Whether a function is Fastly's, known or not: it answers with a status. */
bool fastly_is_import(const char* module, const char* type);
/* Whether a KV store can be called so. */
bool fastly_is_kv_store(const char* name, uint32_t size);
/* Whether Fastly has logs of this name. */
bool fastly_is_endpoint(const char* name, uint32_t size);

struct fastly_message {
  struct aotc_text method, uri, fields;
  uint32_t version, status;
  bool manual_framing;
};

/* Messages that come in, by HTTP/1.1: fastly_reader.c. */
enum fastly_reading {
  FASTLY_READS_HEAD,
  FASTLY_READS_LENGTH,
  FASTLY_READS_CHUNK_SIZE,
  FASTLY_READS_CHUNK,
  FASTLY_READS_CHUNK_END,
  FASTLY_READS_TRAILERS,
  FASTLY_READS_TO_THE_END,
  FASTLY_HAS_READ,
  FASTLY_READS_NONSENSE
};
struct fastly_reader {
  enum fastly_reading state;
  struct aotc_text head; /* with what ends it, once it is there */
  uint64_t left;         /* of the body, or of a chunk */
  char line[32];         /* with a chunk's size */
  uint32_t line_size, trailer_size;
};

/* What is to be read one after the other. */
enum fastly_part_kind { FASTLY_MEMORY, FASTLY_CLIENT, FASTLY_BACKEND };
struct fastly_exchange;
struct fastly_part {
  struct fastly_part* next;
  enum fastly_part_kind kind;
  struct aotc_text bytes;
  size_t read_at;
  struct fastly_exchange* exchange; /* of a backend's response */
};

/* Where what is written goes at once: how it is framed there. */
struct fastly_sink {
  struct fastly_exchange* exchange; /* null: the client */
  bool open;
  bool drops;   /* what is written: there is no body */
  bool chunked; /* else `left` bytes are to come */
  uint64_t left;
};

struct fastly_body {
  struct fastly_part *first, *last;
  struct aotc_text trailers;
  struct fastly_sink* sink; /* what it streams to, or null; then there are no parts, or will not be */
};

/* A stream to the broker. */
struct fastly_link {
  struct aotc_stream* stream;
  struct aotc_text out, in;
  size_t out_at, in_at;
  bool deaf, ended; /* the other side hears no more, says no more */
  int error;        /* an errno, or 0 */
};

struct fastly_exchange {
  uint32_t users; /* handles and parts of bodies */
  struct fastly_link link;
  struct fastly_sink sink;    /* of the request's body, */
  struct fastly_body request; /* of which these parts are to be sent */
  struct fastly_reader in;    /* the response */
  uint32_t status;            /* of which this is known, or 0 */
  uint32_t detail;            /* why there is none, as Fastly tells it */
  bool is_head, streams;      /* the program writes the rest of its body */
};

/* What was asked of a KV store. */
struct fastly_asked {
  uint16_t operation;
  bool answered;
  uint32_t error;
  uint64_t turn, version;
  struct aotc_text value;
};

struct fastly_entry {
  enum fastly_kind kind;
  union {
    struct fastly_message* message;
    struct fastly_body* body;
    struct aotc_text* secret;
    struct fastly_asked* asked;
    struct fastly_exchange** pending;
    void* any;
  };
};

struct fastly {
  struct aotc_host host; /* first */
  struct aotc_wasi* wasi;
  struct aotc_connection* connection;
  struct aotc_edge_values values;
  struct aotc_outbound* outbound; /* or null */
  const struct aotc_fastly_options* options;
  size_t limit, used; /* bytes of messages */
  struct fastly_names names;
  uint32_t kept_names;
  struct fastly_entry* entries; /* handles from FASTLY_FIRST_ENTRY on */
  uint32_t entry_count;

  struct fastly_reader in; /* the client's request */
  bool asked;              /* it has been handed over: */
  uint32_t request;        /* by this handle */
  bool is_head, expects, continued;
  struct aotc_text out_head;
  struct fastly_sink out; /* the response */
  bool answered;          /* it has begun */
  uint32_t unfinished;    /* the body's handle, while a call that sends it has to wait */

  uint32_t links;                  /* that are open */
  struct fastly_link kv;           /* to the KV stores */
  uint64_t kv_begun, kv_answered;  /* turns */
  struct aotc_text kv_value;       /* while a call collects it */
  struct fastly_exchange* awaited; /* while a call that sends a request has to wait */
};
#define FASTLY_FIRST_ENTRY 0x1000u

#define FASTLY_DECLARE(module, name, type) \
  enum aotc_status aotc_##module##_##name(struct aotc_instance* instance, void* host, uint64_t* slots);
#define FASTLY_IGNORE(module, name, type)
AOTC_FASTLY_FUNCTIONS(FASTLY_DECLARE, FASTLY_IGNORE)

/* Ends a function. */
static inline enum aotc_status fastly_finish(struct fastly* f, uint64_t* slots, enum fastly_status status) {
  if (status == FASTLY_WAIT) return aotc_wasi_suspend(f->wasi);
  slots[0] = (uint64_t)status;
  return AOTC_OK;
}

static inline uint32_t fastly_arg(const uint64_t* slots, int i) { return (uint32_t)slots[2 * i]; }

/* Part of the program's memory: where an argument says, which is followed by its size. Null: out of bounds. */
static inline const char* fastly_bytes(struct aotc_instance* instance, const uint64_t* slots, int i, uint32_t* size) {
  *size = fastly_arg(slots, i + 1);
  return aotc_instance_memory_at(instance, fastly_arg(slots, i), *size);
}

/* Where the program wants a result. */
static inline void* fastly_place(struct aotc_instance* instance, const uint64_t* slots, int i, uint64_t size) {
  return aotc_instance_memory_at(instance, fastly_arg(slots, i), size);
}
static inline void fastly_put32(void* place, uint32_t value) { memcpy(place, &value, sizeof value); }
static inline void fastly_put64(void* place, uint64_t value) { memcpy(place, &value, sizeof value); }

/* Bytes for a buffer, its size, and where its fill is to be said: arguments from `i` on. */
enum fastly_status fastly_give(struct aotc_instance* instance, const uint64_t* slots, int i, const char* bytes,
                               size_t size);

/* aotc_text_append, within the instance's limits. */
bool fastly_append(struct fastly* f, struct aotc_instance* instance, struct aotc_text* text, const void* bytes,
                   size_t size);
void fastly_free_text(struct fastly* f, struct aotc_text* text);

/* Zeros of a size, in a handle of its own; 0: too many of them, or too much memory. */
uint32_t fastly_new(struct fastly* f, struct aotc_instance* instance, enum fastly_kind kind);
/* Null when it is none of this kind. */
struct fastly_entry* fastly_entry(struct fastly* f, enum fastly_kind kind, uint32_t handle);
/* With what belongs to it. */
void fastly_drop(struct fastly* f, struct fastly_entry* entry);
/* The same of a handle that may be none. */
void fastly_forget(struct fastly* f, enum fastly_kind kind, uint32_t handle);
void fastly_drop_all(struct fastly* f);

static inline struct fastly_message* fastly_message(struct fastly* f, enum fastly_kind kind, uint32_t handle) {
  struct fastly_entry* entry = fastly_entry(f, kind, handle);
  return entry == NULL ? NULL : entry->message;
}

/* --- fastly_fields.c --------------------------------------------------------------------------------------------- */

/* A list of texts that end with zero, from the one with the number of the cursor on: those of the names of fields, or
 * of the values of `name`. Arguments from `i` on: buffer, size, cursor, where the next cursor goes, and the fill. */
enum fastly_status fastly_give_list(struct aotc_instance* instance, const uint64_t* slots, int i,
                                    const struct aotc_text* fields, const char* name, size_t name_size);
/* FASTLY_ERROR: it would be no line of its own. */
enum fastly_status fastly_add_field(struct fastly* f, struct aotc_instance* instance, struct aotc_text* fields,
                                    const char* name, size_t name_size, const char* value, size_t value_size);
/* Appends the fields that are not about framing and connections. */
bool fastly_append_fields(struct fastly* f, struct aotc_instance* instance, struct aotc_text* out,
                          const struct aotc_text* fields);
/* The value of the first field of this name. */
bool fastly_find_field(const struct aotc_text* fields, const char* name, const char** value, size_t* size);

/* The length of its body that the program says; false when it makes no sense, or there is none. */
bool fastly_said_length(const struct fastly_message* m, uint64_t* length);

/* --- fastly_reader.c ---------------------------------------------------------------------------------------------- */

/* Takes what belongs to the head, which `*used` tells; true once it is complete. */
bool fastly_read_head(struct fastly* f, struct aotc_instance* instance, struct fastly_reader* reader,
                      const uint8_t* bytes, size_t size, size_t* used);
/* What a head that is complete says: its first line without what ends it, and its fields. */
struct aotc_text fastly_head_line(const struct fastly_reader* reader);
struct aotc_text fastly_head_fields(const struct fastly_reader* reader);
/* From the head on: how the body is framed. `to_the_end`: one without any framing is as long as the connection. */
void fastly_begin_body(struct fastly_reader* reader, bool to_the_end);
/* Some of the body; both counts are 0 when nothing more can be done with what has come. */
void fastly_read_body(struct fastly_reader* reader, const uint8_t* bytes, size_t size, size_t* used, char* out,
                      size_t out_size, size_t* written);

/* --- fastly_link.c ------------------------------------------------------------------------------------------------ */

/* False where there is no broker, or no more streams: whoever hears hears that. */
bool fastly_link_open(struct fastly* f, struct fastly_link* link, enum aotc_outbound_service service, const char* name,
                      size_t size, uint16_t port);
void fastly_link_close(struct fastly* f, struct fastly_link* link);
/* What is said waits until there is room for it. */
bool fastly_link_say(struct fastly* f, struct aotc_instance* instance, struct fastly_link* link, const void* bytes,
                     size_t size);
void fastly_link_flush(struct fastly_link* link);
size_t fastly_link_unsaid(const struct fastly_link* link);
/* Some more into `in`, or the end; FASTLY_ERROR, and `error`, when there is none. */
enum fastly_status fastly_link_hear(struct fastly* f, struct aotc_instance* instance, struct fastly_link* link);

/* --- fastly_exchange.c -------------------------------------------------------------------------------------------- */

struct fastly_exchange* fastly_exchange_open(struct fastly* f, struct aotc_instance* instance,
                                             const struct aotc_fastly_backend* backend);
void fastly_exchange_release(struct fastly* f, struct fastly_exchange* e);
/* Until the response's head is there. */
enum fastly_status fastly_exchange_head(struct fastly* f, struct aotc_instance* instance, struct fastly_exchange* e);
/* Some of its body; FASTLY_OK and 0 bytes at its end. */
enum fastly_status fastly_exchange_read(struct fastly* f, struct aotc_instance* instance, struct fastly_exchange* e,
                                        char* out, size_t size, size_t* written);

/* --- fastly_parts.c ----------------------------------------------------------------------------------------------- */

void fastly_free_body(struct fastly* f, struct fastly_body* body);
/* What a user of an exchange does in the end. */
void fastly_release(struct fastly* f, struct fastly_exchange* e);
/* The first one. */
void fastly_drop_part(struct fastly* f, struct fastly_body* body);
/* Of no body yet; null when there is no memory for it. */
struct fastly_part* fastly_new_part(struct fastly* f, struct aotc_instance* instance, enum fastly_part_kind kind);
/* Its length, if it is known. */
bool fastly_body_length(const struct fastly* f, const struct fastly_body* body, uint64_t* length);
/* An empty part at the end. */
bool fastly_add_part(struct fastly* f, struct aotc_instance* instance, struct fastly_body* body,
                     enum fastly_part_kind kind);
/* Some of what the parts have; FASTLY_OK and 0 bytes at the end. */
enum fastly_status fastly_read_parts(struct fastly* f, struct aotc_instance* instance, struct fastly_body* body,
                                     char* out, size_t size, size_t* read);

/* --- fastly_values.c ---------------------------------------------------------------------------------------------- */

/* Whether there is any value of it. */
bool fastly_store_exists(const struct fastly* f, enum fastly_kind kind, const char* store, uint32_t size);

/* --- fastly_body.c ------------------------------------------------------------------------------------------------ */

/* Sends what is in the parts, until there is none. */
enum fastly_status fastly_pump(struct fastly* f, struct aotc_instance* instance, struct fastly_body* body,
                               struct fastly_sink* sink);
/* Says that there is no more. */
enum fastly_status fastly_end_sink(struct fastly* f, struct aotc_instance* instance, struct fastly_sink* sink,
                                   const struct aotc_text* trailers);
/* Where a body waits for a backend's response: what is left of that request's body goes out, and of those that it takes
 * from in turn. Whoever waits for a body does this. */
void fastly_move_on(struct fastly* f, struct aotc_instance* instance, const struct fastly_body* body);
/* Sends what is left of a request's body, as far as that can be done now. */
enum fastly_status fastly_send_request(struct fastly* f, struct aotc_instance* instance, struct fastly_exchange* e);

/* --- fastly_downstream.c ------------------------------------------------------------------------------------------ */

/* Whom a proxy names, or the other end of the connection. */
void fastly_client_address(const struct fastly* f, uint8_t address[16]);

#endif
