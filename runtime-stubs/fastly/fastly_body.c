/* fastly_body.c - bodies. One that is not sent yet is a list of parts (fastly_parts.c). One that streams is what it
 * goes to; what is written then goes there at once, as much as there is room for.
 */
#include <stdio.h>

#include "fastly.h"

enum { kPiece = 16 << 10, kOverhead = 24 /* of a chunk */ };
enum { kBack, kFront };

/* --- what streams ------------------------------------------------------------------------------------------------- */

/* Of what waits for the broker. */
static const size_t kMostUnsaid = 128u << 10;

static size_t room_of(struct fastly* f, const struct fastly_sink* sink) {
  const struct aotc_connection* c = f->connection;
  size_t room = c->out_limit - c->out_size;
  if (sink->exchange != NULL) {
    fastly_link_flush(&sink->exchange->link);
    if (sink->exchange->link.error != 0 || sink->exchange->link.deaf) return SIZE_MAX;
    const size_t unsaid = fastly_link_unsaid(&sink->exchange->link);
    room = unsaid < kMostUnsaid ? kMostUnsaid - unsaid : 0;
  }
  return sink->drops ? SIZE_MAX : !sink->chunked ? room : room < kOverhead ? 0 : room - kOverhead;
}

static bool put(struct fastly* f, struct aotc_instance* instance, const struct fastly_sink* sink, const void* bytes,
                size_t size) {
  if (sink->exchange == NULL) return aotc_connection_append(f->connection, bytes, size);
  return fastly_link_say(f, instance, &sink->exchange->link, bytes, size);
}

/* Whoever waits for more is to know that none comes, and what was to be sent is not kept any longer. */
static void break_off(struct fastly* f, struct fastly_sink* sink) {
  const bool open = sink->open;
  sink->open = false;
  if (open && sink->exchange == NULL) f->connection->out_closed = true;
  if (open && sink->exchange != NULL) {
    fastly_link_close(f, &sink->exchange->link);
    sink->exchange->link.error = 1;
    fastly_free_body(f, &sink->exchange->request);
  }
}

/* Of the bytes, as many as there is room for now. */
static enum fastly_status write_sink(struct fastly* f, struct aotc_instance* instance, struct fastly_sink* sink,
                                     const char* bytes, size_t size, size_t* written) {
  const size_t room = room_of(f, sink);
  *written = 0;
  if (!sink->open || (sink->exchange == NULL && f->connection->out_closed)) return FASTLY_ERROR;
  if (size == 0) return FASTLY_OK;
  if (room == 0) return FASTLY_WAIT;
  size_t n = size < room ? size : room;
  if (!sink->drops && !sink->chunked) {
    if (sink->left == 0) return FASTLY_HTTPUSER;
    n = n < sink->left ? n : (size_t)sink->left;
    sink->left -= n;
  }
  *written = n;
  if (sink->drops) return FASTLY_OK;
  char line[kOverhead];
  const int line_size = snprintf(line, sizeof line, "%zx\r\n", n);
  if ((sink->chunked && !put(f, instance, sink, line, (size_t)line_size)) || !put(f, instance, sink, bytes, n) ||
      (sink->chunked && !put(f, instance, sink, "\r\n", 2))) {
    break_off(f, sink);
    return FASTLY_LIMITEXCEEDED;
  }
  if (sink->exchange != NULL) fastly_link_flush(&sink->exchange->link);
  return FASTLY_OK;
}

/* As much as can be sent now. */
static enum fastly_status pump(struct fastly* f, struct aotc_instance* instance, struct fastly_body* body,
                               struct fastly_sink* sink) {
  char piece[kPiece];
  while (body->first != NULL) {
    const size_t room = room_of(f, sink);
    size_t read, written;
    if (room == 0) return FASTLY_WAIT;
    enum fastly_status status =
        fastly_read_parts(f, instance, body, piece, room < sizeof piece ? room : sizeof piece, &read);
    if (status == FASTLY_OK) status = write_sink(f, instance, sink, piece, read, &written);
    if (status != FASTLY_OK) return status;
    if (written < read) return FASTLY_HTTPUSER;
  }
  return FASTLY_OK;
}

