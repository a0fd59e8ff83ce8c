/* load.c - maps an artifact and checks everything about it that later code relies on.
 *
 * In: a path or descriptor of a file that anyone may have written. Out: a struct aotc_artifact whose header is true:
 * each section and span lies inside the file, in the order the format prescribes, and strings end. What the arrays
 * contain is checked where it is followed, so that the time to load does not depend on the module's size: one pread of
 * the header and two mappings. Section checksums are left to aotc_artifact_verify for the same reason.
 *
 * Reading the file into anonymous memory would be simpler and immune to truncation after loading, but costs
 * milliseconds and is shared by no two processes. Whoever stores artifacts must not change them in place.
 */
#define _GNU_SOURCE
#define XXH_INLINE_ALL
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "file_status.h"
#include "state.h"

enum { kHeadSize = AOTC_HEADER_OFFSET + sizeof(struct aotc_header) };

/* A span of the header and the size of its elements. */
struct span_rule {
  const char* name;
  size_t offset;
  size_t element;
};
#define SPAN(field, type) {#field, offsetof(struct aotc_header, field), sizeof(type)}
static const struct span_rule kSpans[] = {
    SPAN(types, struct aotc_type),
    SPAN(type_bytes, uint8_t),
    SPAN(imports, struct aotc_import),
    SPAN(exports, struct aotc_export),
    SPAN(globals, struct aotc_global),
    SPAN(tables, struct aotc_table_init),
    SPAN(elements, uint32_t),
    SPAN(functions, struct aotc_function),
    SPAN(trap_sites, struct aotc_trap_site),
    SPAN(data_segments, struct aotc_data_segment),
    SPAN(elem_segments, struct aotc_elem_segment),
    SPAN(image_runs, struct aotc_image_run),
};
#undef SPAN

static bool inside(uint64_t offset, uint64_t size, uint64_t start, uint64_t end) {
  return offset >= start && offset <= end && size <= end - offset;
}

static const char* architecture_name(uint32_t architecture) {
  return architecture == AOTC_ARCH_X86_64 ? "x86_64" : architecture == AOTC_ARCH_AARCH64 ? "aarch64" : "unknown";
}

static enum aotc_status check_elf(const char* name, const uint8_t* head, struct aotc_error* error) {
  Elf64_Ehdr elf;
  memcpy(&elf, head, sizeof(elf));
  if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0)
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: not an artifact: no ELF header", name);
  if (elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_ident[EI_DATA] != ELFDATA2LSB || elf.e_type != ET_DYN)
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: not an artifact: not a little-endian 64-bit ELF of type DYN", name);
  return AOTC_OK;
}

/* The fields that say whether the rest can be understood at all. */
static enum aotc_status check_identity(const char* name, const uint8_t* head, const struct aotc_header* h,
                                       struct aotc_error* error) {
  if (h->magic != AOTC_MAGIC)
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: not an artifact: an ELF file of another kind", name);
  if (h->format_version != AOTC_FORMAT_VERSION)
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: artifact format version %u, this runtime reads version %u", name,
                     h->format_version, AOTC_FORMAT_VERSION);
  if (h->header_size != sizeof(*h))
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: header has %u bytes, expected %zu", name, h->header_size,
                     sizeof(*h));
  uint64_t checksum = XXH3_64bits(h, offsetof(struct aotc_header, checksum));
  if (checksum != h->checksum)
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: header checksum differs", name);
  if (h->abi_version < AOTC_ABI_OLDEST || h->abi_version > AOTC_ABI_VERSION)
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: compiled for runtime ABI version %u, this runtime has version %u",
                     name, h->abi_version, AOTC_ABI_VERSION);
  Elf64_Ehdr elf;
  memcpy(&elf, head, sizeof(elf));
  uint32_t machine = h->architecture == AOTC_ARCH_X86_64    ? EM_X86_64
                     : h->architecture == AOTC_ARCH_AARCH64 ? EM_AARCH64
                                                            : EM_NONE;
  if (machine == EM_NONE || elf.e_machine != machine)
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: architecture %u in an ELF file for machine %u", name,
                     h->architecture, elf.e_machine);
  return AOTC_OK;
}

static enum aotc_status check_cpu(const char* name, const struct aotc_header* h, struct aotc_error* error) {
  if (h->architecture != aotc_host_architecture)
    return aotc_fail(error, AOTC_ERROR_CPU, "%s: compiled for %s, this machine is %s", name,
                     architecture_name(h->architecture), architecture_name(aotc_host_architecture));
  uint64_t missing = (h->cpu_features | aotc_required_features) & ~aotc_cpu_features();
  if (missing == 0) return AOTC_OK;
  char list[256] = "";
  size_t used = 0;
  int count = 0;
  for (uint32_t bit = 0; bit < 64; ++bit) {
    if (!(missing >> bit & 1)) continue;
    const char* feature = aotc_cpu_feature_name(bit);
    if (used + strlen(feature) + 3 > sizeof(list)) break;
    if (count++ > 0) used = (size_t)(stpcpy(list + used, ", ") - list);
    used = (size_t)(stpcpy(list + used, feature) - list);
  }
  return aotc_fail(error, AOTC_ERROR_CPU, "%s: needs CPU feature%s %s, which this machine lacks", name,
                   count > 1 ? "s" : "", list);
}

