/* wasi_saved.c - what a snapshot keeps of a WASI host, and another host in its place.
 *
 * Freezing: arguments, environment, directories (wasi_kept.c), what was written, and the descriptors that are open:
 * standard ones, listeners, directories, files that are only read. Any other refuses the snapshot.
 *
 * Thawing: the descriptors of the new host are put into the state in which the program left its own. Its monotonic
 * clock has gone on by the time that has passed since, so that what the program made grows old, but not beyond its
 * first timer: what was to happen in an hour does not happen twice as late, nor does much of it at once. A step back
 * would stop timers. Where nobody knows whether there are timers (a Go program that stands in another import than
 * poll_oneoff) it goes on from where it stopped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "wasi_state.h"

__attribute__((format(printf, 3, 4))) static enum aotc_status fail(struct aotc_error* error, enum aotc_status status,
                                                                   const char* format, ...) {
  va_list args;
  va_start(args, format);
  error->status = status;
  vsnprintf(error->message, sizeof(error->message), format, args);
  va_end(args);
  return status;
}

static enum aotc_status refuse(struct aotc_error* error, const char* why) {
  return fail(error, AOTC_ERROR_ARGUMENT, "%s", why);
}

uint64_t aotc_wasi_monotonic_now(const struct aotc_wasi* wasi) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return aotc_wasi_nanoseconds(now) + wasi->monotonic_offset;
}

/* --- freezing ----------------------------------------------------------------------------------------------------- */

static const char* kind_name(uint8_t kind) {
  switch (kind) {
    case AOTC_WASI_FILE:
      return "file";
    case AOTC_WASI_DIRECTORY:
      return "directory";
    default:
      return "stream";
  }
}

static uint64_t removed_rights(const struct aotc_wasi_fd* entry) {
  uint64_t all = entry->kind == AOTC_WASI_STREAM     ? WASI_RIGHTS_STREAM
                 : entry->kind == AOTC_WASI_FILE     ? WASI_RIGHTS_FILE
                 : entry->kind == AOTC_WASI_EVENTS   ? WASI_RIGHTS_STREAM
                 : entry->kind == AOTC_WASI_LISTENER ? WASI_RIGHTS_LISTENER
                                                     : WASI_RIGHTS_DIRECTORY;
  return all & ~entry->rights;
}

static enum aotc_status add_path(struct aotc_wasi_strings* paths, const char* path, struct aotc_error* error) {
  size_t size = strlen(path) + 1;
  char* text = realloc(paths->text, paths->bytes + size);
  if (text == NULL) return fail(error, AOTC_ERROR_LIMIT, "out of memory");
  paths->text = text;
  memcpy(text + paths->bytes, path, size);
  paths->bytes += (uint32_t)size;
  return AOTC_OK;
}

static enum aotc_status save_fds(struct aotc_wasi* wasi, struct aotc_wasi_saved* saved, struct aotc_arrays* out,
                                 struct aotc_error* error) {
  if (wasi->freeze->renumbered) return refuse(error, "it renumbered descriptors");
  struct aotc_saved_fd* fds = calloc(wasi->fd_count + 1, sizeof(*fds));
  struct aotc_saved_file* files = calloc(wasi->fd_count + 1, sizeof(*files));
  struct aotc_wasi_strings paths = {0};
  uint32_t count = 0, file_count = 0;
  if (fds == NULL || files == NULL) return fail(error, AOTC_ERROR_LIMIT, "out of memory");
  enum aotc_status status = AOTC_OK;
  for (uint32_t i = 0; i < wasi->fd_count && status == AOTC_OK; ++i) {
    const struct aotc_wasi_fd* entry = &wasi->fds[i];
    if (entry->kind == AOTC_WASI_FREE) continue;
    if ((entry->host >= 0 || entry->node != NULL) && entry->preopen == NULL) {
      struct aotc_saved_file* file = &files[file_count++];
      if (!aotc_wasi_describe_file(entry, file))
        status = fail(error, AOTC_ERROR_ARGUMENT, "descriptor %u, a %s, is open while it waits for input", i,
                      kind_name(entry->kind));
      else
        status = add_path(&paths, entry->path, error);
      file->number = i;
      file->path = paths.count;
      paths.count = paths.bytes;
    }
    if (entry->kind == AOTC_WASI_EVENTS) {
      saved->events_fd = i;
      saved->events_wanted = wasi->edge.wanted;
    }
    fds[count++] = (struct aotc_saved_fd){.number = i, .flags = entry->flags, .removed_rights = removed_rights(entry)};
  }
  if (status == AOTC_OK) status = aotc_arrays_add(out, &saved->fds, fds, sizeof(*fds), count, error);
  if (status == AOTC_OK) status = aotc_arrays_add(out, &saved->files, files, sizeof(*files), file_count, error);
  if (status == AOTC_OK) status = aotc_arrays_add(out, &saved->paths, paths.text, 1, paths.bytes, error);
  wasi->freeze->files_open = file_count;
  free(fds);
  free(files);
  free(paths.text);
  return status;
}

