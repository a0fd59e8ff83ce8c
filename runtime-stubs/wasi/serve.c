/* serve.c - pools of servers: each instance has a WASI host with a connection in memory, and serves one request per
 * life.
 *
 * Arguments and environment are those of the snapshot, with the secrets that the artifact was given; or none. An image
 * in which the connection is accepted already says with which descriptors and at what time (struct aotc_serve_start).
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "core/state.h"
#include "wasi_state.h"

enum { kMaxStrings = 4096 };

struct serving {
  struct aotc_serve_options options;
  const struct aotc_wasi_saved* saved; /* null when the image has no snapshot */
  bool stdio;
  uint64_t tmp_size;
  struct aotc_wasi_kept* kept; /* or null */
  const char** args;           /* point into the snapshot */
  size_t arg_count;
  const char** env;
  size_t env_count;
};

/* The strings of a snapshot, after `first` if that is not null. */
static const char** list_strings(const char* text, uint32_t bytes, const char* first, size_t* count) {
  const char** list = calloc(kMaxStrings, sizeof(*list));
  *count = 0;
  if (list != NULL && first != NULL) list[(*count)++] = first;
  for (uint32_t at = 0; list != NULL && at < bytes && *count < kMaxStrings; at += (uint32_t)strlen(text + at) + 1)
    list[(*count)++] = text + at;
  return list;
}

/* Null when the image does not begin at a snapshot, or its snapshot is wrong. */
static const struct aotc_wasi_saved* saved_of(const struct aotc_image* image, const char** fault) {
  *fault = NULL;
  if (!image->thaw) return NULL;
  uint64_t size;
  const void* state = aotc_snapshot_host_state(image->artifact->snapshot, AOTC_WASI_NAME, &size);
  *fault = aotc_wasi_saved_fault(state, size);
  return *fault == NULL ? state : NULL;
}

bool aotc_wasi_snapshot_has_tmp(const struct aotc_artifact* artifact, size_t* listeners) {
  uint64_t size;
  if (artifact->snapshot == NULL) return false;
  const struct aotc_wasi_saved* s = aotc_snapshot_host_state(artifact->snapshot, AOTC_WASI_NAME, &size);
  if (aotc_wasi_saved_fault(s, size) != NULL) return false;
  *listeners = s->listeners;
  return s->has_tmp;
}

static enum aotc_status find_kept(const struct aotc_artifact* artifact, const struct aotc_wasi_saved* s,
                                  struct aotc_wasi_kept** kept, struct aotc_error* error) {
  const char* fault = aotc_wasi_kept_of(s, kept);
  return fault == NULL
             ? AOTC_OK
             : aotc_fail(error, AOTC_ERROR_FORMAT, "%s: the directories of its snapshot: %s", artifact->name, fault);
}

enum aotc_status aotc_wasi_snapshot_kept(const struct aotc_artifact* artifact, const struct aotc_wasi_kept** kept,
                                         struct aotc_error* error) {
  uint64_t size;
  struct aotc_wasi_kept* found = NULL;
  *kept = NULL;
  if (artifact->snapshot == NULL) return AOTC_OK;
  const struct aotc_wasi_saved* s = aotc_snapshot_host_state(artifact->snapshot, AOTC_WASI_NAME, &size);
  if (aotc_wasi_saved_fault(s, size) != NULL || !s->keeps_dirs) return AOTC_OK; /* the thaw says what is wrong */
  enum aotc_status status = find_kept(artifact, s, &found, error);
  *kept = found;
  return status;
}

static enum aotc_status prepare(struct serving* serving, const struct aotc_image* image, struct aotc_error* error) {
  const struct aotc_artifact* artifact = image->artifact;
  const char* fault;
  const struct aotc_wasi_saved* s = serving->saved = saved_of(image, &fault);
  if (fault != NULL) return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: snapshot: %s", artifact->name, fault);
  const bool is_server = !serving->options.called;
  if (is_server && !aotc_artifact_suspends(artifact))
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: not a Go program, so it cannot be suspended", artifact->name);
  if (is_server && s == NULL && aotc_artifact_export(artifact, "_start", AOTC_EXPORT_FUNCTION) == NULL)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: exports no _start", artifact->name);
  const bool called = s != NULL && artifact->snapshot->flags & AOTC_SNAPSHOT_REACTOR;
  if (s != NULL && (s->listeners != 1 || called == is_server))
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: its snapshot is a reactor's, or has not one listener",
                     artifact->name);
  enum aotc_status status = s == NULL ? AOTC_OK : find_kept(artifact, s, &serving->kept, error);
  if (status != AOTC_OK) return status;
  if (is_server && s != NULL && s->output.count > serving->options.write_buffer)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: its snapshot holds %u bytes of output, the most is %zu",
                     artifact->name, s->output.count, serving->options.write_buffer);
  if (s != NULL && s->secrets.count != 0 && artifact->given == NULL)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: the secrets of its snapshot were not given", artifact->name);
  serving->stdio = is_server && aotc_serve_uses_stdio(image);
  /* Where the program has found it, it has to be, though nothing may fit. */
  if (s == NULL || s->has_tmp) serving->tmp_size = serving->options.tmp_size == 0 ? 1 : serving->options.tmp_size;
  const char* environ = s == NULL ? NULL : artifact->given != NULL ? artifact->given : aotc_saved_data(s, &s->environ);
  serving->args = list_strings(s == NULL ? NULL : aotc_saved_data(s, &s->args), s == NULL ? 0 : s->args.count,
                               artifact->name, &serving->arg_count);
  serving->env = list_strings(environ, s == NULL ? 0 : s->environ.count, NULL, &serving->env_count);
  if (serving->args == NULL || serving->env == NULL) return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  return AOTC_OK;
}