static enum aotc_status check_layout(const char* name, const struct aotc_header* h, uint64_t file_size,
                                     struct aotc_error* error) {
  if (h->file_size > file_size)
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: truncated: header says %llu bytes, file has %llu", name,
                     (unsigned long long)h->file_size, (unsigned long long)file_size);
#define REFUSE(what) return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: %s", name, what)
  uint64_t end = h->file_size;
  if (h->text.size == 0 || h->text.size > UINT32_MAX || h->text.offset % AOTC_TEXT_ALIGN != 0 ||
      !inside(h->text.offset, h->text.size, kHeadSize, end))
    REFUSE("text is outside the file");
  /* Rounded up to the page, which may go past the end of the file; nothing there is ever read. */
  uint64_t text_end = h->text.offset + h->text.size;
  if (h->load_size < text_end || h->load_size - text_end >= AOTC_TEXT_ALIGN) REFUSE("load size does not end at text");
  if (!inside(h->metadata.offset, h->metadata.size, kHeadSize, h->text.offset)) REFUSE("metadata is out of place");
  uint64_t metadata_end = h->metadata.offset + h->metadata.size;
  if (!inside(h->rodata.offset, h->rodata.size, metadata_end, h->text.offset)) REFUSE("rodata is out of place");
  if (h->strings.size == 0 || !inside(h->strings.offset, h->strings.size, metadata_end, h->text.offset))
    REFUSE("strings are out of place");
  if (h->image.size != 0 &&
      (h->image.offset % AOTC_IMAGE_PAGE != 0 || !inside(h->image.offset, h->image.size, text_end, end)))
    REFUSE("image is out of place");
  if (h->snapshot.size != 0 &&
      (h->snapshot.offset % AOTC_IMAGE_PAGE != 0 || !inside(h->snapshot.offset, h->snapshot.size, text_end, end)))
    REFUSE("snapshot is out of place");
  for (size_t i = 0; i < sizeof(kSpans) / sizeof(kSpans[0]); ++i) {
    struct aotc_span span;
    memcpy(&span, (const char*)h + kSpans[i].offset, sizeof(span));
    uint64_t size = (uint64_t)span.count * kSpans[i].element; /* below 2^32 * 32 */
    if (span.count != 0 && (span.offset % 8 != 0 || !inside(span.offset, size, h->metadata.offset, metadata_end)))
      return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: %s are outside the metadata", name, kSpans[i].name);
  }
  if (h->memory_min > 65536 || h->memory_max > 65536 || h->memory_min > h->memory_max)
    REFUSE("memory limits contradict");
  if (!(h->flags & AOTC_FLAG_MEMORY) && h->memory_min != 0) REFUSE("memory limits without a memory");
  if (h->start_thunk != AOTC_NONE && h->start_thunk >= h->text.size) REFUSE("start function is outside text");
  if (h->resume_thunk != AOTC_NONE && h->resume_thunk >= h->text.size) REFUSE("resume thunk is outside text");
  if (h->tables.count > AOTC_MAX_TABLES) REFUSE("too many tables");
  if (h->globals.count > AOTC_MAX_GLOBALS) REFUSE("too many globals");
#undef REFUSE
  return AOTC_OK;
}

/* From the caller's descriptor: a confined process may map this number only as code. */
static enum aotc_status map_artifact(struct aotc_artifact* artifact, int fd, const struct aotc_header* h,
                                     struct aotc_error* error) {
  void* map = mmap(NULL, h->load_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (map == MAP_FAILED) return aotc_fail(error, AOTC_ERROR_IO, "%s: cannot map: %s", artifact->name, strerror(errno));
  artifact->map = map;
  artifact->map_size = h->load_size;
  uint64_t length = h->load_size - h->text.offset;
  if (mmap((uint8_t*)map + h->text.offset, length, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd,
           (off_t)h->text.offset) == MAP_FAILED)
    return aotc_fail(error, AOTC_ERROR_IO, "%s: cannot map code: %s", artifact->name, strerror(errno));
  artifact->header = (const struct aotc_header*)(artifact->map + AOTC_HEADER_OFFSET);
  /* The mapping is what later code trusts, so it has to be what was checked. */
  if (memcmp(artifact->header, h, sizeof(*h)) != 0)
    return aotc_fail(error, AOTC_ERROR_IO, "%s: changed while it was loaded", artifact->name);
  artifact->text = artifact->map + h->text.offset;
  artifact->text_size = (uint32_t)h->text.size;
  artifact->strings = (const char*)artifact->map + h->strings.offset;
  if (artifact->strings[0] != 0 || artifact->strings[h->strings.size - 1] != 0)
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: strings do not end", artifact->name);
  return AOTC_OK;
}

static enum aotc_status load(struct aotc_artifact* artifact, int fd, struct aotc_error* error) {
  const char* name = artifact->name;
  struct stat st;
  if (aotc_fstat(artifact->fd, &st) != 0) return aotc_fail(error, AOTC_ERROR_IO, "%s: %s", name, strerror(errno));
  if (!S_ISREG(st.st_mode)) return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: not a regular file", name);
  artifact->file_size = (uint64_t)st.st_size;

  _Alignas(8) uint8_t head[kHeadSize] = {0};
  ssize_t got = pread(artifact->fd, head, sizeof(head), 0);
  if (got < 0) return aotc_fail(error, AOTC_ERROR_IO, "%s: %s", name, strerror(errno));
  enum aotc_status status = check_elf(name, head, error);
  if (status != AOTC_OK) return status;
  if ((size_t)got < sizeof(head))
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: truncated: no room for a header in %lld bytes", name,
                     (long long)got);
  const struct aotc_header* header = (const struct aotc_header*)(const void*)(head + AOTC_HEADER_OFFSET);
  if ((status = check_identity(name, head, header, error)) != AOTC_OK) return status;
  if ((status = check_layout(name, header, artifact->file_size, error)) != AOTC_OK) return status;
  if ((status = check_cpu(name, header, error)) != AOTC_OK) return status;
  if ((status = map_artifact(artifact, fd, header, error)) != AOTC_OK) return status;
  if (header->snapshot.size == 0) return AOTC_OK;
  return aotc_snapshot_map(artifact, artifact->fd, header->snapshot.offset, header->snapshot.size, error);
}

