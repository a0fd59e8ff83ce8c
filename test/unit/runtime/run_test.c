/* run_test.c - calls, traps, goroutine unwinding, deadlines, memory, tables, reset and threads, with guest code in
 * assembly.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "core/sha256.h"
#include "guest.h"
#include "make_artifact.h"

static struct aotc_artifact* g_artifact;
/* An emulator takes its time to reserve address space. */
static int g_rounds = 20;

enum host_mode { kHostAdd, kHostTrap, kHostExit, kHostSleep, kHostReenter, kHostReset, kHostFail };
struct host {
  struct aotc_host host;
  enum host_mode mode;
  int calls;
  struct aotc_instance* other;
};

/* What the last call that did not return said. */
static _Thread_local struct aotc_error g_error;

static enum aotc_status call(struct aotc_instance* instance, const char* name, const uint32_t args[5],
                             uint32_t results[3]) {
  struct aotc_value in[5] = {0}, out[3] = {0};
  for (int i = 0; i < 5; ++i) in[i].word[0] = args[i];
  const struct aotc_export* e = aotc_artifact_export(g_artifact, name, AOTC_EXPORT_FUNCTION);
  CHECK(e != NULL);
  enum aotc_status status = aotc_instance_call(instance, e, in, out, &g_error);
  CHECK(status == AOTC_OK || g_error.status == status);
  for (int i = 0; i < 3 && results != NULL; ++i) results[i] = (uint32_t)out[i].word[0];
  return status;
}
#define ARGS(...) \
  (const uint32_t[5]) { __VA_ARGS__ }

static enum aotc_status host(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct host* h = data;
  ++h->calls;
  /* Deep enough to prove that it does not run on the guest's stack. */
  volatile char deep[512 << 10];
  (void)deep;
  deep[0] = deep[sizeof(deep) - 1] = 1;
  switch (h->mode) {
    case kHostTrap:
      aotc_instance_set_trap(instance, AOTC_TRAP_INTEGER_OVERFLOW);
      return AOTC_TRAPPED;
    case kHostExit:
      aotc_instance_set_exit_code(instance, 42);
      return AOTC_EXITED;
    case kHostSleep: {
      struct timespec long_time = {.tv_sec = 20};
      CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, NULL) == EINTR);
      CHECK(aotc_instance_deadline_left(instance) == 0);
      break;
    }
    case kHostReenter:
      CHECK(call(instance, "add", ARGS(1, 2), NULL) == AOTC_ERROR_ARGUMENT &&
            strstr(g_error.message, "the instance is already running") != NULL);
      break;
    case kHostReset:
      CHECK(aotc_instance_reset(instance, &g_error) == AOTC_ERROR_ARGUMENT &&
            strstr(g_error.message, "reset of a running instance") != NULL);
      break;
    case kHostFail:
      return AOTC_ERROR_IO;
    default:
      break;
  }
  slots[0] += 1;
  return AOTC_OK;
}

static enum aotc_status nested(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct host* h = data;
  uint32_t results[3];
  CHECK(call(h->other, "trap", ARGS(0), NULL) == AOTC_TRAPPED);
  CHECK(call(h->other, "add", ARGS((uint32_t)slots[0], 5), results) == AOTC_OK);
  slots[0] = results[0];
  return AOTC_OK;
}

static aotc_host_function resolve(struct aotc_host* self, const char* module, const char* field, const char* type) {
  return strcmp(module, "env") != 0 || strcmp(type, "i:i") != 0 ? NULL : strcmp(field, "host") == 0 ? host : nested;
}

static const struct aotc_host_interface kInterface = {.name = "test", .resolve = resolve};

static struct aotc_instance* create(struct host* h, uint64_t max_memory, uint64_t max_stack) {
  struct aotc_instance_options options = {
      .max_memory = max_memory, .max_stack = max_stack, .hosts = aotc_one_host(&h->host)};
  struct aotc_instance* instance;
  struct aotc_error error;
  if (aotc_instance_create(g_artifact, &options, &instance, &error) != AOTC_OK) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  return instance;
}

/* The names on the backtrace, from the innermost, separated by spaces. */
static const char* backtrace(const struct aotc_instance* instance) {
  static _Thread_local char text[512];
  const struct aotc_trap_info* trap = aotc_instance_trap(instance);
  text[0] = 0;
  for (uint32_t i = 0; i < trap->frames && i < 6; ++i) {
    if (i > 0) strcat(text, " ");
    strcat(text, aotc_artifact_symbol(g_artifact, trap->code[i]) + 6);
  }
  return text;
}
static enum aotc_trap trap_of(const struct aotc_instance* instance) { return aotc_instance_trap(instance)->trap; }

