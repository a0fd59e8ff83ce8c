/* pages.c - where the pages of initial memory lie in a file: an artifact's image, or its snapshot's.
 *
 * A file names its pages as runs, which are checked here one by one. An instance on its own maps the long runs and
 * reads the others (memory.c); a pool's image reads all of them (image.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "state.h"

uint64_t aotc_page_size(void) { return (uint64_t)sysconf(_SC_PAGESIZE); }

struct aotc_pages aotc_pages_of(struct aotc_artifact* artifact, bool thaw) {
  const struct aotc_header* h = artifact->header;
  const struct aotc_snapshot* s = artifact->snapshot;
  if (thaw)
    return (struct aotc_pages){.artifact = artifact,
                               .fd = artifact->snapshot_fd,
                               .memory_size = s->memory_pages * AOTC_WASM_PAGE,
                               .runs = aotc_snapshot_data(s, &s->runs),
                               .count = s->runs.count,
                               .start = artifact->snapshot_offset,
                               .begin = artifact->snapshot_offset + s->head_size,
                               .size = s->size - s->head_size};
  return (struct aotc_pages){.artifact = artifact,
                             .fd = artifact->fd,
                             .memory_size = h->memory_min * AOTC_WASM_PAGE,
                             .runs = aotc_span_data(artifact, &h->image_runs),
                             .count = h->image_runs.count,
                             .begin = h->image.offset,
                             .size = h->image.size};
}

enum aotc_status aotc_pages_run(const struct aotc_pages* pages, uint32_t index, struct aotc_image_run* run,
                                struct aotc_error* error) {
  *run = pages->runs[index];
  const uint64_t most = 65536 * AOTC_WASM_PAGE / AOTC_IMAGE_PAGE;
  bool overflows = __builtin_add_overflow(run->offset, pages->start, &run->offset);
  if (overflows || run->pages > most || run->address % AOTC_IMAGE_PAGE != 0 || run->offset % AOTC_IMAGE_PAGE != 0 ||
      run->address > pages->memory_size || run->pages * AOTC_IMAGE_PAGE > pages->memory_size - run->address ||
      run->offset < pages->begin || run->offset - pages->begin > pages->size ||
      run->pages * AOTC_IMAGE_PAGE > pages->size - (run->offset - pages->begin))
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: image run %u is out of place", pages->artifact->name,
                     index);
  return AOTC_OK;
}

enum aotc_status aotc_pages_read(const struct aotc_pages* pages, const struct aotc_image_run* run, uint8_t* memory,
                                 struct aotc_error* error) {
  uint64_t size = run->pages * AOTC_IMAGE_PAGE;
  for (uint64_t at = 0; at < size;) {
    ssize_t got = pread(pages->fd, memory + run->address + at, size - at, (off_t)(run->offset + at));
    if (got > 0)
      at += (uint64_t)got;
    else if (got == 0 || errno != EINTR)
      return aotc_fail(error, AOTC_ERROR_IO, "%s: cannot read the memory image: %s", pages->artifact->name,
                       got == 0 ? "file ends early" : strerror(errno));
  }
  return AOTC_OK;
}
