/* image.c - the memory that the instances of a pool start from.
 *
 * It is put together once (pages.c), in a sealed file in memory, because then every instance needs one mapping, each
 * page that the guest has not written is still backed by that file, so the kernel can tell the others apart, and the
 * pages to copy back lie in one array.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file_status.h"
#include "state.h"

enum { kSpareGrowth = 16 << 20 };

int aotc_pagemap(void) {
  static atomic_int kept = -1; /* for as long as the process lives */
  int fd = atomic_load(&kept), none = -1;
  if (fd >= 0) return fd;
  fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || atomic_compare_exchange_strong(&kept, &none, fd)) return fd;
  close(fd);
  return none;
}

void aotc_pools_prepare(void) { aotc_pagemap(); }

static enum aotc_status fill(const struct aotc_image* image, const struct aotc_pages* pages, struct aotc_error* error) {
  uint8_t* memory = mmap(NULL, image->size, PROT_READ | PROT_WRITE, MAP_SHARED, image->fd, 0);
  if (memory == MAP_FAILED)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot map the image: %s", pages->artifact->name, strerror(errno));
  enum aotc_status status = AOTC_OK;
  for (uint32_t i = 0; i < pages->count && status == AOTC_OK; ++i) {
    struct aotc_image_run run;
    status = aotc_pages_run(pages, i, &run, error);
    if (status == AOTC_OK) status = aotc_pages_read(pages, &run, memory, error);
  }
  /* Segments that the runs do not hold. One out of bounds traps when an instance is created. */
  const struct aotc_header* h = pages->artifact->header;
  const struct aotc_data_segment* s = aotc_span_data(pages->artifact, &h->data_segments);
  for (const struct aotc_data_segment* end = s + h->data_segments.count; s < end && !image->thaw; ++s) {
    const uint8_t* bytes = aotc_artifact_segment(pages->artifact, s);
    if (s->active && bytes != NULL && s->address <= image->size && s->size <= image->size - s->address)
      memcpy(memory + s->address, bytes, s->size);
  }
  const struct aotc_artifact* artifact = pages->artifact;
  for (uint32_t i = 0; i < artifact->patch_count && image->thaw && status == AOTC_OK; ++i) {
    const struct aotc_patch* patch = &artifact->patches[i];
    if (patch->address > image->size || patch->size > image->size - patch->address)
      status = aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: snapshot: secrets", artifact->name);
    else
      memcpy(memory + patch->address, patch->bytes, patch->size);
  }
  munmap(memory, image->size);
  return status;
}

/* From the memory of an instance; pages of zeros stay holes. */
static enum aotc_status copy(const struct aotc_image* image, const struct aotc_instance* from,
                             struct aotc_error* error) {
  static const uint8_t zeros[AOTC_IMAGE_PAGE];
  const uint8_t* memory = aotc_base(from);
  for (uint64_t at = 0; at < image->size; at += AOTC_IMAGE_PAGE) {
    if (memcmp(memory + at, zeros, AOTC_IMAGE_PAGE) == 0) continue;
    if (pwrite(image->fd, memory + at, AOTC_IMAGE_PAGE, (off_t)at) != AOTC_IMAGE_PAGE)
      return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot write the image: %s", image->artifact->name,
                       strerror(errno));
  }
  return AOTC_OK;
}