static void test_calls(void) {
  struct host h = {.host = {&kInterface}, .mode = kHostAdd};
  struct aotc_instance* instance = create(&h, 0, 0);
  uint32_t r[3];
  CHECK(call(instance, "add", ARGS(40, 2), r) == AOTC_OK && r[0] == 42);
  CHECK(call(instance, "host", ARGS(7), r) == AOTC_OK && r[0] == 8 && h.calls == 1);
  h.mode = kHostReenter;
  CHECK(call(instance, "host", ARGS(7), r) == AOTC_OK && r[0] == 8);
  h.mode = kHostReset;
  CHECK(call(instance, "host", ARGS(7), r) == AOTC_OK && r[0] == 8);
  h.mode = kHostFail;
  CHECK(call(instance, "host", ARGS(7), r) == AOTC_ERROR_IO &&
        strstr(g_error.message, "a host function failed") != NULL);
  h.mode = kHostExit;
  CHECK(call(instance, "host", ARGS(7), r) == AOTC_EXITED && aotc_instance_exit_code(instance) == 42);
  h.mode = kHostTrap;
  CHECK(call(instance, "host", ARGS(7), r) == AOTC_TRAPPED && trap_of(instance) == AOTC_TRAP_INTEGER_OVERFLOW);
  CHECK(strcmp(backtrace(instance), "host") == 0);
  h.mode = kHostAdd;
  struct aotc_value value = {{9, 0}}, result;
  struct aotc_error error;
  const struct aotc_export* e = aotc_artifact_export(g_artifact, "reexported", AOTC_EXPORT_FUNCTION);
  CHECK(aotc_instance_call(instance, e, &value, &result, &error) == AOTC_OK && result.word[0] == 10);
  struct aotc_export copy = *e;
  CHECK(aotc_instance_call(instance, &copy, &value, &result, &error) == AOTC_ERROR_ARGUMENT &&
        strstr(error.message, "not an exported function of this artifact") != NULL);
  CHECK(aotc_instance_thaw(instance, &error) == AOTC_ERROR_ARGUMENT &&
        strstr(error.message, "the instance is not made of a snapshot") != NULL);
  struct aotc_instance_options thaw = {.hosts = aotc_one_host(&h.host), .thaw = true};
  CHECK(aotc_instance_create(g_artifact, &thaw, &h.other, &error) == AOTC_ERROR_ARGUMENT &&
        strstr(error.message, "has no snapshot") != NULL);
  h.other = create(&h, 0, 0);
  CHECK(call(instance, "host_nested", ARGS(30), r) == AOTC_OK && r[0] == 35);
  CHECK(aotc_instance_memory(instance)[64] == 35 && aotc_instance_memory(h.other)[64] == 0);
  aotc_instance_destroy(h.other);
  aotc_instance_destroy(instance);
}

static void test_traps(void) {
  struct host h = {.host = {&kInterface}, .mode = kHostAdd};
  struct aotc_instance* instance = create(&h, 0, 0);
  uint32_t r[3];
  CHECK(call(instance, "trap", ARGS(0), r) == AOTC_TRAPPED);
  CHECK(trap_of(instance) == AOTC_TRAP_INTEGER_DIVIDE_BY_ZERO);
  CHECK(strcmp(backtrace(instance), "trap_leaf trap_middle trap") == 0);
  CHECK(aotc_instance_trap(instance)->wasm_offset == kTrapWasmOffset);
  CHECK(call(instance, "load", ARGS(0x80000001, 0), r) == AOTC_TRAPPED);
  CHECK(trap_of(instance) == AOTC_TRAP_OUT_OF_BOUNDS_MEMORY && strcmp(backtrace(instance), "load") == 0);
  CHECK(aotc_instance_trap(instance)->address == 0x100000000 && aotc_instance_trap(instance)->wasm_offset == AOTC_NONE);
  CHECK(call(instance, "load", ARGS(0xffffffff, 0xffffffff), r) == AOTC_TRAPPED);
  CHECK(aotc_instance_trap(instance)->address == 0x27ffffffd);
  CHECK(call(instance, "store", ARGS(kMemoryPages * 65536, 1), r) == AOTC_TRAPPED);
  CHECK(call(instance, "store", ARGS(kMemoryPages * 65536 - 3, 1), r) == AOTC_TRAPPED);
  CHECK(call(instance, "store", ARGS(kMemoryPages * 65536 - 4, 1), r) == AOTC_OK);
  CHECK(call(instance, "unwind_outside", ARGS(0), r) == AOTC_TRAPPED && trap_of(instance) == AOTC_TRAP_UNREACHABLE);
  CHECK(call(instance, "unreachable", ARGS(0), r) == AOTC_TRAPPED && trap_of(instance) == AOTC_TRAP_UNREACHABLE);
  CHECK(strcmp(backtrace(instance), "unreachable") == 0);
  CHECK(call(instance, "add", ARGS(40, 2), r) == AOTC_OK && r[0] == 42);
  aotc_instance_destroy(instance);
}

