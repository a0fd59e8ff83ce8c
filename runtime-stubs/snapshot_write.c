/* snapshot_write.c - writes the snapshot of an instance that waits for input, or says why there can be none.
 *
 * In: an instance whose call ended with AOTC_FROZEN (a command) or AOTC_OK (a reactor's _initialize), and its WASI host.
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
#include <unistd.h>

#include "state.h"
#include "wasi.h"

enum { kMaxGap = 16 /* pages of zeros within a run */, kMaxRuns = 1 << 16 };

struct writer {
  struct aotc_instance* instance;
  struct aotc_wasi* wasi;
  struct aotc_error* error;
  struct aotc_snapshot head;
  uint8_t* arrays; /* what follows the structure */
  uint64_t size, capacity;
  struct aotc_image_run* runs;
  uint32_t run_count;
};

static enum aotc_status refuse(struct writer* w, const char* why) {
  return aotc_fail(w->error, AOTC_ERROR_ARGUMENT, "%s", why);
}

static enum aotc_status append(struct writer* w, struct aotc_span* span, const void* data, size_t element,
                               uint64_t count) {
  uint64_t bytes = element * count, start = (w->size + 7) & ~7ull;
  if (count > UINT32_MAX || bytes > (16u << 20)) return refuse(w, "too much to keep in a snapshot");
  if (start + bytes > w->capacity) {
    uint64_t capacity = (start + bytes) * 2;
    uint8_t* arrays = realloc(w->arrays, capacity);
    if (arrays == NULL) return aotc_fail(w->error, AOTC_ERROR_LIMIT, "out of memory");
    memset(arrays + w->capacity, 0, capacity - w->capacity);
    w->arrays = arrays;
    w->capacity = capacity;
  }
  if (bytes != 0) memcpy(w->arrays + start, data, bytes);
  span->offset = sizeof(w->head) + start;
  span->count = (uint32_t)count;
  w->size = start + bytes;
  return AOTC_OK;
}

/* Which passive segments are left is state outside memory and globals. Go has none. */
static bool dropped_segments(const struct aotc_instance* instance) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_header* h = artifact->header;
  const struct aotc_data_segment* data = aotc_span_data(artifact, &h->data_segments);
  const struct aotc_elem_segment* elem = aotc_span_data(artifact, &h->elem_segments);
  for (uint32_t i = 0; i < h->data_segments.count; ++i)
    if (instance->data_dropped[i] && !data[i].active) return true;
  for (uint32_t i = 0; i < h->elem_segments.count; ++i)
    if (instance->elem_dropped[i] && !elem[i].active) return true;
  return false;
}

/* Where the instance stopped, and whether it can go on there. */
static enum aotc_status check_stop(struct writer* w) {
  const struct aotc_artifact* artifact = w->instance->artifact;
  const struct aotc_header* h = artifact->header;
  if (!(h->flags & AOTC_FLAG_GO) || h->resume_thunk == AOTC_NONE || h->tables.count != 0)
    return refuse(w, "not a Go program, so its stack is not in linear memory");
  if (dropped_segments(w->instance)) return refuse(w, "it dropped passive segments");
  if (w->wasi->freeze == NULL) return refuse(w, "the host was not made for freezing");
  const char* fault = aotc_secrets_show(w->instance, w->wasi);
  if (fault != NULL) return refuse(w, fault);
  if (w->wasi->freeze->secret_read != NULL)
    return aotc_fail(w->error, AOTC_ERROR_ARGUMENT, "it read the secret %.*s before the thaw",
                     (int)w->wasi->freeze->secret_read->name_size - 1, aotc_wasi_secret_read(w->wasi));
  if (w->wasi->freeze->output_lost) return refuse(w, "it wrote more than 1 MiB before it waited for input");
  uint32_t import = w->instance->frozen_import;
  if (aotc_artifact_export(artifact, "_start", AOTC_EXPORT_FUNCTION) == NULL) {
    if (import != AOTC_NONE) return refuse(w, "a reactor that waits for input in _initialize");
    w->head.flags = AOTC_SNAPSHOT_REACTOR;
    w->head.wrapper = AOTC_NONE;
    return AOTC_OK;
  }
  if (import == AOTC_NONE || import >= h->imports.count) return refuse(w, "it did not wait for input");
  const struct aotc_import* imports = aotc_span_data(artifact, &h->imports);
  w->head.flags = w->wasi->freeze->waits;
  w->head.wrapper = imports[import].wrapper;
  if (w->head.wrapper == AOTC_NONE) return refuse(w, "the function that wraps the import was not found");
  /* The wrapper takes its arguments from behind the return address; if they are there, this is its frame. */
  uint32_t sp, argument;
  memcpy(&sp, aotc_base(w->instance) + AOTC_GLOBAL_OFFSET(0), sizeof(sp));
  const void* at = sp < 8 ? NULL : aotc_instance_memory_at(w->instance, sp, 16);
  if (at != NULL) memcpy(&argument, (const uint8_t*)at + 8, sizeof(argument));
  if (at == NULL || argument != (uint32_t)aotc_slots(w->instance)[0])
    return refuse(w, "the stack does not look as it does in Go 1.21 to 1.27");
  return AOTC_OK;
}