static enum aotc_status save_secrets(const struct aotc_wasi* wasi, struct aotc_wasi_saved* saved,
                                     struct aotc_arrays* out, struct aotc_error* error) {
  struct aotc_saved_secret* secrets = calloc(wasi->secret_count + 1, sizeof(*secrets));
  if (secrets == NULL) return fail(error, AOTC_ERROR_LIMIT, "out of memory");
  for (uint32_t i = 0; i < wasi->secret_count; ++i) {
    const struct aotc_wasi_secret* secret = &wasi->secrets[i];
    secrets[i] = (struct aotc_saved_secret){
        .environ = secret->environ + secret->name_size, .size = secret->value_size, .address = secret->address};
  }
  enum aotc_status status = aotc_arrays_add(out, &saved->secrets, secrets, sizeof(*secrets), wasi->secret_count, error);
  free(secrets);
  return status;
}

static enum aotc_status save_surroundings(const struct aotc_wasi* wasi, struct aotc_wasi_saved* saved,
                                          struct aotc_arrays* out, struct aotc_error* error) {
  size_t name = wasi->args.count == 0 ? 0 : strlen(wasi->args.text) + 1;
  enum aotc_status status =
      aotc_arrays_add(out, &saved->args, wasi->args.text + name, 1, wasi->args.bytes - name, error);
  if (status == AOTC_OK)
    status = aotc_arrays_add(out, &saved->environ, wasi->environ.text, 1, wasi->environ.bytes, error);
  if (status == AOTC_OK) status = save_secrets(wasi, saved, out, error);
  if (status != AOTC_OK) return status;
  size_t size = 0;
  for (uint32_t i = 0; i < wasi->fd_count; ++i)
    if (wasi->fds[i].preopen != NULL) size += strlen(wasi->fds[i].preopen) + 1;
  char* dirs = malloc(size + 1);
  if (dirs == NULL) return fail(error, AOTC_ERROR_LIMIT, "out of memory");
  char* at = dirs;
  for (uint32_t i = 0; i < wasi->fd_count; ++i)
    if (wasi->fds[i].preopen != NULL) at = stpcpy(at, wasi->fds[i].preopen) + 1;
  status = aotc_arrays_add(out, &saved->dirs, dirs, 1, size, error);
  free(dirs);
  if (status == AOTC_OK)
    status = aotc_arrays_add(out, &saved->output, wasi->freeze->output, 1, wasi->freeze->output_size, error);
  return status;
}

/* How far the clock may go on by itself. */
static uint64_t may_pass(const struct aotc_wasi_freeze* freeze) {
  if (freeze->clock_continues) return 0;
  if (freeze->waits & AOTC_WASI_WAITS_IN_POLL) return freeze->timer;
  return freeze->hidden_timers ? 0 : UINT64_MAX;
}

