/* coldstart.c - what a fresh instance per request costs in the node runtime, without the front; driven by
 * `benchmarks/run coldstart`.
 *
 *   aotc-coldstart-benchmark ARTIFACT COUNT MODE REQUEST-FILE...
 *
 * MODE is how memory is reset: best, scan, pagemap, madvise or remap. Each round takes a warm slot, hands it a
 * request, runs it until the program waits for the next one, and gives the slot back. A program that exits
 * instead has no snapshot, and starts from the beginning each time. After COUNT rounds with all requests in turn, which
 * are not measured, come COUNT rounds with the first one. Prints JSON, times in
 * microseconds, each a pair [median, 99th percentile]: `enter` what thawing takes until the program can run
 * (descriptors, clock, seeds), `response` from taking the slot to when the program has written its response and waits,
 * `reset`, `total`; pages that were copied back; and the response's size. With AOTC_COMPARE in the environment each
 * instance is compared with its image after the reset, for test/node/pages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aotc/wasi.h"

enum { kEnter, kResponse, kReset, kTotal, kPages, kFigures };

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static _Noreturn void fail(const char* what, const char* why) {
  fprintf(stderr, "aotc-coldstart-benchmark: %s: %s\n", what, why);
  exit(1);
}

static int ascending(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static enum aotc_reset_mode parse_mode(const char* name) {
  static const char* const kNames[] = {"best", "scan", "pagemap", "madvise", "remap"};
  for (int i = 0; i < 5; ++i)
    if (strcmp(name, kNames[i]) == 0) return (enum aotc_reset_mode)i;
  fail("unknown mode", name);
}

struct request {
  uint8_t bytes[64 << 10];
  size_t size;
};

static struct request read_request(const char* path) {
  struct request request;
  FILE* file = fopen(path, "rb");
  request.size = file == NULL ? 0 : fread(request.bytes, 1, sizeof(request.bytes), file);
  if (request.size == 0) fail(path, "cannot read the request");
  fclose(file);
  return request;
}

int main(int argc, char** argv) {
  enum { kMaxRequests = 16 };
  static struct request requests[kMaxRequests];
  if (argc < 5 || argc > 4 + kMaxRequests || atoi(argv[2]) < 1) {
    fprintf(stderr, "usage: aotc-coldstart-benchmark ARTIFACT COUNT MODE REQUEST-FILE...\n");
    return 2;
  }
  size_t count = (size_t)atoi(argv[2]), request_count = (size_t)argc - 4;
  for (size_t i = 0; i < request_count; ++i) requests[i] = read_request(argv[4 + i]);

  struct aotc_error error;
  struct aotc_artifact* artifact;
  struct aotc_image* image;
  struct aotc_pool* pool;
  const struct aotc_pool_options options = {.compare_sample = getenv("AOTC_COMPARE") != NULL};
  const struct aotc_serve_options serve = {.write_buffer = 256 << 10, .log_buffer = 0};
  if (aotc_runtime_init(&error) != AOTC_OK || aotc_load(argv[1], &artifact, &error) != AOTC_OK ||
      aotc_image_create(artifact, aotc_artifact_snapshot(artifact) != NULL, parse_mode(argv[3]), &image, &error) !=
          AOTC_OK)
    fail("set-up", error.message);
  struct aotc_image* better;
  if (aotc_artifact_snapshot(artifact) != NULL &&
      aotc_image_accept_ahead(image, &options, &serve, 1000000000, &better, &error) == AOTC_OK && better != NULL)
    image = better;
  if (aotc_serve_pool_create(image, &options, &serve, &pool, &error) != AOTC_OK) fail("set-up", error.message);

  double* figures[kFigures];
  for (int i = 0; i < kFigures; ++i) figures[i] = calloc(count, sizeof(double));
  size_t response = 0, scans = 0;
  for (size_t round = 0; round < 2 * count; ++round) {
    size_t i = round % count; /* what was not measured is overwritten */
    const struct request* request = &requests[round < count ? round % request_count : 0];
    if (round == count) scans = 0;
    struct aotc_slot* slot;
    double start = now_us();
    if (aotc_pool_take(pool, &slot, &error) != AOTC_OK) fail("take", error.message);
    struct aotc_connection* connection = aotc_slot_connection(slot);
    connection->in = request->bytes;
    connection->in_size = request->size;
    enum aotc_status status = aotc_slot_begin(slot, &error);
    while (status == AOTC_FROZEN && connection->out_size == 0) {
      uint64_t wake = aotc_instance_wake_time(slot->instance);
      if (wake == UINT64_MAX) fail("request", "the program waits without having answered");
      struct timespec until = {.tv_sec = (time_t)(wake / 1000000000), .tv_nsec = (long)(wake % 1000000000)};
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
      status = aotc_instance_continue(slot->instance, &error);
    }
    double answered = now_us();
    bool exited = status == AOTC_EXITED && aotc_instance_exit_code(slot->instance) == 0;
    if (status != AOTC_FROZEN && !exited) fail("request", error.message);
    response = connection->out_size;
    struct aotc_instance* instance = slot->instance;
    figures[kEnter][i] = (double)slot->thaw_nanoseconds / 1e3;
    if (aotc_pool_give(pool, slot, &error) != AOTC_OK) fail("reset", error.message);
    double end = now_us();
    struct aotc_reset_counts counts = aotc_instance_reset_counts(instance);
    figures[kResponse][i] = answered - start;
    figures[kReset][i] = end - answered;
    figures[kTotal][i] = end - start;
    figures[kPages][i] = counts.copied;
    scans += counts.scanned;
  }
  static const char* const kNames[kFigures] = {"enter", "response", "reset", "total", "pages"};
  printf("{");
  for (int i = 0; i < kFigures; ++i) {
    qsort(figures[i], count, sizeof(double), ascending);
    printf("\"%s\": [%.2f, %.2f], ", kNames[i], figures[i][count / 2], figures[i][count * 99 / 100]);
  }
  printf("\"searches\": %zu, \"response_bytes\": %zu}\n", scans, response);
  return 0;
}