enum fastly_status fastly_end_sink(struct fastly* f, struct aotc_instance* instance, struct fastly_sink* sink,
                                   const struct aotc_text* trailers) {
  const struct aotc_connection* c = f->connection;
  if (!sink->open) return FASTLY_OK;
  if (!sink->drops && sink->chunked) {
    const bool fits = sink->exchange != NULL || 5 + trailers->size <= c->out_limit;
    if (fits && sink->exchange == NULL && c->out_limit - c->out_size < 5 + trailers->size) return FASTLY_WAIT;
    if (!fits || !put(f, instance, sink, "0\r\n", 3) || !put(f, instance, sink, trailers->bytes, trailers->size) ||
        !put(f, instance, sink, "\r\n", 2)) {
      break_off(f, sink);
      return fits ? FASTLY_LIMITEXCEEDED : FASTLY_HTTPHEADTOOLARGE;
    }
    if (sink->exchange != NULL) fastly_link_flush(&sink->exchange->link);
  }
  if (!sink->drops && !sink->chunked && sink->left > 0) break_off(f, sink);
  sink->open = false;
  return FASTLY_OK;
}

static enum fastly_status send_request(struct fastly* f, struct aotc_instance* instance, struct fastly_exchange* e) {
  const enum fastly_status status = pump(f, instance, &e->request, &e->sink);
  if (status != FASTLY_OK || e->streams || !e->sink.open) return status;
  return fastly_end_sink(f, instance, &e->sink, &e->request.trailers);
}

void fastly_move_on(struct fastly* f, struct aotc_instance* instance, const struct fastly_body* body) {
  const struct fastly_part* part = body->first;
  while (part != NULL && part->kind == FASTLY_BACKEND) {
    struct fastly_exchange* e = part->exchange;
    const enum fastly_status status = e->sink.open ? send_request(f, instance, e) : FASTLY_OK;
    (void)status; /* who reads the response will be told */
    part = e->request.first;
  }
}

enum fastly_status fastly_pump(struct fastly* f, struct aotc_instance* instance, struct fastly_body* body,
                               struct fastly_sink* sink) {
  const enum fastly_status status = pump(f, instance, body, sink);
  if (status == FASTLY_WAIT) fastly_move_on(f, instance, body);
  return status;
}

enum fastly_status fastly_send_request(struct fastly* f, struct aotc_instance* instance, struct fastly_exchange* e) {
  const enum fastly_status status = send_request(f, instance, e);
  if (status == FASTLY_WAIT) fastly_move_on(f, instance, &e->request);
  return status;
}

/* --- functions ---------------------------------------------------------------------------------------------------- */

static struct fastly_body* body_of(struct fastly* f, uint32_t handle) {
  struct fastly_entry* entry = fastly_entry(f, FASTLY_BODY, handle);
  return entry == NULL ? NULL : entry->body;
}

enum aotc_status aotc_fastly_http_body_new(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct fastly* f = host;
  void* place = fastly_place(instance, slots, 0, 4);
  if (place == NULL) return fastly_finish(f, slots, FASTLY_INVAL);
  const uint32_t handle = fastly_new(f, instance, FASTLY_BODY);
  if (handle == 0) return fastly_finish(f, slots, FASTLY_LIMITEXCEEDED);
  fastly_put32(place, handle);
  return fastly_finish(f, slots, FASTLY_OK);
}