static void test_stack(void) {
  struct host h = {.host = {&kInterface}, .mode = kHostAdd};
  struct aotc_instance* instance = create(&h, 0, 4 << 20);
  for (int i = 0; i < 3; ++i) {
    CHECK(call(instance, "recurse", ARGS(0xffffffff), NULL) == AOTC_TRAPPED);
    CHECK(trap_of(instance) == AOTC_TRAP_STACK_OVERFLOW);
    CHECK(strncmp(backtrace(instance), "recurse_inner recurse_inner ", 28) == 0);
    CHECK(aotc_instance_trap(instance)->frames == AOTC_MAX_BACKTRACE && aotc_instance_trap(instance)->truncated);
  }
  CHECK(call(instance, "recurse", ARGS(50000), NULL) == AOTC_OK);
  aotc_instance_destroy(instance);
  instance = create(&h, 0, 0);
  CHECK(call(instance, "recurse", ARGS(10000000), NULL) == AOTC_OK);
  aotc_instance_destroy(instance);
}

static void test_unwinding(void) {
  struct host h = {.host = {&kInterface}, .mode = kHostAdd};
  struct aotc_instance* instance = create(&h, 0, 0);
  uint32_t r[3];
  CHECK(call(instance, "catch", ARGS(1000, 0), r) == AOTC_OK && r[0] == 1011 && r[1] == 0 && r[2] == 1);
  CHECK(call(instance, "catch", ARGS(1000, 1), r) == AOTC_OK && r[0] == 1101 && r[1] == 1 && r[2] == 1);
  /* 1000 + 1, + 1 + 100 and unwound inside, + 1 + 1000 and unwound outside */
  CHECK(call(instance, "catch", ARGS(1000, 3), r) == AOTC_OK && r[0] == 2103 && r[1] == 1 && r[2] == 1);
  CHECK(call(instance, "catch", ARGS(1000, 2), r) == AOTC_TRAPPED &&
        trap_of(instance) == AOTC_TRAP_UNINITIALIZED_ELEMENT);
  CHECK(strcmp(backtrace(instance), "catch_deep catch_inner catch") == 0);
  CHECK(call(instance, "unwind_outside", ARGS(0), r) == AOTC_TRAPPED);
  aotc_instance_destroy(instance);
}

static uint32_t helper(struct aotc_instance* instance, enum aotc_helper which, uint32_t a, uint32_t b, uint32_t c,
                       uint32_t d) {
  uint32_t r[3] = {0xdead};
  enum aotc_status status = call(instance, "helper", ARGS(which, a, b, c, d), r);
  return status == AOTC_OK ? r[0] : 0xbad00000 + trap_of(instance);
}
#define TRAP(code) (0xbad00000 + AOTC_TRAP_##code)

/* Every size and overlap of interest against libc. */
static void test_copy(void) {
  struct host h = {.host = {&kInterface}, .mode = kHostAdd};
  struct aotc_instance* instance = create(&h, 0, 0);
  uint8_t* memory = aotc_instance_memory(instance);
  enum { kArea = 128 << 10 };
  static uint8_t expected[kArea];
  static const uint32_t kSizes[] = {0,  1,  2,   3,   4,   7,   8,   9,   15,  16,  17,  31,   32,   33,   63,   64,
                                    65, 96, 127, 128, 129, 130, 191, 192, 193, 255, 256, 1000, 2047, 2048, 5000, 30000};
  static const int32_t kDistances[] = {0,  1,   -1,  7,    -7,   16,    -16,   33,    -33,
                                       64, -64, 100, -100, 4096, -4096, 31000, -31000};
  for (size_t s = 0; s < sizeof(kSizes) / sizeof(*kSizes); ++s)
    for (size_t d = 0; d < sizeof(kDistances) / sizeof(*kDistances); ++d) {
      for (uint32_t i = 0; i < kArea; ++i) memory[i] = expected[i] = (uint8_t)(i * 31 + i / 256);
      uint32_t src = 35001, dst = (uint32_t)(35001 + kDistances[d]);
      memmove(expected + dst, expected + src, kSizes[s]);
      helper(instance, AOTC_HELPER_MEMORY_COPY, dst, src, kSizes[s], 0);
      CHECK(memcmp(memory, expected, kArea) == 0);
      memset(expected + dst, 0xab, kSizes[s]);
      helper(instance, AOTC_HELPER_MEMORY_FILL, dst, 0x12ab, kSizes[s], 0);
      CHECK(memcmp(memory, expected, kArea) == 0);
      /* Equal strings, then one byte that differs, at the start, in the middle and at the end. */
      uint32_t n = kSizes[s], p = 1000, q = 70003;
      for (uint32_t i = 0; i < n; ++i) memory[p + i] = memory[q + i] = (uint8_t)(i % 200);
      CHECK(helper(instance, AOTC_HELPER_MEMEQUAL, p, q, n, 0) == 1 &&
            helper(instance, AOTC_HELPER_MEMCMP, p, q, n, 0) == 0);
      for (uint32_t k = 0; k < 3 && n > 0 && d == 0; ++k) {
        uint32_t at = k == 0 ? 0 : k == 1 ? n / 2 : n - 1;
        uint8_t old = memory[q + at];
        memory[q + at] = 201;
        CHECK(helper(instance, AOTC_HELPER_MEMEQUAL, p, q, n, 0) == 0);
        CHECK(helper(instance, AOTC_HELPER_MEMCMP, p, q, n, 0) == old - 201u &&
              helper(instance, AOTC_HELPER_MEMCMP, q, p, n, 0) == 201u - old);
        CHECK(helper(instance, AOTC_HELPER_MEMCHR, q, 201, n, 0) == at);
        memory[q + at] = old;
        CHECK(helper(instance, AOTC_HELPER_MEMCHR, q, 201, n, 0) == UINT32_MAX);
      }
    }
  aotc_instance_destroy(instance);
}

