/* reset.c - gives the memory of a pooled instance back its image, at the cost of what the guest wrote.
 *
 * The instance maps the image privately (image.c). A page that the guest writes becomes the instance's own and stays
 * so: the next request finds it there and does not fault. After each request every page of its own is compared with the
 * image and, where it differs, copied back; one that was the same a number of times in a row is given up, so that the
 * set follows what requests write. Which pages are its own:
 *
 *   1. those of the last reset, if since then the instance ran on this thread only and the thread had no page fault;
 *   2. else those that the page tables name (own_pages.c).
 *
 * Where 2 does not work, the kernel throws away all pages of its own (madvise), or the image is mapped again.
 *
 * 1 is right as long as no page becomes the instance's own, or writable, without a fault that the thread counts. What
 * the kernel does to pages, and why none of it leaves bytes:
 *
 *   Huge pages made of small ones (khugepaged; MADV_COLLAPSE, by process_madvise from other processes too) bring pages
 *     that were not there, writable. Forbidden for the whole reservation, which both obey; aotc-node forbids them for
 * the process as well. Of the image's file they may be made, elsewhere: a write still faults. One fault for several
 * pages (huge pages, folios of several sizes, fault-around, readahead of swap) is one fault: 2. Swapping out leaves a
 * page its own, in the list and in the page tables; swapping in is a fault. Pages of the image's file that were swapped
 * out are the file's. Migration (compaction, NUMA balancing, offlining) moves contents and rights together; who meets
 * it faults. Merging equal pages (KSM), and zeros of huge pages into the page of zeros: contents stay, and a write
 * faults. The kernel writing for a system call: copying faults like the thread itself, and a page that it takes hold of
 * first (get_user_pages) is a fault of the thread that asked. It is over when the call is. Another thread, or io_uring,
 * whose own threads fault: the embedder says so, aotc_note_thread. aotc-node has no such threads and no io_uring.
 *   Another process (ptrace, /proc/PID/mem, process_vm_writev) faults there, not here, and userfaultfd fills pages
 * without any: both need the right to trace this process, which can do worse. They are what aotc_instance_compare
 * finds.
 *
 * test/unit/runtime/pages_test.c and test/node/pages provoke them.
 *
 * Memory beyond the image becomes inaccessible again. What the request touched of it is its own, too, and is cleared,
 * so that a program that grows in each request does not fault each time; if it is much, it is unmapped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "restore_page.h"
#include "state.h"

/* A page of its own that was the same as the image this often in a row is given up. */
enum { kMaxIdle = 255 };
/* Memory beyond the image that is kept for later requests. */
enum { kMaxKeptGrowth = 16 << 20, kMaxPage = 64 << 10 };
/* An entry of `written`: page number << kIdleBits | times idle. */
enum { kIdleBits = 8, kIdleMask = (1 << kIdleBits) - 1 };

static bool map_again(const struct aotc_image* image, uint8_t* memory, uint64_t size) {
  return mmap(memory, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, image->fd, 0) !=
         MAP_FAILED;
}

void aotc_note_thread(struct aotc_instance* instance) {
  if (instance->clean_thread != aotc_this_thread.serial) instance->clean_thread = 0;
}

/* Both lists ascend; what was in the old one keeps its count of idle resets. */
static void merge(struct aotc_instance* instance, const struct aotc_page_list* found) {
  struct aotc_page_list merged = {.count = found->count};
  uint32_t old = 0;
  for (uint32_t i = 0; i < found->count; ++i) {
    while (old < instance->written_count && instance->written[old] >> kIdleBits < found->pages[i]) ++old;
    bool known = old < instance->written_count && instance->written[old] >> kIdleBits == found->pages[i];
    merged.pages[i] = known ? instance->written[old] : found->pages[i] << kIdleBits;
  }
  memcpy(instance->written, merged.pages, merged.count * sizeof(merged.pages[0]));
  instance->written_count = merged.count;
}