enum aotc_status aotc_load_fd(int fd, const char* name, struct aotc_artifact** out, struct aotc_error* error) {
  *out = NULL;
  struct aotc_artifact* artifact = calloc(1, sizeof(*artifact));
  if (artifact == NULL || (artifact->name = strdup(name)) == NULL) {
    free(artifact);
    return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  }
  artifact->snapshot_fd = -1;
  artifact->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  enum aotc_status status =
      artifact->fd < 0 ? aotc_fail(error, AOTC_ERROR_IO, "%s: %s", name, strerror(errno)) : load(artifact, fd, error);
  if (status != AOTC_OK) {
    aotc_unload(artifact);
    return status;
  }
  aotc_debugger_add(artifact);
  *out = artifact;
  return AOTC_OK;
}

enum aotc_status aotc_load(const char* path, struct aotc_artifact** artifact, struct aotc_error* error) {
  *artifact = NULL;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return aotc_fail(error, AOTC_ERROR_IO, "%s: %s", path, strerror(errno));
  enum aotc_status status = aotc_load_fd(fd, path, artifact, error);
  close(fd);
  return status;
}

void aotc_unload(struct aotc_artifact* artifact) {
  if (artifact == NULL) return;
  aotc_debugger_remove(artifact);
  aotc_snapshot_unmap(artifact);
  if (artifact->map != NULL) munmap((void*)(uintptr_t)artifact->map, artifact->map_size);
  if (artifact->fd >= 0) close(artifact->fd);
  free(artifact->patches);
  free(artifact->given);
  free(artifact->name);
  free(artifact);
}

static enum aotc_status verify_section(const struct aotc_artifact* artifact, const char* what,
                                       const struct aotc_section* section, struct aotc_error* error) {
  enum { kPiece = 64 << 10 };
  if (section->size == 0) return AOTC_OK;
  XXH3_state_t* state = XXH3_createState();
  uint8_t* buffer = malloc(kPiece);
  enum aotc_status status = AOTC_OK;
  if (state == NULL || buffer == NULL) {
    status = aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  } else {
    XXH3_64bits_reset(state);
    uint64_t at = 0;
    while (status == AOTC_OK && at < section->size) {
      uint64_t want = section->size - at < kPiece ? section->size - at : kPiece;
      ssize_t got = pread(artifact->fd, buffer, want, (off_t)(section->offset + at));
      if (got > 0) {
        XXH3_64bits_update(state, buffer, (size_t)got);
        at += (uint64_t)got;
      } else if (got == 0) {
        status = aotc_fail(error, AOTC_ERROR_FORMAT, "%s: truncated: %s ends early", artifact->name, what);
      } else if (errno != EINTR) {
        status = aotc_fail(error, AOTC_ERROR_IO, "%s: %s", artifact->name, strerror(errno));
      }
    }
    if (status == AOTC_OK && XXH3_64bits_digest(state) != section->xxh3)
      status = aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: checksum of %s differs", artifact->name, what);
  }
  free(buffer);
  XXH3_freeState(state);
  return status;
}

enum aotc_status aotc_artifact_verify(const struct aotc_artifact* artifact, struct aotc_error* error) {
  const struct aotc_header* h = artifact->header;
  const struct {
    const char* what;
    const struct aotc_section* section;
  } parts[] = {{"metadata", &h->metadata}, {"rodata", &h->rodata}, {"strings", &h->strings},
               {"text", &h->text},         {"image", &h->image},   {"snapshot", &h->snapshot}};
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); ++i) {
    enum aotc_status status = verify_section(artifact, parts[i].what, parts[i].section, error);
    if (status != AOTC_OK) return status;
  }
  return AOTC_OK;
}
