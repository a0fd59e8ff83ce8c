/* load_test.c - the loader and instance creation against files that lie. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "make_artifact.h"

static enum aotc_status nothing(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance, (void)data, (void)slots;
  return AOTC_OK;
}
static aotc_host_function resolve(struct aotc_host* self, const char* module, const char* field, const char* type) {
  (void)self;
  return strlen(module) < 1000 && strlen(field) < 1000 && strlen(type) > 0 ? nothing : NULL;
}
static const struct aotc_host_interface kInterface = {.name = "test", .resolve = resolve};
static struct aotc_host g_host = {&kInterface};

/* Loads, creates, resets; whatever happens, nothing may crash. */
static enum aotc_status try_all(const struct image* image, struct aotc_error* error) {
  struct aotc_artifact* artifact;
  int fd = image_file(image);
  enum aotc_status status = aotc_load_fd(fd, "guest.aotc", &artifact, error);
  close(fd);
  if (status != AOTC_OK) return status;
  struct aotc_error other;
  aotc_artifact_verify(artifact, &other);
  for (uint32_t code = 0; code < 600; code += 7) CHECK(strlen(aotc_artifact_symbol(artifact, code)) < 1 << 20);
  aotc_artifact_symbol(artifact, UINT32_MAX);
  struct aotc_instance_options options = {
      .max_memory = 64 << 20, .max_stack = 1 << 20, .hosts = aotc_one_host(&g_host)};
  struct aotc_instance* instance;
  status = aotc_instance_create(artifact, &options, &instance, error);
  if (status == AOTC_OK) status = aotc_instance_reset(instance, error);
  aotc_instance_destroy(instance);
  aotc_unload(artifact);
  return status;
}

static void expect(const struct image* image, enum aotc_status wanted, const char* part) {
  struct aotc_error error = {.message = ""};
  enum aotc_status status = try_all(image, &error);
  if (status == wanted && (status == AOTC_OK || (error.status == status && strstr(error.message, part) != NULL)))
    return;
  ++g_failures;
  fprintf(stderr, "expected status %d and \"%s\", got %d and \"%s\"\n", wanted, part, status, error.message);
}

/* Changes one field of a fresh artifact. */
#define WITH(change, status, part)                \
  do {                                            \
    struct image image = make_artifact();         \
    struct aotc_header* h = image_header(&image); \
    change;                                       \
    fix_header_checksum(&image);                  \
    expect(&image, status, part);                 \
    (void)h;                                      \
    free(image.bytes);                            \
  } while (0)

/* An element of one of the artifact's arrays. */
#define AT(type, span, i) ((struct type*)(void*)(image.bytes + h->span.offset))[i]

/* Stretches the metadata to just before text, over what else is there, so that long arrays fit. */
static void widen_metadata(struct aotc_header* h) {
  h->strings.offset = h->rodata.offset = h->text.offset - 8;
  h->strings.size = 2;
  h->rodata.size = 0;
  h->metadata.size = h->strings.offset - h->metadata.offset;
}

