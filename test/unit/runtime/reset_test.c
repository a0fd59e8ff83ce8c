/* reset_test.c - pooled instances: each way of resetting gives back memory, globals, tables and segments exactly,
 * undoes growth, and notices what was written from other threads and by system calls.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "core/restore_page.h"
#include "core/state.h"
#include "guest_instance.h"
#include "make_artifact.h"

static struct aotc_artifact* g_artifact;

static uint32_t helper(struct aotc_instance* instance, enum aotc_helper number, uint32_t b, uint32_t c, uint32_t d) {
  return call_helper(instance, number, b, c, d, 0);
}
static enum aotc_status store(struct aotc_instance* instance, uint32_t address) {
  return call_guest(instance, "store", (const uint32_t[5]){address, 0xdeadbeef}, NULL);
}
static struct aotc_instance* create(const struct aotc_image* image) { return create_guest(g_artifact, image); }

static bool said(const struct aotc_error* error, const char* text) { return strstr(error->message, text) != NULL; }

static bool clean(struct aotc_instance* instance) {
  struct aotc_error error;
  bool good = aotc_instance_reset(instance, &error) == AOTC_OK && aotc_instance_compare(instance, &error) == AOTC_OK;
  if (!good) fprintf(stderr, "%s\n", error.message);
  return good;
}

static void* store_elsewhere(void* instance) {
  store(instance, 0x12000);
  return NULL;
}

static void test_mode(const struct aotc_image* image, const struct aotc_instance* fresh) {
  struct aotc_instance* instance = create(image);
  struct aotc_error error;
  uint8_t* memory = aotc_instance_memory(instance);
  const uint64_t size = kMemoryPages * 65536;
  CHECK(aotc_instance_compare(instance, &error) == AOTC_OK);
  CHECK(aotc_instance_continue(instance, &error) == AOTC_ERROR_ARGUMENT &&
        said(&error, "the instance is not suspended"));
  CHECK(memcmp(memory, aotc_instance_memory(fresh), size) == 0);

  /* Everything, and beyond; then little, several times. */
  CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, 10, 0, 0) == kMemoryPages);
  helper(instance, AOTC_HELPER_MEMORY_FILL, 0, 0xee, (uint32_t)size + 10 * 65536);
  helper(instance, AOTC_HELPER_DATA_DROP, 0, 0, 0);
  CHECK(aotc_instance_compare(instance, &error) == AOTC_ERROR_DIFFERS);
  CHECK(said(&error, "memory has another size than its image"));
  CHECK(clean(instance));
  CHECK(store(instance, (uint32_t)size) == AOTC_TRAPPED);
  CHECK(clean(instance));
  CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, 1, 0, 0) == kMemoryPages);
  CHECK(memory[size] == 0 && memory[size + 65535] == 0);
  CHECK(clean(instance));
  /* So much that it is not kept; and so little, several times, that it is. */
  CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, 300, 0, 0) == kMemoryPages);
  helper(instance, AOTC_HELPER_MEMORY_FILL, (uint32_t)size, 0xee, 300 * 65536);
  CHECK(clean(instance) && store(instance, (uint32_t)size + 4096) == AOTC_TRAPPED);
  for (uint32_t i = 0; i < 70; ++i) {
    CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, 2, 0, 0) == kMemoryPages);
    CHECK(memory[size] == 0 && memory[size + 70000] == 0);
    CHECK(store(instance, (uint32_t)size + (i % 2) * 70000) == AOTC_OK);
    CHECK(clean(instance));
  }
  for (uint32_t i = 0; i < 200; ++i) {
    CHECK(store(instance, i % 3 * 0x11000) == AOTC_OK);
    CHECK(aotc_instance_compare(instance, &error) == AOTC_ERROR_DIFFERS);
    CHECK(said(&error, "memory differs from its image at 0x"));
    CHECK(clean(instance));
  }
  helper(instance, AOTC_HELPER_MEMORY_INIT, 0, 5, 0); /* a segment that was dropped would trap */

  /* Globals, the kernel's writes, and another thread's. */
  uint64_t* global = (uint64_t*)(void*)(memory + AOTC_GLOBAL_OFFSET(1));
  *global = 1;
  CHECK(aotc_instance_compare(instance, &error) == AOTC_ERROR_DIFFERS);
  CHECK(said(&error, "global 1 differs from its initial value"));
  CHECK(clean(instance) && *global == 0x1122334455667788ull);
  int pipes[2];
  CHECK(pipe(pipes) == 0 && write(pipes[1], "secret", 6) == 6);
  CHECK(store(instance, 64) == AOTC_OK && read(pipes[0], memory + 0x18000, 6) == 6);
  close(pipes[0]);
  close(pipes[1]);
  CHECK(clean(instance));
  pthread_t thread;
  pthread_create(&thread, NULL, store_elsewhere, instance);
  pthread_join(thread, NULL);
  CHECK(aotc_instance_compare(instance, &error) == AOTC_ERROR_DIFFERS);
  CHECK(clean(instance));

  /* What is kept beyond the image is compared, too. */
  if (aotc_image_reset_mode(image) <= AOTC_RESET_PAGEMAP) {
    CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, 1, 0, 0) == kMemoryPages && clean(instance));
    CHECK(mprotect(memory + size, 65536, PROT_READ | PROT_WRITE) == 0);
    memory[size + 5] = 1;
    CHECK(aotc_instance_compare(instance, &error) == AOTC_ERROR_DIFFERS);
    CHECK(said(&error, "memory beyond the image is not zero"));
    CHECK(mprotect(memory + size, 65536, PROT_READ | PROT_WRITE) == 0);
    memory[size + 5] = 0;
    CHECK(clean(instance));
  }

  /* And what else a guest can change. */
  helper(instance, AOTC_HELPER_DATA_DROP, 0, 0, 0);
  CHECK(aotc_instance_compare(instance, &error) == AOTC_ERROR_DIFFERS);
  CHECK(said(&error, "a segment is dropped, or is not, as it was at the start") && clean(instance));
  call_helper(instance, AOTC_HELPER_TABLE_FILL, 0, 1, 7, 2);
  CHECK(aotc_instance_compare(instance, &error) == AOTC_ERROR_DIFFERS);
  CHECK(said(&error, "table 0 differs from what it was at the start") && clean(instance));
  CHECK(call_guest(instance, "add", (const uint32_t[5]){1, 2}, NULL) == AOTC_OK);
  CHECK(aotc_instance_compare(instance, &error) == AOTC_ERROR_DIFFERS);
  CHECK(said(&error, "an argument or result of an earlier call is left") && clean(instance));
  instance->stack_low += 4096;
  CHECK(aotc_instance_compare(instance, &error) == AOTC_ERROR_DIFFERS);
  CHECK(said(&error, "the stack has another size than at the start") && clean(instance));

  /* Tables are as in an instance that was not pooled. */
  const struct aotc_table* table = (const void*)(memory + AOTC_TABLES_OFFSET);
  const struct aotc_table* expected = (const void*)(aotc_instance_memory(fresh) + AOTC_TABLES_OFFSET);
  call_helper(instance, AOTC_HELPER_TABLE_FILL, 0, 1, 7, 2);
  CHECK(clean(instance) && table[0].size == expected[0].size);
  CHECK(memcmp(table[0].entries, expected[0].entries, table[0].size * sizeof(uint32_t)) == 0);
  aotc_instance_destroy(instance);
}