static void test_memory(void) {
  struct host h = {.host = {&kInterface}, .mode = kHostAdd};
  struct aotc_instance* instance = create(&h, 0, 0);
  const uint32_t end = kMemoryPages * 65536;
  uint8_t* memory = aotc_instance_memory(instance);
  CHECK(memory[kImageAddress] == 1 && memory[kImageAddress + 4096] == 2 && memory[kImageAddress + 8 * 4096] == 0);
  CHECK(memory[kSmallRunAddress] == 9 && memory[kSmallRunAddress + 4096] == 0);
  CHECK(memcmp(memory + 99, "\0active!\0", 9) == 0);
  CHECK(helper(instance, AOTC_HELPER_MEMORY_COPY, end, 0, 0, 0) != TRAP(OUT_OF_BOUNDS_MEMORY));
  CHECK(helper(instance, AOTC_HELPER_MEMORY_COPY, end + 1, 0, 0, 0) == TRAP(OUT_OF_BOUNDS_MEMORY));
  CHECK(strcmp(backtrace(instance), "helper") == 0);
  CHECK(helper(instance, AOTC_HELPER_MEMORY_COPY, 0, end - 3, 4, 0) == TRAP(OUT_OF_BOUNDS_MEMORY));
  CHECK(helper(instance, AOTC_HELPER_MEMORY_COPY, 0xffffffff, 0, 0xffffffff, 0) == TRAP(OUT_OF_BOUNDS_MEMORY));
  CHECK(helper(instance, AOTC_HELPER_MEMORY_FILL, 1, 0, 0xffffffff, 0) == TRAP(OUT_OF_BOUNDS_MEMORY) && memory[1] == 0);
  CHECK(helper(instance, AOTC_HELPER_MEMEQUAL, end - 1, 0, 2, 0) == TRAP(OUT_OF_BOUNDS_MEMORY));
  CHECK(helper(instance, AOTC_HELPER_MEMCHR, end - 1, 0, 2, 0) == TRAP(OUT_OF_BOUNDS_MEMORY));
  CHECK(helper(instance, AOTC_HELPER_MEMCMP, 0, end - 1, 2, 0) == TRAP(OUT_OF_BOUNDS_MEMORY));
  helper(instance, AOTC_HELPER_MEMORY_INIT, 0, 10, 8, 4);
  CHECK(memcmp(memory + 9, "\0data\0", 6) == 0);
  CHECK(helper(instance, AOTC_HELPER_MEMORY_INIT, 0, 10, 17, 4) == TRAP(OUT_OF_BOUNDS_MEMORY));
  CHECK(helper(instance, AOTC_HELPER_MEMORY_INIT, 1, 10, 0, 1) == TRAP(OUT_OF_BOUNDS_MEMORY));
  CHECK(helper(instance, AOTC_HELPER_MEMORY_INIT, 9, 10, 0, 0) == TRAP(OUT_OF_BOUNDS_MEMORY));
  helper(instance, AOTC_HELPER_DATA_DROP, 0, 0, 0, 0);
  CHECK(helper(instance, AOTC_HELPER_MEMORY_INIT, 0, 10, 0, 1) == TRAP(OUT_OF_BOUNDS_MEMORY));
  CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, 0, 0, 0, 0) == kMemoryPages);
  CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, 2, 0, 0, 0) == kMemoryPages);
  CHECK(aotc_instance_memory_size(instance) == end + 2 * 65536 && memory[end + 65536] == 0);
  CHECK(call(instance, "store", ARGS(end + 100, 5), NULL) == AOTC_OK);
  CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, kMemoryMaxPages - kMemoryPages - 1, 0, 0, 0) == UINT32_MAX);
  CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, UINT32_MAX, 0, 0, 0) == UINT32_MAX);
  CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, kMemoryMaxPages - kMemoryPages - 2, 0, 0, 0) == kMemoryPages + 2);
  CHECK(aotc_instance_memory_at(instance, 0, kMemoryMaxPages * 65536ull) == memory);
  CHECK(aotc_instance_memory_at(instance, 1, kMemoryMaxPages * 65536ull) == NULL);
  CHECK(aotc_instance_memory_at(instance, UINT32_MAX, UINT64_MAX) == NULL);
  /* Larger than one piece, overlapping both ways. */
  enum { kBig = 40 << 20 };
  uint8_t* expected = malloc(kBig + 4096);
  for (uint32_t i = 0; i < kBig + 4096; ++i) memory[i] = expected[i] = (uint8_t)(i * 7 + i / 65536);
  helper(instance, AOTC_HELPER_MEMORY_COPY, 1003, 0, kBig, 0);
  memmove(expected + 1003, expected, kBig);
  CHECK(memcmp(memory, expected, kBig + 4096) == 0);
  helper(instance, AOTC_HELPER_MEMORY_COPY, 0, 77, kBig, 0);
  memmove(expected, expected + 77, kBig);
  CHECK(memcmp(memory, expected, kBig + 4096) == 0);
  helper(instance, AOTC_HELPER_MEMORY_COPY, 60 << 20, 1, kBig, 0);
  CHECK(memcmp(memory + (60 << 20), expected + 1, kBig) == 0);
  CHECK(helper(instance, AOTC_HELPER_MEMEQUAL, 60 << 20, 1, kBig, 0) == 1);
  free(expected);
  aotc_instance_destroy(instance);
}