enum aotc_status aotc_wasi_save(struct aotc_host* host, struct aotc_instance* instance, struct aotc_arrays* state,
                                struct aotc_error* error) {
  struct aotc_wasi* wasi = (struct aotc_wasi*)host;
  struct aotc_wasi_freeze* freeze = wasi->freeze;
  if (freeze == NULL) return refuse(error, "the host was not made for freezing");
  const char* fault = aotc_secrets_show(instance, wasi);
  if (fault != NULL) return refuse(error, fault);
  const char* secret = aotc_wasi_secret_read(wasi);
  if (secret != NULL)
    return fail(error, AOTC_ERROR_ARGUMENT, "it read the secret %.*s before the thaw", (int)strcspn(secret, "="),
                secret);
  if (freeze->output_lost) return refuse(error, "it wrote more than 1 MiB before it waited for input");
  bool in_poll = freeze->waits & AOTC_WASI_WAITS_IN_POLL;
  freeze->may_pass = may_pass(freeze);
  struct aotc_wasi_saved saved = {.waits = freeze->waits,
                                  .listeners = freeze->listeners,
                                  .monotonic = in_poll ? freeze->stopped : aotc_wasi_monotonic_now(wasi),
                                  .may_pass = freeze->may_pass,
                                  .has_tmp = wasi->tmp != NULL};
  enum aotc_status status = aotc_arrays_add(state, NULL, &saved, sizeof(saved), 1, error);
  if (status == AOTC_OK) status = save_fds(wasi, &saved, state, error);
  if (status == AOTC_OK) status = save_surroundings(wasi, &saved, state, error);
  if (status == AOTC_OK) status = aotc_wasi_save_kept(wasi, &saved, state, error);
  if (status == AOTC_OK) memcpy(state->bytes, &saved, sizeof(saved));
  return status;
}

/* --- thawing ------------------------------------------------------------------------------------------------------ */

static bool inside(uint64_t size, const struct aotc_span* span, size_t element) {
  return span->offset % 8 == 0 && span->offset <= size && (uint64_t)span->count * element <= size - span->offset;
}

static bool strings_end(const struct aotc_wasi_saved* s, uint64_t size, const struct aotc_span* span) {
  return inside(size, span, 1) && (span->count == 0 || ((const char*)aotc_saved_data(s, span))[span->count - 1] == 0);
}

const char* aotc_wasi_saved_fault(const void* state, uint64_t size) {
  const struct aotc_wasi_saved* s = state;
  if (s == NULL || size < sizeof(*s)) return "wasi";
  if (s->monotonic > INT64_MAX / 2) return "clock"; /* nanoseconds, which Go reads as signed */
  if (!inside(size, &s->fds, sizeof(struct aotc_saved_fd))) return "descriptors";
  if (!strings_end(s, size, &s->args) || !strings_end(s, size, &s->environ) || !strings_end(s, size, &s->dirs))
    return "strings";
  if (!inside(size, &s->files, sizeof(struct aotc_saved_file)) || !strings_end(s, size, &s->paths)) return "files";
  if (!inside(size, &s->secrets, sizeof(struct aotc_saved_secret))) return "secrets";
  if (s->nodes.count > AOTC_WASI_MAX_KEPT || !inside(size, &s->nodes, sizeof(struct aotc_saved_node)) ||
      !strings_end(s, size, &s->names) || !inside(size, &s->contents, 1))
    return "directories";
  return inside(size, &s->output, 1) ? NULL : "output";
}

/* But for the values of secrets, which have the same length. */
static bool same_environ(const struct aotc_wasi_saved* s, const struct aotc_wasi_strings* environ) {
  if (s->environ.count != environ->bytes) return false;
  const char* ours = aotc_saved_data(s, &s->environ);
  const struct aotc_saved_secret* secrets = aotc_saved_data(s, &s->secrets);
  uint32_t at = 0;
  for (uint32_t i = 0; i <= s->secrets.count; ++i) {
    bool last = i == s->secrets.count;
    uint32_t end = last ? environ->bytes : secrets[i].environ;
    if (end < at || end > environ->bytes || (end > at && memcmp(ours + at, environ->text + at, end - at) != 0))
      return false;
    if (last) break;
    if (secrets[i].size > environ->bytes - end || memchr(environ->text + end, 0, secrets[i].size) != NULL) return false;
    at = end + secrets[i].size;
  }
  return true;
}

static bool same_bytes(const struct aotc_wasi_saved* s, const struct aotc_span* span, const char* text, size_t size) {
  return span->count == size && (size == 0 || memcmp(aotc_saved_data(s, span), text, size) == 0);
}

