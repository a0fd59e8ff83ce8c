/* load.c - the time from an artifact in the page cache to its first host call; driven by `benchmarks/run load`.
 *
 *   aotc-load-benchmark ARTIFACT COUNT
 *
 * Each round loads the artifact, creates an instance, enters it, and stops the clock in the first host function that
 * the guest calls, which then ends the call. Prints the medians in microseconds as JSON: `load` until aotc_load
 * returned, `create` until the instance existed, `enter` until the host call, `total` of all three. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aotc/instance.h"

enum { kLoad, kCreate, kEnter, kTotal, kPhases };

static double first_host_call;

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static enum aotc_status stop_the_clock(struct aotc_instance* instance, void* data, uint64_t* slots) {
  first_host_call = now_us();
  return AOTC_EXITED;
}

static aotc_host_function resolve(struct aotc_host* host, const char* module, const char* field, const char* type) {
  return stop_the_clock;
}

static void fail(const char* what, const struct aotc_error* error) {
  fprintf(stderr, "aotc-load-benchmark: %s: %s\n", what, error->message);
  exit(1);
}

static int ascending(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

int main(int argc, char** argv) {
  if (argc != 3 || atoi(argv[2]) < 1) {
    fprintf(stderr, "usage: aotc-load-benchmark ARTIFACT COUNT\n");
    return 2;
  }
  int count = atoi(argv[2]);
  struct aotc_error error;
  if (aotc_runtime_init(&error) != AOTC_OK) fail("init", &error);

  double* times[kPhases];
  for (int phase = 0; phase < kPhases; ++phase) times[phase] = calloc((size_t)count, sizeof(double));
  for (int i = 0; i < count; ++i) {
    struct aotc_artifact* artifact;
    struct aotc_instance* instance;
    static const struct aotc_host_interface interface = {.name = "clock", .resolve = resolve};
    static struct aotc_host host = {&interface};
    struct aotc_instance_options options = {.hosts = aotc_one_host(&host)};
    double start = now_us();
    if (aotc_load(argv[1], &artifact, &error) != AOTC_OK) fail("load", &error);
    double loaded = now_us();
    if (aotc_instance_create(artifact, &options, &instance, &error) != AOTC_OK) fail("create", &error);
    double created = now_us();
    const struct aotc_export* entry = aotc_artifact_export(artifact, "_start", AOTC_EXPORT_FUNCTION);
    first_host_call = 0;
    enum aotc_status status = aotc_instance_start(instance, &error);
    if (status == AOTC_OK && entry) status = aotc_instance_call(instance, entry, NULL, NULL, &error);
    if (status != AOTC_EXITED || first_host_call == 0) fail("the guest made no host call", &error);
    times[kLoad][i] = loaded - start;
    times[kCreate][i] = created - loaded;
    times[kEnter][i] = first_host_call - created;
    times[kTotal][i] = first_host_call - start;
    aotc_instance_destroy(instance);
    aotc_unload(artifact);
  }
  static const char* const kNames[kPhases] = {"load", "create", "enter", "total"};
  for (int phase = 0; phase < kPhases; ++phase) {
    qsort(times[phase], (size_t)count, sizeof(double), ascending);
    printf("%s\"%s\": %.2f", phase == 0 ? "{" : ", ", kNames[phase], times[phase][count / 2]);
  }
  printf("}\n");
  return 0;
}
