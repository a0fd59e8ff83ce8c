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
#include <unistd.h>

#include "state.h"

enum { kMaxMappedRuns = 8, kMinMappedPages = 8 };

static const size_t kReservation = (size_t)(AOTC_CONTEXT_SIZE + AOTC_MEMORY_RESERVATION);

uint64_t aotc_page_size(void) { return (uint64_t)sysconf(_SC_PAGESIZE); }

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
  const struct aotc_artifact* artifact = instance->artifact;
  return (instance->thaw ? artifact->snapshot->memory_pages : artifact->header->memory_min) * AOTC_WASM_PAGE;
}

/* Where the pages come from: the module's image, or the snapshot. */
struct image {
  const struct aotc_image_run* runs;
  uint32_t count;
  uint64_t start; /* what the runs' offsets are relative to */
  uint64_t begin; /* of the pages, in the file */
  uint64_t size;
};

static struct image image_of(const struct aotc_instance* instance) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_header* h = artifact->header;
  const struct aotc_snapshot* s = artifact->snapshot;
  if (instance->thaw)
    return (struct image){.runs = aotc_snapshot_data(s, &s->runs),
                          .count = s->runs.count,
                          .start = h->snapshot.offset,
                          .begin = h->snapshot.offset + s->head_size,
                          .size = h->snapshot.size - s->head_size};
  return (struct image){.runs = aotc_span_data(artifact, &h->image_runs),
                        .count = h->image_runs.count,
                        .begin = h->image.offset,
                        .size = h->image.size};
}

static enum aotc_status read_run(struct aotc_instance* instance, const struct aotc_image_run* run,
                                 struct aotc_error* error) {
  uint64_t size = run->pages * AOTC_IMAGE_PAGE;
  for (uint64_t at = 0; at < size;) {
    ssize_t got =
        pread(instance->artifact->fd, aotc_base(instance) + run->address + at, size - at, (off_t)(run->offset + at));
    if (got > 0)
      at += (uint64_t)got;
    else if (got == 0 || errno != EINTR)
      return aotc_fail(error, AOTC_ERROR_IO, "%s: cannot read the memory image: %s", instance->artifact->name,
                       got == 0 ? "file ends early" : strerror(errno));
  }
  return AOTC_OK;
}

enum aotc_status aotc_memory_populate(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  uint64_t size = aotc_memory_initial(instance);
  if (size > 0 && mprotect(aotc_base(instance), size, PROT_READ | PROT_WRITE) != 0)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot make %llu bytes of memory accessible: %s", artifact->name,
                     (unsigned long long)size, strerror(errno));
  aotc_tail(instance)->memory_size = size;

  /* perf takes the lowest mapping of a file for where its code was loaded, so that it could not unwind. */
  bool can_map = aotc_page_size() == AOTC_IMAGE_PAGE && !aotc_debugger_enabled();
  int mapped = 0;
  const struct image image = image_of(instance);
  for (uint32_t i = 0; i < image.count; ++i) {
    struct aotc_image_run copy = image.runs[i];
    const struct aotc_image_run* run = &copy;
    uint64_t most = 65536 * AOTC_WASM_PAGE / AOTC_IMAGE_PAGE;
    bool overflows = __builtin_add_overflow(copy.offset, image.start, &copy.offset);
    if (overflows || run->pages > most || run->address % AOTC_IMAGE_PAGE != 0 || run->offset % AOTC_IMAGE_PAGE != 0 ||
        run->address > size || run->pages * AOTC_IMAGE_PAGE > size - run->address || run->offset < image.begin ||
        run->offset - image.begin > image.size ||
        run->pages * AOTC_IMAGE_PAGE > image.size - (run->offset - image.begin))
      return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: image run %u is out of place", artifact->name, i);
    if (can_map && mapped < kMaxMappedRuns && run->pages >= kMinMappedPages) {
      ++mapped;
      if (mmap(aotc_base(instance) + run->address, run->pages * AOTC_IMAGE_PAGE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, artifact->fd, (off_t)run->offset) == MAP_FAILED)
        return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot map the memory image: %s", artifact->name,
                         strerror(errno));
    } else {
      enum aotc_status status = read_run(instance, run, error);
      if (status != AOTC_OK) return status;
    }
  }
  return AOTC_OK;
}

/* Throws every page away and starts over: simple, and proves by construction that nothing of the last run is left. */
enum aotc_status aotc_memory_reset(struct aotc_instance* instance, struct aotc_error* error) {
  uint64_t size = aotc_tail(instance)->memory_size;
  if (size > 0 && mmap(aotc_base(instance), size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
                       -1, 0) == MAP_FAILED)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot reset memory: %s", instance->artifact->name, strerror(errno));
  aotc_tail(instance)->memory_size = 0;
  return aotc_memory_populate(instance, error);
}

void aotc_memory_release(struct aotc_instance* instance) { munmap(instance, kReservation); }

/* memory.grow, on the host's stack. */
uint32_t aotc_memory_grow(uint8_t* base, uint32_t delta) {
  struct aotc_instance* instance = aotc_instance_of(base);
  struct aotc_context_tail* tail = aotc_tail(instance);
  uint64_t size = tail->memory_size, more = delta * AOTC_WASM_PAGE;
  if (!(instance->artifact->header->flags & AOTC_FLAG_MEMORY) || more > instance->memory_max - size) return UINT32_MAX;
  if (more > 0) {
    if (!aotc_stack_make_room(instance, more)) return UINT32_MAX;
    if (mprotect(base + size, more, PROT_READ | PROT_WRITE) != 0) return UINT32_MAX;
    tail->memory_size = size + more;
  }
  return (uint32_t)(size / AOTC_WASM_PAGE);
}
