/* table.c - wasm tables that may change at run time, and the helpers that change them.
 *
 * An entry is a function reference: wasm function index + 1, or 0 for null. Compiled code looks references up without a
 * further check, so each one that comes from the file is checked here. Capacity is reserved at creation and committed
 * by touching it; growing never moves the entries.
 *
 * The helpers run on the guest's stack and work in pieces, so that a deadline is noticed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "state.h"

enum { kPiece = 1 << 18 };

#define RAISE(trap) aotc_raise(base, trap, __builtin_frame_address(0))

uint64_t aotc_tables_bytes(const struct aotc_instance* instance) {
  uint64_t entries = 0;
  for (uint32_t i = 0; i < instance->table_count; ++i) entries += aotc_tables(instance)[i].size;
  return entries * sizeof(uint32_t);
}

static size_t capacity_bytes(const struct aotc_table* table) {
  uint64_t page = aotc_page_size(), bytes = (uint64_t)table->capacity * sizeof(uint32_t);
  return (size_t)((bytes + page - 1) / page * page);
}

enum aotc_status aotc_tables_create(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_table_init* inits = aotc_span_data(artifact, &artifact->header->tables);
  for (uint32_t i = 0; i < artifact->header->tables.count; ++i) {
    struct aotc_table* table = &aotc_tables(instance)[i];
    if (inits[i].min > AOTC_MAX_TABLE_ENTRIES)
      return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: table %u has %u entries, at most %u are supported", artifact->name,
                       inits[i].index, inits[i].min, AOTC_MAX_TABLE_ENTRIES);
    if (inits[i].min > inits[i].max)
      return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: limits of table %u contradict", artifact->name,
                       inits[i].index);
    table->size = inits[i].min;
    table->capacity = inits[i].max < AOTC_MAX_TABLE_ENTRIES ? inits[i].max : AOTC_MAX_TABLE_ENTRIES;
    instance->table_count = i + 1;
    if (table->capacity == 0) continue;
    void* map =
        mmap(NULL, capacity_bytes(table), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) {
      table->capacity = table->size = 0;
      return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot reserve table %u: %s", artifact->name, inits[i].index,
                       strerror(errno));
    }
    table->entries = map;
  }
  return AOTC_OK;
}

/* Whether [at, at + n) lies below `size`. */
static bool fits(uint64_t at, uint64_t n, uint64_t size) { return at <= size && n <= size - at; }

static enum aotc_status clear(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_table_init* inits = aotc_span_data(instance->artifact, &instance->artifact->header->tables);
  for (uint32_t i = 0; i < instance->table_count; ++i) {
    struct aotc_table* table = &aotc_tables(instance)[i];
    if (table->entries == NULL) continue;
    /* DONTNEED on private anonymous memory is the cheap way to zero, but emulators may take it for mere advice. */
    if (mmap(table->entries, capacity_bytes(table), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
      return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot reset table %u: %s", instance->artifact->name,
                       inits[i].index, strerror(errno));
    table->size = inits[i].min;
  }
  return AOTC_OK;
}

static enum aotc_status populate_from_segments(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_header* h = artifact->header;
  const struct aotc_elem_segment* segments = aotc_span_data(artifact, &h->elem_segments);
  const uint32_t* elements = aotc_span_data(artifact, &h->elements);
  memset(instance->elem_dropped, 0, h->elem_segments.count);
  for (uint32_t i = 0; i < h->elements.count; ++i)
    if (elements[i] > instance->function_count)
      return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: element %u refers to function %u of %u",
                       artifact->name, i, elements[i] - 1, instance->function_count);
  for (uint32_t i = 0; i < h->elem_segments.count; ++i) {
    const struct aotc_elem_segment* s = &segments[i];
    if (!fits(s->first, s->count, h->elements.count) || (s->active && s->table >= instance->table_count))
      return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: element segment %u is out of place", artifact->name,
                       i);
    if (!s->active) continue;
    struct aotc_table* table = &aotc_tables(instance)[s->table];
    if (!fits(s->address, s->count, table->size))
      return aotc_fail(error, AOTC_TRAPPED, "%s: element segment %u: %s", artifact->name, i,
                       aotc_trap_message(AOTC_TRAP_OUT_OF_BOUNDS_TABLE));
    if (s->count != 0) memcpy(table->entries + s->address, elements + s->first, s->count * sizeof(uint32_t));
    instance->elem_dropped[i] = 1;
  }
  return AOTC_OK;
}

