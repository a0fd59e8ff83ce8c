/* go_program.c - what a Go program's memory says of it: where its package-level variables lie, and which versions of
 * which modules it is built of. Stripping takes neither away.
 *
 *   moduledata = u64 header of the table of functions, {u64 names, length, capacity}, five more slices,
 *                u64 findfunctab, minpc, maxpc, text, etext, noptrdata, enoptrdata, data, edata, bss, ebss, noptrbss,
 *                enoptrbss, ...
 *   modinfo    = 16 bytes, text, 16 bytes
 *   text       = lines "dep\tPATH\tVERSION\tSUM"; after one that another module replaces, "=>\tPATH\tVERSION\tSUM"
 *
 * A program built by something else than the go command may have no modinfo; then its modules are not known. The
 * memory is the program's: what does not fit is not there. Source: runtime/symtab.go, cmd/go/internal/modload/build.go,
 * runtime/debug/mod.go of Go 1.21 to 1.27.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "core/state.h"

enum { kMaxTries = 64, kSections = 192 /* offset of noptrdata */, kMaxInfo = 1 << 20 };

static bool read_sections(const struct aotc_instance* instance, uint64_t module, struct aotc_go_data* data) {
  uint64_t bounds[8], size = aotc_tail(instance)->memory_size;
  const void* at =
      module > UINT32_MAX ? NULL : aotc_instance_memory_at(instance, (uint32_t)module, kSections + sizeof(bounds));
  if (at == NULL) return false;
  memcpy(bounds, (const uint8_t*)at + kSections, sizeof(bounds));
  for (int i = 1; i < 8; ++i)
    if (bounds[i] < bounds[i - 1]) return false;
  *data = (struct aotc_go_data){(bounds[0] + 7) & ~(uint64_t)7, bounds[7]};
  return bounds[0] != 0 && bounds[7] <= size && data->begin < data->end;
}

bool aotc_go_data_find(const struct aotc_instance* instance, const struct aotc_go_table* t, struct aotc_go_data* data) {
  const uint64_t start[2] = {t->header, t->names};
  const uint8_t *memory = aotc_base(instance), *at = memory;
  uint64_t size = aotc_tail(instance)->memory_size;
  for (int tries = 0; tries < kMaxTries; ++tries, ++at) {
    at = memmem(at, size - (uint64_t)(at - memory), start, sizeof(start));
    if (at == NULL) return false;
    if (read_sections(instance, (uint64_t)(at - memory), data)) return true;
  }
  return false;
}

/* The text of modinfo. */
static const char* find_info(const struct aotc_instance* instance, uint64_t* length) {
  static const uint8_t kBegin[] = {0x30, 0x77, 0xaf, 0x0c, 0x92, 0x74, 0x08, 0x02,
                                   0x41, 0xe1, 0xc1, 0x07, 0xe6, 0xd6, 0x18, 0xe6};
  static const uint8_t kEnd[] = {0xf9, 0x32, 0x43, 0x31, 0x86, 0x18, 0x20, 0x72,
                                 0x00, 0x82, 0x42, 0x10, 0x41, 0x16, 0xd8, 0xf2};
  const uint8_t *memory = aotc_base(instance), *at = memory;
  const uint8_t* end = memory + aotc_tail(instance)->memory_size;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    at = memmem(at, (size_t)(end - at), kBegin, sizeof(kBegin));
    if (at == NULL) return NULL;
    at += sizeof(kBegin);
    size_t left = (size_t)(end - at);
    const uint8_t* stop = memmem(at, left < kMaxInfo ? left : kMaxInfo, kEnd, sizeof(kEnd));
    if (stop == NULL || memchr(at, '\t', (size_t)(stop - at)) == NULL) continue;
    *length = (uint64_t)(stop - at);
    return (const char*)at;
  }
  return NULL;
}

bool aotc_go_module_version(const struct aotc_instance* instance, const char* module, uint32_t version[3]) {
  char line[128];
  uint64_t length;
  const char* info = find_info(instance, &length);
  int size = snprintf(line, sizeof(line), "\ndep\t%s\tv", module);
  if (info == NULL || size < 0 || (size_t)size >= sizeof(line)) return false;
  const char *end = info + length, *at = memmem(info, length, line, (size_t)size);
  if (at == NULL) return false;
  at += size;
  const char* next = memchr(at, '\n', (size_t)(end - at));
  if (next == NULL || (end - next > 3 && memcmp(next, "\n=>", 3) == 0)) return false;
  size_t word = (size_t)(next - at) < sizeof(line) - 1 ? (size_t)(next - at) : sizeof(line) - 1;
  memcpy(line, at, word);
  line[word] = 0;
  return sscanf(line, "%9u.%9u.%9u", &version[0], &version[1], &version[2]) == 3;
}