/* Memory from `accessible` on was not accessible to the request, so what is kept there is clean. */
static bool copy_back(struct aotc_instance* instance, uint64_t page, uint64_t accessible, bool* gave_up) {
  static _Alignas(64) uint8_t zeros[kMaxPage];  // never written; a constant would be 64 KiB of every program's file
  const struct aotc_image* image = instance->image;
  uint32_t kept = 0;
  instance->reset.copied = 0;
  for (uint32_t i = 0; i < instance->written_count; ++i) {
    uint32_t entry = instance->written[i];
    uint64_t at = (uint64_t)(entry >> kIdleBits) * page;
    uint8_t* own = aotc_base(instance) + at;
    const uint8_t* initial = at < image->size ? image->bytes + at : zeros;
    if (at < accessible && restore_page(own, initial, page)) {
      ++instance->reset.copied;
      entry &= ~(uint32_t)kIdleMask;
    } else if ((entry & kIdleMask) == kMaxIdle) {
      /* Looked for again next time, should the kernel have kept it. */
      if (madvise(own, page, MADV_DONTNEED) != 0) return false;
      *gave_up = true;
      continue;
    } else {
      ++entry;
    }
    instance->written[kept++] = entry;
  }
  instance->written_count = kept;
  return true;
}

/* Unmaps all memory beyond the image. */
static bool give_up_growth(struct aotc_instance* instance, uint64_t page, uint64_t end) {
  uint64_t size = instance->image->size;
  uint8_t* growth = aotc_base(instance) + size;
  instance->kept_size = size;
  while (instance->written_count > 0 &&
         (uint64_t)(instance->written[instance->written_count - 1] >> kIdleBits) * page >= size)
    --instance->written_count;
  return end == size || (mmap(growth, end - size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
                              -1, 0) != MAP_FAILED &&
                         aotc_memory_only_small_pages(growth, end - size));
}

static bool drop_pages(struct aotc_instance* instance, uint64_t page, uint64_t end) {
  instance->written_count = 0;
  return give_up_growth(instance, page, end) && madvise(aotc_base(instance), instance->image->size, MADV_DONTNEED) == 0;
}

/* The request could use memory up to `accessible`, earlier ones up to kept_size. */
static bool reset_pages(struct aotc_instance* instance, uint64_t accessible, bool unchanged, bool* gave_up) {
  const struct aotc_image* image = instance->image;
  uint8_t* memory = aotc_base(instance);
  uint64_t page = aotc_page_size(), end = accessible > instance->kept_size ? accessible : instance->kept_size;
  if (image->size == 0) return give_up_growth(instance, page, end);
  if (image->mode == AOTC_RESET_REMAP)
    return give_up_growth(instance, page, end) && map_again(image, memory, image->size);
  if (image->mode == AOTC_RESET_MADVISE) return drop_pages(instance, page, end);
  if (end - image->size > kMaxKeptGrowth) {
    if (!give_up_growth(instance, page, end)) return false;
    end = accessible = image->size;
  }
  if (!unchanged) {
    struct aotc_page_list found;
    if (!aotc_own_pages(image, memory, end, &found)) return false;
    if (found.count > AOTC_MAX_WRITTEN) return drop_pages(instance, page, end);
    merge(instance, &found);
  }
  if (!copy_back(instance, page, accessible, gave_up)) return false;
  instance->kept_size = end;
  return accessible == image->size || mprotect(memory + image->size, accessible - image->size, PROT_NONE) == 0;
}

bool aotc_memory_is_unchanged(const struct aotc_instance* instance) {
  uint64_t faults;
  return instance->clean_thread == aotc_this_thread.serial && instance->clean_thread != 0 &&
         aotc_count_faults(&faults) && instance->clean_faults == faults;
}

enum aotc_status aotc_memory_reset_pooled(struct aotc_instance* instance, struct aotc_error* error) {
  bool unchanged = aotc_memory_is_unchanged(instance);
  bool stack_changed = !unchanged || instance->stack_low != instance->stack_low_initial;
  instance->reset.scanned = !unchanged;
  bool gave_up = false;
  if ((stack_changed && !aotc_stack_reset(instance)) ||
      !reset_pages(instance, aotc_tail(instance)->memory_size, unchanged, &gave_up))
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot reset memory: %s", instance->artifact->name, strerror(errno));
  aotc_tail(instance)->memory_size = instance->image->size;
  instance->reset.own = instance->written_count;
  instance->clean_thread = gave_up ? 0 : aotc_this_thread.serial;
  return AOTC_OK;
}

void aotc_memory_is_clean(struct aotc_instance* instance) {
  if (!aotc_count_faults(&instance->clean_faults)) instance->clean_thread = 0;
}
