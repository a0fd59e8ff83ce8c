/* pool.c - slots that serve one request after the other, each in an instance as fresh as the first.
 *
 * A slot is an instance, its WASI host and a connection in memory. Taken from the pool it equals the image; it begins
 * where the snapshot stopped, or at _start when there is none; given back it is reset, or destroyed if that fails. A
 * pool belongs to one thread; its image may serve several.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "state.h"
#include "wasi.h"

enum { kMaxStrings = 4096, kDraws = 64 };

struct aotc_pool {
  const struct aotc_image* image;
  struct aotc_pool_options options;
  bool stdio;
  const char** args; /* point into the snapshot */
  size_t arg_count;
  const char** env;
  size_t env_count;
  struct aotc_slot* idle; /* a list */
  uint32_t draws[kDraws]; /* random; those below draws_left are unused */
  uint32_t draws_left;
};

/* The strings of a snapshot, after `first` if that is not null. */
static const char** list_strings(const char* text, uint32_t bytes, const char* first, size_t* count) {
  const char** list = calloc(kMaxStrings, sizeof(*list));
  *count = 0;
  if (list != NULL && first != NULL) list[(*count)++] = first;
  for (uint32_t at = 0; list != NULL && at < bytes && *count < kMaxStrings; at += (uint32_t)strlen(text + at) + 1)
    list[(*count)++] = text + at;
  return list;
}

static enum aotc_status prepare(struct aotc_pool* pool, struct aotc_error* error) {
  struct aotc_artifact* artifact = pool->image->artifact;
  const struct aotc_snapshot* s = pool->image->thaw ? artifact->snapshot : NULL;
  if (!aotc_artifact_suspends(artifact))
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: not a Go program, so it cannot be suspended", artifact->name);
  if (s == NULL && aotc_artifact_export(artifact, "_start", AOTC_EXPORT_FUNCTION) == NULL)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: exports no _start", artifact->name);
  if (s != NULL && (s->dirs.count != 0 || s->listeners != 1 || s->flags & AOTC_SNAPSHOT_REACTOR))
    return aotc_fail(error, AOTC_ERROR_ARGUMENT,
                     "%s: its snapshot is a reactor's, has directories, or not one listener", artifact->name);
  if (s != NULL && s->output.count > pool->options.write_buffer)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: its snapshot holds %u bytes of output, the most is %zu",
                     artifact->name, s->output.count, pool->options.write_buffer);
  pool->stdio = s != NULL && !(s->flags & AOTC_SNAPSHOT_WAITS_LISTENER);
  pool->args = list_strings(s == NULL ? NULL : aotc_snapshot_data(s, &s->args), s == NULL ? 0 : s->args.count,
                            artifact->name, &pool->arg_count);
  if (s != NULL && s->secrets.count != 0 && artifact->environ == NULL)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: the secrets of its snapshot were not given", artifact->name);
  const char* environ = artifact->environ != NULL || s == NULL ? artifact->environ : aotc_snapshot_data(s, &s->environ);
  pool->env = list_strings(environ, s == NULL ? 0 : s->environ.count,
                           NULL, &pool->env_count);
  if (pool->args == NULL || pool->env == NULL) return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  return AOTC_OK;
}

enum aotc_status aotc_pool_create(const struct aotc_image* image, const struct aotc_pool_options* options,
                                  struct aotc_pool** out, struct aotc_error* error) {
  *out = NULL;
  struct aotc_pool* pool = calloc(1, sizeof(*pool));
  if (pool == NULL) return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  pool->image = image;
  pool->options = *options;
  enum aotc_status status = prepare(pool, error);
  if (status != AOTC_OK) {
    aotc_pool_destroy(pool);
    return status;
  }
  *out = pool;
  return AOTC_OK;
}

static void destroy_slot(struct aotc_slot* slot) {
  aotc_instance_destroy(slot->instance);
  aotc_wasi_destroy(slot->wasi);
  free(slot->connection.out);
  free(slot);
}

void aotc_pool_destroy(struct aotc_pool* pool) {
  if (pool == NULL) return;
  while (pool->idle != NULL) {
    struct aotc_slot* slot = pool->idle;
    pool->idle = slot->next;
    destroy_slot(slot);
  }
  free(pool->args);
  free(pool->env);
  free(pool);
}

