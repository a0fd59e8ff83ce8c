/* aotc_exec.c - `aotc-exec`: runs one artifact with the node runtime, and nothing else. Static, libc only.
 *
 * In: an artifact and options. Out: the program's exit code; 134 after a trap, 125 when it could not be started.
 * What runs here is what runs on a node, without pool, HTTP and signatures around it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "aotc/program.h"
#include "freeze_program.h"
#include "invoke.h"

/* Static, so that leak checkers see them: the system takes everything back at the end, faster than we could. */
static struct options o;
static const char** guest_argv;
static struct aotc_artifact* artifact;
static struct aotc_wasi* wasi;
static struct aotc_instance* instance;

static _Noreturn void cannot_run(enum aotc_status status, const struct aotc_error* error) {
  fprintf(stderr, "%s%s\n", status == AOTC_TRAPPED ? "trap: " : "aotc-exec: ", error->message);
  exit(status == AOTC_TRAPPED ? kExitTrap : kExitCannotRun);
}

static void check(enum aotc_status status, const struct aotc_error* error) {
  if (status != AOTC_OK) cannot_run(status, error);
}

static void add_values(struct aotc_edge_values* values, const struct aotc_named_files* files,
                       enum aotc_edge_kind kind) {
  if (files->count == 0) return;
  struct aotc_edge_value* list = calloc(values->count + files->count, sizeof(*list));
  if (list == NULL) abort();
  for (size_t i = 0; i < values->count; ++i) list[i] = values->list[i];
  for (size_t i = 0; i < files->count; ++i)
    list[values->count + i] =
        (struct aotc_edge_value){kind, files->list[i].size, files->list[i].name, files->list[i].bytes};
  *values = (struct aotc_edge_values){values->count + files->count, list};
}

static struct aotc_edge_values edge_values(void) {
  static struct aotc_edge_values values;
  add_values(&values, &o.config, AOTC_EDGE_CONFIG);
  add_values(&values, &o.secret_files, AOTC_EDGE_SECRET);
  return values;
}

static struct aotc_wasi_options surroundings(bool sigpipe) {
  guest_argv = calloc((size_t)o.arg_count + 2, sizeof(*guest_argv));
  if (guest_argv == NULL) abort();
  guest_argv[0] = o.name;
  for (int i = 0; i < o.arg_count; ++i) guest_argv[i + 1] = o.args[i];
  return (struct aotc_wasi_options){.argc = o.arg_count + 1,
                                    .argv = guest_argv,
                                    .env_count = o.env_count,
                                    .env = o.env,
                                    .secret_count = o.secret_count,
                                    .secrets = o.secrets,
                                    .dir_count = o.dir_count,
                                    .dirs = o.dirs,
                                    .listener_count = o.listener_count,
                                    .listeners = o.listeners,
                                    .stdio = {0, 1, 2},
                                    .outbound = o.outbound < 0 ? NULL : aotc_outbound_create(o.outbound),
                                    .values = edge_values(),
                                    .sigpipe = sigpipe};
}

/* Servers have a /tmp, as on a node, and programs that found one before the snapshot: then without a listener, too,
 * which they do not miss. A directory of the host comes first. Without one there are those that the snapshot keeps. */
static void add_tmp(struct aotc_wasi_options* wasi_options) {
  size_t listeners = 0;
  bool found = artifact != NULL && aotc_wasi_snapshot_has_tmp(artifact, &listeners);
  bool wanted = o.tmp_given ? o.tmp_size != 0 : o.freeze != NULL || o.listener_count != 0;
  struct aotc_error error;
  if (o.dir_count == 0 && artifact != NULL)
    check(aotc_wasi_snapshot_kept(artifact, &wasi_options->kept, &error), &error);
  if (aotc_wasi_dirs_cover_tmp(o.dirs, o.dir_count) || (!found && (!wanted || wasi_options->kept != NULL))) return;
  wasi_options->tmp_size = o.tmp_size == 0 ? 1 : o.tmp_size;
  if (found && o.listener_count == 0) wasi_options->no_listeners = listeners;
}

static int freeze(struct aotc_wasi_options* wasi_options) {
  add_tmp(wasi_options);
  wasi_options->listener_count = o.freeze_listeners;
  wasi_options->clock_continues = o.clock_continues;
  struct freeze_options options = {.file = o.file,
                                   .name = o.name,
                                   .out = o.freeze,
                                   .verify = o.verify,
                                   .nanoseconds = o.timeout,
                                   .memory = o.max_memory,
                                   .wasi = wasi_options,
                                   .rehearse = o.rehearse,
                                   .unique = o.unique,
                                   .warmup_count = o.warmup_count,
                                   .warmup = o.warmup};
  return freeze_program(&options);
}

/* Makes the instance; returns whether it goes on from the artifact's snapshot. */
static bool create(struct aotc_wasi_options* wasi_options) {
  struct aotc_error error;
  check(aotc_runtime_init(&error), &error);
  check(aotc_load(o.file, &artifact, &error), &error);
  if (o.verify) check(aotc_artifact_verify(artifact, &error), &error);
  add_tmp(wasi_options);
  check(aotc_wasi_create(wasi_options, &wasi, &error), &error);
  const struct aotc_hosts hosts = aotc_one_host(aotc_wasi_host(wasi));
  bool from_snapshot = !o.cold && aotc_snapshot_matches(artifact, &hosts);
  struct aotc_instance_options options = {.max_memory = o.max_memory, .hosts = hosts, .thaw = from_snapshot};
  check(aotc_instance_create(artifact, &options, &instance, &error), &error);
  if (o.timeout != 0) check(aotc_instance_set_deadline(instance, o.timeout, &error), &error);
  return from_snapshot;
}

/* A command is run; a reactor is initialised, so that its exports can be invoked. */
static void run(void) {
  struct aotc_error error;
  finish_unless_ok(aotc_instance_start(instance, &error), instance, &error);
  const struct aotc_export* command = aotc_artifact_export(artifact, "_start", AOTC_EXPORT_FUNCTION);
  const struct aotc_export* reactor = aotc_artifact_export(artifact, "_initialize", AOTC_EXPORT_FUNCTION);
  const struct aotc_export* entry = o.invoke == NULL && command != NULL ? command : reactor;
  uint32_t params = 0, results = 0;
  if (entry != NULL && (type_of(artifact, entry, &params, &results) == NULL || params + results != 0)) {
    fprintf(stderr, "aotc-exec: %s: the entry point takes arguments\n", o.name);
    exit(kExitCannotRun);
  }
  if (entry != NULL) {
    finish_unless_ok(aotc_instance_call(instance, entry, NULL, NULL, &error), instance, &error);
  } else if (o.invoke == NULL) {
    fprintf(stderr, "aotc-exec: %s: exports neither _start nor _initialize; call an export with --invoke\n", o.name);
    exit(kExitCannotRun);
  }
}

int main(int argc, char** argv) {
  struct aotc_error error;
  aotc_begin_program();
  parse_options(argc, argv, &o);
  if (o.gdb) aotc_debugger_enable();
  /* Whether a pipe that nobody reads ends us. Sockets of the guest get EPIPE either way. */
  bool sigpipe = signal(SIGPIPE, SIG_IGN) != SIG_IGN;
  struct aotc_wasi_options wasi_options = surroundings(sigpipe);
  if (o.freeze != NULL) return freeze(&wasi_options);
  if (!create(&wasi_options))
    run();
  else /* a reactor can be called then */
    finish_unless_ok(aotc_instance_thaw(instance, &error), instance, &error);
  if (o.invoke != NULL) invoke(instance, &o, sigpipe);
  return finish();
}