static bool is_open(const struct aotc_wasi_saved* s, uint32_t number) {
  const struct aotc_saved_fd* fds = aotc_saved_data(s, &s->fds);
  uint32_t i = 0;
  while (i < s->fds.count && fds[i].number != number) ++i;
  return i != s->fds.count;
}

/* The same arguments, environment and directories by the same numbers, and a listener if that is what it waits for. */
bool aotc_wasi_matches(const struct aotc_host* host, const void* state, uint64_t size) {
  const struct aotc_wasi* wasi = (const struct aotc_wasi*)host;
  if (aotc_wasi_saved_fault(state, size) != NULL) return true; /* and the thaw says what is wrong */
  const struct aotc_wasi_saved* s = state;
  /* The program's own name may differ. */
  size_t name = wasi->args.count == 0 ? 0 : strlen(wasi->args.text) + 1;
  if (!same_bytes(s, &s->args, wasi->args.text + name, wasi->args.bytes - name)) return false;
  if (!same_environ(s, &wasi->environ)) return false;

  if (s->has_tmp != (wasi->tmp != NULL)) return false;
  uint32_t listeners = 0, missing = 0;
  size_t at = 0;
  const char* dirs = aotc_saved_data(s, &s->dirs);
  for (uint32_t fd = 3; fd < wasi->fd_count; ++fd) {
    const struct aotc_wasi_fd* entry = &wasi->fds[fd];
    if (entry->kind == AOTC_WASI_LISTENER) ++listeners;
    if (entry->kind == AOTC_WASI_NULL) ++missing;
    if (entry->preopen == NULL) continue;
    size_t size = strlen(entry->preopen) + 1;
    if (size > s->dirs.count - at || memcmp(dirs + at, entry->preopen, size) != 0 || !is_open(s, fd)) return false;
    at += size;
  }
  if (at != s->dirs.count) return false;
  /* A program that only reads stdin does not notice that there is no listener, unless directories come after it. */
  if (listeners == 0 && !(s->waits & AOTC_WASI_WAITS_LISTENER)) return s->dirs.count == 0 || missing == s->listeners;
  return listeners == s->listeners;
}

/* Streams that do not take everything are waited for: this is at start-up, before the program runs. */
static int write_all(int host, const uint8_t* bytes, size_t size) {
  while (size > 0) {
    ssize_t n = write(host, bytes, size);
    if (n < 0 && errno == EAGAIN) {
      struct pollfd p = {.fd = host, .events = POLLOUT};
      if (poll(&p, 1, -1) < 0 && errno != EINTR) return -1;
    } else if (n < 0 && errno != EINTR) {
      return -1;
    } else if (n > 0) {
      bytes += n;
      size -= (size_t)n;
    }
  }
  return 0;
}

/* Like the program's own writes, these may meet a closed pipe; that is for the program to find out. */
static void replay(struct aotc_wasi* wasi, uint32_t fd, const uint8_t* bytes, uint32_t size, bool to_connection) {
  if (fd < 1 || fd > 2 || fd >= wasi->fd_count) return;
  const struct aotc_wasi_fd* entry = &wasi->fds[fd];
  struct iovec vector = {(void*)(uintptr_t)bytes, size};
  uint32_t moved;
  if (to_connection && entry->kind == AOTC_WASI_CONNECTION)
    aotc_wasi_connection_write(wasi, entry, &vector, 1, &moved);
  else if (!to_connection && entry->host >= 0)
    (void)!write_all(entry->host, bytes, size);
}

/* The piece of output at `*at`, which moves on; false at the end. */
static bool next_output(const struct aotc_wasi_saved* s, uint64_t* at, uint32_t* fd, const uint8_t** bytes,
                        uint32_t* size) {
  const uint8_t* output = aotc_saved_data(s, &s->output);
  uint64_t end = s->output.count;
  if (*at > end || end - *at < 8) return false;
  *fd = aotc_wasi_load32(output + *at);
  *size = aotc_wasi_load32(output + *at + 4);
  *at += 8;
  if (*size > end - *at) return false;
  *bytes = output + *at;
  *at += (*size + 3ull) & ~3ull;
  return true;
}

