/* http_handler.h - the host's state, and what its files share. */
#ifndef AOTC_HTTP_HANDLER_STATE_H
#define AOTC_HTTP_HANDLER_STATE_H

#include <string.h>

#include "aotc/http_handler.h"
#include "aotc/http_handler_functions.h"
#include "http_lines.h"

struct http_handler {
  struct aotc_host host; /* first */
  struct aotc_connection* connection;
  struct aotc_edge_values values;
  size_t limit;
  uint32_t features; /* enabled by set-up, for every request */
  uint32_t kept_features;
  bool asked_for_config; /* before the thaw */
  struct aotc_http_exchange exchange;
};

#define AOTC_HTTP_DECLARE(name, type) \
  enum aotc_status aotc_http_##name(struct aotc_instance* instance, void* host, uint64_t* slots);
AOTC_HTTP_HANDLER_FUNCTIONS(AOTC_HTTP_DECLARE)
#undef AOTC_HTTP_DECLARE

static inline uint32_t arg32(const uint64_t* slots, int i) { return (uint32_t)slots[2 * i]; }

/* Ends the call with a trap. `why`, after the function's name, is for the program's log. */
enum aotc_status aotc_http_refuse(struct aotc_instance* instance, struct http_handler* h, const char* function,
                                  const char* why);
/* A part of the program's memory, or null and the trap of an access out of bounds. */
const char* aotc_http_memory(struct aotc_instance* instance, uint32_t address, uint32_t size);
/* Gives the program a text, if it is not longer than what there is room for; the result is its length in any case. */
enum aotc_status aotc_http_give(struct aotc_instance* instance, uint64_t* slots, int first, const char* text,
                                size_t size);
/* aotc_text_append, within the instance's limits. False: the call is to end with AOTC_TRAPPED. */
bool aotc_http_grow(struct aotc_instance* instance, struct http_handler* h, struct aotc_text* text, const void* bytes,
                    size_t size);
/* As if the program had written it to stdout (1) or stderr (2), with the end of a line. */
void aotc_http_log_line(struct http_handler* h, uint32_t descriptor, const char* text, size_t size);

/* What belongs to a message's response may be changed until the next handler has been called, or when it is kept. */
static inline bool may_change_response(const struct http_handler* h) {
  return h->exchange.phase == AOTC_HTTP_REQUEST || h->exchange.features & AOTC_HTTP_BUFFER_RESPONSE;
}

#endif