/* From a snapshot: `sizes` of the tables, and their entries one after the other. */
static enum aotc_status populate_from(struct aotc_instance* instance, const struct aotc_snapshot* s,
                                      struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  const uint32_t* sizes = aotc_snapshot_data(s, &s->tables);
  const uint32_t* from = aotc_snapshot_data(s, &s->elements);
  uint32_t left = s->elements.count;
  for (uint32_t i = 0; i < instance->table_count; ++i) {
    struct aotc_table* table = &aotc_tables(instance)[i];
    if (sizes[i] > table->capacity || sizes[i] > left)
      return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: snapshot: table %u", artifact->name, i);
    for (uint32_t k = 0; k < sizes[i]; ++k) {
      if (from[k] > instance->function_count)
        return aotc_fail(error, AOTC_ERROR_FORMAT,
                         "%s: corrupted: snapshot: an entry of table %u refers to no function", artifact->name, i);
      table->entries[k] = from[k];
    }
    table->size = sizes[i];
    from += sizes[i];
    left -= sizes[i];
  }
  const uint8_t* dropped = aotc_snapshot_data(s, &s->dropped);
  for (uint32_t i = 0; i < artifact->header->elem_segments.count; ++i)
    instance->elem_dropped[i] = dropped[artifact->header->data_segments.count + i] != 0;
  return AOTC_OK;
}

enum aotc_status aotc_tables_populate(struct aotc_instance* instance, struct aotc_error* error) {
  enum aotc_status status = clear(instance, error);
  if (status != AOTC_OK) return status;
  return instance->thaw ? populate_from(instance, instance->artifact->snapshot, error)
                        : populate_from_segments(instance, error);
}

/* What a table held at the start; `size` entries, to be freed. They were checked when it was populated. */
static uint32_t* initial_entries(const struct aotc_instance* instance, uint32_t table, uint32_t* size) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_header* h = artifact->header;
  const struct aotc_snapshot* s = instance->thaw ? artifact->snapshot : NULL;
  const uint32_t* sizes = s == NULL ? NULL : aotc_snapshot_data(s, &s->tables);
  *size = s == NULL ? ((const struct aotc_table_init*)aotc_span_data(artifact, &h->tables))[table].min : sizes[table];
  uint32_t* entries = calloc((size_t)*size + 1, sizeof(uint32_t));
  if (entries == NULL) return NULL;
  if (s != NULL) {
    const uint32_t* from = aotc_snapshot_data(s, &s->elements);
    for (uint32_t i = 0; i < table; ++i) from += sizes[i];
    memcpy(entries, from, *size * sizeof(uint32_t));
    return entries;
  }
  const struct aotc_elem_segment* segments = aotc_span_data(artifact, &h->elem_segments);
  const uint32_t* elements = aotc_span_data(artifact, &h->elements);
  for (uint32_t i = 0; i < h->elem_segments.count; ++i)
    if (segments[i].active && segments[i].table == table && segments[i].count != 0)
      memcpy(entries + segments[i].address, elements + segments[i].first, segments[i].count * sizeof(uint32_t));
  return entries;
}

enum aotc_status aotc_tables_compare(const struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_table_init* inits = aotc_span_data(artifact, &artifact->header->tables);
  for (uint32_t i = 0; i < instance->table_count; ++i) {
    const struct aotc_table* table = &aotc_tables(instance)[i];
    uint32_t size, *expected = initial_entries(instance, i, &size);
    if (expected == NULL) return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
    bool same = table->size == size && (size == 0 || memcmp(expected, table->entries, size * sizeof(uint32_t)) == 0);
    free(expected);
    if (!same)
      return aotc_fail(error, AOTC_ERROR_DIFFERS, "%s: table %u differs from what it was at the start", artifact->name,
                       inits[i].index);
  }
  return AOTC_OK;
}