static const char* kind_name(uint8_t kind) {
  switch (kind) {
    case AOTC_WASI_FILE:
      return "file";
    case AOTC_WASI_DIRECTORY:
      return "directory";
    default:
      return "stream";
  }
}

static uint64_t removed_rights(const struct aotc_wasi_fd* entry) {
  uint64_t all = entry->kind == AOTC_WASI_STREAM     ? WASI_RIGHTS_STREAM
                 : entry->kind == AOTC_WASI_FILE     ? WASI_RIGHTS_FILE
                 : entry->kind == AOTC_WASI_LISTENER ? WASI_RIGHTS_LISTENER
                                                     : WASI_RIGHTS_DIRECTORY;
  return all & ~entry->rights;
}

static enum aotc_status add_path(struct writer* w, struct aotc_wasi_strings* paths, const char* path) {
  size_t size = strlen(path) + 1;
  char* text = realloc(paths->text, paths->bytes + size);
  if (text == NULL) return aotc_fail(w->error, AOTC_ERROR_LIMIT, "out of memory");
  paths->text = text;
  memcpy(text + paths->bytes, path, size);
  paths->bytes += (uint32_t)size;
  return AOTC_OK;
}

static enum aotc_status write_fds(struct writer* w) {
  struct aotc_wasi* wasi = w->wasi;
  if (wasi->freeze->renumbered) return refuse(w, "it renumbered descriptors");
  struct aotc_snapshot_fd* fds = calloc(wasi->fd_count + 1, sizeof(*fds));
  struct aotc_snapshot_file* files = calloc(wasi->fd_count + 1, sizeof(*files));
  struct aotc_wasi_strings paths = {0};
  uint32_t count = 0, file_count = 0;
  if (fds == NULL || files == NULL) return aotc_fail(w->error, AOTC_ERROR_LIMIT, "out of memory");
  enum aotc_status status = AOTC_OK;
  for (uint32_t i = 0; i < wasi->fd_count && status == AOTC_OK; ++i) {
    const struct aotc_wasi_fd* entry = &wasi->fds[i];
    if (entry->kind == AOTC_WASI_FREE) continue;
    if (entry->host >= 0 && entry->preopen == NULL) {
      struct aotc_snapshot_file* file = &files[file_count++];
      if (!aotc_wasi_describe_file(entry, file))
        status = aotc_fail(w->error, AOTC_ERROR_ARGUMENT, "descriptor %u, a %s, is open while it waits for input", i,
                           kind_name(entry->kind));
      else
        status = add_path(w, &paths, entry->path);
      file->number = i;
      file->path = paths.count;
      paths.count = paths.bytes;
    }
    fds[count++] = (struct aotc_snapshot_fd){.number = i, .flags = entry->flags, .removed_rights = removed_rights(entry)};
  }
  if (status == AOTC_OK) status = append(w, &w->head.fds, fds, sizeof(*fds), count);
  if (status == AOTC_OK) status = append(w, &w->head.files, files, sizeof(*files), file_count);
  if (status == AOTC_OK) status = append(w, &w->head.paths, paths.text, 1, paths.bytes);
  free(fds);
  free(files);
  free(paths.text);
  return status;
}

static enum aotc_status write_globals(struct writer* w) {
  static uint8_t values[AOTC_MAX_GLOBALS * AOTC_SLOT_SIZE];
  uint32_t count = w->instance->artifact->header->globals.count;
  for (uint32_t i = 0; i < count; ++i)
    memcpy(values + (size_t)i * AOTC_SLOT_SIZE, aotc_base(w->instance) + AOTC_GLOBAL_OFFSET(i), AOTC_SLOT_SIZE);
  return append(w, &w->head.globals, values, AOTC_SLOT_SIZE, count);
}

static enum aotc_status write_secrets(struct writer* w) {
  const struct aotc_wasi* wasi = w->wasi;
  struct aotc_snapshot_secret* secrets = calloc(wasi->secret_count + 1, sizeof(*secrets));
  if (secrets == NULL) return aotc_fail(w->error, AOTC_ERROR_LIMIT, "out of memory");
  for (uint32_t i = 0; i < wasi->secret_count; ++i) {
    const struct aotc_wasi_secret* secret = &wasi->secrets[i];
    secrets[i] = (struct aotc_snapshot_secret){
        .environ = secret->environ + secret->name_size, .size = secret->value_size, .address = secret->address};
  }
  enum aotc_status status = append(w, &w->head.secrets, secrets, sizeof(*secrets), wasi->secret_count);
  free(secrets);
  return status;
}

