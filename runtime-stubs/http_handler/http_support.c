/* http_support.c - what functions of the host have in common: the program's memory, texts that grow, refusals. */
#include <stdio.h>
#include <stdlib.h>

#include "http_handler.h"

enum { kLeast = 256 };

bool aotc_text_append(struct aotc_text* text, const void* bytes, size_t size) {
  if (size > text->capacity - text->size) {
    size_t capacity = text->capacity == 0 ? kLeast : text->capacity;
    while (capacity - text->size < size) capacity *= 2;
    char* larger = realloc(text->bytes, capacity);
    if (larger == NULL) return false;
    text->bytes = larger;
    text->capacity = capacity;
  }
  if (size > 0) memcpy(text->bytes + text->size, bytes, size);
  text->size += size;
  return true;
}

static size_t size_of(const struct aotc_http_message* message) {
  return message->fields.size + message->trailers.size + message->body.size;
}

bool aotc_http_grow(struct aotc_instance* instance, struct http_handler* h, struct aotc_text* text, const void* bytes,
                    size_t size) {
  const struct aotc_http_exchange* e = &h->exchange;
  size_t used = e->method.size + e->uri.size + size_of(&e->request) + size_of(&e->response);
  if (used + size <= h->limit &&
      (size <= text->capacity - text->size || aotc_instance_may_grow(instance, text->capacity + size)) &&
      aotc_text_append(text, bytes, size))
    return true;
  aotc_http_refuse(instance, h, "http_handler", "the exchange has more bytes than an instance may have memory");
  return false;
}

void aotc_http_log_line(struct http_handler* h, uint32_t descriptor, const char* text, size_t size) {
  if (h->connection != NULL) aotc_connection_log(h->connection, descriptor, text, size);
}

enum aotc_status aotc_http_refuse(struct aotc_instance* instance, struct http_handler* h, const char* function,
                                  const char* why) {
  char line[256];
  int size = snprintf(line, sizeof line, "%s: %s", function, why);
  aotc_http_log_line(h, 2, line, (size_t)size < sizeof line ? (size_t)size : sizeof line - 1);
  aotc_instance_set_trap(instance, AOTC_TRAP_UNREACHABLE);
  return AOTC_TRAPPED;
}

const char* aotc_http_memory(struct aotc_instance* instance, uint32_t address, uint32_t size) {
  const char* at = aotc_instance_memory_at(instance, address, size);
  if (at == NULL) aotc_instance_set_trap(instance, AOTC_TRAP_OUT_OF_BOUNDS_MEMORY);
  return at;
}

enum aotc_status aotc_http_give(struct aotc_instance* instance, uint64_t* slots, int first, const char* text,
                                size_t size) {
  uint32_t address = arg32(slots, first), limit = arg32(slots, first + 1);
  slots[0] = size;
  if (size == 0 || size > limit) return AOTC_OK;
  char* at = aotc_instance_memory_at(instance, address, size);
  if (at == NULL) {
    aotc_instance_set_trap(instance, AOTC_TRAP_OUT_OF_BOUNDS_MEMORY);
    return AOTC_TRAPPED;
  }
  memcpy(at, text, size);
  return AOTC_OK;
}
