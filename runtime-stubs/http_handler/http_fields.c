/* http_fields.c - header fields and trailers, of the request and of the response: lines in a text.
 *
 * There are few of them, so finding one is going through all. A value that would end its line is refused, with what it
 * belongs to: neither a second field nor a second message can be made of one.
 */
#include <stdlib.h>

#include "http_handler.h"

enum kind { kRequest, kResponse, kRequestTrailers, kResponseTrailers, kKinds };

static struct aotc_text* text_of(struct http_handler* h, uint32_t kind) {
  struct aotc_http_exchange* e = &h->exchange;
  switch ((enum kind)kind) {
    case kRequest:
      return &e->request.fields;
    case kResponse:
      return &e->response.fields;
    case kRequestTrailers:
      return &e->request.trailers;
    case kResponseTrailers:
      return &e->response.trailers;
    default:
      return NULL;
  }
}

/* Whether the fields can be looked at; AOTC_EXITED when they come after a body that is not there yet. */
static enum aotc_status look(struct aotc_instance* instance, struct http_handler* h, uint32_t kind,
                             const char* function) {
  if (kind >= kKinds) return aotc_http_refuse(instance, h, function, "no kind of header");
  if (h->exchange.phase == AOTC_HTTP_SET_UP) return aotc_http_refuse(instance, h, function, "there is no request");
  if (kind != kRequestTrailers || h->exchange.phase != AOTC_HTTP_REQUEST || h->exchange.request.whole) return AOTC_OK;
  h->exchange.wants_whole = true;
  return AOTC_EXITED;
}

static enum aotc_status change(struct aotc_instance* instance, struct http_handler* h, uint32_t kind,
                               const char* function) {
  enum aotc_status status = look(instance, h, kind, function);
  if (status != AOTC_OK) return status;
  if (kind >= kRequestTrailers && !(h->exchange.features & AOTC_HTTP_TRAILERS))
    return aotc_http_refuse(instance, h, function, "trailers are not enabled");
  bool of_request = kind == kRequest || kind == kRequestTrailers;
  if (of_request ? h->exchange.phase == AOTC_HTTP_REQUEST : may_change_response(h)) return AOTC_OK;
  return aotc_http_refuse(instance, h, function,
                          of_request ? "the request has gone on" : "the response has gone on: it is not buffered");
}

/* Texts that end with zero, one after the other. With `to` they are written. */
struct list {
  char* to;
  uint64_t count, size;
};

static void add(struct list* list, const char* bytes, size_t length, bool lower) {
  if (list->to != NULL) {
    for (size_t i = 0; i < length; ++i) list->to[list->size + i] = lower ? aotc_http_lower(bytes[i]) : bytes[i];
    list->to[list->size + length] = 0;
  }
  list->size += length + 1;
  ++list->count;
}

static void add_names(struct list* list, const struct aotc_http_name* names, size_t count) {
  for (size_t i = 0; i < count; ++i) add(list, names[i].bytes, names[i].size, true);
}

static void add_values(struct list* list, const struct aotc_text* text, const char* name, size_t name_size) {
  struct aotc_http_line line;
  for (size_t at = 0; aotc_http_next_line(text, at, &line); at = line.end)
    if (aotc_http_same_name(line.name, line.name_size, name, name_size)) add(list, line.value, line.value_size, false);
}

/* Says how many there are and what they take; where they go, or null: they do not, or cannot. */
static enum aotc_status place(struct aotc_instance* instance, uint64_t* slots, int first, struct list* list) {
  const uint32_t address = arg32(slots, first), limit = arg32(slots, first + 1);
  slots[0] = list->count << 32 | list->size;
  if (list->size == 0 || list->size > limit) return AOTC_OK;
  list->to = aotc_instance_memory_at(instance, address, list->size);
  list->count = list->size = 0;
  if (list->to != NULL) return AOTC_OK;
  aotc_instance_set_trap(instance, AOTC_TRAP_OUT_OF_BOUNDS_MEMORY);
  return AOTC_TRAPPED;
}