/* FIPS 180-4's example: one block that holds "abc". Without the instructions nothing is done. */
static void test_sha256(void) {
  struct host h = {.host = {&kInterface}, .mode = kHostAdd};
  struct aotc_instance* instance = create(&h, 0, 0);
  uint8_t* memory = aotc_instance_memory(instance);
  static const uint32_t kInitial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  static const uint32_t kExpected[8] = {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                                        0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad};
  const uint32_t end = kMemoryPages * 65536, state = 1001, data = end - 127;
  memset(memory + data, 0, 127);
  memcpy(memory + data, "abc\x80", 4);
  memory[data + 63] = 24;
  memcpy(memory + state, kInitial, 32);
  CHECK(helper(instance, AOTC_HELPER_SHA256, 0, data, 64, 0) == 0);
  CHECK(helper(instance, AOTC_HELPER_SHA256, end - 31, data, 64, 0) == 0);
  CHECK(helper(instance, AOTC_HELPER_SHA256, state, data, 128, 0) == 0);
  CHECK(helper(instance, AOTC_HELPER_SHA256, state, UINT32_MAX, UINT32_MAX, 0) == 0);
  CHECK(memcmp(memory + state, kInitial, 32) == 0);
  uint32_t done = helper(instance, AOTC_HELPER_SHA256, state, data, 127, 0);
  CHECK(done == aotc_has_sha256());
  CHECK(memcmp(memory + state, done ? kExpected : kInitial, 32) == 0);
  aotc_instance_destroy(instance);
}

static void test_limit(void) {
  struct host h = {.host = {&kInterface}, .mode = kHostAdd};
  /* 64 MiB in all: memory may grow while the stack is not in use, at its expense. */
  struct aotc_instance* instance = create(&h, 64 << 20, 0);
  CHECK(call(instance, "recurse", ARGS(700000), NULL) == AOTC_OK);
  CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, 1020, 0, 0, 0) == UINT32_MAX);
  CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, 960, 0, 0, 0) == kMemoryPages);
  CHECK(call(instance, "recurse", ARGS(700000), NULL) == AOTC_TRAPPED && trap_of(instance) == AOTC_TRAP_STACK_OVERFLOW);
  CHECK(call(instance, "recurse", ARGS(30000), NULL) == AOTC_OK);
  struct aotc_error error;
  CHECK(aotc_instance_reset(instance, &error) == AOTC_OK);
  CHECK(call(instance, "recurse", ARGS(700000), NULL) == AOTC_OK);
  /* Tables count too. */
  CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, 960, 0, 0, 0) == kMemoryPages);
  CHECK(helper(instance, AOTC_HELPER_TABLE_GROW, 0, 0, 2000000, 0) == UINT32_MAX);
  CHECK(helper(instance, AOTC_HELPER_TABLE_GROW, 0, 0, 200000, 0) == 4);
  aotc_instance_destroy(instance);
}