void aotc_wasi_replay(struct aotc_wasi* wasi, const struct aotc_wasi_saved* s, bool to_connection) {
  const uint8_t* bytes;
  uint32_t fd, size;
  for (uint64_t at = 0; next_output(s, &at, &fd, &bytes, &size);) replay(wasi, fd, bytes, size, to_connection);
}

void aotc_wasi_show_log(const struct aotc_connection* c, int host) {
  for (size_t at = 0; at < c->log_size;) {
    uint32_t size = aotc_wasi_load32(c->log + at);
    (void)!write_all(host, c->log + at + 8, size);
    at += 8 + size;
  }
}

void aotc_wasi_show_output(const struct aotc_wasi_saved* s, int host, bool stdout_too) {
  const uint8_t* bytes;
  uint32_t fd, size;
  for (uint64_t at = 0; next_output(s, &at, &fd, &bytes, &size);)
    if (fd == 2 || (fd == 1 && stdout_too)) (void)!write_all(host, bytes, size);
}

enum aotc_status aotc_wasi_thaw(struct aotc_host* host, struct aotc_instance* instance, const void* state,
                                uint64_t size, struct aotc_error* error) {
  struct aotc_wasi* wasi = (struct aotc_wasi*)host;
  const struct aotc_wasi_saved* s = state;
  const char* fault = aotc_wasi_saved_fault(state, size);
  if (fault == NULL) fault = aotc_edge_thaw(wasi, s);
  if (fault == NULL && s->has_tmp) {
    wasi->saved_tmp = s;
    if (aotc_wasi_fill_tmp(wasi) != NULL) fault = "directories";
  }
  if (fault != NULL) return fail(error, AOTC_ERROR_FORMAT, "corrupted: snapshot: %s", fault);
  /* What a program writes before it reads stdin is part of its answer; what a server writes belongs to its log. A pool
   * has a connection to which it is written for each request. */
  if (wasi->connection == NULL && !(s->waits & AOTC_WASI_WAITS_LISTENER)) aotc_wasi_replay(wasi, s, false);
  enum aotc_status status = aotc_wasi_reopen_files(wasi, s, error);
  if (status == AOTC_OK && instance != NULL) status = aotc_secrets_fill(instance, wasi, s, error);
  if (status != AOTC_OK) return status;
  const struct aotc_saved_fd* fds = aotc_saved_data(s, &s->fds);
  uint32_t at = 0;
  for (uint32_t fd = 0; fd < wasi->fd_count; ++fd) {
    struct aotc_wasi_fd* entry = &wasi->fds[fd];
    while (at < s->fds.count && fds[at].number < fd) ++at;
    bool open = at < s->fds.count && fds[at].number == fd;
    if (entry->kind == AOTC_WASI_FREE) continue;
    if (!open) {
      aotc_wasi_close(wasi, fd);
      continue;
    }
    /* Whether a file appends or syncs is its own affair. */
    entry->flags = (uint16_t)((entry->flags & ~WASI_FDFLAG_NONBLOCK) | (fds[at].flags & WASI_FDFLAG_NONBLOCK));
    entry->rights &= ~fds[at].removed_rights;
  }
  wasi->monotonic_start = s->monotonic;
  wasi->may_pass = s->may_pass;
  wasi->begins_in_poll = s->waits & AOTC_WASI_WAITS_IN_POLL;
  return wasi->start == NULL ? AOTC_OK : aotc_wasi_adopt(wasi, wasi->start, error);
}

void aotc_wasi_begin(struct aotc_host* host, uint64_t frozen_at) {
  struct aotc_wasi* wasi = (struct aotc_wasi*)host;
  uint64_t now, passed;
  wasi->monotonic_offset = 0;
  now = aotc_wasi_monotonic_now(wasi);
  passed = now - (wasi->start != NULL ? wasi->start->at : frozen_at);
  if (passed > wasi->may_pass) passed = wasi->may_pass;
  wasi->monotonic_offset = wasi->monotonic_start + passed - now;
  if (wasi->edge.wanted & AOTC_EDGE_THAW && !wasi->edge.ahead) wasi->edge.pending = AOTC_EDGE_THAW;
  /* What it waits for, it has waited for since then. */
  if (wasi->begins_in_poll) wasi->wait_start = now - passed;
}
