/* http_body.c - bodies: read piece by piece, and written anew. */
#include "http_handler.h"

enum kind { kRequest, kResponse };
static const uint64_t kEnd = (uint64_t)1 << 32;

static enum aotc_status may_read(struct aotc_instance* instance, struct http_handler* h, uint32_t kind) {
  struct aotc_http_exchange* e = &h->exchange;
  if (kind > kResponse) return aotc_http_refuse(instance, h, "read_body", "no kind of body");
  if (e->phase == AOTC_HTTP_SET_UP) return aotc_http_refuse(instance, h, "read_body", "there is no request");
  if (kind == kResponse && !may_change_response(h))
    return aotc_http_refuse(instance, h, "read_body", "the response has gone on: it is not buffered");
  if (kind == kResponse || e->request.whole) return AOTC_OK;
  if (e->phase == AOTC_HTTP_RESPONSE)
    return aotc_http_refuse(instance, h, "read_body", "the request has gone on: it is not buffered");
  e->wants_whole = true;
  return AOTC_EXITED;
}

enum aotc_status aotc_http_read_body(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct http_handler* h = host;
  uint32_t kind = arg32(slots, 0), limit = arg32(slots, 2);
  enum aotc_status status = may_read(instance, h, kind);
  if (status != AOTC_OK) return status;
  if (limit == 0) return aotc_http_refuse(instance, h, "read_body", "no room");
  struct aotc_http_message* message = kind == kRequest ? &h->exchange.request : &h->exchange.response;
  size_t left = message->body.size - message->read_at;
  uint32_t size = left < limit ? (uint32_t)left : limit;
  char* to = aotc_instance_memory_at(instance, arg32(slots, 1), size);
  if (to == NULL) {
    aotc_instance_set_trap(instance, AOTC_TRAP_OUT_OF_BOUNDS_MEMORY);
    return AOTC_TRAPPED;
  }
  if (size > 0) memcpy(to, message->body.bytes + message->read_at, size);
  message->read_at += size;
  slots[0] = (size == left ? kEnd : 0) | size;
  return AOTC_OK;
}

/* The first piece takes the place of what was there. */
enum aotc_status aotc_http_write_body(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct http_handler* h = host;
  uint32_t kind = arg32(slots, 0), size = arg32(slots, 2);
  const char* bytes = aotc_http_memory(instance, arg32(slots, 1), size);
  if (bytes == NULL) return AOTC_TRAPPED;
  if (kind > kResponse) return aotc_http_refuse(instance, h, "write_body", "no kind of body");
  if (h->exchange.phase == AOTC_HTTP_SET_UP) return aotc_http_refuse(instance, h, "write_body", "there is no request");
  if (kind == kRequest && h->exchange.phase != AOTC_HTTP_REQUEST)
    return aotc_http_refuse(instance, h, "write_body", "the request has gone on");
  if (kind == kResponse && !may_change_response(h))
    return aotc_http_refuse(instance, h, "write_body", "the response has gone on: it is not buffered");
  struct aotc_http_message* message = kind == kRequest ? &h->exchange.request : &h->exchange.response;
  if (!message->written) message->body.size = message->read_at = 0;
  message->written = true;
  return aotc_http_grow(instance, h, &message->body, bytes, size) ? AOTC_OK : AOTC_TRAPPED;
}