static void test_tables(void) {
  struct host h = {.host = {&kInterface}, .mode = kHostAdd};
  struct aotc_instance* instance = create(&h, 0, 0);
  const struct aotc_table* t = (const void*)(aotc_instance_memory(instance) + AOTC_TABLES_OFFSET);
  CHECK(t[0].size == 4 && t[1].size == 2 && t[1].capacity == 6);
  CHECK(t[0].entries[0] == 0 && t[0].entries[1] == 3 && t[0].entries[2] == 4 && t[0].entries[3] == 0);
  CHECK(helper(instance, AOTC_HELPER_TABLE_GROW, 1, 9, 5, 0) == UINT32_MAX);
  CHECK(helper(instance, AOTC_HELPER_TABLE_GROW, 1, 9, 4, 0) == 2 && t[1].size == 6 && t[1].entries[5] == 9);
  CHECK(helper(instance, AOTC_HELPER_TABLE_GROW, 0, 0, UINT32_MAX, 0) == UINT32_MAX);
  helper(instance, AOTC_HELPER_TABLE_COPY, 1 << 8 | 0, 1, 0, 4);
  CHECK(t[1].entries[1] == 0 && t[1].entries[2] == 3 && t[1].entries[3] == 4 && t[1].entries[5] == 9);
  helper(instance, AOTC_HELPER_TABLE_COPY, 1 << 8 | 1, 3, 2, 3);
  CHECK(t[1].entries[3] == 3 && t[1].entries[4] == 4 && t[1].entries[5] == 0);
  CHECK(helper(instance, AOTC_HELPER_TABLE_COPY, 1 << 8 | 0, 3, 0, 4) == TRAP(OUT_OF_BOUNDS_TABLE));
  helper(instance, AOTC_HELPER_TABLE_FILL, 0, 1, 7, 2);
  CHECK(t[0].entries[0] == 0 && t[0].entries[1] == 7 && t[0].entries[2] == 7 && t[0].entries[3] == 0);
  CHECK(helper(instance, AOTC_HELPER_TABLE_FILL, 0, 3, 7, 2) == TRAP(OUT_OF_BOUNDS_TABLE));
  helper(instance, AOTC_HELPER_TABLE_INIT, 1 << 8 | 0, 1, 1, 2);
  CHECK(t[0].entries[1] == 0 && t[0].entries[2] == 5);
  CHECK(helper(instance, AOTC_HELPER_TABLE_INIT, 0 << 8 | 0, 0, 0, 1) == TRAP(OUT_OF_BOUNDS_TABLE));
  helper(instance, AOTC_HELPER_ELEM_DROP, 1, 0, 0, 0);
  CHECK(helper(instance, AOTC_HELPER_TABLE_INIT, 1 << 8 | 0, 1, 1, 2) == TRAP(OUT_OF_BOUNDS_TABLE));
  CHECK(helper(instance, AOTC_HELPER_TABLE_INIT, 1 << 8 | 0, 4, 0, 0) != TRAP(OUT_OF_BOUNDS_TABLE));
  aotc_instance_destroy(instance);
}

