/* snapshot_write.c - writes the snapshot of an instance that stands still, or says why there can be none.
 *
 * In: an instance whose call ended with AOTC_FROZEN (a command) or AOTC_OK (a reactor's _initialize), and its hosts.
 * Out: a file with struct aotc_snapshot, its arrays, and the pages of linear memory that are not zero. Nothing in it
 * depends on the architecture of the code that ran.
 *
 * Runs of pages are joined over short stretches of zeros: a run costs two mappings and a read or a fault each, a zero
 * page 4 KiB of file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/state.h"

enum { kMaxGap = 16 /* pages of zeros within a run */, kMaxRuns = 1 << 16 };

struct writer {
  struct aotc_instance* instance;
  struct aotc_error* error;
  struct aotc_snapshot head;
  struct aotc_arrays arrays; /* what follows the structure */
  struct aotc_image_run* runs;
  uint32_t run_count;
};

static enum aotc_status refuse(struct writer* w, const char* why) {
  return aotc_fail(w->error, AOTC_ERROR_ARGUMENT, "%s", why);
}

static enum aotc_status append(struct writer* w, struct aotc_span* span, const void* data, size_t element,
                               uint64_t count) {
  enum aotc_status status = aotc_arrays_add(&w->arrays, span, data, element, count, w->error);
  span->offset += sizeof(w->head);
  return status;
}

static bool is_go(const struct aotc_instance* instance) { return instance->artifact->header->flags & AOTC_FLAG_GO; }

/* A Go program, whose stack is in linear memory, in the import that it waits in. */
static enum aotc_status check_wait(struct writer* w) {
  const struct aotc_instance* instance = w->instance;
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_header* h = artifact->header;
  uint32_t import = instance->frozen_import;
  if (import >= h->imports.count) return refuse(w, "it did not wait for input");
  if (!is_go(instance) || h->resume_thunk == AOTC_NONE || h->tables.count != 0)
    return refuse(w, "not a Go program, so its stack is not in linear memory");
  const struct aotc_import* imports = aotc_span_data(artifact, &h->imports);
  w->head.wrapper = imports[import].wrapper;
  if (w->head.wrapper == AOTC_NONE) return refuse(w, "the function that wraps the import was not found");
  struct aotc_type_view type;
  if (!aotc_artifact_type(artifact, imports[import].type, &type) || type.params == 0) return AOTC_OK;
  /* The wrapper takes its arguments from behind the return address; if they are there, this is its frame. */
  uint32_t sp, argument;
  memcpy(&sp, aotc_base(instance) + AOTC_GLOBAL_OFFSET(0), sizeof(sp));
  const void* at = sp < 8 ? NULL : aotc_instance_memory_at(instance, sp, 16);
  if (at != NULL) memcpy(&argument, (const uint8_t*)at + 8, sizeof(argument));
  if (at == NULL || argument != (uint32_t)aotc_slots(instance)[0])
    return refuse(w, "the stack does not look as it does in Go 1.21 to 1.27");
  return AOTC_OK;
}

/* Where the instance stopped, and whether it can go on there. */
static enum aotc_status check_stop(struct writer* w, bool called) {
  w->head.wrapper = AOTC_NONE;
  if (!called && aotc_artifact_export(w->instance->artifact, "_start", AOTC_EXPORT_FUNCTION) != NULL)
    return check_wait(w);
  if (w->instance->frozen_import != AOTC_NONE) return refuse(w, "a reactor that waits for input in _initialize");
  w->head.flags = AOTC_SNAPSHOT_REACTOR;
  return AOTC_OK;
}

static enum aotc_status write_globals(struct writer* w) {
  static uint8_t values[AOTC_MAX_GLOBALS * AOTC_SLOT_SIZE];
  uint32_t count = w->instance->artifact->header->globals.count;
  for (uint32_t i = 0; i < count; ++i)
    memcpy(values + (size_t)i * AOTC_SLOT_SIZE, aotc_base(w->instance) + AOTC_GLOBAL_OFFSET(i), AOTC_SLOT_SIZE);
  return append(w, &w->head.globals, values, AOTC_SLOT_SIZE, count);
}

