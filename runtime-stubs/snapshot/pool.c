/* pool.c - slots that serve one request after the other, each in an instance as fresh as the first.
 *
 * A slot is an instance and its hosts. Taken from the pool it equals the image; it begins where the snapshot stopped,
 * or at _start when there is none; given back it is reset, or destroyed if that fails. A pool belongs to one thread;
 * its image may serve several.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/state.h"

enum { kDraws = 64 };

struct aotc_pool {
  const struct aotc_image* image;
  struct aotc_pool_options options;
  struct aotc_host_source source;
  struct aotc_slot* idle; /* a list */
  uint32_t draws[kDraws]; /* random; those below draws_left are unused */
  uint32_t draws_left;
};

enum aotc_status aotc_pool_create(const struct aotc_image* image, const struct aotc_pool_options* options,
                                  const struct aotc_host_source* source, struct aotc_pool** out,
                                  struct aotc_error* error) {
  *out = calloc(1, sizeof(**out));
  if (*out != NULL) {
    **out = (struct aotc_pool){.image = image, .options = *options, .source = *source};
    return AOTC_OK;
  }
  if (source->release != NULL) source->release(source->data);
  return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
}

static void destroy_slot(struct aotc_slot* slot) {
  aotc_instance_destroy(slot->instance);
  for (uint32_t i = 0; i < slot->hosts.count; ++i) slot->hosts.list[i]->interface->destroy(slot->hosts.list[i]);
  free(slot);
}

void aotc_pool_destroy(struct aotc_pool* pool) {
  if (pool == NULL) return;
  while (pool->idle != NULL) {
    struct aotc_slot* slot = pool->idle;
    pool->idle = slot->next;
    destroy_slot(slot);
  }
  if (pool->source.release != NULL) pool->source.release(pool->source.data);
  free(pool);
}

static enum aotc_status fill_slot(struct aotc_pool* pool, struct aotc_slot* slot, struct aotc_error* error) {
  const struct aotc_image* image = pool->image;
  enum aotc_status status = pool->source.create(pool->source.data, image, &slot->hosts, error);
  if (status == AOTC_OK && image->thaw) status = aotc_snapshot_hosts(image->artifact, &slot->hosts, NULL, error);
  for (uint32_t i = 0; i < slot->hosts.count && status == AOTC_OK; ++i) {
    struct aotc_host* host = slot->hosts.list[i];
    if (host->interface->keep != NULL) status = host->interface->keep(host, error);
  }
  if (status != AOTC_OK) return status;
  struct aotc_instance_options options = {.max_memory = pool->options.max_memory,
                                          .may_grow = pool->options.may_grow,
                                          .may_grow_data = pool->options.may_grow_data,
                                          .meanwhile = pool->options.meanwhile,
                                          .hosts = slot->hosts,
                                          .thaw = image->thaw,
                                          .image = image};
  return aotc_instance_create(image->artifact, &options, &slot->instance, error);
}

static void renew(struct aotc_pool* pool, struct aotc_slot* slot) {
  if (pool->source.renew != NULL) pool->source.renew(pool->source.data, pool->image, &slot->hosts);
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
  renew(pool, slot);
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
    enum aotc_status status = aotc_instance_seed(slot->instance, error);
    if (status != AOTC_OK) return status;
    slot->thaw_nanoseconds = now() - start;
    uint32_t wrapper = slot->instance->image->wrapper;
    return wrapper == AOTC_NONE ? AOTC_OK : aotc_instance_go_on(slot->instance, wrapper, error);
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
  for (uint32_t i = 0; i < slot->hosts.count; ++i) {
    struct aotc_host* host = slot->hosts.list[i];
    if (host->interface->restore != NULL) host->interface->restore(host);
  }
  enum aotc_status status = aotc_instance_reset(slot->instance, error);
  if (status == AOTC_OK && is_sampled(pool)) status = aotc_instance_compare(slot->instance, error);
  if (status != AOTC_OK) {
    destroy_slot(slot);
    return status;
  }
  renew(pool, slot);
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
