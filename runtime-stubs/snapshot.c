/* snapshot.c - the snapshot of an artifact: mapping and checking its head, comparing it with a WASI host, going on.
 *
 * In: an artifact whose header says that there is a snapshot. Everything in it is checked when the artifact is loaded,
 * except the image runs (memory.c) and the addresses in linear memory, which are checked where they are used; a wrong
 * one there can only harm the guest. How one is made is in snapshot_write.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_status.h"
#include "state.h"
#include "wasi.h"

/* Arguments, environment, output and report, in all. */
static const uint64_t kMaxHead = 64ull << 20;

static bool span_inside(const struct aotc_snapshot* s, const struct aotc_span* span, size_t element) {
  return span->offset <= s->head_size &&
         (span->count == 0 || (span->offset % 8 == 0 && span->offset >= sizeof(*s) &&
                               (uint64_t)span->count * element <= s->head_size - span->offset));
}

static bool strings_end(const struct aotc_snapshot* s, const struct aotc_span* span) {
  return span_inside(s, span, 1) &&
         (span->count == 0 || ((const char*)aotc_snapshot_data(s, span))[span->count - 1] == 0);
}

static const char* find_fault(const struct aotc_snapshot* s, uint64_t size, const struct aotc_header* h) {
  if (s->magic != AOTC_SNAPSHOT_MAGIC) return "no magic number";
  if (s->size != size || s->head_size > s->size || s->head_size % AOTC_IMAGE_PAGE != 0)
    return "sizes contradict";
  if (memcmp(s->module_sha256, h->module_sha256, sizeof(s->module_sha256)) != 0) return "it is another module's";
  if (!(h->flags & AOTC_FLAG_GO) || h->resume_thunk == AOTC_NONE || h->tables.count != 0)
    return "the module cannot be resumed";
  if (s->memory_pages < h->memory_min || s->memory_pages > h->memory_max) return "memory limits contradict";
  if (s->globals.count != h->globals.count || !span_inside(s, &s->globals, AOTC_SLOT_SIZE)) return "globals";
  if (!span_inside(s, &s->fds, sizeof(struct aotc_snapshot_fd))) return "descriptors";
  if (!span_inside(s, &s->runs, sizeof(struct aotc_image_run))) return "image runs";
  if (!strings_end(s, &s->args) || !strings_end(s, &s->environ) || !strings_end(s, &s->dirs)) return "strings";
  if (!span_inside(s, &s->files, sizeof(struct aotc_snapshot_file)) || !strings_end(s, &s->paths)) return "files";
  if (!span_inside(s, &s->secrets, sizeof(struct aotc_snapshot_secret))) return "secrets";
  if (!span_inside(s, &s->output, 1) || !span_inside(s, &s->report, 1)) return "output or report";
  return NULL;
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

/* But for the values of secrets, which have the same length. */
static bool same_environ(const struct aotc_snapshot* s, const struct aotc_wasi_strings* environ) {
  if (s->environ.count != environ->bytes) return false;
  const char* ours = aotc_snapshot_data(s, &s->environ);
  const struct aotc_snapshot_secret* secrets = aotc_snapshot_data(s, &s->secrets);
  uint32_t at = 0;
  for (uint32_t i = 0; i <= s->secrets.count; ++i) {
    bool last = i == s->secrets.count;
    uint32_t end = last ? environ->bytes : secrets[i].environ;
    if (end < at || end > environ->bytes || (end > at && memcmp(ours + at, environ->text + at, end - at) != 0)) return false;
    if (last) break;
    if (secrets[i].size > environ->bytes - end || memchr(environ->text + end, 0, secrets[i].size) != NULL) return false;
    at = end + secrets[i].size;
  }
  return true;
}

static bool same_bytes(const struct aotc_snapshot* s, const struct aotc_span* span, const char* text, size_t size) {
  return span->count == size && (size == 0 || memcmp(aotc_snapshot_data(s, span), text, size) == 0);
}

bool aotc_snapshot_matches(const struct aotc_artifact* artifact, const struct aotc_wasi* wasi) {
  const struct aotc_snapshot* s = artifact->snapshot;
  if (s == NULL) return false;
  /* The program's own name may differ. */
  size_t name = wasi->args.count == 0 ? 0 : strlen(wasi->args.text) + 1;
  if (!same_bytes(s, &s->args, wasi->args.text + name, wasi->args.bytes - name)) return false;
  if (!same_environ(s, &wasi->environ)) return false;

  uint32_t listeners = 0;
  size_t at = 0;
  const char* dirs = aotc_snapshot_data(s, &s->dirs);
  for (uint32_t fd = 3; fd < wasi->fd_count; ++fd) {
    const struct aotc_wasi_fd* entry = &wasi->fds[fd];
    if (entry->kind == AOTC_WASI_LISTENER) ++listeners;
    if (entry->preopen == NULL) continue;
    size_t size = strlen(entry->preopen) + 1;
    if (size > s->dirs.count - at || memcmp(dirs + at, entry->preopen, size) != 0) return false;
    at += size;
  }
  if (at != s->dirs.count) return false;
  /* A program that only reads stdin does not notice that there is no listener, unless directories come after it. */
  if (listeners == 0 && s->dirs.count == 0 && !(s->flags & AOTC_SNAPSHOT_WAITS_LISTENER)) return true;
  return listeners == s->listeners;
}

/* As if the import's wrapper had been called from where the instance stopped. */
enum aotc_status aotc_instance_go_on(struct aotc_instance* instance, uint32_t wrapper, struct aotc_error* error) {
  uint32_t sp;
  memcpy(&sp, aotc_base(instance) + AOTC_GLOBAL_OFFSET(0), sizeof(sp));
  uint64_t pc = (uint64_t)wrapper << 16;
  void* at = sp < 8 ? NULL : aotc_instance_memory_at(instance, sp - 8, 8);
  if (at == NULL)
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: stack pointer outside memory", instance->artifact->name);
  memcpy(at, &pc, sizeof(pc));
  return aotc_instance_resume(instance, error);
}

bool aotc_artifact_suspends(const struct aotc_artifact* artifact) {
  const struct aotc_header* h = artifact->header;
  return (h->flags & AOTC_FLAG_GO) && h->resume_thunk != AOTC_NONE;
}

enum aotc_status aotc_instance_continue(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_import* imports = aotc_span_data(artifact, &artifact->header->imports);
  uint32_t wrapper =
      instance->frozen_import < instance->import_count ? imports[instance->frozen_import].wrapper : AOTC_NONE;
  if (instance->running || wrapper == AOTC_NONE || !aotc_artifact_suspends(artifact))
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: the instance is not suspended", artifact->name);
  enum aotc_status status = aotc_thread_prepare(error);
  if (status != AOTC_OK) return status;
  instance->frozen_import = AOTC_NONE;
  aotc_note_thread(instance);
  return aotc_instance_go_on(instance, wrapper, error);
}

enum aotc_status aotc_instance_seed(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_snapshot* s = instance->artifact->snapshot;
  if (!instance->thaw || s == NULL)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: the instance is not made of a snapshot",
                     instance->artifact->name);
  enum aotc_status status = aotc_thread_prepare(error);
  if (status != AOTC_OK) return status;
  aotc_note_thread(instance);
  return aotc_go_random_seed(instance, s, error);
}

enum aotc_status aotc_instance_thaw(struct aotc_instance* instance, struct aotc_error* error) {
  enum aotc_status status = aotc_instance_seed(instance, error);
  const struct aotc_snapshot* s = instance->artifact->snapshot;
  if (status != AOTC_OK || s->flags & AOTC_SNAPSHOT_REACTOR) return status;
  return aotc_instance_go_on(instance, s->wrapper, error);
}
