/* make_artifact.c - see make_artifact.h. */
#define _GNU_SOURCE
#define XXH_INLINE_ALL
#include "make_artifact.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "guest.h"

enum { kMaxSize = 1 << 20, kMaxStrings = 4096 };

#define X(name, frame) {#name, name, frame},
static const struct {
  const char* name;
  const char* code;
  uint32_t frame;
} kFunctions[] = {GUEST_FUNCTIONS(X)};
#undef X
enum { kFunctionCount = sizeof(kFunctions) / sizeof(kFunctions[0]) };

static char g_strings[kMaxStrings];
static uint32_t g_strings_size;

static uint32_t add_string(const char* text) {
  uint32_t offset = g_strings_size;
  memcpy(g_strings + offset, text, strlen(text) + 1);
  g_strings_size += (uint32_t)strlen(text) + 1;
  return offset;
}

/* Appends an array to the file and names it in `span`. */
static void add_array(struct image* image, struct aotc_span* span, const void* data, uint32_t count, size_t element) {
  image->size = (image->size + 7) & ~(size_t)7;
  span->offset = image->size;
  span->count = count;
  memcpy(image->bytes + image->size, data, count * element);
  image->size += count * element;
}

struct aotc_header* image_header(struct image* image) {
  return (struct aotc_header*)(void*)(image->bytes + AOTC_HEADER_OFFSET);
}

void fix_header_checksum(struct image* image) {
  struct aotc_header* h = image_header(image);
  h->checksum = XXH3_64bits(h, offsetof(struct aotc_header, checksum));
}

void fix_all_checksums(struct image* image) {
  struct aotc_header* h = image_header(image);
  struct aotc_section* sections[] = {&h->metadata, &h->rodata, &h->strings, &h->text, &h->image};
  for (size_t i = 0; i < 5; ++i) sections[i]->xxh3 = XXH3_64bits(image->bytes + sections[i]->offset, sections[i]->size);
  fix_header_checksum(image);
}

struct image make_artifact(void) {
  struct image image = {calloc(1, kMaxSize), AOTC_HEADER_OFFSET + sizeof(struct aotc_header)};
  struct aotc_header* h = image_header(&image);
  g_strings_size = 0;
  add_string("");
  uint32_t text_size = (uint32_t)(guest_end - guest_start);

  /* Types: ()->(), (i32 i32 i32 i32 i32)->(i32 i32 i32), (i32)->(i32). */
  const uint8_t bytes[] = {AOTC_I32, AOTC_I32, AOTC_I32, AOTC_I32, AOTC_I32, AOTC_I32, AOTC_I32, AOTC_I32};
  const struct aotc_type types[kTypeCount] = {{0, 0, 0}, {0, 5, 3}, {0, 1, 1}};
  const struct aotc_import imports[] = {{add_string("env"), add_string("host"), 2, 0},
                                        {add_string("env"), add_string("nested"), 2, 0}};
  struct aotc_export exports[kFunctionCount + 1];
  struct aotc_function functions[kFunctionCount];
  for (uint32_t i = 0; i < kFunctionCount; ++i) {
    uint32_t code = (uint32_t)(kFunctions[i].code - guest_start);
    uint32_t end = i + 1 < kFunctionCount ? (uint32_t)(kFunctions[i + 1].code - guest_start) : text_size;
    functions[i] = (struct aotc_function){code, end - code, kFunctions[i].frame, add_string(kFunctions[i].name)};
    exports[i] = (struct aotc_export){functions[i].name + 6, AOTC_EXPORT_FUNCTION, 2 + i, 1, code};
  }
  exports[kFunctionCount] = (struct aotc_export){add_string("reexported"), AOTC_EXPORT_FUNCTION, 0, 2, AOTC_NONE};
  const struct aotc_global globals[] = {{{7, 0}, AOTC_I32, 0}, {{0x1122334455667788ull, 0}, AOTC_I64, 1}};
  const struct aotc_table_init tables[] = {{0, 4, AOTC_NONE}, {1, 2, 6}};
  const uint32_t elements[] = {3, 4, 0, 5};
  const struct aotc_trap_site sites[] = {{(uint32_t)(guest_trap_site - guest_start), kTrapWasmOffset}};
  struct aotc_elem_segment elems[] = {{0, 3, 1, 0, 1}, {1, 3, 0, 0, 0}};

