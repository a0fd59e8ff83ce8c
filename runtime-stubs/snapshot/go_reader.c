/* go_reader.c - a bufio.Reader in a Go program's memory, and the bytes in it that are unread.
 *
 * Source: bufio/bufio.go of Go 1.21 to 1.27.
 */
#define _GNU_SOURCE
#include <string.h>

#include "core/state.h"

enum { kMaxBuffer = 64 << 10 };

bool aotc_go_reader_load(const struct aotc_instance* instance, uint64_t address, struct aotc_go_reader* reader) {
  const void* at = address > UINT32_MAX ? NULL : aotc_instance_memory_at(instance, (uint32_t)address, sizeof(*reader));
  if (at != NULL) memcpy(reader, at, sizeof(*reader));
  return at != NULL && reader->length <= reader->capacity && reader->capacity <= kMaxBuffer && reader->r <= reader->w &&
         reader->w <= reader->length && reader->source[0] != 0;
}

void aotc_go_reader_drop(struct aotc_instance* instance, uint64_t address, struct aotc_go_reader reader) {
  uint8_t* at = aotc_instance_memory_at(instance, (uint32_t)address, sizeof(reader));
  uint64_t left = reader.w - reader.r, unread = reader.buffer + reader.r;
  void* bytes = unread > UINT32_MAX ? NULL : aotc_instance_memory_at(instance, (uint32_t)unread, left);
  if (bytes != NULL) explicit_bzero(bytes, left);
  reader.r = reader.w;
  memcpy(at, &reader, sizeof(reader));
}
