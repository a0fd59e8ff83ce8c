/* fastly_parts.c - the parts of a body that is not sent yet, which are read one after the other: bytes in memory, or
 * what still comes from elsewhere.
 */
#include <stdlib.h>

#include "fastly.h"

/* With what was still to be sent: it may hold another exchange. */
void fastly_release(struct fastly* f, struct fastly_exchange* e) {
  if (e->users == 1) fastly_free_body(f, &e->request);
  fastly_exchange_release(f, e);
}

void fastly_drop_part(struct fastly* f, struct fastly_body* body) {
  struct fastly_part* part = body->first;
  if (part->exchange != NULL) fastly_release(f, part->exchange);
  body->first = part->next;
  if (body->first == NULL) body->last = NULL;
  fastly_free_text(f, &part->bytes);
  f->used -= sizeof(*part);
  free(part);
}

void fastly_free_body(struct fastly* f, struct fastly_body* body) {
  if (body->sink != NULL && body->sink->exchange != NULL) fastly_release(f, body->sink->exchange);
  body->sink = NULL;
  while (body->first != NULL) fastly_drop_part(f, body);
  fastly_free_text(f, &body->trailers);
}

struct fastly_part* fastly_new_part(struct fastly* f, struct aotc_instance* instance, enum fastly_part_kind kind) {
  if (f->used + sizeof(struct fastly_part) > f->limit || !aotc_instance_may_grow(instance, sizeof(struct fastly_part)))
    return NULL;
  struct fastly_part* part = calloc(1, sizeof(*part));
  if (part == NULL) return NULL;
  f->used += sizeof(*part);
  part->kind = kind;
  return part;
}

bool fastly_add_part(struct fastly* f, struct aotc_instance* instance, struct fastly_body* body,
                     enum fastly_part_kind kind) {
  struct fastly_part* part = fastly_new_part(f, instance, kind);
  if (part == NULL) return false;
  *(body->last == NULL ? &body->first : &body->last->next) = part;
  body->last = part;
  return true;
}

/* What is left of a part; false when nobody knows. */
static bool part_length(const struct fastly* f, const struct fastly_part* part, uint64_t* length) {
  *length = part->bytes.size - part->read_at;
  if (part->kind == FASTLY_MEMORY) return true;
  const struct fastly_reader* in = part->kind == FASTLY_CLIENT ? &f->in : &part->exchange->in;
  *length = in->state == FASTLY_READS_LENGTH ? in->left : 0;
  return in->state == FASTLY_READS_LENGTH || in->state == FASTLY_HAS_READ;
}

bool fastly_body_length(const struct fastly* f, const struct fastly_body* body, uint64_t* length) {
  *length = 0;
  for (const struct fastly_part* part = body->first; part != NULL; part = part->next) {
    uint64_t more;
    if (!part_length(f, part, &more) || more > UINT64_MAX - *length) return false;
    *length += more;
  }
  return true;
}

/* What has come of the client's body. */
static enum fastly_status read_client(struct fastly* f, char* out, size_t size, size_t* written) {
  static const char kContinue[] = "HTTP/1.1 100 Continue\r\n\r\n";
  struct aotc_connection* c = f->connection;
  size_t used;
  *written = 0;
  if (f->in.state == FASTLY_HAS_READ) return FASTLY_OK;
  if (f->expects && !f->continued && !f->answered) {
    if (!aotc_connection_append(c, kContinue, sizeof kContinue - 1)) return FASTLY_WAIT;
    f->continued = true;
  }
  fastly_read_body(&f->in, c->in + c->in_at, c->in_size - c->in_at, &used, out, size, written);
  c->in_at += used;
  if (*written > 0 || f->in.state == FASTLY_HAS_READ) return FASTLY_OK;
  if (f->in.state == FASTLY_READS_NONSENSE || c->in_closed) return FASTLY_HTTPINCOMPLETE;
  return FASTLY_WAIT;
}

/* Some of what is left of a part; FASTLY_OK and 0 bytes at its end. */
static enum fastly_status read_part(struct fastly* f, struct aotc_instance* instance, struct fastly_part* part,
                                    char* out, size_t size, size_t* read) {
  if (part->kind == FASTLY_BACKEND) return fastly_exchange_read(f, instance, part->exchange, out, size, read);
  if (part->kind == FASTLY_CLIENT) return read_client(f, out, size, read);
  const size_t left = part->bytes.size - part->read_at;
  *read = left < size ? left : size;
  if (*read > 0) memcpy(out, part->bytes.bytes + part->read_at, *read);
  part->read_at += *read;
  return FASTLY_OK;
}

enum fastly_status fastly_read_parts(struct fastly* f, struct aotc_instance* instance, struct fastly_body* body,
                                     char* out, size_t size, size_t* read) {
  *read = 0;
  while (size > 0 && body->first != NULL) {
    const enum fastly_status status = read_part(f, instance, body->first, out, size, read);
    if (status != FASTLY_OK || *read > 0) return status;
    fastly_drop_part(f, body);
  }
  return FASTLY_OK;
}