/* What memory took of the stack, it gets back, whether or not the request had a page fault. */
static void test_limit(const struct aotc_image* image) {
  struct aotc_instance_options options = {.max_memory = 16 << 20, .hosts = guest_hosts(), .image = image};
  struct aotc_instance* instance;
  struct aotc_error error;
  CHECK(aotc_instance_create(g_artifact, &options, &instance, &error) == AOTC_OK);
  for (int i = 0; i < 4; ++i) {
    CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, 64, 0, 0) == kMemoryPages);
    CHECK(instance->stack_low != instance->stack_low_initial);
    CHECK(clean(instance));
  }
  aotc_instance_destroy(instance);
}

/* The pages that requests write are learned, those they stop writing are forgotten, and no fault means no search. */
static void test_learning(const struct aotc_image* image) {
  struct aotc_instance* instance = create(image);
  for (int i = 0; i < 3; ++i) {
    store(instance, 0x10000);
    store(instance, 0x20000);
    CHECK(clean(instance));
  }
  struct aotc_reset_counts counts = aotc_instance_reset_counts(instance);
  CHECK(counts.own >= 2 && counts.copied == 2);
  uint32_t own = counts.own;
  int searches = 0;
  struct aotc_error error;
  for (int i = 0; i < 400; ++i) {
    store(instance, 0x10000);
    CHECK(aotc_instance_reset(instance, &error) == AOTC_OK);
    searches += aotc_instance_reset_counts(instance).scanned;
  }
  counts = aotc_instance_reset_counts(instance);
  CHECK(counts.copied == 1 && counts.own < own);
  CHECK(searches < 200);
  store(instance, 0x20000);
  CHECK(clean(instance) && aotc_instance_reset_counts(instance).scanned);
  aotc_instance_destroy(instance);
}