  h->metadata.offset = image.size = (image.size + 7) & ~(size_t)7;
  add_array(&image, &h->types, types, kTypeCount, sizeof(types[0]));
  add_array(&image, &h->type_bytes, bytes, sizeof(bytes), 1);
  add_array(&image, &h->imports, imports, 2, sizeof(imports[0]));
  add_array(&image, &h->exports, exports, kFunctionCount + 1, sizeof(exports[0]));
  add_array(&image, &h->globals, globals, 2, sizeof(globals[0]));
  add_array(&image, &h->tables, tables, 2, sizeof(tables[0]));
  add_array(&image, &h->elements, elements, 4, sizeof(elements[0]));
  add_array(&image, &h->functions, functions, kFunctionCount, sizeof(functions[0]));
  add_array(&image, &h->trap_sites, sites, 1, sizeof(sites[0]));
  struct aotc_span passive;
  add_array(&image, &passive, "passive data segment", 20, 1);
  add_array(&image, &passive, "active!", 7, 1);
  const struct aotc_data_segment datas[] = {{passive.offset - 24, 20, 0, 0}, {passive.offset, 7, 1, 100}, {0, 0, 1, 0}};
  add_array(&image, &h->data_segments, datas, 3, sizeof(datas[0]));
  add_array(&image, &h->elem_segments, elems, 2, sizeof(elems[0]));
  struct aotc_image_run runs[2] = {{kImageAddress, 0, kImagePages}, {kSmallRunAddress, 0, 1}};
  add_array(&image, &h->image_runs, runs, 2, sizeof(runs[0]));
  h->metadata.size = image.size - h->metadata.offset;

  h->rodata.offset = image.size;
  h->strings.offset = image.size;
  h->strings.size = g_strings_size;
  memcpy(image.bytes + image.size, g_strings, g_strings_size);

  h->text.offset = AOTC_TEXT_ALIGN;
  h->text.size = text_size;
  memcpy(image.bytes + h->text.offset, guest_start, text_size);
  h->load_size = (h->text.offset + text_size + 4095) & ~4095ull;

  h->image.offset = h->load_size;
  h->image.size = (kImagePages + 1) * AOTC_IMAGE_PAGE;
  for (size_t i = 0; i < h->image.size; ++i) image.bytes[h->image.offset + i] = (uint8_t)(i / AOTC_IMAGE_PAGE + 1);
  runs[0].offset = h->image.offset;
  runs[1].offset = h->image.offset + kImagePages * AOTC_IMAGE_PAGE;
  memcpy(image.bytes + h->image_runs.offset, runs, sizeof(runs));
  image.size = h->image.offset + h->image.size;

  h->magic = AOTC_MAGIC;
  h->format_version = AOTC_FORMAT_VERSION;
  h->abi_version = AOTC_ABI_VERSION;
  h->header_size = sizeof(*h);
  h->flags = AOTC_FLAG_MEMORY | AOTC_FLAG_NAMES;
#if defined(__x86_64__)
  h->architecture = AOTC_ARCH_X86_64;
  h->cpu_features = 1 << AOTC_X86_FSGSBASE;
#else
  h->architecture = AOTC_ARCH_AARCH64;
#endif
  h->tier = AOTC_TIER_BEST;
  h->file_size = image.size;
  h->memory_min = kMemoryPages;
  h->memory_max = kMemoryMaxPages;
  h->start_thunk = AOTC_NONE;
  h->resume_thunk = AOTC_NONE;
  Elf64_Ehdr elf = {.e_type = ET_DYN, .e_machine = h->architecture == AOTC_ARCH_X86_64 ? EM_X86_64 : EM_AARCH64};
  memcpy(elf.e_ident, ELFMAG, SELFMAG);
  elf.e_ident[EI_CLASS] = ELFCLASS64;
  elf.e_ident[EI_DATA] = ELFDATA2LSB;
  elf.e_ident[EI_VERSION] = EV_CURRENT;
  memcpy(image.bytes, &elf, sizeof(elf));
  fix_all_checksums(&image);
  return image;
}

int image_file(const struct image* image) {
  int fd = memfd_create("guest.aotc", MFD_CLOEXEC);
  if (fd < 0) return -1;
  for (size_t at = 0; at < image->size;) {
    ssize_t n = write(fd, image->bytes + at, image->size - at);
    if (n <= 0) return close(fd), -1;
    at += (size_t)n;
  }
  return fd;
}
