/* fastly_exchange.c - a request to a backend and its response, in a stream to the broker, which parses both and judges
 * the request by the app's allow-list (tools/broker). It is there for as long as a handle or a part of a body is its.
 *
 * Whatever waits for it moves all of it on: what is left of the request's body goes out, and what has come is read.
 */
#include <errno.h>
#include <stdlib.h>

#include "fastly.h"

struct fastly_exchange* fastly_exchange_open(struct fastly* f, struct aotc_instance* instance,
                                             const struct aotc_fastly_backend* backend) {
  if (f->used + sizeof(struct fastly_exchange) > f->limit ||
      !aotc_instance_may_grow(instance, sizeof(struct fastly_exchange)))
    return NULL;
  struct fastly_exchange* e = calloc(1, sizeof(*e));
  if (e == NULL) return NULL;
  f->used += sizeof(*e);
  e->users = 1;
  fastly_link_open(f, &e->link, backend->tls ? AOTC_OUTBOUND_HTTPS : AOTC_OUTBOUND_CONNECT, backend->host,
                   strlen(backend->host), backend->port);
  return e;
}

void fastly_exchange_release(struct fastly* f, struct fastly_exchange* e) {
  if (e == NULL || --e->users > 0) return;
  fastly_link_close(f, &e->link);
  fastly_free_text(f, &e->in.head);
  f->used -= sizeof(*e);
  free(e);
}

/* As Fastly's details of errors have it. */
static enum fastly_status fail(struct fastly_exchange* e, uint32_t detail, enum fastly_status status) {
  if (e->detail == 0) e->detail = detail;
  return status;
}

static enum fastly_status fail_with(struct fastly_exchange* e, int error) {
  enum { kDnsError = 3, kNotFound, kUnavailable, kUnroutable, kRefused, kTerminated, kTimeout, kTlsProtocol = 24 };
  switch (error) {
    case EACCES:
    case ENETUNREACH:
      return fail(e, kUnroutable, FASTLY_ERROR);
    case EHOSTUNREACH:
      return fail(e, kDnsError, FASTLY_ERROR);
    case ECONNREFUSED:
      return fail(e, kRefused, FASTLY_ERROR);
    case ETIMEDOUT:
      return fail(e, kTimeout, FASTLY_ERROR);
    case EPROTO:
      return fail(e, kTlsProtocol, FASTLY_ERROR);
    default:
      return fail(e, kTerminated, FASTLY_ERROR);
  }
}

/* More of what comes. */
static enum fastly_status hear(struct fastly* f, struct aotc_instance* instance, struct fastly_exchange* e) {
  struct aotc_outbound_ends ends;
  const int state = e->link.stream == NULL ? e->link.error : aotc_stream_state(e->link.stream, &ends);
  if (state == EINPROGRESS) return FASTLY_WAIT;
  if (state != 0 && e->link.in_at == e->link.in.size) return fail_with(e, state);
  const enum fastly_status status = fastly_link_hear(f, instance, &e->link);
  return status == FASTLY_ERROR ? fail_with(e, e->link.error) : status;
}

static uint32_t status_of(const struct fastly_reader* in) {
  const struct aotc_text line = fastly_head_line(in);
  uint32_t status = 0;
  if (line.size < 12 || memcmp(line.bytes, "HTTP/1.", 7) != 0 || line.bytes[8] != ' ') return 0;
  for (size_t i = 9; i < 12; ++i) {
    if (line.bytes[i] < '0' || line.bytes[i] > '9') return 0;
    status = status * 10 + (uint32_t)(line.bytes[i] - '0');
  }
  return status;
}

enum fastly_status fastly_exchange_head(struct fastly* f, struct aotc_instance* instance, struct fastly_exchange* e) {
  enum { kIncomplete = 13, kTooLarge, kProtocolError = 19 };
  struct fastly_link* link = &e->link;
  while (e->status == 0) {
    size_t used;
    const bool whole = link->in.size > link->in_at &&
                       fastly_read_head(f, instance, &e->in, (const uint8_t*)link->in.bytes + link->in_at,
                                        link->in.size - link->in_at, &used);
    if (link->in.size > link->in_at) link->in_at += used;
    if (e->in.state == FASTLY_READS_NONSENSE) return fail(e, kTooLarge, FASTLY_HTTPHEADTOOLARGE);
    if (!whole && link->ended) return fail(e, kIncomplete, FASTLY_HTTPINCOMPLETE);
    if (whole) {
      const uint32_t status = status_of(&e->in);
      if (status < 100) return fail(e, kProtocolError, FASTLY_HTTPINVALID);
      if (status >= 200) e->status = status;
      if (status < 200) e->in.head.size = 0;
      continue;
    }
    const enum fastly_status status = hear(f, instance, e);
    if (status != FASTLY_OK) return status;
  }
  if (e->in.state != FASTLY_READS_HEAD) return FASTLY_OK;
  fastly_begin_body(&e->in, true);
  if (e->is_head || e->status == 204 || e->status == 304) e->in.state = FASTLY_HAS_READ;
  return FASTLY_OK;
}

/* Neither side says anything more. */
static enum fastly_status finish(struct fastly* f, struct fastly_exchange* e) {
  if (!e->sink.open) fastly_link_close(f, &e->link);
  return FASTLY_OK;
}

enum fastly_status fastly_exchange_read(struct fastly* f, struct aotc_instance* instance, struct fastly_exchange* e,
                                        char* out, size_t size, size_t* written) {
  struct fastly_link* link = &e->link;
  for (;;) {
    size_t used;
    *written = 0;
    if (e->in.state == FASTLY_HAS_READ) return finish(f, e);
    if (e->in.state == FASTLY_READS_NONSENSE) return FASTLY_HTTPINCOMPLETE;
    if (link->in.size > link->in_at) {
      fastly_read_body(&e->in, (const uint8_t*)link->in.bytes + link->in_at, link->in.size - link->in_at, &used, out,
                       size, written);
      link->in_at += used;
      if (*written > 0 || used > 0) {
        if (*written > 0) return FASTLY_OK;
        continue;
      }
    }
    if (link->ended && e->in.state == FASTLY_READS_TO_THE_END) e->in.state = FASTLY_HAS_READ;
    if (link->ended) return e->in.state == FASTLY_HAS_READ ? FASTLY_OK : FASTLY_HTTPINCOMPLETE;
    const enum fastly_status status = hear(f, instance, e);
    if (status != FASTLY_OK) return status == FASTLY_WAIT ? status : FASTLY_HTTPINCOMPLETE;
  }
}