enum aotc_status aotc_http_get_header_names(struct aotc_instance* instance, void* host, uint64_t* slots) {
  uint32_t kind = arg32(slots, 0);
  enum aotc_status status = look(instance, host, kind, "get_header_names");
  if (status != AOTC_OK) return status;
  size_t count;
  struct aotc_http_name* names = aotc_http_names(instance, text_of(host, kind), &count);
  if (names == NULL)
    return aotc_http_refuse(instance, host, "get_header_names",
                            "the exchange has more bytes than an instance may have memory");
  struct list list = {0};
  add_names(&list, names, count);
  status = place(instance, slots, 1, &list);
  if (list.to != NULL) add_names(&list, names, count);
  free(names);
  return status;
}

/* The program may have its name where its values are to be. */
enum aotc_status aotc_http_get_header_values(struct aotc_instance* instance, void* host, uint64_t* slots) {
  char copy[256];
  uint32_t kind = arg32(slots, 0), size = arg32(slots, 2);
  enum aotc_status status = look(instance, host, kind, "get_header_values");
  if (status != AOTC_OK) return status;
  const char* name = aotc_http_memory(instance, arg32(slots, 1), size);
  if (name == NULL) return AOTC_TRAPPED;
  if (size == 0) return aotc_http_refuse(instance, host, "get_header_values", "not a name");
  if (size > sizeof copy) {
    slots[0] = 0;
    return AOTC_OK;
  }
  memcpy(copy, name, size);
  struct list list = {0};
  add_values(&list, text_of(host, kind), copy, size);
  status = place(instance, slots, 3, &list);
  if (list.to != NULL) add_values(&list, text_of(host, kind), copy, size);
  return status;
}

static enum aotc_status put(struct aotc_instance* instance, struct http_handler* h, const uint64_t* slots,
                            const char* function, bool replace) {
  uint32_t kind = arg32(slots, 0), name_size = arg32(slots, 2), value_size = arg32(slots, 4);
  enum aotc_status status = change(instance, h, kind, function);
  if (status != AOTC_OK) return status;
  const char* name = aotc_http_memory(instance, arg32(slots, 1), name_size);
  const char* value = name == NULL ? NULL : aotc_http_memory(instance, arg32(slots, 3), value_size);
  if (value == NULL) return AOTC_TRAPPED;
  if (!aotc_http_is_token(name, name_size) || name_size > 256)
    return aotc_http_refuse(instance, h, function, "not a name");
  if (!aotc_http_is_value(value, value_size)) return aotc_http_refuse(instance, h, function, "not a value");
  struct aotc_text* text = text_of(h, kind);
  if (replace) aotc_http_remove_lines(text, name, name_size);
  bool good = aotc_http_grow(instance, h, text, name, name_size) && aotc_http_grow(instance, h, text, ": ", 2) &&
              aotc_http_grow(instance, h, text, value, value_size) && aotc_http_grow(instance, h, text, "\r\n", 2);
  return good ? AOTC_OK : AOTC_TRAPPED;
}

enum aotc_status aotc_http_set_header_value(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return put(instance, host, slots, "set_header_value", true);
}

enum aotc_status aotc_http_add_header_value(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return put(instance, host, slots, "add_header_value", false);
}

enum aotc_status aotc_http_remove_header(struct aotc_instance* instance, void* host, uint64_t* slots) {
  uint32_t kind = arg32(slots, 0), size = arg32(slots, 2);
  enum aotc_status status = change(instance, host, kind, "remove_header");
  if (status != AOTC_OK) return status;
  const char* name = aotc_http_memory(instance, arg32(slots, 1), size);
  if (name == NULL) return AOTC_TRAPPED;
  if (size == 0) return aotc_http_refuse(instance, host, "remove_header", "not a name");
  aotc_http_remove_lines(text_of(host, kind), name, size);
  return AOTC_OK;
}
