/* freeze_program.c - see freeze_program.h. What the program says and does cannot reach anything but the open file for
 * its snapshot; where that file and the requests are is forgotten before.
 */
#define _GNU_SOURCE
#include "freeze_program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aotc/fastly.h"
#include "aotc/http_handler.h"
#include "http_response.h"
#include "sandbox/sandbox.h"
#include "support/io.h"

enum { kMaxRequest = 16 << 20, kMaxResponse = 64 << 20 };
/* What the host itself allocates and writes beside the program's memory. */
static const uint64_t kHost = 128u << 20;
/* Of the processor's time, after the deadline: for writing the snapshot. */
enum { kSparedSeconds = 5 };

static int exit_code = kExitNotFrozen;

static void say(const char* name, const char* format, va_list args) {
  fprintf(stderr, "%s: ", name);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
}

/* Ends at once: what a sanitizer would do in atexit's functions is not allowed any more. */
__attribute__((format(printf, 2, 3))) static _Noreturn void not_frozen(const char* name, const char* format, ...) {
  va_list args;
  va_start(args, format);
  say(name, format, args);
  va_end(args);
  _exit(exit_code);
}

static uint64_t monotonic_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void enter(enum aotc_process process, const struct aotc_grants* grants, const char* name) {
  const char* failed = aotc_sandbox_enter(process, grants);
  if (failed != NULL) not_frozen(name, "cannot confine the program: %s: %s", failed, strerror(errno));
}

/* `artifact` is a descriptor, and another one afterwards. */
static void confine(const struct freeze_options* options, int* artifact) {
  size_t count = options->wasi->dir_count;
  const char** directories = calloc(count + 1, sizeof(*directories));
  if (directories == NULL) abort();
  for (size_t i = 0; i < count; ++i) directories[i] = options->wasi->dirs[i].host_path;
  uint64_t memory = options->memory == 0 ? 0 : options->memory + kHost;
  struct aotc_grants grants = {
      .memory = memory,
      .file_bytes = memory,
      .cpu_seconds = options->nanoseconds == 0 ? 0 : options->nanoseconds / 1000000000 + kSparedSeconds,
      .read = directories,
      .artifact = artifact};
  enter(count == 0 ? AOTC_FREEZER_LOADING : AOTC_FREEZER_LOADING_WITH_FILES, &grants, options->name);
  free(directories);
}

/* As not_frozen; then come the last things that the program wrote to stderr, which tell why it ended. */
__attribute__((format(printf, 3, 4))) static _Noreturn void ended_early(const struct aotc_wasi* wasi, const char* name,
                                                                        const char* format, ...) {
  va_list args;
  va_start(args, format);
  say(name, format, args);
  va_end(args);
  size_t size;
  char* errors = aotc_wasi_last_errors(wasi, &size);
  if (errors != NULL) fwrite(errors, 1, size, stderr);
  fflush(stderr);
  _exit(exit_code);
}

/* Whether a program that ended like this waits; `goal` is what it was to do before. */
static void check_end(const struct aotc_instance* instance, const struct aotc_wasi* wasi, enum aotc_status ended,
                      const char* name, const char* goal, const struct aotc_error* error) {
  const struct aotc_trap_info* trap = aotc_instance_trap(instance);
  const char* secret = aotc_wasi_secret_read(wasi);
  const char* where = trap->frames == 0 ? "?" : aotc_artifact_symbol(aotc_instance_artifact(instance), trap->code[0]);
  if (secret != NULL)
    not_frozen(name, "it read the secret %.*s before the thaw, in %s", (int)strcspn(secret, "="), secret,
               ended == AOTC_TRAPPED ? where : "a host function");
  if (ended == AOTC_OK || ended == AOTC_FROZEN) return;
  if (ended == AOTC_EXITED)
    ended_early(wasi, name, "it exited with code %d before it %s", aotc_instance_exit_code(instance), goal);
  if (ended != AOTC_TRAPPED) not_frozen(name, "%s", error->message);
  if (trap->trap == AOTC_TRAP_DEADLINE) ended_early(wasi, name, "the timeout came before it %s", goal);
  ended_early(wasi, name, "it trapped before it %s: %s in %s", goal, aotc_trap_message(trap->trap), where);
}