static enum fastly_status append(struct fastly* f, struct aotc_instance* instance, uint32_t to, uint32_t from) {
  struct fastly_body *dest = body_of(f, to), *src = body_of(f, from);
  if (dest == NULL || src == NULL || src->sink != NULL || dest == src) return FASTLY_BADF;
  if (!fastly_append(f, instance, &dest->trailers, src->trailers.bytes, src->trailers.size))
    return FASTLY_LIMITEXCEEDED;
  src->trailers.size = 0;
  if (dest->sink != NULL) {
    enum fastly_status status = FASTLY_OK;
    if (dest->sink->exchange != NULL) status = fastly_send_request(f, instance, dest->sink->exchange);
    if (status == FASTLY_OK) status = fastly_pump(f, instance, src, dest->sink);
    if (status == FASTLY_WAIT) return status;
    fastly_drop(f, fastly_entry(f, FASTLY_BODY, from));
    return status;
  }
  if (src->first != NULL) {
    *(dest->last == NULL ? &dest->first : &dest->last->next) = src->first;
    dest->last = src->last;
    src->first = src->last = NULL;
  }
  fastly_drop(f, fastly_entry(f, FASTLY_BODY, from));
  return FASTLY_OK;
}

enum aotc_status aotc_fastly_http_body_append(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, append(host, instance, fastly_arg(slots, 0), fastly_arg(slots, 1)));
}

static enum fastly_status read_body(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots) {
  struct fastly_body* body = body_of(f, fastly_arg(slots, 0));
  uint32_t size;
  size_t read;
  char* out = (char*)(uintptr_t)fastly_bytes(instance, slots, 1, &size);
  void* place = fastly_place(instance, slots, 3, 4);
  if (body == NULL || body->sink != NULL) return FASTLY_BADF;
  if (out == NULL || place == NULL) return FASTLY_INVAL;
  const enum fastly_status status = fastly_read_parts(f, instance, body, out, size, &read);
  if (status == FASTLY_WAIT) fastly_move_on(f, instance, body);
  if (status == FASTLY_OK) fastly_put32(place, (uint32_t)read);
  return status;
}

enum aotc_status aotc_fastly_http_body_read(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, read_body(host, instance, slots));
}

static enum fastly_status write_front(struct fastly* f, struct aotc_instance* instance, struct fastly_body* body,
                                      const char* bytes, size_t size) {
  struct fastly_part* part = fastly_new_part(f, instance, FASTLY_MEMORY);
  if (part == NULL) return FASTLY_LIMITEXCEEDED;
  part->next = body->first;
  body->first = part;
  if (body->last == NULL) body->last = part;
  if (fastly_append(f, instance, &part->bytes, bytes, size)) return FASTLY_OK;
  fastly_drop_part(f, body);
  return FASTLY_LIMITEXCEEDED;
}

static enum fastly_status write_back(struct fastly* f, struct aotc_instance* instance, struct fastly_body* body,
                                     const char* bytes, size_t size) {
  if ((body->last == NULL || body->last->kind != FASTLY_MEMORY) && !fastly_add_part(f, instance, body, FASTLY_MEMORY))
    return FASTLY_LIMITEXCEEDED;
  struct fastly_part* part = body->last;
  if (part->read_at == part->bytes.size) part->read_at = part->bytes.size = 0;
  return fastly_append(f, instance, &part->bytes, bytes, size) ? FASTLY_OK : FASTLY_LIMITEXCEEDED;
}

/* Behind what the body had before. */
static enum fastly_status write_streaming(struct fastly* f, struct aotc_instance* instance, struct fastly_sink* sink,
                                          const char* bytes, size_t size, size_t* written) {
  const enum fastly_status status =
      sink->exchange == NULL ? FASTLY_OK : fastly_send_request(f, instance, sink->exchange);
  return status == FASTLY_OK ? write_sink(f, instance, sink, bytes, size, written) : status;
}