static void test_reset(void) {
  struct host h = {.host = {&kInterface}, .mode = kHostAdd};
  struct aotc_instance* fresh = create(&h, 0, 0);
  struct aotc_instance* instance = create(&h, 0, 0);
  uint8_t* memory = aotc_instance_memory(instance);
  struct aotc_error error;
  for (int i = 0; i < 3; ++i) {
    CHECK(helper(instance, AOTC_HELPER_MEMORY_GROW, 10, 0, 0, 0) == kMemoryPages);
    helper(instance, AOTC_HELPER_MEMORY_FILL, 0, 0xee, (kMemoryPages + 10) * 65536, 0);
    helper(instance, AOTC_HELPER_TABLE_GROW, 0, 5, 100, 0);
    helper(instance, AOTC_HELPER_DATA_DROP, 0, 0, 0, 0);
    *(uint32_t*)(void*)(memory + AOTC_GLOBAL_OFFSET(0)) = 99;
    CHECK(aotc_instance_reset(instance, &error) == AOTC_OK);
    CHECK(aotc_instance_memory_size(instance) == kMemoryPages * 65536);
    CHECK(memcmp(memory, aotc_instance_memory(fresh), kMemoryPages * 65536) == 0);
    /* Tables up to the tail: globals; the descriptors below them hold pointers. */
    CHECK(memcmp(memory - 31744, aotc_instance_memory(fresh) - 31744, 31744 - 128) == 0);
    CHECK(call(instance, "store", ARGS(kMemoryPages * 65536, 1), NULL) == AOTC_TRAPPED);
    const struct aotc_table* t = (const void*)(memory + AOTC_TABLES_OFFSET);
    CHECK(t[0].size == 4 && t[0].entries[1] == 3 && t[0].entries[4] == 0 && t[0].entries[50] == 0);
    helper(instance, AOTC_HELPER_MEMORY_INIT, 0, 10, 8, 4);
    CHECK(memcmp(memory + 9, "\0data\0", 6) == 0);
  }
  aotc_instance_destroy(instance);
  aotc_instance_destroy(fresh);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void expect_deadline(struct aotc_instance* instance, const char* name, const uint32_t args[5],
                            const char* frames) {
  struct aotc_error error;
  double start = now();
  CHECK(aotc_instance_set_deadline(instance, 30000000, &error) == AOTC_OK);
  CHECK(call(instance, name, args, NULL) == AOTC_TRAPPED && trap_of(instance) == AOTC_TRAP_DEADLINE);
  double took = now() - start;
  CHECK(took > 0.029 && took < 5);
  CHECK(strcmp(backtrace(instance), frames) == 0);
  CHECK(aotc_instance_deadline_left(instance) == UINT64_MAX);
}

/* What the call goes on with is as it was, wherever it was interrupted: it still comes to its deadline. */
static void count(void* data) { ++*(int*)data; }

static void test_meanwhile(void) {
  struct host h = {.host = {&kInterface}, .mode = kHostAdd};
  int counts[2] = {0};
  struct aotc_instance* instances[2];
  struct aotc_error error;
  for (int i = 0; i < 2; ++i) {
    struct aotc_instance_options options = {
        .hosts = aotc_one_host(&h.host),
        .meanwhile = {.call = count, .data = &counts[i], .every = i == 0 ? 1000000 : 3600000000000}};
    CHECK(aotc_instance_create(g_artifact, &options, &instances[i], &error) == AOTC_OK);
    CHECK(call(instances[i], "recurse", ARGS(3000000), NULL) == AOTC_OK && counts[i] == 0);
    expect_deadline(instances[i], "loop", ARGS(0), "loop");
  }
  CHECK(counts[0] > 0 && counts[1] == 0);
  for (int i = 0; i < 2; ++i) aotc_instance_destroy(instances[i]);
}

static void test_deadline(void) {
  struct host h = {.host = {&kInterface}, .mode = kHostAdd};
  struct aotc_instance* instance = create(&h, 0, 0);
  struct aotc_error error;
  for (int i = 0; i < 3; ++i) {
    expect_deadline(instance, "loop", ARGS(0), "loop");
    expect_deadline(instance, "host_loop", ARGS(0), "host_loop");
    h.mode = kHostSleep;
    expect_deadline(instance, "host_loop", ARGS(0), "host_loop");
    h.mode = kHostAdd;
    expect_deadline(instance, "helper_loop", ARGS(AOTC_HELPER_MEMORY_COPY, 0, 1, 8), "helper_loop");
    expect_deadline(instance, "helper_loop", ARGS(AOTC_HELPER_TABLE_FILL, 0, 0, 0, 1), "helper_loop");
  }
  helper(instance, AOTC_HELPER_MEMORY_GROW, 2040, 0, 0, 0);
  expect_deadline(instance, "helper_loop", ARGS(AOTC_HELPER_MEMORY_COPY, 0, 1, 120 << 20), "helper_loop");
  expect_deadline(instance, "helper_loop", ARGS(AOTC_HELPER_MEMORY_FILL, 0, 1, 120 << 20), "helper_loop");
  helper(instance, AOTC_HELPER_MEMORY_FILL, 0, 0, 120 << 20, 0);
  expect_deadline(instance, "helper_loop", ARGS(AOTC_HELPER_MEMEQUAL, 0, 0, 120 << 20), "helper_loop");
  expect_deadline(instance, "helper_loop", ARGS(AOTC_HELPER_MEMCHR, 0, 1, 120 << 20), "helper_loop");

  /* Passed before the call, disarmed, far away, and of an instance that does not run. */
  CHECK(aotc_instance_set_deadline(instance, 1, &error) == AOTC_OK);
  usleep(5000);
  CHECK(aotc_instance_deadline_left(instance) == 0);
  CHECK(call(instance, "loop", ARGS(0), NULL) == AOTC_TRAPPED && trap_of(instance) == AOTC_TRAP_DEADLINE);
  CHECK(aotc_instance_set_deadline(instance, 1000000, &error) == AOTC_OK);
  CHECK(aotc_instance_set_deadline(instance, 0, &error) == AOTC_OK);
  CHECK(call(instance, "recurse", ARGS(3000000), NULL) == AOTC_OK);
  CHECK(aotc_instance_set_deadline(instance, UINT64_MAX, &error) == AOTC_OK);
  CHECK(call(instance, "recurse", ARGS(3000000), NULL) == AOTC_OK);
  CHECK(aotc_instance_set_deadline(instance, 0, &error) == AOTC_OK);
  struct aotc_instance* other = create(&h, 0, 0);
  CHECK(aotc_instance_set_deadline(other, 3000000, &error) == AOTC_OK);
  CHECK(call(instance, "recurse", ARGS(3000000), NULL) == AOTC_OK);
  usleep(5000);
  CHECK(call(other, "loop", ARGS(0), NULL) == AOTC_TRAPPED && trap_of(other) == AOTC_TRAP_DEADLINE);
  aotc_instance_destroy(other);
  aotc_instance_destroy(instance);
}

static void* run_thread(void* data) {
  uint32_t id = (uint32_t)(uintptr_t)data, r[3];
  struct host h = {.host = {&kInterface}, .mode = kHostAdd};
  struct aotc_error error;
  for (int round = 0; round < g_rounds; ++round) {
    struct aotc_instance* instance = create(&h, 0, 1 << 20);
    for (uint32_t i = 0; i < 200; ++i) {
      CHECK(call(instance, "add", ARGS(id, i), r) == AOTC_OK && r[0] == id + i);
      CHECK(call(instance, "host", ARGS(i), r) == AOTC_OK && r[0] == i + 1);
      CHECK(call(instance, "store", ARGS(64, id), NULL) == AOTC_OK && aotc_instance_memory(instance)[64] == id);
    }
    CHECK(call(instance, "trap", ARGS(0), NULL) == AOTC_TRAPPED);
    CHECK(call(instance, "recurse", ARGS(0xffffffff), NULL) == AOTC_TRAPPED);
    CHECK(aotc_instance_set_deadline(instance, 2000000, &error) == AOTC_OK);
    CHECK(call(instance, round % 2 ? "loop" : "host_loop", ARGS(0), NULL) == AOTC_TRAPPED &&
          trap_of(instance) == AOTC_TRAP_DEADLINE);
    aotc_instance_destroy(instance);
  }
  return NULL;
}

static void test_threads(void) {
  pthread_t threads[4];
  for (uintptr_t i = 0; i < 4; ++i) CHECK(pthread_create(&threads[i], NULL, run_thread, (void*)(i + 1)) == 0);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
}

/* A fault of the host's is not the guest's: the process dies of it, inside and outside of calls. */
static enum aotc_status bad_host(struct aotc_instance* instance, void* data, uint64_t* slots) {
  *(volatile char*)(aotc_instance_memory(instance) + (1ull << 32)) = 1;
  return AOTC_OK;
}
static aotc_host_function resolve_bad(struct aotc_host* self, const char* module, const char* field, const char* type) {
  return bad_host;
}

static void test_host_fault(void) {
  static const struct aotc_host_interface bad = {.name = "bad", .resolve = resolve_bad};
  static struct aotc_host host = {&bad};
  pid_t child = fork();
  if (child == 0) {
    struct aotc_instance_options options = {.hosts = aotc_one_host(&host)};
    struct aotc_instance* instance;
    struct aotc_error error;
    aotc_instance_create(g_artifact, &options, &instance, &error);
    call(instance, "host", ARGS(0), NULL);
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
#else
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 0); /* its handler was there first and gets the signal */
#endif
  child = fork();
  if (child == 0) {
    raise(SIGTRAP);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP);
}

int main(int argc, char** argv) {
  struct aotc_error error;
  struct image image = make_artifact();
  int fd = image_file(&image);
  if (image_header(&image)->architecture == AOTC_ARCH_AARCH64) g_rounds = 2;
  if (aotc_runtime_init(&error) != AOTC_OK || aotc_load_fd(fd, "guest.aotc", &g_artifact, &error) != AOTC_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  close(fd);
  static const struct {
    const char* name;
    void (*run)(void);
  } kTests[] = {{"calls", test_calls},       {"traps", test_traps},
                {"stack", test_stack},       {"unwinding", test_unwinding},
                {"copy", test_copy},         {"memory", test_memory},
                {"sha256", test_sha256},     {"limit", test_limit},
                {"tables", test_tables},     {"reset", test_reset},
                {"deadline", test_deadline}, {"meanwhile", test_meanwhile},
                {"threads", test_threads},   {"host_fault", test_host_fault}};
  for (size_t i = 0; i < sizeof(kTests) / sizeof(kTests[0]); ++i) {
    if (argc > 1 && strcmp(argv[1], kTests[i].name) != 0) continue;
    int before = g_failures;
    double start = now();
    kTests[i].run();
    printf("%-12s %s (%.0f ms)\n", kTests[i].name, g_failures == before ? "ok" : "FAILED", (now() - start) * 1e3);
    fflush(stdout);
  }
  aotc_unload(g_artifact);
  free(image.bytes);
  return g_failures != 0;
}
