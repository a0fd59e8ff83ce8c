/* stack.c - the native stack that the guest runs on.
 *
 *   stack_map      stack_map + AOTC_STACK_GUARD      stack_low                 stack_top
 *   [ inaccessible guard | given up to linear memory | accessible, on demand  ]
 *
 * It has to be deep: each Go call nests natively until the goroutine blocks, and Go's own limit is what a runaway
 * recursion shall meet. Pages are committed by touching them. No compiled frame is larger than half of the guard, so no
 * function can step over it, and a fault below stack_low is a stack overflow.
 *
 * Linear memory and stack share one limit. What memory does not use now, the stack may; when memory grows, the lower
 * end of the stack is given up, unless it is in use.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "state.h"

/* The least a guest can start with, and what memory.grow leaves below the frames in use. */
enum { kMinStack = 256 << 10 };
/* Left committed by a reset. */
enum { kKeptStack = 64 << 10 };

static uint64_t round_up(uint64_t size, uint64_t unit) { return (size + unit - 1) / unit * unit; }
static uint64_t round_down(uint64_t size, uint64_t unit) { return size / unit * unit; }

static size_t stack_map_size(const struct aotc_instance* instance) {
  return (size_t)(instance->stack_top - instance->stack_map);
}

enum aotc_status aotc_stack_create(struct aotc_instance* instance, uint64_t max_stack, struct aotc_error* error) {
  const char* name = instance->artifact->name;
  uint64_t page = aotc_page_size();
  if (max_stack == 0 || max_stack > AOTC_STACK_RESERVATION) max_stack = AOTC_STACK_RESERVATION;
  if (max_stack < kMinStack) max_stack = kMinStack;
  uint64_t memory = aotc_memory_initial(instance) + aotc_tables_bytes(instance);
  if (instance->memory_limit < memory || instance->memory_limit - memory < kMinStack)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: needs %llu bytes of memory to start, the limit is %llu", name,
                     (unsigned long long)(memory + kMinStack), (unsigned long long)instance->memory_limit);
  if (instance->memory_limit - memory < max_stack) max_stack = instance->memory_limit - memory;
  max_stack = max_stack < kMinStack ? kMinStack : round_down(max_stack, page);
  size_t size = (size_t)(round_up(AOTC_STACK_GUARD, page) + max_stack);

  uint8_t* map = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (map == MAP_FAILED)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot reserve %zu MiB of stack: %s", name, size >> 20,
                     strerror(errno));
  instance->stack_map = map;
  instance->stack_top = map + size;
  instance->stack_low = instance->stack_low_initial = instance->stack_top - max_stack;
  if (mprotect(instance->stack_low, max_stack, PROT_READ | PROT_WRITE) != 0)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot make the stack accessible: %s", name, strerror(errno));
  /* A huge page per stack would cost 2 MiB and the time to clear it. */
  madvise(instance->stack_low, max_stack, MADV_NOHUGEPAGE);
  return AOTC_OK;
}

void aotc_stack_release(struct aotc_instance* instance) {
  if (instance->stack_map != NULL) munmap(instance->stack_map, stack_map_size(instance));
  instance->stack_map = NULL;
}

bool aotc_stack_reset(struct aotc_instance* instance) {
  if (instance->stack_low != instance->stack_low_initial &&
      mprotect(instance->stack_low_initial, (size_t)(instance->stack_low - instance->stack_low_initial),
               PROT_READ | PROT_WRITE) != 0)
    return false;
  instance->stack_low = instance->stack_low_initial;
  uint8_t* kept = instance->stack_top - kKeptStack;
  madvise(instance->stack_low, (size_t)(kept - instance->stack_low), MADV_DONTNEED);
  return true;
}

bool aotc_stack_make_room(struct aotc_instance* instance, uint64_t bytes) {
  if (instance->memory_limit == UINT64_MAX) return true;
  uint64_t memory = aotc_tail(instance)->memory_size + aotc_tables_bytes(instance) + bytes;
  if (memory > instance->memory_limit) return false;
  uint64_t left = round_down(instance->memory_limit - memory, aotc_page_size());
  uint64_t accessible = (uint64_t)(instance->stack_top - instance->stack_low);
  if (left >= accessible) return true;
  uint64_t used = (uint64_t)(instance->stack_top - (uint8_t*)(uintptr_t)instance->guest_frame);
  if (left < used + kMinStack / 2) return false;
  uint8_t* low = instance->stack_top - left;
  size_t given_up = (size_t)(low - instance->stack_low);
  /* Pages that an earlier, deeper call has touched are below the frames in use: nobody reads them again. */
  if (madvise(instance->stack_low, given_up, MADV_DONTNEED) != 0 ||
      mprotect(instance->stack_low, given_up, PROT_NONE) != 0)
    return false;
  instance->stack_low = low;
  return true;
}
