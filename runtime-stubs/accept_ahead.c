/* accept_ahead.c - moves an image forward to where the program has accepted its connection and waits for the request.
 *
 * Every instance of a pool gets exactly one connection, so what a server does to accept it is the same for all: it is
 * done once, on the image's behalf, and instances begin with the read of the request's first bytes. In Go's net/http
 * that saves a goroutine, the growth of its stack, and the connection's buffers.
 *
 * In: an image that begins at a snapshot. Out: another one, if the program did nothing but accept and wait; else an
 * error that says what it did, and the embedder goes on with the image that it has. What clones share because of it is
 * what the program does per connection and before the first byte, for example in http.Server.ConnContext.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "state.h"
#include "wasi.h"

static enum aotc_status refuse(const struct aotc_image* image, const char* why, struct aotc_error* error) {
  return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: %s", image->artifact->name, why);
}

static enum aotc_status check(struct aotc_slot* slot, struct aotc_error* error) {
  const struct aotc_image* image = slot->instance->image;
  const struct aotc_header* h = image->artifact->header;
  const struct aotc_import* imports = aotc_span_data(image->artifact, &h->imports);
  uint32_t import = slot->instance->frozen_import;
  const char* field = import < h->imports.count ? aotc_artifact_string(image->artifact, imports[import].field) : NULL;
  const struct aotc_connection* c = &slot->connection;
  if (c->out_size != 0 || c->out_closed) return refuse(image, "answers before it was asked", error);
  if (field == NULL || strcmp(field, "poll_oneoff") != 0 ||
      !aotc_wasi_waits_for_connection(slot->instance, slot->wasi))
    return refuse(image, "does not wait for the request at once", error);
  if (!aotc_wasi_only_accepted(slot->wasi)) return refuse(image, "opens or closes files when it accepts", error);
  return AOTC_OK;
}

static enum aotc_status advance(struct aotc_image* image, struct aotc_slot* slot, struct aotc_image** out,
                                struct aotc_error* error) {
  const struct aotc_wasi* wasi = slot->wasi;
  const struct aotc_artifact* artifact = slot->instance->artifact;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  enum aotc_status status = aotc_image_of_instance(image, slot->instance, out, error);
  if (status != AOTC_OK) return status;
  const struct aotc_import* imports = aotc_span_data(artifact, &artifact->header->imports);
  (*out)->wrapper = imports[slot->instance->frozen_import].wrapper;
  (*out)->monotonic = aotc_wasi_nanoseconds(now) + wasi->monotonic_offset;
  (*out)->fd_count = wasi->fd_count;
  (*out)->fds = malloc(wasi->fd_count * sizeof(*wasi->fds));
  if ((*out)->fds == NULL) {
    aotc_image_destroy(*out);
    *out = NULL;
    return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  }
  memcpy((*out)->fds, wasi->fds, wasi->fd_count * sizeof(*wasi->fds));
  return AOTC_OK;
}

enum aotc_status aotc_image_accept_ahead(struct aotc_image* image, const struct aotc_pool_options* options,
                                         uint64_t deadline, struct aotc_image** out, struct aotc_error* error) {
  *out = NULL;
  if (!image->thaw || image->fds != NULL) return refuse(image, "does not begin at its snapshot", error);
  if (!(image->artifact->snapshot->flags & AOTC_SNAPSHOT_WAITS_LISTENER)) return AOTC_OK;
  struct aotc_pool* pool;
  struct aotc_slot* slot;
  enum aotc_status status = aotc_pool_create(image, options, &pool, error);
  if (status != AOTC_OK) return status;
  status = aotc_pool_take(pool, &slot, error);
  if (status == AOTC_OK) {
    status = aotc_instance_set_deadline(slot->instance, deadline, error);
    if (status == AOTC_OK) status = aotc_slot_begin(slot, error);
    if (status == AOTC_FROZEN)
      status = check(slot, error);
    else if (status == AOTC_OK || status == AOTC_TRAPPED || status == AOTC_EXITED)
      status = refuse(image, "ends when it accepts", error);
    if (status == AOTC_OK) status = advance(image, slot, out, error);
    struct aotc_error ignored;
    aotc_pool_give(pool, slot, &ignored);
  }
  aotc_pool_destroy(pool);
  return status;
}