static enum aotc_status fill_slot(struct aotc_pool* pool, struct aotc_slot* slot, struct aotc_error* error) {
  const struct aotc_image* image = pool->image;
  struct aotc_wasi_options wasi = {.argc = (int)pool->arg_count,
                                   .argv = pool->args,
                                   .env_count = pool->env_count,
                                   .env = pool->env,
                                   .stdio = {-1, pool->options.log, pool->options.log},
                                   .connection = &slot->connection,
                                   .connection_is_stdio = pool->stdio};
  enum aotc_status status = aotc_wasi_create(&wasi, &slot->wasi, error);
  if (status == AOTC_OK && image->thaw) status = aotc_wasi_thaw(slot->wasi, image->artifact, false, error);
  if (status == AOTC_OK && image->fds != NULL) status = aotc_wasi_adopt(slot->wasi, image->fds, image->fd_count, error);
  if (status == AOTC_OK) status = aotc_wasi_keep(slot->wasi, error);
  if (status != AOTC_OK) return status;
  struct aotc_instance_options options = {.max_memory = pool->options.max_memory,
                                          .may_grow = pool->options.may_grow,
                                          .may_grow_data = pool->options.may_grow_data,
                                          .resolver = aotc_wasi_resolve,
                                          .resolver_data = slot->wasi,
                                          .thaw = image->thaw,
                                          .image = image};
  return aotc_instance_create(image->artifact, &options, &slot->instance, error);
}

bool aotc_pool_uses_stdio(const struct aotc_pool* pool) { return pool->stdio; }

/* The connection as the next program finds it. */
static void renew_connection(const struct aotc_pool* pool, struct aotc_slot* slot) {
  struct aotc_connection* c = &slot->connection;
  *c = (struct aotc_connection){.out = c->out,
                                .out_capacity = c->out_capacity,
                                .out_limit = pool->options.write_buffer,
                                .accepted = pool->stdio || pool->image->fds != NULL};
  const struct aotc_snapshot* s = pool->image->thaw ? pool->image->artifact->snapshot : NULL;
  if (s != NULL) aotc_wasi_replay(slot->wasi, s, true);
}

enum aotc_status aotc_pool_take(struct aotc_pool* pool, struct aotc_slot** out, struct aotc_error* error) {
  struct aotc_slot* slot = pool->idle;
  *out = slot;
  if (slot != NULL) {
    pool->idle = slot->next;
    return AOTC_OK;
  }
  slot = calloc(1, sizeof(*slot));
  if (slot == NULL) return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  enum aotc_status status = fill_slot(pool, slot, error);
  if (status != AOTC_OK) {
    destroy_slot(slot);
    return status;
  }
  renew_connection(pool, slot);
  *out = slot;
  return AOTC_OK;
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

enum aotc_status aotc_slot_begin(struct aotc_slot* slot, struct aotc_error* error) {
  if (slot->instance->thaw) {
    uint64_t start = now();
    aotc_wasi_continue_clock(slot->wasi, slot->instance->image->monotonic);
    enum aotc_status status = aotc_instance_seed(slot->instance, error);
    if (status != AOTC_OK) return status;
    slot->thaw_nanoseconds = now() - start;
    return aotc_instance_go_on(slot->instance, slot->instance->image->wrapper, error);
  }
  return aotc_instance_enter(slot->instance, error);
}

/* Which instances are compared, no guest can know or find out: the kernel's random numbers say it after the request. */
static bool is_sampled(struct aotc_pool* pool) {
  uint64_t one_in = pool->options.compare_sample;
  if (one_in <= 1) return one_in == 1;
  if (pool->draws_left == 0) {
    if (getrandom(pool->draws, sizeof(pool->draws), 0) != (ssize_t)sizeof(pool->draws)) return true;
    pool->draws_left = kDraws;
  }
  return pool->draws[--pool->draws_left] * one_in <= UINT32_MAX;
}

enum aotc_status aotc_pool_give(struct aotc_pool* pool, struct aotc_slot* slot, struct aotc_error* error) {
  aotc_wasi_restore(slot->wasi);
  enum aotc_status status = aotc_instance_reset(slot->instance, error);
  if (status == AOTC_OK && is_sampled(pool)) status = aotc_instance_compare(slot->instance, error);
  if (status != AOTC_OK) {
    destroy_slot(slot);
    return status;
  }
  renew_connection(pool, slot);
  slot->next = pool->idle;
  pool->idle = slot;
  return AOTC_OK;
}

uint32_t aotc_pool_trim(struct aotc_pool* pool, uint32_t keep) {
  uint32_t count = 0;
  struct aotc_slot** at = &pool->idle;
  for (; *at != NULL && count < keep; at = &(*at)->next) ++count;
  while (*at != NULL) {
    struct aotc_slot* slot = *at;
    *at = slot->next;
    destroy_slot(slot);
  }
  return count;
}
