/* snapshot_file.c - the snapshot of an artifact: mapping and checking its head.
 *
 * In: an artifact whose header says that there is a snapshot, or a file of its own. Everything in it is checked here,
 * except the image runs (pages.c), the tables' entries (table.c), the addresses in linear memory, and what hosts kept,
 * which are checked where they are used. How one is made is in snapshot/snapshot_write.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file_status.h"
#include "state.h"

/* Arguments, environment, output and report, in all. */
static const uint64_t kMaxHead = 64ull << 20;
/* Ten years, in nanoseconds. */
static const uint64_t kMaxAge = 10 * 365 * 86400 * 1000000000ull;

static bool span_inside(const struct aotc_snapshot* s, const struct aotc_span* span, size_t element) {
  return span->offset <= s->head_size &&
         (span->count == 0 || (span->offset % 8 == 0 && span->offset >= sizeof(*s) &&
                               (uint64_t)span->count * element <= s->head_size - span->offset));
}

static bool hosts_inside(const struct aotc_snapshot* s) {
  if (s->hosts.count > AOTC_MAX_HOSTS || !span_inside(s, &s->hosts, sizeof(struct aotc_snapshot_host))) return false;
  const struct aotc_snapshot_host* hosts = aotc_snapshot_data(s, &s->hosts);
  for (uint32_t i = 0; i < s->hosts.count; ++i)
    if (memchr(hosts[i].name, 0, sizeof(hosts[i].name)) == NULL || !span_inside(s, &hosts[i].state, 1)) return false;
  return true;
}

static bool draws_inside(const struct aotc_snapshot* s) {
  if (s->draws.count > AOTC_MAX_DRAWS || !span_inside(s, &s->draws, sizeof(struct aotc_snapshot_draw))) return false;
  const struct aotc_snapshot_draw* draws = aotc_snapshot_data(s, &s->draws);
  for (uint32_t i = 0; i < s->draws.count; ++i)
    if (memchr(draws[i].function, 0, sizeof(draws[i].function)) == NULL) return false;
  return true;
}

static bool sequences_inside(const struct aotc_snapshot* s) {
  if (s->sequences.count > AOTC_MAX_SEQUENCES || !span_inside(s, &s->sequences, sizeof(struct aotc_snapshot_sequence)))
    return false;
  const struct aotc_snapshot_sequence* sequences = aotc_snapshot_data(s, &s->sequences);
  for (uint32_t i = 0; i < s->sequences.count; ++i)
    if (sequences[i].step_bits > 22) return false;
  return true;
}

static const char* find_fault(const struct aotc_snapshot* s, uint64_t size, const struct aotc_header* h) {
  if (s->magic != AOTC_SNAPSHOT_MAGIC) return "no magic number";
  if (s->size != size || s->head_size > s->size || s->head_size % AOTC_IMAGE_PAGE != 0) return "sizes contradict";
  if (memcmp(s->module_sha256, h->module_sha256, sizeof(s->module_sha256)) != 0) return "it is another module's";
  bool go = (h->flags & AOTC_FLAG_GO) && h->resume_thunk != AOTC_NONE;
  if (!(s->flags & AOTC_SNAPSHOT_REACTOR) && !go) return "the module cannot be resumed";
  if (s->memory_pages < h->memory_min || s->memory_pages > h->memory_max) return "memory limits contradict";
  if (s->globals.count != h->globals.count || !span_inside(s, &s->globals, AOTC_SLOT_SIZE)) return "globals";
  if (!span_inside(s, &s->runs, sizeof(struct aotc_image_run))) return "image runs";
  if (s->tables.count != h->tables.count || !span_inside(s, &s->tables, 4) || !span_inside(s, &s->elements, 4))
    return "tables";
  if (s->dropped.count != h->data_segments.count + h->elem_segments.count || !span_inside(s, &s->dropped, 1))
    return "segments";
  if (!hosts_inside(s)) return "hosts";
  if (!span_inside(s, &s->report, 1)) return "report";
  if (s->redrawn.count > AOTC_MAX_RANDOM_RANGES || !span_inside(s, &s->redrawn, sizeof(struct aotc_random_range)))
    return "random ranges";
  if (!draws_inside(s)) return "draws";
  if (!sequences_inside(s)) return "sequences";
  return NULL;
}

