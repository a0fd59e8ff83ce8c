/* freeze_program.c - see freeze_program.h. Everything is opened and loaded, then the process is confined, then the program
 * runs; what it says and does afterwards cannot reach anything but the open file for its snapshot.
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

#include "confine.h"

/* Of the processor's time, after the deadline: for writing the snapshot. */
enum { kSparedSeconds = 5 };

/* Ends at once: what a sanitizer would do in atexit's functions is not allowed any more. */
__attribute__((format(printf, 2, 3))) static _Noreturn void not_frozen(const char* name, const char* format, ...) {
  va_list args;
  fprintf(stderr, "%s: ", name);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  _exit(kExitNotFrozen);
}

static uint64_t monotonic_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void confine(const struct aotc_wasi_options* options, const struct freeze_limits* limits) {
  const char** directories = calloc(options->dir_count + 1, sizeof(*directories));
  if (directories == NULL) abort();
  for (size_t i = 0; i < options->dir_count; ++i) directories[i] = options->dirs[i].host_path;
  struct aotc_confinement confinement = {
      .memory = limits->memory,
      .cpu_seconds = limits->nanoseconds == 0 ? 0 : limits->nanoseconds / 1000000000 + kSparedSeconds,
      .directory_count = options->dir_count,
      .directories = directories};
  const char* failed = aotc_confine(&confinement);
  if (failed != NULL) not_frozen(limits->name, "cannot confine the program: %s: %s", failed, strerror(errno));
  free(directories);
}

/* Whether a program that ended like this waits for input. */
static void check_end(const struct aotc_instance* instance, enum aotc_status ended, const char* name,
                      const struct aotc_error* error) {
  const struct aotc_trap_info* trap = aotc_instance_trap(instance);
  if (ended == AOTC_OK || ended == AOTC_FROZEN) return;
  if (ended == AOTC_EXITED)
    not_frozen(name, "it exited with code %d before it waited for input", aotc_instance_exit_code(instance));
  if (ended != AOTC_TRAPPED) not_frozen(name, "%s", error->message);
  if (trap->trap == AOTC_TRAP_DEADLINE) not_frozen(name, "it did not wait for input before the timeout");
  not_frozen(name, "it trapped before it waited for input: %s in %s", aotc_trap_message(trap->trap),
             trap->frames == 0 ? "?" : aotc_artifact_symbol(aotc_instance_artifact(instance), trap->code[0]));
}

int freeze_program(struct aotc_artifact* artifact, struct aotc_wasi_options* options,
                   const struct freeze_limits* limits, const char* out) {
  struct aotc_wasi* wasi;
  struct aotc_instance* instance;
  struct aotc_error error;
  if (!aotc_artifact_suspends(artifact))
    not_frozen(limits->name, "not a Go program, so its stack is not in linear memory");
  options->freeze = true;
  struct aotc_instance_options instance_options = {.max_memory = limits->memory, .resolver = aotc_wasi_resolve};
  if (aotc_wasi_create(options, &wasi, &error) != AOTC_OK) not_frozen(limits->name, "%s", error.message);
  instance_options.resolver_data = wasi;
  if (aotc_instance_create(artifact, &instance_options, &instance, &error) != AOTC_OK ||
      (limits->nanoseconds != 0 && aotc_instance_set_deadline(instance, limits->nanoseconds, &error) != AOTC_OK))
    not_frozen(limits->name, "%s", error.message);
  int file = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) not_frozen(limits->name, "%s: %s", out, strerror(errno));
  confine(options, limits);

  uint64_t started = monotonic_now();
  check_end(instance, aotc_instance_enter(instance, &error), limits->name, &error);
  if (aotc_snapshot_write(instance, wasi, monotonic_now() - started, file, &error) != AOTC_OK)
    not_frozen(limits->name, "%s", error.message);
  _exit(0);
}
