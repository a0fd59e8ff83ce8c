/* memory.c - the address space of an instance: context and linear memory in one reservation.
 *
 *   [ context, 64 KiB, RW ][ linear memory: RW up to its size, inaccessible above, AOTC_MEMORY_RESERVATION in all ]
 *
 * The reservation covers every address that compiled code can form, so an access out of bounds always faults inside it.
 * Growing is one mprotect and never moves the base. The initial contents are mapped from the artifact's file, private
 * and on demand, so that creating an instance touches no page of a large image and clean pages are shared by all
 * instances.
 *
 * Each mapped run of the image costs two entries in the kernel's list of mappings, which is limited per process and
 * slows down page faults. So only the first kMaxMappedRuns long runs are mapped, the others are read into place.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "state.h"

enum { kMaxMappedRuns = 8, kMinMappedPages = 8 };

static const size_t kReservation = (size_t)(AOTC_CONTEXT_SIZE + AOTC_MEMORY_RESERVATION);

bool aotc_memory_only_small_pages(void* memory, size_t size) {
  /* EINVAL: this kernel has no huge pages. */
  return madvise(memory, size, MADV_NOHUGEPAGE) == 0 || errno == EINVAL;
}

enum aotc_status aotc_memory_reserve(struct aotc_artifact* artifact, struct aotc_instance** out,
                                     struct aotc_error* error) {
  uint8_t* map = mmap(NULL, kReservation, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot reserve %llu MiB of address space: %s", artifact->name,
                     (unsigned long long)(kReservation >> 20), strerror(errno));
  if (mprotect(map, AOTC_CONTEXT_SIZE, PROT_READ | PROT_WRITE) != 0) {
    enum aotc_status status = aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot make the context accessible: %s",
                                        artifact->name, strerror(errno));
    munmap(map, kReservation);
    return status;
  }
  struct aotc_instance* instance = (struct aotc_instance*)(void*)map;
  instance->artifact = artifact;
  instance->memory_max = artifact->header->memory_max * AOTC_WASM_PAGE;
  aotc_tail(instance)->self = (uint64_t)(uintptr_t)aotc_base(instance);
  *out = instance;
  return AOTC_OK;
}

uint64_t aotc_memory_initial(const struct aotc_instance* instance) {
  return instance->image != NULL ? instance->image->size
                                 : aotc_pages_of(instance->artifact, instance->thaw).memory_size;
}

enum aotc_status aotc_memory_populate(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  uint64_t size = aotc_memory_initial(instance);
  if (size > 0 && mprotect(aotc_base(instance), size, PROT_READ | PROT_WRITE) != 0)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot make %llu bytes of memory accessible: %s", artifact->name,
                     (unsigned long long)size, strerror(errno));
  aotc_tail(instance)->memory_size = size;

  if (instance->image != NULL &&
      ((size > 0 && mmap(aotc_base(instance), size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
                         instance->image->fd, 0) == MAP_FAILED) ||
       !aotc_memory_only_small_pages(aotc_base(instance), AOTC_MEMORY_RESERVATION)))
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot map the memory image: %s", artifact->name, strerror(errno));
  instance->kept_size = size;
  if (instance->image != NULL) return AOTC_OK;

  /* perf takes the lowest mapping of a file for where its code was loaded, so that it could not unwind. */
  bool can_map = aotc_page_size() == AOTC_IMAGE_PAGE && !aotc_debugger_enabled();
  int mapped = 0;
  const struct aotc_pages pages = aotc_pages_of(instance->artifact, instance->thaw);
  for (uint32_t i = 0; i < pages.count; ++i) {
    struct aotc_image_run run;
    enum aotc_status status = aotc_pages_run(&pages, i, &run, error);
    if (status != AOTC_OK) return status;
    if (can_map && mapped < kMaxMappedRuns && run.pages >= kMinMappedPages) {
      ++mapped;
      if (mmap(aotc_base(instance) + run.address, run.pages * AOTC_IMAGE_PAGE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, pages.fd, (off_t)run.offset) == MAP_FAILED)
        return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot map the memory image: %s", artifact->name,
                         strerror(errno));
    } else if ((status = aotc_pages_read(&pages, &run, aotc_base(instance), error)) != AOTC_OK) {
      return status;
    }
  }
  return AOTC_OK;
}

/* Throws every page away and starts over: simple, and proves by construction that nothing of the last run is left.
 * Pools have a faster way, see reset.c. */
enum aotc_status aotc_memory_reset(struct aotc_instance* instance, struct aotc_error* error) {
  uint64_t size = aotc_tail(instance)->memory_size;
  if (size > 0 && mmap(aotc_base(instance), size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
                       -1, 0) == MAP_FAILED)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot reset memory: %s", instance->artifact->name, strerror(errno));
  aotc_tail(instance)->memory_size = 0;
  return aotc_memory_populate(instance, error);
}

void aotc_memory_release(struct aotc_instance* instance) { munmap(instance, kReservation); }