static enum aotc_status write_tables(struct writer* w) {
  const struct aotc_instance* instance = w->instance;
  const struct aotc_header* h = instance->artifact->header;
  const struct aotc_table* tables = aotc_tables(instance);
  uint32_t sizes[AOTC_MAX_TABLES];
  uint64_t total = 0;
  for (uint32_t i = 0; i < instance->table_count; ++i) total += sizes[i] = tables[i].size;
  enum aotc_status status = append(w, &w->head.tables, sizes, sizeof(sizes[0]), instance->table_count);
  uint32_t* entries = calloc(total + 1, sizeof(*entries));
  if (entries == NULL) return aotc_fail(w->error, AOTC_ERROR_LIMIT, "out of memory");
  uint64_t at = 0;
  for (uint32_t i = 0; i < instance->table_count; at += sizes[i++])
    if (sizes[i] != 0) memcpy(entries + at, tables[i].entries, sizes[i] * sizeof(*entries));
  if (status == AOTC_OK) status = append(w, &w->head.elements, entries, sizeof(*entries), total);
  free(entries);
  /* Both kinds, one array after the other. */
  if (status == AOTC_OK)
    status = append(w, &w->head.dropped, instance->data_dropped, 1,
                    (uint64_t)h->data_segments.count + h->elem_segments.count);
  return status;
}

static enum aotc_status write_hosts(struct writer* w) {
  const struct aotc_hosts* hosts = &w->instance->hosts;
  struct aotc_snapshot_host list[AOTC_MAX_HOSTS] = {0};
  for (uint32_t i = 0; i < hosts->count; ++i) {
    struct aotc_host* host = hosts->list[i];
    struct aotc_arrays state = {0};
    enum aotc_status status = AOTC_OK;
    if (host->interface->freeze != NULL) status = host->interface->freeze(host, w->instance, &state, w->error);
    if (status == AOTC_OK) status = append(w, &list[i].state, state.bytes, 1, state.size);
    free(state.bytes);
    if (status != AOTC_OK) return status;
    strncpy(list[i].name, host->interface->name, sizeof(list[i].name) - 1);
  }
  return append(w, &w->head.hosts, list, sizeof(list[0]), hosts->count);
}

/* Random bytes that were drawn and not used; before the image is looked at. */
static enum aotc_status settle_draws(struct writer* w, const struct aotc_freeze_run* run) {
  struct aotc_renewed renewed = {0};
  char text[AOTC_DRAW_TEXT];
  uint32_t count;
  aotc_draws_settle(run->draws, w->instance, &renewed);
  const struct aotc_snapshot_draw* draws = aotc_draws_list(run->draws, &count);
  const struct aotc_snapshot_draw* shared = aotc_draws_shared(run->draws, run->unique);
  if (shared != NULL && run->unique == AOTC_UNIQUE_WARMUP)
    return aotc_fail(w->error, AOTC_ERROR_ARGUMENT, "for a warm-up request, %s; --unique report allows it",
                     aotc_draw_text(shared, text));
  if (shared != NULL) return refuse(w, aotc_draw_text(shared, text));
  enum aotc_status status = append(w, &w->head.redrawn, renewed.ranges, sizeof(renewed.ranges[0]), renewed.range_count);
  if (status == AOTC_OK)
    status = append(w, &w->head.sequences, renewed.sequences, sizeof(renewed.sequences[0]), renewed.sequence_count);
  return status == AOTC_OK ? append(w, &w->head.draws, draws, sizeof(draws[0]), count) : status;
}

static bool is_zero(const uint8_t* page) {
  static const uint8_t zeros[AOTC_IMAGE_PAGE];
  return memcmp(page, zeros, AOTC_IMAGE_PAGE) == 0;
}

/* Offsets are filled in when the size of the head is known. Returns the pages that are not zero. */
static enum aotc_status find_runs(struct writer* w, uint64_t* pages) {
  const uint8_t* memory = aotc_base(w->instance);
  uint64_t count = aotc_tail(w->instance)->memory_size / AOTC_IMAGE_PAGE;
  *pages = 0;
  w->runs = calloc(kMaxRuns, sizeof(*w->runs));
  if (w->runs == NULL) return aotc_fail(w->error, AOTC_ERROR_LIMIT, "out of memory");
  struct aotc_image_run* last = NULL;
  for (uint64_t i = 0; i < count; ++i) {
    if (is_zero(memory + i * AOTC_IMAGE_PAGE)) continue;
    ++*pages;
    if (last != NULL && i - (last->address / AOTC_IMAGE_PAGE + last->pages) <= kMaxGap) {
      last->pages = i + 1 - last->address / AOTC_IMAGE_PAGE;
      continue;
    }
    if (w->run_count == kMaxRuns) return refuse(w, "its memory is too fragmented");
    last = &w->runs[w->run_count++];
    *last = (struct aotc_image_run){.address = i * AOTC_IMAGE_PAGE, .pages = 1};
  }
  return AOTC_OK;
}