struct request {
  uint8_t* bytes;
  size_t size;
  bool rehearsal;
};

static int open_file(const char* path, int flags, const char* name) {
  int fd = open(path, flags | O_CLOEXEC, 0600);
  if (fd < 0) not_frozen(name, "%s: %s", path, strerror(errno));
  return fd;
}

static struct request read_request(int fd, const char* path, const char* name) {
  struct request request = {.bytes = malloc(kMaxRequest + 1)};
  if (request.bytes == NULL) abort();
  const ssize_t size = aotc_read_all(fd, request.bytes, kMaxRequest + 1);
  if (size < 0) not_frozen(name, "%s: %s", path, strerror(errno));
  request.size = (size_t)size;
  if (request.size == 0 || request.size > kMaxRequest)
    not_frozen(name, "%s: a warm-up request has 1 byte to 16 MiB", path);
  close(fd);
  return request;
}

/* Lets time pass until a suspended program wants to go on. */
static void sleep_until(const struct aotc_instance* instance, uint64_t wake, bool answered, const char* name) {
  uint64_t now = monotonic_now(), left = aotc_instance_deadline_left(instance);
  if (wake == UINT64_MAX && answered) not_frozen(name, "it keeps the connection of the warm-up request open");
  if (wake == UINT64_MAX) not_frozen(name, "it waits for something else instead of answering the warm-up request");
  if (wake <= now) return;
  if (wake - now >= left) not_frozen(name, "the timeout came before it answered the warm-up request");
  struct timespec until = {.tv_sec = (time_t)(wake / 1000000000), .tv_nsec = (long)(wake % 1000000000)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) continue;
}