static void test_header(void) {
  WITH((void)0, AOTC_OK, "");
  WITH(image.bytes[1] = 'x', AOTC_ERROR_FORMAT, "not an artifact: no ELF header");
  WITH(image.bytes[4] = 1, AOTC_ERROR_FORMAT, "not an artifact: not a little-endian 64-bit ELF of type DYN");
  WITH(image.size = 0, AOTC_ERROR_FORMAT, "no ELF header");
  WITH(image.size = 1500, AOTC_ERROR_FORMAT, "truncated: no room for a header in 1500 bytes");
  WITH(image.size -= 1, AOTC_ERROR_FORMAT, "truncated: header says");
  WITH(h->magic ^= 1, AOTC_ERROR_FORMAT, "not an artifact: an ELF file of another kind");
  WITH(h->format_version = 99, AOTC_ERROR_FORMAT, "artifact format version 99, this runtime reads version");
  WITH(h->header_size = 99, AOTC_ERROR_FORMAT, "header has 99 bytes, expected");
  WITH(h->abi_version = 99, AOTC_ERROR_FORMAT, "compiled for runtime ABI version 99, this runtime has version");
  WITH(h->architecture = 3 - h->architecture, AOTC_ERROR_FORMAT, " in an ELF file for machine ");
  WITH((h->architecture = 3 - h->architecture, image.bytes[18] = h->architecture == AOTC_ARCH_X86_64 ? 62 : 183),
       AOTC_ERROR_CPU, "compiled for");
  WITH(h->cpu_features |= 1ull << 60, AOTC_ERROR_CPU,
       "needs CPU feature unknown to this version, which this machine lacks");
  WITH(h->cpu_features |= 3ull << 60, AOTC_ERROR_CPU, "needs CPU features unknown to this version, unknown");
  WITH(h->file_size = UINT64_MAX, AOTC_ERROR_FORMAT, "truncated: header says");
  WITH(h->load_size = UINT64_MAX, AOTC_ERROR_FORMAT, "corrupted: load size does not end at text");
  WITH(h->load_size = 0, AOTC_ERROR_FORMAT, "corrupted: load size does not end at text");
  WITH(h->text.offset = UINT64_MAX - 0xffff, AOTC_ERROR_FORMAT, "corrupted: text is outside the file");
  WITH(h->text.size = UINT64_MAX - 10, AOTC_ERROR_FORMAT, "corrupted: text is outside the file");
  WITH(h->text.size = 0, AOTC_ERROR_FORMAT, "corrupted: text is outside the file");
  WITH(h->strings.size = 0, AOTC_ERROR_FORMAT, "corrupted: strings are out of place");
  WITH(h->strings.size -= 1, AOTC_ERROR_FORMAT, "corrupted: strings do not end");
  WITH(h->strings.offset += 1, AOTC_ERROR_FORMAT, "corrupted: strings do not end");
  WITH(h->metadata.size = UINT64_MAX, AOTC_ERROR_FORMAT, "corrupted: metadata is out of place");
  WITH(h->rodata.offset = h->text.offset + 1, AOTC_ERROR_FORMAT, "corrupted: rodata is out of place");
  WITH(h->image.offset = UINT64_MAX & ~4095ull, AOTC_ERROR_FORMAT, "corrupted: image is out of place");
  WITH((h->snapshot.offset = 1, h->snapshot.size = 1), AOTC_ERROR_FORMAT, "corrupted: snapshot is out of place");
  WITH(h->exports.count = UINT32_MAX, AOTC_ERROR_FORMAT, "corrupted: exports are outside the metadata");
  WITH(h->functions.offset = UINT64_MAX - 7, AOTC_ERROR_FORMAT, "functions are outside");
  WITH(h->trap_sites.offset = 8, AOTC_ERROR_FORMAT, "trap_sites are outside");
  WITH(h->types.offset += 1, AOTC_ERROR_FORMAT, "types are outside");
  WITH(h->memory_min = 70000, AOTC_ERROR_FORMAT, "corrupted: memory limits contradict");
  WITH(h->memory_max = 2, AOTC_ERROR_FORMAT, "corrupted: memory limits contradict");
  WITH(h->start_thunk = (uint32_t)h->text.size, AOTC_ERROR_FORMAT, "corrupted: start function is outside text");
  WITH((h->flags &= ~(uint32_t)AOTC_FLAG_MEMORY, h->memory_min = 1), AOTC_ERROR_FORMAT,
       "corrupted: memory limits without a memory");
  WITH(h->resume_thunk = (uint32_t)h->text.size, AOTC_ERROR_FORMAT, "corrupted: resume thunk is outside text");
  WITH((widen_metadata(h), h->tables.count = AOTC_MAX_TABLES + 1), AOTC_ERROR_FORMAT, "corrupted: too many tables");
  WITH((widen_metadata(h), h->globals.count = AOTC_MAX_GLOBALS + 1), AOTC_ERROR_FORMAT, "corrupted: too many globals");
  struct image image = make_artifact();
  image_header(&image)->tier = 77;
  expect(&image, AOTC_ERROR_FORMAT, "header checksum");
  free(image.bytes);
}