static enum aotc_status write_surroundings(struct writer* w) {
  const struct aotc_wasi* wasi = w->wasi;
  size_t name = wasi->args.count == 0 ? 0 : strlen(wasi->args.text) + 1;
  enum aotc_status status = append(w, &w->head.args, wasi->args.text + name, 1, wasi->args.bytes - name);
  if (status == AOTC_OK) status = append(w, &w->head.environ, wasi->environ.text, 1, wasi->environ.bytes);
  if (status == AOTC_OK) status = write_secrets(w);
  if (status != AOTC_OK) return status;
  size_t size = 0;
  for (uint32_t i = 0; i < wasi->fd_count; ++i)
    if (wasi->fds[i].preopen != NULL) size += strlen(wasi->fds[i].preopen) + 1;
  char* dirs = malloc(size + 1);
  if (dirs == NULL) return aotc_fail(w->error, AOTC_ERROR_LIMIT, "out of memory");
  char* at = dirs;
  for (uint32_t i = 0; i < wasi->fd_count; ++i)
    if (wasi->fds[i].preopen != NULL) at = stpcpy(at, wasi->fds[i].preopen) + 1;
  status = append(w, &w->head.dirs, dirs, 1, size);
  free(dirs);
  if (status == AOTC_OK) status = append(w, &w->head.output, wasi->freeze->output, 1, wasi->freeze->output_size);
  return status;
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
  struct aotc_image_size image = {.pages = pages, .runs = w->run_count, .files = w->head.files.count};
  size_t size = 0;
  char* report = aotc_freeze_report(w->instance, w->wasi, run, &image, w->head.flags, version, &size);
  if (report == NULL) return aotc_fail(w->error, AOTC_ERROR_LIMIT, "out of memory");
  enum aotc_status status = append(w, &w->head.report, report, 1, size);
  free(report);
  return status;
}

static enum aotc_status build(struct writer* w, const struct aotc_freeze_run* run) {
  struct aotc_snapshot* head = &w->head;
  char version[32];
  uint64_t pages;
  enum aotc_status status;
  head->magic = AOTC_SNAPSHOT_MAGIC;
  memcpy(head->module_sha256, w->instance->artifact->header->module_sha256, sizeof(head->module_sha256));
  head->memory_pages = (uint32_t)(aotc_tail(w->instance)->memory_size / AOTC_WASM_PAGE);
  if ((status = check_stop(w)) != AOTC_OK) return status;
  head->listeners = w->wasi->freeze->listeners;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  head->monotonic = aotc_wasi_nanoseconds(now) + w->wasi->monotonic_offset;
  clock_gettime(CLOCK_REALTIME, &now);
  head->realtime = aotc_wasi_nanoseconds(now);
  if ((status = aotc_go_random_find(w->instance, head, version, w->error)) != AOTC_OK) return status;
  if ((status = write_globals(w)) != AOTC_OK) return status;
  if ((status = write_fds(w)) != AOTC_OK) return status;
  if ((status = write_surroundings(w)) != AOTC_OK) return status;
  if ((status = find_runs(w, &pages)) != AOTC_OK) return status;
  if ((status = write_report(w, version, run, pages)) != AOTC_OK) return status;
  if ((status = append(w, &head->runs, w->runs, sizeof(*w->runs), w->run_count)) != AOTC_OK) return status;

  head->head_size = (sizeof(*head) + w->size + AOTC_IMAGE_PAGE - 1) / AOTC_IMAGE_PAGE * AOTC_IMAGE_PAGE;
  uint64_t offset = head->head_size;
  for (uint32_t i = 0; i < w->run_count; ++i) {
    w->runs[i].offset = offset;
    offset += w->runs[i].pages * AOTC_IMAGE_PAGE;
  }
  if (w->run_count != 0)
    memcpy(w->arrays + (head->runs.offset - sizeof(*head)), w->runs, w->run_count * sizeof(*w->runs));
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
  uint64_t used = sizeof(w->head) + w->size;
  bool good = put(fd, &w->head, sizeof(w->head)) && put(fd, w->arrays, w->size) &&
              put(fd, zeros, w->head.head_size - used);
  for (uint32_t i = 0; i < w->run_count && good; ++i)
    good = put(fd, aotc_base(w->instance) + w->runs[i].address, w->runs[i].pages * AOTC_IMAGE_PAGE);
  return good ? AOTC_OK : aotc_fail(w->error, AOTC_ERROR_IO, "cannot write the snapshot: %s", strerror(errno));
}

enum aotc_status aotc_snapshot_write(struct aotc_instance* instance, struct aotc_wasi* wasi,
                                     const struct aotc_freeze_run* run, int fd, struct aotc_error* error) {
  struct writer w = {.instance = instance, .wasi = wasi, .error = error};
  enum aotc_status status = build(&w, run);
  if (status == AOTC_OK) status = write_file(&w, fd);
  free(w.runs);
  free(w.arrays);
  return status;
}
