/* wasi_freeze.c - the surroundings of a program that is to be frozen, and what it did there.
 *
 * The program gets standard descriptors and listeners that nothing is behind. Reading finds nothing, so the
 * program runs until everything in it waits; what it writes is kept, so that it can be written again for every clone.
 * What the program did that its clones will share is counted for the report.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "wasi_state.h"

enum { kMaxOutput = 1 << 20 };

static enum aotc_status out_of_memory(struct aotc_error* error) {
  *error = (struct aotc_error){AOTC_ERROR_LIMIT, "wasi: out of memory"};
  return AOTC_ERROR_LIMIT;
}

enum aotc_status aotc_wasi_freeze_setup(struct aotc_wasi* wasi, const struct aotc_wasi_options* options,
                                        struct aotc_error* error) {
  wasi->freeze = calloc(1, sizeof(*wasi->freeze));
  if (wasi->freeze == NULL) return out_of_memory(error);
  for (size_t i = 0; i < 3 + options->listener_count; ++i) {
    uint32_t fd;
    struct aotc_wasi_fd* entry;
    if (aotc_wasi_reserve(wasi, &fd, &entry) != 0) return out_of_memory(error);
    *entry = i < 3 ? (struct aotc_wasi_fd){.kind = AOTC_WASI_STREAM, .host = -1, .rights = WASI_RIGHTS_STREAM}
                   : AOTC_WASI_VIRTUAL_LISTENER;
  }
  wasi->freeze->listeners = (uint32_t)options->listener_count;
  wasi->freeze->dirs = (uint32_t)options->dir_count + (options->kept == NULL ? 0 : options->kept->count);
  wasi->freeze->dirs += options->tmp_size != 0;
  wasi->freeze->drawn = options->drawn;
  wasi->freeze->told_time = options->told_time;
  wasi->freeze->drawn_data = options->drawn_data;
  wasi->freeze->clock_continues = options->clock_continues;
  wasi->freeze->hidden_timers = options->hidden_timers;
  return AOTC_OK;
}

void aotc_wasi_freeze_release(struct aotc_wasi* wasi) {
  if (wasi->freeze == NULL) return;
  free(wasi->freeze->output);
  free(wasi->freeze->errors);
  free(wasi->freeze->guard);
  for (uint32_t i = 0; i < wasi->freeze->file_count; ++i) free(wasi->freeze->files[i]);
  free(wasi->freeze);
  wasi->freeze = NULL;
}

bool aotc_wasi_is_input(const struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry) {
  return wasi->freeze != NULL && entry->host < 0 &&
         (entry->kind == AOTC_WASI_LISTENER || (entry->kind == AOTC_WASI_STREAM && entry == &wasi->fds[0]));
}

void aotc_wasi_note_wait(struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry) {
  wasi->freeze->waits &= ~(uint32_t)AOTC_WASI_WAITS_IN_POLL;
  wasi->freeze->waits |= entry->kind == AOTC_WASI_LISTENER ? AOTC_WASI_WAITS_LISTENER : AOTC_WASI_WAITS_STDIN;
  wasi->wake_time = UINT64_MAX;
}

bool aotc_wasi_waits_for_listener(const struct aotc_wasi* wasi) {
  return wasi->freeze != NULL && (wasi->freeze->waits & AOTC_WASI_WAITS_LISTENER);
}

size_t aotc_wasi_output_size(const struct aotc_wasi* wasi) {
  return wasi->freeze == NULL ? 0 : wasi->freeze->output_size;
}

enum aotc_status aotc_wasi_connect(struct aotc_wasi* wasi, struct aotc_connection* connection,
                                   struct aotc_error* error) {
  for (uint32_t i = 0; i < wasi->fd_count; ++i)
    if (wasi->fds[i].kind == AOTC_WASI_CONNECTION) {
      *error = (struct aotc_error){AOTC_ERROR_ARGUMENT, "it keeps the connection of the warm-up request open"};
      return AOTC_ERROR_ARGUMENT;
    }
  wasi->connection = connection;
  wasi->freeze->waits = 0;
  return AOTC_OK;
}

static bool grow_output(struct aotc_wasi_freeze* freeze, size_t more) {
  if (more > kMaxOutput - freeze->output_size) return false;
  size_t need = freeze->output_size + more, capacity = freeze->output_capacity;
  if (need <= capacity) return true;
  while (capacity < need) capacity = capacity == 0 ? 4096 : capacity * 2;
  uint8_t* output = realloc(freeze->output, capacity);
  if (output == NULL) return false;
  freeze->output = output;
  freeze->output_capacity = capacity;
  return true;
}

static void keep_errors(struct aotc_wasi_freeze* freeze, const struct iovec* vectors, int count) {
  if (freeze->errors == NULL) freeze->errors = malloc(AOTC_WASI_LAST_ERRORS);
  if (freeze->errors == NULL) return;
  for (int i = 0; i < count; ++i) {
    const char* bytes = vectors[i].iov_base;
    size_t size = vectors[i].iov_len;
    size_t skipped = size > AOTC_WASI_LAST_ERRORS ? size - AOTC_WASI_LAST_ERRORS : 0;
    for (size_t at = skipped; at < size; ++at)
      freeze->errors[(freeze->errors_size + at) % AOTC_WASI_LAST_ERRORS] = bytes[at];
    freeze->errors_size += size;
  }
}

char* aotc_wasi_last_errors(const struct aotc_wasi* wasi, size_t* size) {
  const struct aotc_wasi_freeze* freeze = wasi->freeze;
  *size = 0;
  if (freeze == NULL || freeze->errors_size == 0) return NULL;
  char* text = malloc(AOTC_WASI_LAST_ERRORS);
  if (text == NULL) return NULL;
  uint64_t end = freeze->errors_size, at = end > AOTC_WASI_LAST_ERRORS ? end - AOTC_WASI_LAST_ERRORS : 0;
  bool cut = at != 0;
  for (; at != end; ++at) text[(*size)++] = freeze->errors[at % AOTC_WASI_LAST_ERRORS];
  const char* line = cut ? memchr(text, '\n', *size) : NULL;
  if (line != NULL) {
    *size -= (size_t)(line + 1 - text);
    memmove(text, line + 1, *size);
  }
  return text;
}

int aotc_wasi_freeze_write(struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry, const struct iovec* vectors,
                           int count, uint32_t* moved) {
  struct aotc_wasi_freeze* freeze = wasi->freeze;
  size_t size = 0;
  for (int i = 0; i < count; ++i) size += vectors[i].iov_len;
  *moved = (uint32_t)size;
  if (entry - wasi->fds == 2) keep_errors(freeze, vectors, count);
  size_t padded = (size + 3) & ~(size_t)3;
  if (size > kMaxOutput || !grow_output(freeze, 8 + padded)) {
    freeze->output_lost = true;
    return 0;
  }
  uint8_t* at = freeze->output + freeze->output_size;
  memset(at, 0, 8 + padded);
  aotc_wasi_store32(at, (uint32_t)(entry - wasi->fds));
  aotc_wasi_store32(at + 4, (uint32_t)size);
  at += 8;
  for (int i = 0; i < count; ++i) {
    memcpy(at, vectors[i].iov_base, vectors[i].iov_len);
    at += vectors[i].iov_len;
  }
  freeze->output_size += 8 + padded;
  return 0;
}
