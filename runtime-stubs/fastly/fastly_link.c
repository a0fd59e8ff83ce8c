/* fastly_link.c - a stream to the broker (aotc/outbound.h), with what waits to go into it and what has come.
 */
#include <errno.h>
#include <stdlib.h>

#include "fastly.h"

enum { kPiece = 16 << 10, kMostLinks = 64 };

bool fastly_link_open(struct fastly* f, struct fastly_link* link, enum aotc_outbound_service service, const char* name,
                      size_t size, uint16_t port) {
  int error = ENETUNREACH;
  *link = (struct fastly_link){0};
  if (f->links >= kMostLinks)
    error = EMFILE;
  else if (f->outbound != NULL)
    link->stream = aotc_stream_open(f->outbound, service, name, size, port, f->wasi, &error);
  link->error = link->stream == NULL ? error : 0;
  f->links += link->stream != NULL;
  return link->stream != NULL;
}

void fastly_link_close(struct fastly* f, struct fastly_link* link) {
  if (link->stream != NULL) {
    aotc_stream_close(link->stream);
    --f->links;
  }
  fastly_free_text(f, &link->out);
  fastly_free_text(f, &link->in);
  *link = (struct fastly_link){.error = ENOTCONN};
}

/* What was used goes. */
static void shift(struct aotc_text* text, size_t* at) {
  if (*at == 0) return;
  memmove(text->bytes, text->bytes + *at, text->size - *at);
  text->size -= *at;
  *at = 0;
}

void fastly_link_flush(struct fastly_link* link) {
  while (link->error == 0 && link->out_at < link->out.size) {
    const struct iovec piece = {link->out.bytes + link->out_at, link->out.size - link->out_at};
    uint32_t moved;
    const int error = aotc_stream_write(link->stream, &piece, 1, &moved);
    if (error == EAGAIN || error == ENOTCONN) return;
    /* Who has answered may hear no more, and what has come is still there. */
    if (error != 0) link->deaf = true;
    link->out_at = error != 0 ? link->out.size : link->out_at + moved;
  }
}

bool fastly_link_say(struct fastly* f, struct aotc_instance* instance, struct fastly_link* link, const void* bytes,
                     size_t size) {
  shift(&link->out, &link->out_at);
  if (link->deaf || link->error != 0) return true;
  return fastly_append(f, instance, &link->out, bytes, size);
}

size_t fastly_link_unsaid(const struct fastly_link* link) { return link->out.size - link->out_at; }

enum fastly_status fastly_link_hear(struct fastly* f, struct aotc_instance* instance, struct fastly_link* link) {
  char piece[kPiece];
  fastly_link_flush(link);
  if (link->error != 0) return FASTLY_ERROR;
  if (link->ended) return FASTLY_OK;
  const struct iovec place = {piece, sizeof piece};
  uint32_t moved = 0;
  const int error = aotc_stream_read(link->stream, &place, 1, false, &moved);
  if (error == EAGAIN) return FASTLY_WAIT;
  link->error = error;
  link->ended = error == 0 && moved == 0;
  if (error != 0) return FASTLY_ERROR;
  shift(&link->in, &link->in_at);
  if (fastly_append(f, instance, &link->in, piece, moved)) return FASTLY_OK;
  link->error = ENOBUFS;
  return FASTLY_ERROR;
}
