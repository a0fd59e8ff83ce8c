/* pool.h - many instances of one artifact, used again and again.
 *
 * An image is the memory that they start from, kept once per process. Resetting an instance that was created with one
 * costs what the guest wrote, not what memory it has. The image outlives its instances, the artifact the image. After
 * an error of aotc_instance_reset the instance must be destroyed.
 *
 * A slot is an instance with its hosts, which lives once and is then as before: take a slot, aotc_slot_begin; let it go
 * on by aotc_instance_continue or call its exports; give it back, whatever the last call returned. A pool and its slots
 * belong to one thread. A pool of servers whose connections are in memory: wasi.h.
 */
#ifndef AOTC_POOL_H
#define AOTC_POOL_H

#include "aotc/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

enum aotc_reset_mode {
  AOTC_RESET_BEST = 0, /* the first of these that works on this kernel */
  AOTC_RESET_SCAN,     /* copy pages back, found by PAGEMAP_SCAN */
  AOTC_RESET_PAGEMAP,  /* copy pages back, found in /proc/self/pagemap */
  AOTC_RESET_MADVISE,  /* let the kernel drop every page that was written */
  AOTC_RESET_REMAP     /* map the image again */
};
/* Opens what images need of the file system, for processes that will not have one when they make them. */
void aotc_pools_prepare(void);
/* AOTC_ERROR_ARGUMENT when `mode` does not work here. */
enum aotc_status aotc_image_create(struct aotc_artifact* artifact, bool thaw, enum aotc_reset_mode mode,
                                   struct aotc_image** image, struct aotc_error* error);
void aotc_image_destroy(struct aotc_image* image);
enum aotc_reset_mode aotc_image_reset_mode(const struct aotc_image* image);
/* Bytes that its file takes, besides what instances have of their own. */
uint64_t aotc_image_memory(const struct aotc_image* image);

/* What the last reset of an instance did; zero for modes that do not look at single pages. */
struct aotc_reset_counts {
  uint32_t own;    /* pages that are the instance's own, ready to be written again */
  uint32_t copied; /* of them: differed from the image */
  bool scanned;    /* the kernel was asked which pages they are */
};
struct aotc_reset_counts aotc_instance_reset_counts(const struct aotc_instance* instance);
/* Right after a reset: compares memory, globals, tables, segments and the stack's size with the image.
 * AOTC_ERROR_DIFFERS says what is not the same. */
enum aotc_status aotc_instance_compare(struct aotc_instance* instance, struct aotc_error* error);

struct aotc_pool;
struct aotc_slot {
  struct aotc_instance* instance;
  struct aotc_hosts hosts;
  struct aotc_slot* next;    /* of the pool */
  uint64_t thaw_nanoseconds; /* the last aotc_slot_begin took until the program could run */
};
/* Who makes the hosts of a pool's slots. */
struct aotc_host_source {
  /* Appends to `hosts`, which have a `destroy`. */
  enum aotc_status (*create)(void* data, const struct aotc_image* image, struct aotc_hosts* hosts,
                             struct aotc_error* error);
  /* Before each life, after `restore`; null: nothing to do. */
  void (*renew)(void* data, const struct aotc_image* image, struct aotc_hosts* hosts);
  void (*release)(void* data); /* with the pool; null: nothing to do */
  void* data;
};
struct aotc_pool_options {
  uint64_t max_memory;                          /* of each instance, as in struct aotc_instance_options */
  bool (*may_grow)(void* data, uint64_t bytes); /* likewise */
  void* may_grow_data;
  struct aotc_meanwhile meanwhile; /* likewise */
  uint32_t compare_sample; /* compare one instance in so many with its image after the reset, at random; 0: none */
};
/* `image` outlives the pool. `source` is the pool's also after an error. */
enum aotc_status aotc_pool_create(const struct aotc_image* image, const struct aotc_pool_options* options,
                                  const struct aotc_host_source* source, struct aotc_pool** pool,
                                  struct aotc_error* error);
void aotc_pool_destroy(struct aotc_pool* pool); /* every slot must have been given back */
enum aotc_status aotc_pool_take(struct aotc_pool* pool, struct aotc_slot** slot, struct aotc_error* error);
/* From the snapshot, or from the beginning; returns like aotc_instance_call. */
enum aotc_status aotc_slot_begin(struct aotc_slot* slot, struct aotc_error* error);
/* On an error the slot is gone, and nothing else has happened. AOTC_ERROR_DIFFERS: other instances of the process may
 * have been left with bytes of earlier requests, too; it should end. */
enum aotc_status aotc_pool_give(struct aotc_pool* pool, struct aotc_slot* slot, struct aotc_error* error);
/* Destroys idle slots until at most `keep` are left; returns how many are. */
uint32_t aotc_pool_trim(struct aotc_pool* pool, uint32_t keep);

#ifdef __cplusplus
}
#endif
#endif