static void release(void* data) {
  struct serving* serving = data;
  aotc_wasi_kept_destroy(serving->kept);
  free(serving->args);
  free(serving->env);
  free(serving);
}

static enum aotc_status create_hosts(void* data, const struct aotc_image* image, struct aotc_hosts* hosts,
                                     struct aotc_error* error) {
  const struct serving* serving = data;
  struct aotc_wasi* wasi;
  struct aotc_connection* connection = calloc(1, sizeof(*connection));
  if (connection == NULL) return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  struct aotc_wasi_options options = {.argc = (int)serving->arg_count,
                                      .argv = serving->args,
                                      .env_count = serving->env_count,
                                      .env = serving->env,
                                      .kept = serving->kept,
                                      .tmp_size = serving->tmp_size,
                                      .stdio = {-1, -1, -1},
                                      .connection = connection,
                                      .connection_has_log = serving->options.log_buffer != 0,
                                      .connection_blocks = serving->options.called,
                                      .connection_is_stdio = serving->stdio,
                                      .outbound = serving->options.outbound,
                                      .values = serving->options.values};
  enum aotc_status status = aotc_wasi_create(&options, &wasi, error);
  if (status != AOTC_OK) {
    free(connection);
    return status;
  }
  wasi->owns_connection = true;
  wasi->start = image->host_start;
  hosts->list[hosts->count++] = &wasi->host;
  if (serving->options.create_host == NULL) return AOTC_OK;
  status = serving->options.create_host(&serving->options, wasi, &hosts->list[hosts->count], error);
  if (status == AOTC_OK) ++hosts->count;
  return status;
}

/* The connection as the next program finds it. */
static void renew(void* data, const struct aotc_image* image, struct aotc_hosts* hosts) {
  const struct serving* serving = data;
  struct aotc_wasi* wasi = (struct aotc_wasi*)hosts->list[0];
  struct aotc_connection* c = wasi->connection;
  *c = (struct aotc_connection){.out = c->out,
                                .out_capacity = c->out_capacity,
                                .out_limit = serving->options.write_buffer,
                                .log = c->log,
                                .log_capacity = c->log_capacity,
                                .log_limit = serving->options.log_buffer,
                                .accepted = serving->stdio || image->host_start != NULL};
  if (serving->saved != NULL && !serving->options.called) aotc_wasi_replay(wasi, serving->saved, true);
}

bool aotc_serve_uses_stdio(const struct aotc_image* image) {
  const char* fault;
  const struct aotc_wasi_saved* s = saved_of(image, &fault);
  return s != NULL && !(s->waits & AOTC_WASI_WAITS_LISTENER);
}

void aotc_serve_show_output(const struct aotc_image* image, int fd) {
  const char* fault;
  const struct aotc_wasi_saved* s = saved_of(image, &fault);
  if (s != NULL) aotc_wasi_show_output(s, fd, s->waits == 0 || s->waits & AOTC_WASI_WAITS_LISTENER);
}

struct aotc_connection* aotc_slot_connection(const struct aotc_slot* slot) {
  return ((struct aotc_wasi*)slot->hosts.list[0])->connection;
}

enum aotc_status aotc_serve_pool_create(const struct aotc_image* image, const struct aotc_pool_options* options,
                                        const struct aotc_serve_options* serve, struct aotc_pool** pool,
                                        struct aotc_error* error) {
  *pool = NULL;
  struct serving* serving = calloc(1, sizeof(*serving));
  if (serving == NULL) return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  serving->options = *serve;
  enum aotc_status status = prepare(serving, image, error);
  if (status != AOTC_OK) {
    release(serving);
    return status;
  }
  const struct aotc_host_source source = {.create = create_hosts, .renew = renew, .release = release, .data = serving};
  return aotc_pool_create(image, options, &source, pool, error);
}