/* Whether it holds the answer to "OPTIONS *" that globalOptionsHandler of net/http gives. */
static bool is_from_net_http(const struct aotc_connection* c) {
  static const char kHead[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: ", kTail[] = " GMT\r\n\r\n";
  const size_t head = sizeof(kHead) - 1, date = sizeof("Mon, 02 Jan 2006 15:04:05") - 1, tail = sizeof(kTail) - 1;
  return c->out_size == head + date + tail && memcmp(c->out, kHead, head) == 0 &&
         memcmp(c->out + head + date, kTail, tail) == 0;
}

/* The program, which waits for a connection, gets one with `request`, answers it and waits again. */
static void warm_up(struct aotc_instance* instance, struct aotc_wasi* wasi, const struct request* request,
                    const char* name, struct aotc_freeze_run* run) {
  struct aotc_connection c = {.in = request->bytes, .in_size = request->size, .out_limit = kMaxResponse};
  struct aotc_error error;
  bool head = request->size > 5 && memcmp(request->bytes, "HEAD ", 5) == 0;
  int status = 0;
  size_t size = 0;
  if (aotc_wasi_connect(wasi, &c, &error) != AOTC_OK) not_frozen(name, "%s", error.message);
  for (;;) {
    enum aotc_status ended = aotc_instance_continue(instance, &error);
    enum http_state state = http_read_response((const char*)c.out, c.out_size, c.out_closed, head, &status, &size);
    if (state == HTTP_COMPLETE && c.out_closed) {
      check_end(instance, wasi, ended, name, "waited for the next connection", &error);
      break;
    }
    check_end(instance, wasi, ended, name, "answered the warm-up request", &error);
    if (state == HTTP_BAD || (state == HTTP_COMPLETE && size != c.out_size))
      not_frozen(name, "its answer to the warm-up request is not one HTTP response");
    if (c.out_size == kMaxResponse) not_frozen(name, "its answer to the warm-up request is larger than 64 MiB");
    /* The client leaves; then the program need not wait for anything to go on. */
    if (state == HTTP_COMPLETE && !c.in_closed)
      c.in_closed = true;
    else
      sleep_until(instance, aotc_instance_wake_time(instance), state == HTTP_COMPLETE, name);
  }
  if (size != c.out_size) not_frozen(name, "its answer to the warm-up request is not one HTTP response");
  if (request->rehearsal && !is_from_net_http(&c)) not_frozen(name, "net/http did not answer the rehearsal");
  if (!request->rehearsal) {
    ++run->warmup_requests;
    run->warmup_status = (uint32_t)status;
    run->warmup_bytes += c.out_size;
  }
  if (aotc_wasi_connect(wasi, NULL, &error) != AOTC_OK) not_frozen(name, "%s", error.message);
  free(c.out);
  check_end(instance, wasi, aotc_instance_continue(instance, &error), name, "waited for the next connection", &error);
  if (!aotc_wasi_waits_for_listener(wasi))
    not_frozen(name, "after the warm-up request it does not wait for a listener");
}

static void rehearse(struct aotc_instance* instance, struct aotc_wasi* wasi, const char* name,
                     struct aotc_freeze_run* run) {
  static uint8_t question[] = "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const struct request request = {.bytes = question, .size = sizeof(question) - 1, .rehearsal = true};
  if (!aotc_artifact_has_symbol(aotc_instance_artifact(instance), "net/http.globalOptionsHandler.ServeHTTP") ||
      !aotc_wasi_waits_for_listener(wasi))
    return;
  exit_code = kExitNotRehearsed;
  size_t printed = aotc_wasi_output_size(wasi);
  warm_up(instance, wasi, &request, name, run);
  if (aotc_wasi_output_size(wasi) != printed) not_frozen(name, "it printed something during the rehearsal");
  run->rehearsed = true;
  exit_code = kExitNotFrozen;
}

static bool exports(const struct aotc_artifact* artifact, const char* name) {
  return aotc_artifact_export(artifact, name, AOTC_EXPORT_FUNCTION) != NULL;
}
static bool is_command(const struct aotc_artifact* artifact) { return exports(artifact, "_start"); }

/* Without an entry point it stands still once it has started. */
static enum aotc_status enter_program(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_artifact* artifact = aotc_instance_artifact(instance);
  bool entry = is_command(artifact) || exports(artifact, "_initialize");
  return entry ? aotc_instance_enter(instance, error) : aotc_instance_start(instance, error);
}

static struct aotc_artifact* load(int fd, const struct freeze_options* options) {
  struct aotc_artifact* artifact;
  struct aotc_error error;
  if (aotc_runtime_init(&error) != AOTC_OK || aotc_load_fd(fd, options->file, &artifact, &error) != AOTC_OK ||
      (options->verify && aotc_artifact_verify(artifact, &error) != AOTC_OK)) {
    exit_code = kExitCannotRun;
    not_frozen("aotc-exec", "%s", error.message);
  }
  if (is_command(artifact) && !aotc_artifact_suspends(artifact) && !aotc_is_http_handler(artifact))
    not_frozen(options->name, "not a Go program, so its stack is not in linear memory");
  return artifact;
}

static void note_draw(void* draws, struct aotc_instance* instance, uint32_t address, uint32_t size) {
  aotc_draws_note(draws, instance, address, size);
}

static void note_time(void* draws, struct aotc_instance* instance, uint64_t time) {
  aotc_draws_note_time(draws, instance, time);
}

/* One line each. */
static void show_draws(const struct aotc_freeze_run* run) {
  char text[AOTC_DRAW_TEXT];
  uint32_t count;
  const struct aotc_snapshot_draw* draws = aotc_draws_list(run->draws, &count);
  for (uint32_t i = 0; i < count; ++i) fprintf(stderr, "%s\n", aotc_draw_text(&draws[i], text));
}

static struct aotc_instance* start(struct aotc_artifact* artifact, const struct freeze_options* options,
                                   struct aotc_wasi** wasi, struct aotc_freeze_run* run) {
  struct aotc_instance* instance;
  struct aotc_error error;
  options->wasi->freeze = true;
  options->wasi->drawn = note_draw;
  options->wasi->told_time = note_time;
  options->wasi->drawn_data = run->draws = aotc_draws_create();
  if (run->draws == NULL) abort();
  options->wasi->hidden_timers = aotc_artifact_suspends(artifact);
  if (aotc_wasi_create(options->wasi, wasi, &error) != AOTC_OK) not_frozen(options->name, "%s", error.message);
  struct aotc_hosts hosts = aotc_one_host(aotc_wasi_host(*wasi));
  if (aotc_is_http_handler(artifact)) {
    const struct aotc_http_handler_options handler = {.connection = NULL};
    if (aotc_http_handler_create(&handler, &hosts.list[hosts.count++], &error) != AOTC_OK)
      not_frozen(options->name, "%s", error.message);
  }
  if (aotc_is_fastly(artifact) && aotc_fastly_freezer_create(*wasi, &hosts.list[hosts.count++], &error) != AOTC_OK)
    not_frozen(options->name, "%s", error.message);
  const struct aotc_instance_options instance_options = {.max_memory = options->memory, .hosts = hosts};
  if (aotc_instance_create(artifact, &instance_options, &instance, &error) != AOTC_OK ||
      (options->nanoseconds != 0 && aotc_instance_set_deadline(instance, options->nanoseconds, &error) != AOTC_OK))
    not_frozen(options->name, "%s", error.message);
  return instance;
}

int freeze_program(const struct freeze_options* options) {
  const char* name = options->name;
  exit_code = kExitCannotRun;
  int artifact = open_file(options->file, O_RDONLY | O_NONBLOCK, "aotc-exec");
  exit_code = kExitNotFrozen;
  int* files = calloc(options->warmup_count + 1, sizeof(*files));
  struct request* requests = calloc(options->warmup_count + 1, sizeof(*requests));
  if (files == NULL || requests == NULL) abort();
  for (size_t i = 0; i < options->warmup_count; ++i) files[i] = open_file(options->warmup[i], O_RDONLY, name);
  int out = open_file(options->out, O_WRONLY | O_CREAT | O_TRUNC, name);
  confine(options, &artifact);

  for (size_t i = 0; i < options->warmup_count; ++i) requests[i] = read_request(files[i], options->warmup[i], name);
  struct aotc_artifact* program = load(artifact, options);
  struct aotc_freeze_run run = {.unique = options->unique, .called = aotc_is_http_handler(program)};
  struct aotc_wasi* wasi;
  struct aotc_instance* instance = start(program, options, &wasi, &run);
  enter(options->wasi->dir_count == 0 ? AOTC_FREEZER : AOTC_FREEZER_WITH_FILES, NULL, name);

  struct aotc_error error;
  uint64_t started = monotonic_now();
  check_end(instance, wasi, enter_program(instance, &error), name, "waited for input", &error);
  run.nanoseconds = monotonic_now() - started;
  if (options->warmup_count != 0 && !aotc_wasi_waits_for_listener(wasi))
    not_frozen(name, "it does not wait for a listener, so there is no warm-up request");
  if (options->warmup_count != 0 && aotc_is_fastly(program))
    not_frozen(name, "it takes its request from Fastly's interface, which has no warm-up request");
  if (options->rehearse && !aotc_is_fastly(program)) rehearse(instance, wasi, name, &run);
  aotc_draws_warmup(run.draws);
  for (size_t i = 0; i < options->warmup_count; ++i) warm_up(instance, wasi, &requests[i], name, &run);
  run.warmup_nanoseconds = monotonic_now() - started - run.nanoseconds;
  if (aotc_snapshot_write(instance, &run, out, &error) != AOTC_OK) not_frozen(name, "%s", error.message);
  show_draws(&run);
  const char* not_kept = aotc_wasi_not_kept(wasi);
  if (not_kept != NULL) fprintf(stderr, "its directories are not in the snapshot: %s\n", not_kept);
  _exit(0);
}

char* freeze_sandbox_text(const char* process) { return aotc_sandbox_text("aotc-exec", process); }
