/* reset.c - gives the memory of a pooled instance back its image, at the cost of what the guest wrote.
 *
 * The instance maps the image privately (image.c). A page that the guest writes becomes the instance's own and stays
 * so: the next request finds it there and does not fault. After each request every page of its own is compared with the
 * image and, where it differs, copied back; one that was the same a number of times in a row is given up, so that the
 * set follows what requests write. Which pages are its own:
 *
 *   1. those of the last reset, if since then the instance ran on this thread only and the thread had no page fault,
 * for a page can become its own by a fault only, the kernel's writes on behalf of a system call included;
 *   2. else those that are present or swapped and not backed by the image's file: from PAGEMAP_SCAN (Linux 6.7), or
 * from /proc/self/pagemap, which costs a read of 8 bytes per page.
 *
 * Where neither works, the kernel throws away all pages of its own (madvise), or the image is mapped again. Emulators
 * and sandboxes answer such questions wrongly rather than not at all, so each way is tried out before it is used.
 *
 * Memory beyond the image becomes inaccessible again. What the request touched of it is its own, too, and is cleared,
 * so that a program that grows in each request does not fault each time; if it is much, it is unmapped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "restore_page.h"
#include "state.h"

/* linux/fs.h of Linux 6.7; Debian 12 has older headers. */
struct scan_argument {
  uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
struct scan_region {
  uint64_t start, end, categories;
};
#define SCAN_REQUEST _IOWR('f', 16, struct scan_argument)
enum { kIsFile = 1 << 2, kIsPresent = 1 << 3, kIsSwapped = 1 << 4 };

/* A page of its own that was the same as the image this often in a row is given up. */
enum { kMaxIdle = 255 };
/* Memory beyond the image that is kept for later requests. */
enum { kMaxKeptGrowth = 16 << 20, kMaxPage = 64 << 10 };
/* An entry of `written`: page number << kIdleBits | times idle. */
enum { kIdleBits = 8, kIdleMask = (1 << kIdleBits) - 1 };

struct page_list {
  uint32_t count; /* may exceed AOTC_MAX_WRITTEN: then the rest is unknown */
  uint32_t pages[AOTC_MAX_WRITTEN];
};

static void add_pages(struct page_list* list, uint64_t first, uint64_t end) {
  for (uint64_t page = first; page < end; ++page, ++list->count)
    if (list->count < AOTC_MAX_WRITTEN) list->pages[list->count] = (uint32_t)page;
}

static bool scan(int pagemap, const uint8_t* memory, uint64_t size, uint64_t page, struct page_list* list) {
  struct scan_region regions[128];
  struct scan_argument argument = {.size = sizeof(argument),
                                   .start = (uintptr_t)memory,
                                   .end = (uintptr_t)memory + size,
                                   .vec = (uintptr_t)regions,
                                   .vec_len = sizeof(regions) / sizeof(regions[0]),
                                   .category_inverted = kIsFile,
                                   .category_mask = kIsFile,
                                   .category_anyof_mask = kIsPresent | kIsSwapped,
                                   .return_mask = kIsPresent | kIsSwapped};
  while (argument.start < argument.end) {
    int n = ioctl(pagemap, SCAN_REQUEST, &argument);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 || argument.walk_end <= argument.start) return false;
    for (int i = 0; i < n; ++i)
      add_pages(list, (regions[i].start - (uintptr_t)memory) / page, (regions[i].end - (uintptr_t)memory) / page);
    argument.start = argument.walk_end;
  }
  return true;
}

static bool read_pagemap(int pagemap, const uint8_t* memory, uint64_t size, uint64_t page, struct page_list* list) {
  const uint64_t present = 1ull << 63, swapped = 1ull << 62, file = 1ull << 61;
  uint64_t entries[512], count = size / page;
  for (uint64_t at = 0; at < count;) {
    uint64_t want = count - at < 512 ? count - at : 512;
    ssize_t got = pread(pagemap, entries, want * 8, (off_t)(((uintptr_t)memory / page + at) * 8));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || got % 8 != 0) return false;
    for (uint64_t i = 0; i < (uint64_t)got / 8; ++i)
      if ((entries[i] & (present | swapped)) && !(entries[i] & file)) add_pages(list, at + i, at + i + 1);
    at += (uint64_t)got / 8;
  }
  return true;
}

static bool find_own_pages(const struct aotc_image* image, const uint8_t* memory, uint64_t size, uint64_t page,
                           struct page_list* list) {
  list->count = 0;
  return image->mode == AOTC_RESET_SCAN ? scan(image->pagemap, memory, size, page, list)
                                        : read_pagemap(image->pagemap, memory, size, page, list);
}

static bool map_again(const struct aotc_image* image, uint8_t* memory, uint64_t size) {
  return mmap(memory, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, image->fd, 0) !=
         MAP_FAILED;
}