/* Whatever this processor takes by itself. */
static void test_each_way_to_restore(void) {
  enum { kSize = 4096 };
  static _Alignas(64) uint8_t own[kSize], initial[kSize];
  for (int i = 0; i < kSize; ++i) own[i] = initial[i] = (uint8_t)(i * 7);
  for (int way = 0; way < (has_avx512() ? 2 : 1); ++way) {
    bool (*restore)(uint8_t*, const uint8_t*, uint64_t) = way == 0 ? restore_page_anywhere : restore_page_avx512;
    CHECK(!restore(own, initial, kSize));
    for (int i = 0; i < kSize; ++i) {
      own[i] ^= (uint8_t)(1 << i % 8);
      CHECK(restore(own, initial, kSize) && memcmp(own, initial, kSize) == 0);
    }
  }
}

int main(void) {
  test_each_way_to_restore();
  struct aotc_error error;
  g_artifact = load_guest();
  struct aotc_instance* fresh = create(NULL);
  CHECK(aotc_instance_compare(fresh, &error) == AOTC_ERROR_ARGUMENT && said(&error, "the instance has no image"));
  CHECK(aotc_image_create(g_artifact, true, AOTC_RESET_BEST, &(struct aotc_image*){NULL}, &error) ==
        AOTC_ERROR_ARGUMENT);
  static const char* const kNames[] = {"best", "scan", "pagemap", "madvise", "remap"};
  for (int mode = AOTC_RESET_BEST; mode <= AOTC_RESET_REMAP; ++mode) {
    struct aotc_image* image;
    enum aotc_status status = aotc_image_create(g_artifact, false, (enum aotc_reset_mode)mode, &image, &error);
    if (status != AOTC_OK) {
      /* The kernel decides which ways there are, but not about these. */
      CHECK(status == AOTC_ERROR_ARGUMENT && mode != AOTC_RESET_BEST && mode != AOTC_RESET_REMAP);
      CHECK(said(&error, "this way of resetting does not work here"));
      printf("%-8s does not work here\n", kNames[mode]);
      continue;
    }
    int before = g_failures;
    struct aotc_instance* none;
    const struct aotc_instance_options thawed = {.hosts = guest_hosts(), .image = image, .thaw = true};
    CHECK(aotc_instance_create(g_artifact, &thawed, &none, &error) == AOTC_ERROR_ARGUMENT);
    CHECK(said(&error, "the image is another's"));
    test_mode(image, fresh);
    test_limit(image);
    if (aotc_image_reset_mode(image) <= AOTC_RESET_PAGEMAP) test_learning(image);
    printf("%-8s %s (mode %s)\n", kNames[mode], g_failures == before ? "ok" : "FAILED",
           kNames[aotc_image_reset_mode(image)]);
    aotc_image_destroy(image);
  }
  aotc_instance_destroy(fresh);
  aotc_unload(g_artifact);
  return g_failures != 0;
}