static void test_arrays(void) {
  WITH(AT(aotc_import, imports, 0).field = UINT32_MAX, AOTC_ERROR_FORMAT, "corrupted: import 0 is out of place");
  WITH(AT(aotc_import, imports, 1).type = 17, AOTC_ERROR_FORMAT, "import 1");
  WITH(AT(aotc_type, types, 2).first = UINT32_MAX, AOTC_ERROR_FORMAT, "import 0");
  WITH(AT(aotc_type, types, 2).params = 9, AOTC_ERROR_FORMAT, "import 0");
  WITH(AT(aotc_image_run, image_runs, 0).address = UINT64_MAX & ~4095ull, AOTC_ERROR_FORMAT, "image run 0");
  WITH(AT(aotc_image_run, image_runs, 0).pages = UINT64_MAX / 4096, AOTC_ERROR_FORMAT, "image run 0");
  WITH(AT(aotc_image_run, image_runs, 1).offset = 0, AOTC_ERROR_FORMAT, "image run 1");
  WITH(AT(aotc_image_run, image_runs, 1).address = kMemoryPages * 65536, AOTC_ERROR_FORMAT, "image run 1");
  WITH(AT(aotc_data_segment, data_segments, 0).offset = UINT64_MAX - 3, AOTC_ERROR_FORMAT,
       "corrupted: data segment 0 is out of place");
  WITH((AT(aotc_global, globals, 0).type = AOTC_FUNCREF, AT(aotc_global, globals, 0).value[0] = 1u << 30),
       AOTC_ERROR_FORMAT, "corrupted: global 0 refers to no function");
  WITH(AT(aotc_data_segment, data_segments, 1).address = UINT64_MAX - 3, AOTC_TRAPPED, "out of bounds memory");
  WITH(AT(aotc_elem_segment, elem_segments, 0).table = 2, AOTC_ERROR_FORMAT, "element segment 0");
  WITH(AT(aotc_elem_segment, elem_segments, 0).address = 2, AOTC_TRAPPED, "out of bounds table");
  WITH(AT(aotc_elem_segment, elem_segments, 1).first = UINT32_MAX, AOTC_ERROR_FORMAT,
       "corrupted: element segment 1 is out of place");
  WITH(*(uint32_t*)(void*)(image.bytes + h->elements.offset) = 10000, AOTC_ERROR_FORMAT,
       "corrupted: element 0 refers to function");
  WITH(AT(aotc_table_init, tables, 0).min = 10000001, AOTC_ERROR_LIMIT, "entries, at most 10000000 are supported");
  WITH(AT(aotc_table_init, tables, 1).min = 7, AOTC_ERROR_FORMAT, "corrupted: limits of table 1 contradict");
  WITH((h->memory_min = h->memory_max = 1025), AOTC_ERROR_LIMIT, "the limit is");
}

static void expect_call(const struct image* image, enum aotc_status wanted, const char* part) {
  struct aotc_artifact* artifact;
  struct aotc_instance* instance;
  struct aotc_error error = {.message = ""};
  struct aotc_instance_options options = {.hosts = aotc_one_host(&g_host)};
  int fd = image_file(image);
  CHECK(aotc_load_fd(fd, "guest.aotc", &artifact, &error) == AOTC_OK);
  CHECK(aotc_instance_create(artifact, &options, &instance, &error) == AOTC_OK);
  const struct aotc_header* header = aotc_artifact_header(artifact);
  const uint8_t* file = (const uint8_t*)header - AOTC_HEADER_OFFSET;
  const struct aotc_export* first = (const struct aotc_export*)(const void*)(file + header->exports.offset);
  CHECK(aotc_instance_call(instance, first, NULL, NULL, &error) == wanted && strstr(error.message, part) != NULL);
  aotc_instance_destroy(instance);
  aotc_unload(artifact);
  close(fd);
}

#define CALL_WITH(change, status, part)           \
  do {                                            \
    struct image image = make_artifact();         \
    struct aotc_header* h = image_header(&image); \
    change;                                       \
    fix_header_checksum(&image);                  \
    expect_call(&image, status, part);            \
    free(image.bytes);                            \
  } while (0)

