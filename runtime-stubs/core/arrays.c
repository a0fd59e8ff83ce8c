/* arrays.c - arrays one after the other, for what a snapshot holds (host.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aotc/host.h"

static const uint64_t kMost = 64u << 20;  // as much as a snapshot's head may have (snapshot_file.c)

static enum aotc_status fail(struct aotc_error* error, enum aotc_status status, const char* what) {
  error->status = status;
  snprintf(error->message, sizeof(error->message), "%s", what);
  return status;
}

enum aotc_status aotc_arrays_add(struct aotc_arrays* arrays, struct aotc_span* span, const void* data, size_t element,
                                 uint64_t count, struct aotc_error* error) {
  uint64_t start = (arrays->size + 7) & ~7ull;
  if (count > kMost / element) return fail(error, AOTC_ERROR_ARGUMENT, "too much to keep in a snapshot");
  uint64_t bytes = element * count;
  if (start + bytes > arrays->capacity) {
    uint64_t capacity = (start + bytes) * 2;
    uint8_t* larger = realloc(arrays->bytes, capacity);
    if (larger == NULL) return fail(error, AOTC_ERROR_LIMIT, "out of memory");
    memset(larger + arrays->capacity, 0, capacity - arrays->capacity);
    arrays->bytes = larger;
    arrays->capacity = capacity;
  }
  if (bytes != 0) memcpy(arrays->bytes + start, data, bytes);
  if (span != NULL) *span = (struct aotc_span){.offset = start, .count = (uint32_t)count};
  arrays->size = start + bytes;
  return AOTC_OK;
}
