/* call_exports.c - calls exports of one instance, one after the other, as test/spec/run and test/check-wat ask it to.
 *
 *   call_exports [--anew] ARTIFACT < CALLS
 *
 * A module may import WASI. With --anew the instance starts over before each call: under an emulator it takes most of a
 * second to make one. A line of CALLS is the length of an export's name, the name, how many arguments and results there
 * are, and the arguments' bits in hex. For each a line is printed: the results' bits, or "trap: " and which.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aotc/instance.h"
#include "aotc/wasi.h"

enum { kMost = 1000, kLongestName = 65536 };

static _Noreturn void fail(const char* what) {
  fprintf(stderr, "call_exports: %s\n", what);
  exit(1);
}

int main(int argc, char** argv) {
  struct aotc_error error;
  struct aotc_artifact* artifact;
  struct aotc_instance* instance;
  const bool anew = argc == 3 && strcmp(argv[1], "--anew") == 0;
  if (argc != 2 + anew) fail("usage: call_exports [--anew] ARTIFACT");
  if (aotc_runtime_init(&error) != AOTC_OK || aotc_load(argv[1 + anew], &artifact, &error) != AOTC_OK)
    fail(error.message);
  const struct aotc_wasi_options nothing = {.stdio = {-1, -1, -1}};
  struct aotc_wasi* wasi;
  if (aotc_wasi_create(&nothing, &wasi, &error) != AOTC_OK) fail(error.message);
  const struct aotc_instance_options options = {.hosts = aotc_one_host(aotc_wasi_host(wasi))};
  if (aotc_instance_create(artifact, &options, &instance, &error) != AOTC_OK) fail(error.message);
  if (!anew && aotc_instance_start(instance, &error) != AOTC_OK) fail(error.message);
  size_t length;
  static char name[kLongestName + 1];
  static struct aotc_value args[kMost], results[kMost];
  while (scanf("%zu", &length) == 1) {
    if (getchar() != ' ' || length >= sizeof(name) || fread(name, 1, length, stdin) != length)
      fail("a name is cut off");
    name[length] = 0;
    const struct aotc_export* function = aotc_artifact_export(artifact, name, AOTC_EXPORT_FUNCTION);
    if (function == NULL) fail(name);
    size_t count, wanted;
    if (scanf("%zu %zu", &count, &wanted) != 2 || count > kMost || wanted > kMost) fail("bad counts");
    memset(args, 0, sizeof(args));
    memset(results, 0, sizeof(results));
    for (size_t i = 0; i < count; ++i)
      if (scanf("%" SCNx64, &args[i].word[0]) != 1) fail("an argument is missing");
    enum aotc_status status = AOTC_OK;
    if (anew) {
      if (aotc_instance_reset(instance, &error) != AOTC_OK) fail(error.message);
      status = aotc_instance_start(instance, &error);
    }
    if (status == AOTC_OK) status = aotc_instance_call(instance, function, args, results, &error);
    if (status == AOTC_TRAPPED) {
      printf("trap: %s\n", aotc_trap_message(aotc_instance_trap(instance)->trap));
      continue;
    }
    if (status != AOTC_OK) fail(error.message);
    for (size_t i = 0; i < wanted; ++i) printf("%s%" PRIx64, i ? " " : "", results[i].word[0]);
    putchar('\n');
  }
  return 0;
}