static void test_exports(void) {
  CALL_WITH(AT(aotc_export, exports, 0).thunk = (uint32_t)h->text.size, AOTC_ERROR_FORMAT,
            "corrupted: export 0 is out of place");
  CALL_WITH(AT(aotc_export, exports, 0).type = kTypeCount, AOTC_ERROR_FORMAT, "corrupted: export 0 is out of place");
  CALL_WITH((AT(aotc_export, exports, 0).thunk = AOTC_NONE, AT(aotc_export, exports, 0).index = 2), AOTC_ERROR_FORMAT,
            "corrupted: export 0 is out of place");
  CALL_WITH((h->type_bytes.count = AOTC_SCRATCH_SLOTS + 1,
             AT(aotc_type, types, 1) = (struct aotc_type){0, AOTC_SCRATCH_SLOTS + 1, 0}),
            AOTC_ERROR_LIMIT, "too many parameters or results");
}

static void test_verify(void) {
  struct image image = make_artifact();
  struct aotc_artifact* artifact;
  struct aotc_error error;
  image.bytes[image_header(&image)->image.offset + 5] ^= 1;
  int fd = image_file(&image);
  CHECK(aotc_load_fd(fd, "guest.aotc", &artifact, &error) == AOTC_OK);
  CHECK(aotc_artifact_verify(artifact, &error) == AOTC_ERROR_FORMAT &&
        strstr(error.message, "checksum of image") != NULL);
  aotc_unload(artifact);
  close(fd);
  free(image.bytes);
}

static void test_link(void) {
  struct image image = make_artifact();
  struct aotc_artifact* artifact;
  struct aotc_error error;
  int fd = image_file(&image);
  CHECK(aotc_load_fd(fd, "guest.aotc", &artifact, &error) == AOTC_OK);
  struct aotc_instance_options options = {.max_memory = 0};
  struct aotc_instance* instance;
  CHECK(aotc_instance_create(artifact, &options, &instance, &error) == AOTC_ERROR_LINK && instance == NULL);
  CHECK(strstr(error.message, "missing import \"env\" \"host\" of type (i32) -> (i32)") != NULL);
  aotc_unload(artifact);
  close(fd);
  free(image.bytes);
  CHECK(aotc_load("/nonexistent.aotc", &artifact, &error) == AOTC_ERROR_IO);
  CHECK(aotc_load("/", &artifact, &error) == AOTC_ERROR_FORMAT && strstr(error.message, "not a regular file") != NULL);
}

/* Random damage with good checksums. Deterministic. */
static void test_random(int rounds) {
  uint64_t seed = 1;
  for (int round = 0; round < rounds; ++round) {
    struct image image = make_artifact();
    struct aotc_header* h = image_header(&image);
    uint64_t checksum_at = AOTC_HEADER_OFFSET + offsetof(struct aotc_header, checksum);
    int changes = 1 + round % 3;
    for (int i = 0; i < changes; ++i) {
      seed = seed * 6364136223846793005ull + 1442695040888963407ull;
      uint64_t first = round % 2 ? h->metadata.offset : AOTC_HEADER_OFFSET + offsetof(struct aotc_header, flags);
      uint64_t end = round % 2 ? h->strings.offset + h->strings.size : checksum_at;
      if (first >= end || end > image.size) break;
      uint64_t at = (first + (seed >> 33) % (end - first)) & ~3ull;
      static const uint32_t kValues[] = {0, 1, 0xffffffff, 0x7fffffff, 0x80000000, 0x10000, 0x1000, 8};
      uint32_t value = kValues[(seed >> 20) % 8];
      if ((seed >> 17) % 4 == 0) value = (uint32_t)(seed >> 29);
      memcpy(image.bytes + at, &value, 4);
    }
    fix_header_checksum(&image);
    struct aotc_error error;
    try_all(&image, &error);
    free(image.bytes);
  }
}

int main(int argc, char** argv) {
  struct aotc_error error;
  CHECK(aotc_runtime_init(&error) == AOTC_OK);
  test_header();
  test_arrays();
  test_exports();
  test_verify();
  test_link();
  test_random(argc > 1 ? atoi(argv[1]) : 2000);
  printf("%d failures\n", g_failures);
  return g_failures != 0;
}
