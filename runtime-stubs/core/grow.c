/* grow.c - memory.grow and table.grow. They run on the host's stack, since what an instance may have is shared with its
 * native stack, of which they may have to give up a part (stack.c).
 */
#include <sys/mman.h>

#include "state.h"

bool aotc_instance_may_grow(struct aotc_instance* instance, uint64_t bytes) {
  return instance->may_grow == NULL || instance->may_grow(instance->may_grow_data, bytes);
}

uint32_t aotc_memory_grow(uint8_t* base, uint32_t delta) {
  struct aotc_instance* instance = aotc_instance_of(base);
  struct aotc_context_tail* tail = aotc_tail(instance);
  uint64_t size = tail->memory_size, more = delta * AOTC_WASM_PAGE;
  if (!(instance->artifact->header->flags & AOTC_FLAG_MEMORY) || more > instance->memory_max - size) return UINT32_MAX;
  if (more > 0) {
    if (!aotc_instance_may_grow(instance, more) || !aotc_stack_make_room(instance, more)) {
      instance->memory_refused = true;
      return UINT32_MAX;
    }
    if (mprotect(base + size, more, PROT_READ | PROT_WRITE) != 0) return UINT32_MAX;
    tail->memory_size = size + more;
  }
  return (uint32_t)(size / AOTC_WASM_PAGE);
}

uint32_t aotc_table_grow(uint8_t* base, uint32_t index, uint32_t ref, uint32_t n) {
  struct aotc_instance* instance = aotc_instance_of(base);
  if (index >= instance->table_count) return UINT32_MAX;
  struct aotc_table* table = &aotc_tables(instance)[index];
  if (n > table->capacity - table->size) return UINT32_MAX;
  if (!aotc_stack_make_room(instance, (uint64_t)n * sizeof(uint32_t))) return UINT32_MAX;
  for (uint32_t i = 0; i < n; ++i) table->entries[table->size + i] = ref;
  uint32_t old = table->size;
  table->size = old + n;
  return old;
}
