/* stack_end_test.c - every helper, called with every amount of stack left: it does what it should, or the guest's stack
 * has overflowed; never anything else, and the instance is as good as before.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "core/sha256.h"
#include "core/state.h"
#include "make_artifact.h"

static struct aotc_artifact* g_artifact;

/* Enough for the largest helper's frames, and for what a helper must not need. */
enum { kMostLeft = 4096, kStackSlot = 5 };

#if defined(__x86_64__)
enum { kStackUnit = 8 };
#else
enum { kStackUnit = 16 };
#endif

static enum aotc_status host(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance, (void)data;
  slots[0] += 1;
  return AOTC_OK;
}
static aotc_host_function resolve(struct aotc_host* self, const char* module, const char* field, const char* type) {
  (void)self, (void)module, (void)field, (void)type;
  return host;
}
static const struct aotc_host_interface kInterface = {.name = "test", .resolve = resolve};
static struct aotc_host g_host = {&kInterface};

static enum aotc_status call(struct aotc_instance* instance, const char* name, const uint32_t args[5]) {
  struct aotc_value in[5] = {0}, out[3];
  struct aotc_error error;
  for (int i = 0; i < 5; ++i) in[i].word[0] = args[i];
  return aotc_instance_call(instance, aotc_artifact_export(g_artifact, name, AOTC_EXPORT_FUNCTION), in, out, &error);
}

/* What a call of a helper comes to where there is room. */
enum { kReturns = -1 };
static const struct {
  const char* name;
  const char* function;
  uint32_t args[5];
  int expected;
  bool deadline; /* has passed when the helper looks */
} kCalls[] = {
    {"host call", "deep", {AOTC_HELPER_HOST_CALL, 0}, kReturns, false},
    {"host call of nothing", "deep", {AOTC_HELPER_HOST_CALL, 99}, AOTC_TRAP_UNREACHABLE, false},
    {"memory.grow", "deep", {AOTC_HELPER_MEMORY_GROW, 0}, kReturns, false},
    {"memory.copy", "deep", {AOTC_HELPER_MEMORY_COPY, 5, 0, 100}, kReturns, false},
    {"memory.copy, large", "deep", {AOTC_HELPER_MEMORY_COPY, 5, 0, 3 << 20}, kReturns, false},
    {"memory.copy, late", "deep", {AOTC_HELPER_MEMORY_COPY, 5, 0, 3 << 20}, AOTC_TRAP_DEADLINE, true},
    {"memory.copy, outside", "deep", {AOTC_HELPER_MEMORY_COPY, ~0u, 0, 100}, AOTC_TRAP_OUT_OF_BOUNDS_MEMORY, false},
    {"memory.fill", "deep", {AOTC_HELPER_MEMORY_FILL, 5, 0, 100}, kReturns, false},
    {"memory.fill, late", "deep", {AOTC_HELPER_MEMORY_FILL, 5, 0, 3 << 20}, AOTC_TRAP_DEADLINE, true},
    {"memory.fill, outside", "deep", {AOTC_HELPER_MEMORY_FILL, ~0u, 0, 100}, AOTC_TRAP_OUT_OF_BOUNDS_MEMORY, false},
    {"memory.init", "deep", {AOTC_HELPER_MEMORY_INIT, 0, 10, 0, 20}, kReturns, false},
    {"memory.init, late", "deep", {AOTC_HELPER_MEMORY_INIT, 0, 10, 0, 20}, AOTC_TRAP_DEADLINE, true},
    {"memory.init, outside", "deep", {AOTC_HELPER_MEMORY_INIT, 0, 10, 0, 99}, AOTC_TRAP_OUT_OF_BOUNDS_MEMORY, false},
    {"data.drop", "deep", {AOTC_HELPER_DATA_DROP, 1}, kReturns, false},
    {"table.init", "deep", {AOTC_HELPER_TABLE_INIT, 1 << 8, 0, 0, 2}, kReturns, false},
    {"table.init, late", "deep", {AOTC_HELPER_TABLE_INIT, 1 << 8, 0, 0, 2}, AOTC_TRAP_DEADLINE, true},
    {"table.init, outside", "deep", {AOTC_HELPER_TABLE_INIT, 1 << 8, 0, 0, 99}, AOTC_TRAP_OUT_OF_BOUNDS_TABLE, false},
    {"elem.drop", "deep", {AOTC_HELPER_ELEM_DROP, 0}, kReturns, false},
    {"table.copy", "deep", {AOTC_HELPER_TABLE_COPY, 0, 0, 1, 2}, kReturns, false},
    {"table.copy, late", "deep", {AOTC_HELPER_TABLE_COPY, 0, 0, 1, 2}, AOTC_TRAP_DEADLINE, true},
    {"table.copy, outside", "deep", {AOTC_HELPER_TABLE_COPY, 0, 0, 1, 99}, AOTC_TRAP_OUT_OF_BOUNDS_TABLE, false},
    {"table.fill", "deep", {AOTC_HELPER_TABLE_FILL, 0, 0, 1, 2}, kReturns, false},
    {"table.fill, late", "deep", {AOTC_HELPER_TABLE_FILL, 0, 0, 1, 2}, AOTC_TRAP_DEADLINE, true},
    {"table.fill, outside", "deep", {AOTC_HELPER_TABLE_FILL, 0, 0, 1, 99}, AOTC_TRAP_OUT_OF_BOUNDS_TABLE, false},
    {"table.grow", "deep", {AOTC_HELPER_TABLE_GROW, 0, 0, 0}, kReturns, false},
    {"catch_call", "deep_catch", {1000, 0}, kReturns, false},
    {"unwind", "deep_catch", {1000, 1}, kReturns, false},
    {"catch_call, trap inside", "deep_catch", {1000, 2}, AOTC_TRAP_UNINITIALIZED_ELEMENT, false},
    {"two catch_calls", "deep_catch", {1000, 3}, kReturns, false},
    {"unwind to nowhere", "deep", {AOTC_HELPER_UNWIND}, AOTC_TRAP_UNREACHABLE, false},
    {"memequal", "deep", {AOTC_HELPER_MEMEQUAL, 0, 200, 100}, kReturns, false},
    {"memequal, late", "deep", {AOTC_HELPER_MEMEQUAL, 0, 200, 100}, AOTC_TRAP_DEADLINE, true},
    {"memequal, outside", "deep", {AOTC_HELPER_MEMEQUAL, 0, ~0u, 100}, AOTC_TRAP_OUT_OF_BOUNDS_MEMORY, false},
    {"memchr", "deep", {AOTC_HELPER_MEMCHR, 0, 77, 100}, kReturns, false},
    {"memchr, late", "deep", {AOTC_HELPER_MEMCHR, 0, 77, 100}, AOTC_TRAP_DEADLINE, true},
    {"memchr, outside", "deep", {AOTC_HELPER_MEMCHR, ~0u, 77, 100}, AOTC_TRAP_OUT_OF_BOUNDS_MEMORY, false},
    {"memcmp", "deep", {AOTC_HELPER_MEMCMP, 0, 200, 100}, kReturns, false},
    {"memcmp, late", "deep", {AOTC_HELPER_MEMCMP, 0, 200, 100}, AOTC_TRAP_DEADLINE, true},
    {"memcmp, outside", "deep", {AOTC_HELPER_MEMCMP, 0, ~0u, 100}, AOTC_TRAP_OUT_OF_BOUNDS_MEMORY, false},
    {"SHA-256", "deep", {AOTC_HELPER_SHA256, 64, 128, 640}, kReturns, false},
    {"SHA-256, late", "deep", {AOTC_HELPER_SHA256, 64, 128, 640}, AOTC_TRAP_DEADLINE, true}, /* the last */
};
enum { kCallCount = sizeof(kCalls) / sizeof(kCalls[0]) };