/* Tries `image->mode` on a mapping of its own: one page is read, one is written. */
static bool works(const struct aotc_image* image) {
  uint64_t page = aotc_page_size(), size = 3 * page;
  if (image->mode == AOTC_RESET_REMAP) return true;
  if (image->size < size) return false;
  volatile uint8_t* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, image->fd, 0);
  if (memory == MAP_FAILED) return false;
  uint8_t* plain = (uint8_t*)(uintptr_t)memory;
  memory[page] = (uint8_t)(memory[0] + memory[page] + 1);
  bool good;
  if (image->mode == AOTC_RESET_MADVISE) {
    good = madvise(plain, size, MADV_DONTNEED) == 0 && memcmp(plain, image->bytes, size) == 0;
  } else {
    struct page_list list;
    good = find_own_pages(image, plain, size, page, &list) && list.count == 1 && list.pages[0] == 1;
  }
  munmap(plain, size);
  return good;
}

enum aotc_status aotc_image_choose_reset(struct aotc_image* image, enum aotc_reset_mode wanted,
                                         struct aotc_error* error) {
  image->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  for (int mode = AOTC_RESET_SCAN; mode <= AOTC_RESET_REMAP; ++mode) {
    if (wanted != AOTC_RESET_BEST && wanted != (enum aotc_reset_mode)mode) continue;
    image->mode = (enum aotc_reset_mode)mode;
    if (works(image)) return AOTC_OK;
  }
  return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: this way of resetting does not work here", image->artifact->name);
}

static uint64_t faults_of_this_thread(void) {
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

void aotc_note_thread(struct aotc_instance* instance) {
  if (instance->clean_thread != aotc_this_thread.serial) instance->clean_thread = 0;
}

/* Both lists ascend; what was in the old one keeps its count of idle resets. */
static void merge(struct aotc_instance* instance, const struct page_list* found) {
  struct page_list merged = {.count = found->count};
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
  static const _Alignas(64) uint8_t zeros[kMaxPage];
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
  instance->kept_size = size;
  while (instance->written_count > 0 &&
         (uint64_t)(instance->written[instance->written_count - 1] >> kIdleBits) * page >= size)
    --instance->written_count;
  return end == size || mmap(aotc_base(instance) + size, end - size, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED;
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
    struct page_list found;
    if (!find_own_pages(image, memory, end, page, &found)) return false;
    if (found.count > AOTC_MAX_WRITTEN) return drop_pages(instance, page, end);
    merge(instance, &found);
  }
  if (!copy_back(instance, page, accessible, gave_up)) return false;
  instance->kept_size = end;
  return accessible == image->size || mprotect(memory + image->size, accessible - image->size, PROT_NONE) == 0;
}

enum aotc_status aotc_memory_reset_pooled(struct aotc_instance* instance, struct aotc_error* error) {
  bool unchanged = instance->clean_thread == aotc_this_thread.serial && instance->clean_thread != 0 &&
                   instance->clean_faults == faults_of_this_thread();
  if (!unchanged) aotc_stack_reset(instance);
  instance->reset.scanned = !unchanged;
  bool gave_up = false;
  if (!reset_pages(instance, aotc_tail(instance)->memory_size, unchanged, &gave_up))
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot reset memory: %s", instance->artifact->name, strerror(errno));
  aotc_tail(instance)->memory_size = instance->image->size;
  instance->reset.own = instance->written_count;
  instance->clean_thread = gave_up ? 0 : aotc_this_thread.serial;
  return AOTC_OK;
}

void aotc_memory_is_clean(struct aotc_instance* instance) {
  /* Without a fault until the reset there was none in it, unless tables were mapped again, or the next one notices. */
  if (instance->reset.scanned || instance->table_count != 0) instance->clean_faults = faults_of_this_thread();
}

/* Memory beyond the image that later requests will find there. */
static bool growth_is_zero(const struct aotc_instance* instance) {
  uint64_t begin = instance->image->size, size = instance->kept_size - begin;
  if (size == 0) return true;
  uint8_t* memory = aotc_base(instance) + begin;
  if (mprotect(memory, size, PROT_READ) != 0) return false;
  bool zero = memory[0] == 0 && memcmp(memory, memory + 1, size - 1) == 0;
  return mprotect(memory, size, PROT_NONE) == 0 && zero;
}

enum aotc_status aotc_memory_compare(const struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_image* image = instance->image;
  const uint8_t* memory = aotc_base(instance);
  if (aotc_tail(instance)->memory_size != image->size)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: memory has another size than its image",
                     instance->artifact->name);
  if (!growth_is_zero(instance))
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: memory beyond the image is not zero", instance->artifact->name);
  if (image->size == 0 || memcmp(memory, image->bytes, image->size) == 0) return AOTC_OK;
  uint64_t at = 0;
  while (memory[at] == image->bytes[at]) ++at;
  return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: memory differs from its image at 0x%llx", instance->artifact->name,
                   (unsigned long long)at);
}
