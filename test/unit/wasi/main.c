/* main.c - runs every test with both resolvers; each must leave as many host descriptors open as it found. */
#include "harness.h"

#include <signal.h>
#include <unistd.h>

static const struct {
  const char* name;
  void (*run)(enum aotc_wasi_resolver);
} kTests[] = {
#define LIST_TEST(name) {#name, test_##name},
    TESTS(LIST_TEST)};

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  alarm(120); /* a test that hangs is a failure */
  for (int walk = 0; walk < 2; walk++) {
    for (size_t i = 0; i < sizeof kTests / sizeof kTests[0]; i++) {
      if (argc > 1 && strcmp(argv[1], kTests[i].name) != 0) continue;
      int before = failures, descriptors = open_descriptors();
      /* "unknown" takes openat2 where it exists */
      kTests[i].run(walk ? AOTC_WASI_RESOLVER_WALK : AOTC_WASI_RESOLVER_UNKNOWN);
      EXPECT(open_descriptors(), descriptors);
      if (failures != before) printf("FAIL %s (%s)\n", kTests[i].name, walk ? "walk" : "openat2");
    }
  }
  if (failures == 0) printf("ok\n");
  return failures != 0;
}