/* Whether the function is on the backtrace. */
static bool names(const struct aotc_trap_info* trap, const char* function) {
  for (uint32_t i = 0; i < trap->frames; ++i)
    if (strcmp(aotc_artifact_symbol(g_artifact, trap->code[i]) + 6, function) == 0) return true;
  return false;
}

static void test_call(struct aotc_instance* instance, int which, const char* how) {
  uint64_t stack = (uint64_t)(instance->stack_top - instance->stack_low);
  int overflows = 0, good = 0, wrong = 0, nameless = 0;
  for (uint64_t left = 0; left <= kMostLeft; left += kStackUnit) {
    aotc_slots(instance)[2 * kStackSlot] = stack - left;
    if (kCalls[which].deadline) instance->deadline_hit = 1;
    enum aotc_status status = call(instance, kCalls[which].function, kCalls[which].args);
    instance->deadline_hit = 0;
    const struct aotc_trap_info* trap = aotc_instance_trap(instance);
    int outcome = status == AOTC_OK ? kReturns : status == AOTC_TRAPPED ? (int)trap->trap : -2;
    if (outcome == AOTC_TRAP_STACK_OVERFLOW && good == 0)
      ++overflows;
    else if (outcome == kCalls[which].expected)
      ++good;
    else
      ++wrong;
    if (status == AOTC_TRAPPED && !names(trap, kCalls[which].function)) ++nameless;
    if (call(instance, "add", (const uint32_t[5]){1, 2}) != AOTC_OK || aotc_slots(instance)[0] != 3) ++wrong;
  }
  if (good == 0 || wrong != 0 || nameless != 0) {
    ++g_failures;
    fprintf(stderr, "%s%s: %d overflows, then %d as expected; %d neither, %d without the function's name\n",
            kCalls[which].name, how, overflows, good, wrong, nameless);
  }
}

/* `guarded`: with the helpers that look out for secrets. */
static void test_calls(bool guarded) {
  struct aotc_instance_options options = {.max_stack = 256 << 10, .hosts = aotc_one_host(&g_host)};
  struct aotc_instance* instance;
  struct aotc_error error;
  if (aotc_instance_create(g_artifact, &options, &instance, &error) != AOTC_OK) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  call(instance, "helper", (const uint32_t[5]){AOTC_HELPER_MEMORY_GROW, 64});
  if (guarded) aotc_helpers_guard(instance);
  const int count = aotc_has_sha256() ? kCallCount : kCallCount - 1;
  for (int i = 0; i < count; ++i) test_call(instance, i, guarded ? ", guarded" : "");
  aotc_instance_destroy(instance);
}

int main(void) {
  struct aotc_error error;
  struct image file = make_artifact();
  int fd = image_file(&file);
  if (aotc_runtime_init(&error) != AOTC_OK || aotc_load_fd(fd, "guest.aotc", &g_artifact, &error) != AOTC_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  close(fd);
  test_calls(false);
  test_calls(true);
  aotc_unload(g_artifact);
  free(file.bytes);
  return g_failures != 0;
}