static uint64_t nanoseconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Asked once, so that a step of the wall clock does not show between two instances. A date in the future, or one that
 * is years old, is the mistake of a clock, or a lie: then no time has passed. */
static uint64_t frozen_at(const struct aotc_snapshot* s) {
  uint64_t now = nanoseconds(CLOCK_REALTIME);
  uint64_t passed = now > s->realtime && now - s->realtime <= kMaxAge ? now - s->realtime : 0;
  return nanoseconds(CLOCK_MONOTONIC) - passed;
}

enum aotc_status aotc_snapshot_map(struct aotc_artifact* artifact, int fd, uint64_t offset, uint64_t size,
                                   struct aotc_error* error) {
  struct aotc_snapshot start;
  ssize_t got = pread(fd, &start, sizeof(start), (off_t)offset);
  if (got < 0) return aotc_fail(error, AOTC_ERROR_IO, "%s: %s", artifact->name, strerror(errno));
  if (got != (ssize_t)sizeof(start) || start.head_size < sizeof(start) || start.head_size > kMaxHead ||
      start.head_size > size)
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: snapshot: its head is out of place", artifact->name);
  /* The offset need not be a multiple of this system's page size. */
  uint64_t page = aotc_page_size(), skip = offset % page;
  uint8_t* map = mmap(NULL, start.head_size + skip, PROT_READ, MAP_PRIVATE, fd, (off_t)(offset - skip));
  if (map == MAP_FAILED)
    return aotc_fail(error, AOTC_ERROR_IO, "%s: cannot map the snapshot: %s", artifact->name, strerror(errno));
  artifact->snapshot = (const struct aotc_snapshot*)(const void*)(map + skip);
  artifact->snapshot_fd = fd;
  artifact->snapshot_offset = offset;
  artifact->frozen_at = frozen_at(artifact->snapshot);
  const char* fault = memcmp(&start, artifact->snapshot, sizeof(start)) != 0
                          ? "it changed while it was loaded"
                          : find_fault(artifact->snapshot, size, artifact->header);
  if (fault != NULL) return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: snapshot: %s", artifact->name, fault);
  return AOTC_OK;
}

enum aotc_status aotc_attach_snapshot(struct aotc_artifact* artifact, int fd, struct aotc_error* error) {
  struct stat st;
  if (aotc_fstat(fd, &st) != 0) return aotc_fail(error, AOTC_ERROR_IO, "%s: %s", artifact->name, strerror(errno));
  int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return aotc_fail(error, AOTC_ERROR_IO, "%s: %s", artifact->name, strerror(errno));
  aotc_snapshot_unmap(artifact);
  enum aotc_status status = aotc_snapshot_map(artifact, own, 0, (uint64_t)st.st_size, error);
  if (status == AOTC_OK) return AOTC_OK;
  if (artifact->snapshot == NULL) close(own);
  aotc_snapshot_unmap(artifact);
  return status;
}

void aotc_snapshot_unmap(struct aotc_artifact* artifact) {
  if (artifact->snapshot == NULL) return;
  uint64_t skip = (uintptr_t)artifact->snapshot % aotc_page_size();
  munmap((uint8_t*)(uintptr_t)artifact->snapshot - skip, artifact->snapshot->head_size + skip);
  if (artifact->snapshot_fd != artifact->fd) close(artifact->snapshot_fd);
  artifact->snapshot = NULL;
}

const struct aotc_snapshot* aotc_artifact_snapshot(const struct aotc_artifact* artifact) { return artifact->snapshot; }

const void* aotc_snapshot_host_state(const struct aotc_snapshot* s, const char* name, uint64_t* size) {
  const struct aotc_snapshot_host* hosts = aotc_snapshot_data(s, &s->hosts);
  *size = 0;
  for (uint32_t i = 0; i < s->hosts.count; ++i) {
    if (strcmp(hosts[i].name, name) != 0) continue;
    *size = hosts[i].state.count;
    return aotc_snapshot_data(s, &hosts[i].state);
  }
  return NULL;
}
