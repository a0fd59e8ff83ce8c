/* compare.c - whether a pooled instance is as its image, in every byte that a guest can see: what a reset claims.
 *
 * Looks at all of memory, not at what reset.c believes to have changed. Pages beyond the image are the exception: those
 * that are not there are not read, since reading would make them the instance's own. So an instance that is compared
 * goes on as one that is not, and what was tested with all of them compared is what runs with few.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "state.h"

static enum aotc_status differs(const struct aotc_instance* instance, const char* what, struct aotc_error* error) {
  return aotc_fail(error, AOTC_ERROR_DIFFERS, "%s: %s", instance->artifact->name, what);
}

static bool is_zero(const uint8_t* bytes, uint64_t size) {
  return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* Memory beyond the image that later requests will find there. */
static bool growth_is_zero(const struct aotc_instance* instance) {
  uint64_t begin = instance->image->size, size = instance->kept_size - begin, page = aotc_page_size();
  if (size == 0) return true;
  uint8_t* memory = aotc_base(instance) + begin;
  struct aotc_page_list own;
  if (!aotc_own_pages(instance->image, memory, size, &own) || mprotect(memory, size, PROT_READ) != 0) return false;
  bool zero = true;
  if (own.count > AOTC_MAX_WRITTEN)
    zero = is_zero(memory, size);
  else
    for (uint32_t i = 0; i < own.count && zero; ++i) zero = is_zero(memory + own.pages[i] * page, page);
  return mprotect(memory, size, PROT_NONE) == 0 && zero;
}

static enum aotc_status compare_memory(const struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_image* image = instance->image;
  const uint8_t* memory = aotc_base(instance);
  if (aotc_tail(instance)->memory_size != image->size)
    return differs(instance, "memory has another size than its image", error);
  if (!growth_is_zero(instance)) return differs(instance, "memory beyond the image is not zero", error);
  if (image->size == 0 || memcmp(memory, image->bytes, image->size) == 0) return AOTC_OK;
  uint64_t at = 0;
  while (memory[at] == image->bytes[at]) ++at;
  return aotc_fail(error, AOTC_ERROR_DIFFERS, "%s: memory differs from its image at 0x%llx", instance->artifact->name,
                   (unsigned long long)at);
}

static enum aotc_status compare(const struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_header* h = artifact->header;
  for (uint32_t i = 0; i < h->globals.count; ++i)
    if (memcmp(aotc_base(instance) + AOTC_GLOBAL_OFFSET(i), aotc_initial_global(instance, i), AOTC_SLOT_SIZE) != 0)
      return aotc_fail(error, AOTC_ERROR_DIFFERS, "%s: global %u differs from its initial value", artifact->name, i);
  enum aotc_status status = compare_memory(instance, error);
  if (status == AOTC_OK) status = aotc_tables_compare(instance, error);
  if (status != AOTC_OK) return status;
  size_t segments = (size_t)h->data_segments.count + h->elem_segments.count;
  if (memcmp(instance->data_dropped, instance->dropped_at_start, segments) != 0)
    return differs(instance, "a segment is dropped, or is not, as it was at the start", error);
  if (instance->stack_low != instance->stack_low_initial)
    return differs(instance, "the stack has another size than at the start", error);
  if (!is_zero((const uint8_t*)aotc_slots(instance), AOTC_SCRATCH_SLOTS * AOTC_SLOT_SIZE))
    return differs(instance, "an argument or result of an earlier call is left", error);
  return AOTC_OK;
}

enum aotc_status aotc_instance_compare(struct aotc_instance* instance, struct aotc_error* error) {
  if (instance->image == NULL)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: the instance has no image", instance->artifact->name);
  bool unchanged = aotc_memory_is_unchanged(instance);
  enum aotc_status status = compare(instance, error);
  /* Its own faults brought pages of the image's file only. */
  if (unchanged) aotc_memory_is_clean(instance);
  return status;
}
