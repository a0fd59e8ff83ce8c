/* fastly_memory.c - bytes that a host keeps for its program, within what the instance may have, and bytes that it
 * gives.
 */
#include <stdlib.h>

#include "fastly.h"

bool fastly_append(struct fastly* f, struct aotc_instance* instance, struct aotc_text* text, const void* bytes,
                   size_t size) {
  const size_t before = text->capacity;
  if (size > text->capacity - text->size) {
    /* What doubling it takes at most, while both are there. */
    if (size > f->limit || 2 * (text->size + size) > f->limit - (f->used < f->limit ? f->used : f->limit) ||
        !aotc_instance_may_grow(instance, 2 * (text->size + size)))
      return false;
  }
  if (!aotc_text_append(text, bytes, size)) return false;
  f->used += text->capacity - before;
  return true;
}

void fastly_free_text(struct fastly* f, struct aotc_text* text) {
  f->used -= text->capacity;
  free(text->bytes);
  *text = (struct aotc_text){0};
}

enum fastly_status fastly_give(struct aotc_instance* instance, const uint64_t* slots, int i, const char* bytes,
                               size_t size) {
  const uint32_t room = fastly_arg(slots, i + 1);
  void* fill = fastly_place(instance, slots, i + 2, 4);
  void* to = fastly_place(instance, slots, i, size <= room ? size : 0);
  if (fill == NULL || to == NULL) return FASTLY_INVAL;
  fastly_put32(fill, (uint32_t)size);
  if (size > room) return FASTLY_BUFLEN;
  if (size > 0) memcpy(to, bytes, size);
  return FASTLY_OK;
}
