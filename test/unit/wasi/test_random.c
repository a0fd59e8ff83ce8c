/* test_random.c - many calls with arguments drawn from values that tend to hurt: whatever happens is an errno, a trap
 * or an exit; meant to be run under the sanitizers too. The sequence is the same each time.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness.h"

static const char* const kPaths[] = {"a", "b", "d", "d/a", "d/b", "d/..", "link", "d/", ".", "..", "../x", "/a", "a/b"};

static uint64_t argument(uint64_t* state, char type) {
  static const uint64_t kValues[] = {0,      1,          2,          3,          4,          5,
                                     6,      7,          8,          15,         16,         24,
                                     100,    1024,       OUT,        PATH,       PATH2,      IOV,
                                     BUFFER, MEMORY,     MEMORY - 1, MEMORY - 8, 0x7fffffff, 0x80000000,
                                     0xffff, 0xfffffff8, 0xffffffff, INT64_MAX,  1ull << 63, UINT64_MAX};
  uint64_t r = next(state);
  /* Descriptors, counts and flags are small, most of the time. */
  if (type == 'i' && r % 2) return r >> 32 & 15;
  return kValues[(r >> 8) % (sizeof kValues / sizeof kValues[0])];
}

void test_random_calls(enum aotc_wasi_resolver resolver) {
  static const struct {
    const char* name;
    const char* type;
  } kFunctions[] = {
#define FUNCTION(name, type) {#name, type},
      AOTC_WASI_FUNCTIONS(FUNCTION)};
  struct guest g;
  struct rlimit saved, low;
  uint64_t state = 42, worked = 0;
  struct aotc_wasi_options options = {.stdio = {-1, -1, -1}, .tmp_size = 1 << 20};
  guest_open_with(&g, resolver, &options, MEMORY);
  host_file(&g, "a", "content");
  host_directory(&g, "d");
  host_link(&g, "d/a", "link");
  /* No allocation fills the disk; over the limit it is EFBIG and not the end by SIGXFSZ. */
  getrlimit(RLIMIT_FSIZE, &saved);
  low = saved;
  low.rlim_cur = 1 << 20;
  setrlimit(RLIMIT_FSIZE, &low);
  for (int i = 0; i < 60000; i++) {
    size_t f = next(&state) % (sizeof kFunctions / sizeof kFunctions[0]);
    const char* path = kPaths[next(&state) % (sizeof kPaths / sizeof kPaths[0])];
    uint64_t args[16];
    int count = 0;
    for (const char* t = kFunctions[f].type; *t != ':'; t++) args[count++] = argument(&state, *t);
    /* Make it likely that a path is one. */
    if (strncmp(kFunctions[f].name, "path_", 5) == 0) {
      put(&g, PATH, path);
      put(&g, PATH2, "b");
      for (int k = 1; k < count; k++)
        if (args[k] == PATH && k + 1 < count) args[k + 1] = strlen(path);
      if (next(&state) % 2) args[0] = 3;
    }
    put_iovec(&g, 0, (uint32_t)argument(&state, 'I'), (uint32_t)argument(&state, 'i'));
    put_iovec(&g, 1, BUFFER, 100);
    g.instance.deadline = now() + 200000;
    int result = call(&g, kFunctions[f].name, count, args);
    CHECK((result >= 0 && result <= WASI_ENOTCAPABLE) || result == TRAPPED || result == EXITED);
    worked += result == 0;
    /* The descriptors must not all be gone after a while. */
    if (i % 50 == 0) {
      guest_close(&g);
      guest_open(&g, resolver);
      setrlimit(RLIMIT_FSIZE, &saved);
      host_file(&g, "a", "content");
      host_directory(&g, "d");
      host_link(&g, "d/a", "link");
      setrlimit(RLIMIT_FSIZE, &low);
    }
  }
  setrlimit(RLIMIT_FSIZE, &saved);
  CHECK(worked > 5000);
  guest_close(&g);
}
