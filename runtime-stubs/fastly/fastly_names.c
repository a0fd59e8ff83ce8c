/* fastly_names.c - handles of what is there before the request: stores and logs, by name. They are in a snapshot, so
 * that a program may open them when it is set up.
 */
#include <stdlib.h>

#include "fastly.h"
#include "http_handler/http_lines.h"

uint32_t fastly_name_handle(struct fastly_names* names, enum fastly_kind kind, const char* name, uint32_t size) {
  for (uint32_t i = 0; i < names->count; ++i) {
    const struct fastly_name* known = &names->list[i];
    if (known->kind == kind && known->size == size && memcmp(known->bytes, name, size) == 0) return i + 1;
  }
  if (names->list == NULL) names->list = malloc(FASTLY_MOST_NAMES * sizeof(*names->list));
  if (names->list == NULL || names->count == FASTLY_MOST_NAMES || size > FASTLY_MOST_NAME) return 0;
  struct fastly_name* added = &names->list[names->count];
  *added = (struct fastly_name){.kind = kind, .size = size};
  memcpy(added->bytes, name, size);
  return ++names->count;
}

const struct fastly_name* fastly_name_of(const struct fastly_names* names, enum fastly_kind kind, uint32_t handle) {
  if (handle == 0 || handle > names->count) return NULL;
  const struct fastly_name* name = &names->list[handle - 1];
  return name->kind == kind ? name : NULL;
}

bool fastly_is_kv_store(const char* name, uint32_t size) {
  for (uint32_t i = 0; i < size; ++i)
    if (name[i] == '/' || (unsigned char)name[i] < ' ') return false;
  return size > 0 && size <= FASTLY_MOST_NAME;
}

/* Some names are Fastly's own. */
bool fastly_is_endpoint(const char* name, uint32_t size) {
  static const char kManaged[] = "fst_managed_";
  return size > 0 && size <= FASTLY_MOST_NAME && !aotc_http_same_name(name, size, "stdout", 6) &&
         !aotc_http_same_name(name, size, "stderr", 6) &&
         (size < sizeof kManaged - 1 || !aotc_http_same_name(name, sizeof kManaged - 1, kManaged, sizeof kManaged - 1));
}