static enum aotc_status write_report(struct writer* w, const char* version, const struct aotc_freeze_run* run,
                                     uint64_t pages) {
  struct aotc_image_size image = {.pages = pages, .runs = w->run_count};
  size_t size = 0;
  char* report = aotc_freeze_report(w->instance, run, &image, version, &size);
  if (report == NULL) return aotc_fail(w->error, AOTC_ERROR_LIMIT, "out of memory");
  enum aotc_status status = append(w, &w->head.report, report, 1, size);
  free(report);
  return status;
}

static enum aotc_status build(struct writer* w, const struct aotc_freeze_run* run) {
  struct aotc_snapshot* head = &w->head;
  char version[32] = "";
  uint64_t pages;
  enum aotc_status status;
  head->magic = AOTC_SNAPSHOT_MAGIC;
  memcpy(head->module_sha256, w->instance->artifact->header->module_sha256, sizeof(head->module_sha256));
  head->memory_pages = (uint32_t)(aotc_tail(w->instance)->memory_size / AOTC_WASM_PAGE);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  head->realtime = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  if ((status = write_hosts(w)) != AOTC_OK) return status;
  if ((status = check_stop(w, run->called)) != AOTC_OK) return status;
  if (is_go(w->instance) && (status = aotc_go_random_find(w->instance, head, version, w->error)) != AOTC_OK)
    return status;
  if ((status = settle_draws(w, run)) != AOTC_OK) return status;
  if ((status = write_globals(w)) != AOTC_OK) return status;
  if ((status = write_tables(w)) != AOTC_OK) return status;
  if ((status = find_runs(w, &pages)) != AOTC_OK) return status;
  if ((status = write_report(w, version, run, pages)) != AOTC_OK) return status;
  if ((status = append(w, &head->runs, w->runs, sizeof(*w->runs), w->run_count)) != AOTC_OK) return status;

  head->head_size = (sizeof(*head) + w->arrays.size + AOTC_IMAGE_PAGE - 1) / AOTC_IMAGE_PAGE * AOTC_IMAGE_PAGE;
  uint64_t offset = head->head_size;
  for (uint32_t i = 0; i < w->run_count; ++i) {
    w->runs[i].offset = offset;
    offset += w->runs[i].pages * AOTC_IMAGE_PAGE;
  }
  if (w->run_count != 0)
    memcpy(w->arrays.bytes + (head->runs.offset - sizeof(*head)), w->runs, w->run_count * sizeof(*w->runs));
  head->size = offset;
  return AOTC_OK;
}

static bool put(int fd, const void* bytes, uint64_t size) {
  const uint8_t* at = bytes;
  while (size > 0) {
    ssize_t n = write(fd, at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n;
    size -= (uint64_t)n;
  }
  return true;
}

static enum aotc_status write_file(struct writer* w, int fd) {
  static const uint8_t zeros[AOTC_IMAGE_PAGE];
  uint64_t used = sizeof(w->head) + w->arrays.size;
  bool good = put(fd, &w->head, sizeof(w->head)) && put(fd, w->arrays.bytes, w->arrays.size) &&
              put(fd, zeros, w->head.head_size - used);
  for (uint32_t i = 0; i < w->run_count && good; ++i)
    good = put(fd, aotc_base(w->instance) + w->runs[i].address, w->runs[i].pages * AOTC_IMAGE_PAGE);
  return good ? AOTC_OK : aotc_fail(w->error, AOTC_ERROR_IO, "cannot write the snapshot: %s", strerror(errno));
}

enum aotc_status aotc_snapshot_write(struct aotc_instance* instance, const struct aotc_freeze_run* run, int fd,
                                     struct aotc_error* error) {
  struct writer w = {.instance = instance, .error = error};
  enum aotc_status status = build(&w, run);
  if (status == AOTC_OK) status = write_file(&w, fd);
  free(w.runs);
  free(w.arrays.bytes);
  return status;
}