/* A file in memory of `size` zeros, of which none takes any. */
static int new_file(uint64_t size) {
  int fd = memfd_create("aotc-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0 || ftruncate(fd, (off_t)size) == 0) return fd;
  close(fd);
  return -1;
}

/* Of the artifact, or of `from` if that is not null. */
static enum aotc_status build(struct aotc_image* image, enum aotc_reset_mode mode, const struct aotc_instance* from,
                              struct aotc_error* error) {
  struct aotc_artifact* artifact = image->artifact;
  if (image->thaw && artifact->snapshot == NULL)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: has no snapshot", artifact->name);
  const struct aotc_pages pages = aotc_pages_of(artifact, image->thaw);
  image->size = from != NULL ? aotc_tail(from)->memory_size : pages.memory_size;
  if (image->thaw) image->wrapper = artifact->snapshot->wrapper;
  if (image->size == 0) return AOTC_OK;
  if (image->fd < 0) image->fd = new_file(image->size);
  if (image->fd < 0)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot create the image: %s", artifact->name, strerror(errno));
  enum aotc_status status = from != NULL ? copy(image, from, error) : fill(image, &pages, error);
  if (status != AOTC_OK) return status;
  /* Whoever gets hold of the descriptor cannot change what other instances will be. */
  if (fcntl(image->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot seal the image: %s", artifact->name, strerror(errno));
  void* bytes = mmap(NULL, image->size, PROT_READ, MAP_PRIVATE, image->fd, 0);
  if (bytes == MAP_FAILED)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot map the image: %s", artifact->name, strerror(errno));
  image->bytes = bytes;
  return aotc_image_choose_reset(image, mode, error);
}

/* In the file `fd`, if it is not -1; it is the image's then, or closed. */
static enum aotc_status create(struct aotc_artifact* artifact, bool thaw, enum aotc_reset_mode mode, int fd,
                               const struct aotc_instance* from, struct aotc_image** out, struct aotc_error* error) {
  *out = NULL;
  struct aotc_image* image = calloc(1, sizeof(*image));
  if (image == NULL) return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  *image = (struct aotc_image){.artifact = artifact, .thaw = thaw, .fd = fd, .spare = -1, .pagemap = aotc_pagemap()};
  enum aotc_status status = build(image, mode, from, error);
  if (status != AOTC_OK) {
    aotc_image_destroy(image);
    return status;
  }
  *out = image;
  return AOTC_OK;
}

enum aotc_status aotc_image_create(struct aotc_artifact* artifact, bool thaw, enum aotc_reset_mode mode,
                                   struct aotc_image** out, struct aotc_error* error) {
  enum aotc_status status = create(artifact, thaw, mode, -1, NULL, out, error);
  /* With room for what a program allocates when it accepts a connection. Without it there is no better image. */
  if (status == AOTC_OK && thaw) (*out)->spare = new_file((*out)->size + kSpareGrowth);
  return status;
}

enum aotc_status aotc_image_of_instance(struct aotc_image* old, const struct aotc_instance* instance,
                                        struct aotc_image** out, struct aotc_error* error) {
  *out = NULL;
  if (old->spare < 0 || aotc_tail(instance)->memory_size > old->size + kSpareGrowth)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: there is no file for another image", old->artifact->name);
  int fd = old->spare;
  old->spare = -1;
  enum aotc_status status = create(old->artifact, old->thaw, old->mode, fd, instance, out, error);
  if (status != AOTC_OK) return status;
  uint32_t count = old->artifact->header->globals.count;
  (*out)->globals = calloc(count + 1, AOTC_SLOT_SIZE);
  if ((*out)->globals == NULL) {
    aotc_image_destroy(*out);
    *out = NULL;
    return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  }
  const struct aotc_import* imports = aotc_span_data(old->artifact, &old->artifact->header->imports);
  (*out)->wrapper =
      instance->frozen_import < instance->import_count ? imports[instance->frozen_import].wrapper : AOTC_NONE;
  for (uint32_t i = 0; i < count; ++i)
    memcpy((*out)->globals + (size_t)i * AOTC_SLOT_SIZE, aotc_base(instance) + AOTC_GLOBAL_OFFSET(i), AOTC_SLOT_SIZE);
  return AOTC_OK;
}

void aotc_image_destroy(struct aotc_image* image) {
  if (image == NULL) return;
  if (image->bytes != NULL) munmap((void*)(uintptr_t)image->bytes, image->size);
  if (image->fd >= 0) close(image->fd);
  if (image->spare >= 0) close(image->spare);
  free(image->globals);
  free(image->host_start);
  free(image);
}

enum aotc_reset_mode aotc_image_reset_mode(const struct aotc_image* image) { return image->mode; }

uint64_t aotc_image_memory(const struct aotc_image* image) {
  struct stat st;
  return image->fd >= 0 && aotc_fstat(image->fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}
