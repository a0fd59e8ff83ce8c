/* own_pages.c - which pages of a private mapping are its own: written since it was mapped, and so no longer the file's.
 *
 * A page is its own if it is present or swapped out, and not backed by the image's file. That is what the page tables
 * say, whoever made the page and however, in one of two ways: PAGEMAP_SCAN (Linux 6.7), or /proc/self/pagemap, which
 * costs a read of 8 bytes per page. A page on its way between places (migration, swap cache) is in one of these states
 * all the time, and pages that the kernel shares among equals (KSM, the page of zeros) count as its own, too.
 *
 * Emulators and sandboxes answer such questions wrongly rather than not at all, so each way is tried out before it is
 * used; and with it the counter of page faults, which tells reset.c when it need not ask.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "state.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

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

static void add_pages(struct aotc_page_list* list, uint64_t first, uint64_t end) {
  for (uint64_t page = first; page < end; ++page, ++list->count)
    if (list->count < AOTC_MAX_WRITTEN) list->pages[list->count] = (uint32_t)page;
}

static bool scan(int pagemap, const uint8_t* memory, uint64_t size, uint64_t page, struct aotc_page_list* list) {
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

static bool read_pagemap(int pagemap, const uint8_t* memory, uint64_t size, uint64_t page,
                         struct aotc_page_list* list) {
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

bool aotc_own_pages(const struct aotc_image* image, const uint8_t* memory, uint64_t size, struct aotc_page_list* list) {
  uint64_t page = aotc_page_size();
  list->count = 0;
  return image->mode == AOTC_RESET_SCAN ? scan(image->pagemap, memory, size, page, list)
                                        : read_pagemap(image->pagemap, memory, size, page, list);
}

bool aotc_count_faults(uint64_t* faults) {
  struct rusage usage;
  if (getrusage(RUSAGE_THREAD, &usage) != 0) return false;
  *faults = (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
  return true;
}

/* Whether a page that appears is counted as a fault of the thread, though a huge page in its place was asked for. */
static bool faults_are_counted(void) {
  enum { kHugePage = 2 << 20 };
  uint8_t* map = mmap(NULL, 2 * kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) return false;
  volatile uint8_t* memory = (uint8_t*)(((uintptr_t)map + kHugePage - 1) & ~(uintptr_t)(kHugePage - 1));
  uint64_t before, after;
  bool good = aotc_memory_only_small_pages(map, 2 * kHugePage);
  memory[0] = 1;
  madvise((void*)(uintptr_t)memory, kHugePage, MADV_COLLAPSE);
  good = good && aotc_count_faults(&before);
  memory[aotc_page_size()] = 1;
  good = good && aotc_count_faults(&after) && before != after;
  munmap(map, 2 * kHugePage);
  return good;
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
  bool good = true;
  if (image->mode != AOTC_RESET_MADVISE) {
    struct aotc_page_list list;
    good = faults_are_counted() && aotc_own_pages(image, plain, size, &list) && list.count == 1 && list.pages[0] == 1;
  }
  /* All of them drop pages, some only now and then. */
  good = good && madvise(plain, size, MADV_DONTNEED) == 0 && memcmp(plain, image->bytes, size) == 0;
  munmap(plain, size);
  return good;
}

enum aotc_status aotc_image_choose_reset(struct aotc_image* image, enum aotc_reset_mode wanted,
                                         struct aotc_error* error) {
  for (int mode = AOTC_RESET_SCAN; mode <= AOTC_RESET_REMAP; ++mode) {
    if (wanted != AOTC_RESET_BEST && wanted != (enum aotc_reset_mode)mode) continue;
    image->mode = (enum aotc_reset_mode)mode;
    if (works(image)) return AOTC_OK;
  }
  return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: this way of resetting does not work here", image->artifact->name);
}
