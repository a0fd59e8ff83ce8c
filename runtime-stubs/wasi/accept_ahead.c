/* accept_ahead.c - moves an image forward to where the program has accepted its connection and waits for the request.
 *
 * Every instance of a pool gets exactly one connection, so what a server does to accept it is the same for all: it is
 * done once, on the image's behalf, and instances begin with the read of the request's first bytes. In Go's net/http
 * that saves a goroutine, the growth of its stack, and the connection's buffers.
 *
 * From there the clock goes on until the request comes, to the program's first timer at most, unless that is one that
 * came with the connection: the deadline of http.Server.ReadHeaderTimeout, say, would be over. Then it stands still
 * from here on, so that what set-up made is as old as it was when the image was loaded.
 *
 * In: an image that begins at a snapshot. Out: another one, if the program did nothing but accept and wait; else an
 * error that says what it did, and the embedder goes on with the image that it has. What clones share because of it is
 * what the program does per connection and before the first byte, for example in http.Server.ConnContext.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "core/state.h"
#include "wasi_state.h"

static enum aotc_status refuse(const struct aotc_image* image, const char* why, struct aotc_error* error) {
  return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: %s", image->artifact->name, why);
}

static enum aotc_status check(struct aotc_slot* slot, struct aotc_error* error) {
  const struct aotc_image* image = slot->instance->image;
  const struct aotc_wasi* wasi = (const struct aotc_wasi*)slot->hosts.list[0];
  const struct aotc_connection* c = wasi->connection;
  if (c->out_size != 0 || c->out_closed) return refuse(image, "answers before it was asked", error);
  if (!aotc_wasi_waits_for_connection(wasi)) return refuse(image, "does not wait for the request at once", error);
  if (!aotc_wasi_only_accepted(wasi)) return refuse(image, "opens or closes files when it accepts", error);
  if (wasi->tmp != NULL && aotc_tmp_changed(wasi->tmp)) return refuse(image, "writes to /tmp when it accepts", error);
  if (wasi->reached_out) return refuse(image, "asks for a connection when it accepts", error);
  if (wasi->drew) return refuse(image, "draws random bytes when it accepts", error);
  return AOTC_OK;
}

/* How far its clock may go on by itself. A timer that set-up made is due when it was before; what Go asks for is a
 * little off. */
static uint64_t may_pass(const struct aotc_wasi* wasi) {
  const uint64_t kOff = 1000000;
  if (wasi->may_pass == 0 || wasi->wake_time == UINT64_MAX) return wasi->may_pass == 0 ? 0 : UINT64_MAX;
  if (wasi->may_pass == UINT64_MAX || wasi->wake_time <= wasi->wait_start) return 0;
  uint64_t was_due = wasi->monotonic_start + wasi->may_pass, due = wasi->wake_time + wasi->monotonic_offset;
  return due + kOff < was_due ? 0 : wasi->wake_time - wasi->wait_start;
}

static enum aotc_status advance(struct aotc_image* image, struct aotc_slot* slot, int log, struct aotc_image** out,
                                struct aotc_error* error) {
  const struct aotc_wasi* wasi = (const struct aotc_wasi*)slot->hosts.list[0];
  aotc_wasi_show_log(wasi->connection, log);
  struct aotc_serve_start* start = malloc(sizeof(*start) + wasi->fd_count * sizeof(start->fds[0]));
  if (start == NULL) return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  start->at = wasi->wait_start;
  start->monotonic = wasi->wait_start + wasi->monotonic_offset;
  start->may_pass = may_pass(wasi);
  start->fd_count = wasi->fd_count;
  memcpy(start->fds, wasi->fds, wasi->fd_count * sizeof(start->fds[0]));
  aotc_go_peer_find(slot->instance, wasi, &start->peer);
  enum aotc_status status = aotc_image_of_instance(image, slot->instance, out, error);
  if (status != AOTC_OK)
    free(start);
  else
    (*out)->host_start = start;
  return status;
}

enum aotc_status aotc_image_accept_ahead(struct aotc_image* image, const struct aotc_pool_options* options,
                                         const struct aotc_serve_options* serve, uint64_t deadline,
                                         struct aotc_image** out, struct aotc_error* error) {
  *out = NULL;
  if (!image->thaw || image->host_start != NULL) return refuse(image, "does not begin at its snapshot", error);
  if (aotc_serve_uses_stdio(image)) return AOTC_OK;
  struct aotc_pool* pool;
  struct aotc_slot* slot;
  enum aotc_status status = aotc_serve_pool_create(image, options, serve, &pool, error);
  if (status != AOTC_OK) return status;
  status = aotc_pool_take(pool, &slot, error);
  if (status == AOTC_OK) {
    ((struct aotc_wasi*)slot->hosts.list[0])->edge.ahead = true;
    status = aotc_instance_set_deadline(slot->instance, deadline, error);
    if (status == AOTC_OK) status = aotc_slot_begin(slot, error);
    if (status == AOTC_FROZEN)
      status = check(slot, error);
    else if (status == AOTC_OK || status == AOTC_TRAPPED || status == AOTC_EXITED)
      status = refuse(image, "ends when it accepts", error);
    if (status == AOTC_OK) status = advance(image, slot, serve->set_up_log, out, error);
    struct aotc_error ignored;
    aotc_pool_give(pool, slot, &ignored);
  }
  aotc_pool_destroy(pool);
  return status;
}
