/* http_handler.h - http-wasm's handlers as a host (host.h): programs that look at a request, change it, let the next
 * handler answer or answer themselves, and look at the response; and pools of them.
 *
 * A handler exports handle_request and handle_response, and is called, not run: between the two calls it stands still,
 * so that it may come from any compiler. What it sees and changes is a struct aotc_http_exchange, which the embedder
 * fills in before the first call and reads after each:
 *
 *   take a slot, aotc_slot_begin_handler; fill in `request`; aotc_slot_handle_request
 *     next == 0: `response` is the answer
 *     next == 1: what is in `request` is for the next handler. Its answer, put into `response`;
 * aotc_slot_handle_response at the end give the slot back
 *
 * No call waits. One that needs all of the request's body while it is not there ends with AOTC_EXITED and
 * `wants_whole`: give the slot back, and begin again with the whole of it, in an instance that knows nothing of this
 * one.
 */
#ifndef AOTC_HTTP_HANDLER_H
#define AOTC_HTTP_HANDLER_H

#include "aotc/wasi.h"

#ifdef __cplusplus
extern "C" {
#endif

struct aotc_text {
  char* bytes; /* of realloc */
  size_t size, capacity;
};

struct aotc_http_message {
  /* Lines, "name: value\r\n" each. The program gets none into them that is more than one line, or whose name is no
   * token; what they say of the message's framing is the embedder's to leave out. */
  struct aotc_text fields, trailers;
  struct aotc_text body;
  size_t read_at; /* of the body, by the program */
  bool whole;     /* body and trailers are all there are */
  bool written;   /* the body is the program's */
};

enum aotc_http_features { AOTC_HTTP_BUFFER_REQUEST = 1, AOTC_HTTP_BUFFER_RESPONSE = 2, AOTC_HTTP_TRAILERS = 4 };

enum aotc_http_phase {
  AOTC_HTTP_SET_UP, /* there is no request */
  AOTC_HTTP_REQUEST,
  AOTC_HTTP_RESPONSE
};

struct aotc_http_exchange {
  enum aotc_http_phase phase;
  struct aotc_text method, uri;
  char version[12]; /* "HTTP/1.1" */
  char source[64];  /* "192.0.2.1:80" */
  struct aotc_http_message request, response;
  uint32_t status;   /* 0: the program has set none */
  uint32_t features; /* that the program has enabled: enum aotc_http_features */
  bool wants_whole;
};

/* Appends, within the memory that an instance may have beside its own. False when there is no more. */
bool aotc_text_append(struct aotc_text* text, const void* bytes, size_t size);

/* Whether an artifact is one: what it exports says so. */
bool aotc_is_http_handler(const struct aotc_artifact* artifact);
bool aotc_serve_is_handler(const struct aotc_image* image);

/* `connection` has the log, or is null when the program is to be frozen. `values` may hold its configuration, by the
 * name http_handler, which a program that is to be frozen must not ask for. `limit`: of bytes in an exchange. */
struct aotc_http_handler_options {
  struct aotc_connection* connection;
  struct aotc_edge_values values;
  size_t limit;
};
enum aotc_status aotc_http_handler_create(const struct aotc_http_handler_options* options, struct aotc_host** host,
                                          struct aotc_error* error);

/* As aotc_serve_pool_create; `write_buffer` is the limit. */
enum aotc_status aotc_http_handler_pool_create(const struct aotc_image* image, const struct aotc_pool_options* options,
                                               const struct aotc_serve_options* serve, struct aotc_pool** pool,
                                               struct aotc_error* error);
/* As aotc_slot_begin, for a program that need not have an entry point. */
enum aotc_status aotc_slot_begin_handler(struct aotc_slot* slot, struct aotc_error* error);
struct aotc_http_exchange* aotc_slot_exchange(const struct aotc_slot* slot);
/* What streams to the broker belong to that are opened for the program: see aotc_outbound_connection. */
void* aotc_slot_stream_owner(const struct aotc_slot* slot);
/* `next`: whether the next handler is to answer; `context`: what the program wants to be told then. */
enum aotc_status aotc_slot_handle_request(struct aotc_slot* slot, bool* next, uint32_t* context,
                                          struct aotc_error* error);
/* `failed`: there is no answer of the next handler. */
enum aotc_status aotc_slot_handle_response(struct aotc_slot* slot, uint32_t context, bool failed,
                                           struct aotc_error* error);

#ifdef __cplusplus
}
#endif
#endif