void aotc_tables_release(struct aotc_instance* instance) {
  for (uint32_t i = 0; i < instance->table_count; ++i) {
    struct aotc_table* table = &aotc_tables(instance)[i];
    if (table->entries != NULL) munmap(table->entries, capacity_bytes(table));
  }
  instance->table_count = 0;
}

/* The table a helper was given. Compiled code names only tables that exist; checking costs nothing here. */
static inline AOTC_HELPER_SECTION struct aotc_table* table_at(struct aotc_instance* instance, uint32_t index) {
  return index < instance->table_count ? &aotc_tables(instance)[index] : NULL;
}

AOTC_HELPER_SECTION void aotc_table_init_helper(uint8_t* base, uint32_t packed, uint32_t dst, uint32_t src,
                                                uint32_t n) {
  struct aotc_instance* instance = aotc_instance_of(base);
  const struct aotc_header* h = instance->artifact->header;
  struct aotc_table* table = table_at(instance, packed & 0xff);
  uint32_t index = packed >> 8;
  if (table == NULL || index >= h->elem_segments.count) RAISE(AOTC_TRAP_OUT_OF_BOUNDS_TABLE);
  const struct aotc_elem_segment* segments = (const void*)(instance->artifact->map + h->elem_segments.offset);
  uint32_t available = instance->elem_dropped[index] ? 0 : segments[index].count;
  if ((uint64_t)src + n > available || (uint64_t)dst + n > table->size) RAISE(AOTC_TRAP_OUT_OF_BOUNDS_TABLE);
  if (n == 0) return;
  const uint32_t* from =
      (const uint32_t*)(const void*)(instance->artifact->map + h->elements.offset) + segments[index].first + src;
  for (uint32_t i = 0; i < n; ++i) {
    if (i % kPiece == 0 && instance->deadline_hit) RAISE(AOTC_TRAP_DEADLINE);
    table->entries[dst + i] = from[i];
  }
}

AOTC_HELPER_SECTION void aotc_elem_drop_helper(uint8_t* base, uint32_t segment) {
  struct aotc_instance* instance = aotc_instance_of(base);
  if (segment < instance->artifact->header->elem_segments.count) instance->elem_dropped[segment] = 1;
}

AOTC_HELPER_SECTION void aotc_table_copy_helper(uint8_t* base, uint32_t packed, uint32_t dst, uint32_t src,
                                                uint32_t n) {
  struct aotc_instance* instance = aotc_instance_of(base);
  struct aotc_table* to = table_at(instance, packed >> 8);
  struct aotc_table* from = table_at(instance, packed & 0xff);
  if (to == NULL || from == NULL || (uint64_t)dst + n > to->size || (uint64_t)src + n > from->size)
    RAISE(AOTC_TRAP_OUT_OF_BOUNDS_TABLE);
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t k = dst <= src ? i : n - 1 - i;
    if (i % kPiece == 0 && instance->deadline_hit) RAISE(AOTC_TRAP_DEADLINE);
    to->entries[dst + k] = from->entries[src + k];
  }
}

AOTC_HELPER_SECTION void aotc_table_fill_helper(uint8_t* base, uint32_t index, uint32_t dst, uint32_t ref, uint32_t n) {
  struct aotc_instance* instance = aotc_instance_of(base);
  struct aotc_table* table = table_at(instance, index);
  if (table == NULL || (uint64_t)dst + n > table->size) RAISE(AOTC_TRAP_OUT_OF_BOUNDS_TABLE);
  for (uint32_t i = 0; i < n; ++i) {
    if (i % kPiece == 0 && instance->deadline_hit) RAISE(AOTC_TRAP_DEADLINE);
    table->entries[dst + i] = ref;
  }
}