static enum fastly_status write_body(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots) {
  struct fastly_body* body = body_of(f, fastly_arg(slots, 0));
  uint32_t size;
  const char* bytes = fastly_bytes(instance, slots, 1, &size);
  const uint32_t end = fastly_arg(slots, 3);
  void* place = fastly_place(instance, slots, 4, 4);
  enum fastly_status status;
  size_t written = size;
  if (body == NULL || (body->sink != NULL && end == kFront)) return FASTLY_BADF;
  if (bytes == NULL || place == NULL || end > kFront) return FASTLY_INVAL;
  if (body->sink != NULL)
    status = write_streaming(f, instance, body->sink, bytes, size, &written);
  else if (size == 0)
    status = FASTLY_OK;
  else
    status = (end == kFront ? write_front : write_back)(f, instance, body, bytes, size);
  if (status == FASTLY_OK) fastly_put32(place, (uint32_t)written);
  return status;
}

enum aotc_status aotc_fastly_http_body_write(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, write_body(host, instance, slots));
}

/* What is not sent yet goes while the response is waited for. */
static enum fastly_status close_request(struct fastly* f, struct aotc_instance* instance, struct fastly_body* body) {
  struct fastly_exchange* e = body->sink->exchange;
  if (!fastly_append(f, instance, &e->request.trailers, body->trailers.bytes, body->trailers.size))
    return FASTLY_LIMITEXCEEDED;
  e->streams = false;
  const enum fastly_status status = fastly_send_request(f, instance, e);
  return status == FASTLY_WAIT ? FASTLY_OK : status;
}

static enum fastly_status close_body(struct fastly* f, struct aotc_instance* instance, uint32_t handle) {
  struct fastly_body* body = body_of(f, handle);
  if (body == NULL) return FASTLY_BADF;
  enum fastly_status status = FASTLY_OK;
  if (body->sink != NULL && body->sink->exchange != NULL)
    status = close_request(f, instance, body);
  else if (body->sink != NULL)
    status = fastly_end_sink(f, instance, body->sink, &body->trailers);
  if (status == FASTLY_WAIT) return status;
  if (status != FASTLY_OK && body->sink != NULL) break_off(f, body->sink);
  fastly_drop(f, fastly_entry(f, FASTLY_BODY, handle));
  return status;
}

enum aotc_status aotc_fastly_http_body_close(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, close_body(host, instance, fastly_arg(slots, 0)));
}

enum aotc_status aotc_fastly_http_body_abandon(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct fastly* f = host;
  (void)instance;
  struct fastly_entry* entry = fastly_entry(f, FASTLY_BODY, fastly_arg(slots, 0));
  if (entry == NULL) return fastly_finish(f, slots, FASTLY_BADF);
  if (entry->body->sink != NULL) break_off(f, entry->body->sink);
  fastly_drop(f, entry);
  return fastly_finish(f, slots, FASTLY_OK);
}

enum aotc_status aotc_fastly_http_body_known_length(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct fastly* f = host;
  const struct fastly_body* body = body_of(f, fastly_arg(slots, 0));
  void* place = fastly_place(instance, slots, 1, 8);
  uint64_t length;
  if (body == NULL) return fastly_finish(f, slots, FASTLY_BADF);
  if (place == NULL) return fastly_finish(f, slots, FASTLY_INVAL);
  if (body->sink != NULL || !fastly_body_length(f, body, &length)) return fastly_finish(f, slots, FASTLY_NONE);
  fastly_put64(place, length);
  return fastly_finish(f, slots, FASTLY_OK);
}

enum aotc_status aotc_fastly_http_body_trailer_append(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct fastly* f = host;
  uint32_t name_size, value_size;
  struct fastly_body* body = body_of(f, fastly_arg(slots, 0));
  const char* name = fastly_bytes(instance, slots, 1, &name_size);
  const char* value = fastly_bytes(instance, slots, 3, &value_size);
  if (body == NULL) return fastly_finish(f, slots, FASTLY_BADF);
  if (name == NULL || value == NULL) return fastly_finish(f, slots, FASTLY_INVAL);
  return fastly_finish(f, slots, fastly_add_field(f, instance, &body->trailers, name, name_size, value, value_size));
}
