/* wasi_connection.c - a connection without a socket behind it, and giving a WASI host back its descriptors.
 *
 * A server in a pool serves one request per life. Its listener yields one connection, whose bytes come from a buffer of
 * the embedder and go to another one (struct aotc_connection). After the bytes that are there a read answers EAGAIN,
 * and the end only if the client has left, because Go's net/http takes the end for a client that has lost interest. A
 * write takes what fits and answers EAGAIN when nothing does. Nothing here waits: who would have to ends the call with
 * AOTC_FROZEN, and the same call is made again when the program goes on.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "wasi_state.h"

bool aotc_wasi_is_virtual(const struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry) {
  return wasi->connection != NULL &&
         (entry->kind == AOTC_WASI_CONNECTION || (entry->kind == AOTC_WASI_LISTENER && entry->host < 0));
}

bool aotc_wasi_virtual_ready(const struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry, bool read,
                             uint64_t* bytes) {
  const struct aotc_connection* c = wasi->connection;
  *bytes = 0;
  if (entry->kind == AOTC_WASI_LISTENER) return read && !c->accepted;
  *bytes = read ? c->in_size - c->in_at : c->out_limit - c->out_size;
  return *bytes != 0 || (read ? c->in_closed : c->out_closed);
}

/* What a call answers that would have to wait. */
static int would_wait(struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry) {
  if (entry->flags & WASI_FDFLAG_NONBLOCK) return WASI_EAGAIN;
  wasi->wake_time = UINT64_MAX;
  wasi->waits_for_connection = false;
  return AOTC_WASI_FROZEN;
}

int aotc_wasi_connection_accept(struct aotc_wasi* wasi, const struct aotc_wasi_fd* listener, uint32_t fdflags,
                                struct aotc_wasi_fd* entry) {
  if (wasi->connection->accepted) return would_wait(wasi, listener);
  wasi->connection->accepted = true;
  *entry = (struct aotc_wasi_fd){.kind = AOTC_WASI_CONNECTION,
                                 .filetype = WASI_FILETYPE_SOCKET_STREAM,
                                 .flags = (uint16_t)fdflags,
                                 .host = -1,
                                 .rights = WASI_RIGHTS_SOCKET & listener->inheriting};
  return 0;
}

int aotc_wasi_connection_read(struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry, const struct iovec* vectors,
                              int count, bool peek, uint32_t* moved) {
  struct aotc_connection* c = wasi->connection;
  size_t at = c->in_at;
  if (at == c->in_size && !c->in_closed && count > 0) return would_wait(wasi, entry);
  for (int i = 0; i < count; ++i) {
    size_t left = c->in_size - at, n = vectors[i].iov_len < left ? vectors[i].iov_len : left;
    if (n > 0) memcpy(vectors[i].iov_base, c->in + at, n);
    at += n;
  }
  *moved = (uint32_t)(at - c->in_at);
  if (!peek) c->in_at = at;
  return 0;
}

static bool grow(uint8_t** bytes, size_t* capacity, size_t need, size_t limit) {
  size_t wanted = *capacity;
  if (need <= wanted) return true;
  while (wanted < need) wanted = wanted == 0 ? 8192 : wanted * 2;
  if (wanted > limit) wanted = limit;
  uint8_t* larger = realloc(*bytes, wanted);
  if (larger == NULL) return false;
  *bytes = larger;
  *capacity = wanted;
  return true;
}

static bool grow_out(struct aotc_connection* c, size_t more) {
  size_t need = more < c->out_limit - c->out_size ? c->out_size + more : c->out_limit;
  return grow(&c->out, &c->out_capacity, need, c->out_limit);
}

bool aotc_connection_append(struct aotc_connection* c, const void* bytes, size_t size) {
  if (c->out_closed || size > c->out_limit - c->out_size || !grow_out(c, size)) return false;
  if (size > 0) memcpy(c->out + c->out_size, bytes, size);
  c->out_size += size;
  return true;
}

struct aotc_connection* aotc_wasi_connection(const struct aotc_wasi* wasi) { return wasi->connection; }

const struct aotc_peer* aotc_wasi_asker(const struct aotc_wasi* wasi) { return &wasi->edge.asker; }

enum aotc_status aotc_wasi_suspend(struct aotc_wasi* wasi) {
  if (wasi->freeze != NULL) {
    wasi->freeze->waits &= ~(uint32_t)AOTC_WASI_WAITS_IN_POLL;
    wasi->freeze->waits |= AOTC_WASI_WAITS_LISTENER;
  }
  wasi->wake_time = UINT64_MAX;
  wasi->waits_for_connection = false;
  return AOTC_FROZEN;
}

static uint32_t add_to_log(struct aotc_connection* c, uint32_t descriptor, const struct iovec* vectors, int count) {
  size_t size = 0;
  for (int i = 0; i < count; ++i) size += vectors[i].iov_len;
  uint32_t head[2] = {(uint32_t)size, descriptor};
  size_t room = c->log_limit - c->log_size;
  if (room < sizeof(head) || size > room - sizeof(head) ||
      !grow(&c->log, &c->log_capacity, c->log_size + sizeof(head) + size, c->log_limit)) {
    for (int i = 0; i < count; ++i)
      for (size_t k = 0; k < vectors[i].iov_len; ++k) c->lines_lost += ((const char*)vectors[i].iov_base)[k] == '\n';
    return head[0];
  }
  memcpy(c->log + c->log_size, head, sizeof(head));
  c->log_size += sizeof(head);
  for (int i = 0; i < count; ++i) {
    memcpy(c->log + c->log_size, vectors[i].iov_base, vectors[i].iov_len);
    c->log_size += vectors[i].iov_len;
  }
  return head[0];
}

uint32_t aotc_wasi_log_write(struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry, const struct iovec* vectors,
                             int count) {
  return add_to_log(wasi->connection, (uint32_t)(entry - wasi->fds), vectors, count);
}

void aotc_connection_log(struct aotc_connection* connection, uint32_t descriptor, const char* line, size_t size) {
  const struct iovec vectors[] = {{(char*)(uintptr_t)line, size}, {(char[]){'\n'}, 1}};
  add_to_log(connection, descriptor, vectors, 2);
}

int aotc_wasi_connection_write(struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry, const struct iovec* vectors,
                               int count, uint32_t* moved) {
  struct aotc_connection* c = wasi->connection;
  if (c->out_closed) return WASI_EPIPE;
  if (c->out_size >= c->out_limit && count > 0) return would_wait(wasi, entry);
  size_t at = c->out_size, size = 0;
  for (int i = 0; i < count; ++i) size += vectors[i].iov_len;
  if (!grow_out(c, size)) return WASI_ENOMEM;
  for (int i = 0; i < count; ++i) {
    size_t left = c->out_capacity - at, n = vectors[i].iov_len < left ? vectors[i].iov_len : left;
    if (n > 0) memcpy(c->out + at, vectors[i].iov_base, n);
    at += n;
  }
  *moved = (uint32_t)(at - c->out_size);
  c->out_size = at;
  return 0;
}

uint64_t aotc_wasi_wake_time(const struct aotc_host* host) { return ((const struct aotc_wasi*)host)->wake_time; }

bool aotc_wasi_only_accepted(const struct aotc_wasi* wasi) {
  for (uint32_t i = 0; i < wasi->fd_count; ++i) {
    const struct aotc_wasi_fd *entry = &wasi->fds[i], *before = i < wasi->kept_count ? &wasi->kept[i] : NULL;
    bool was_free = before == NULL || before->kind == AOTC_WASI_FREE;
    if (was_free && (entry->kind == AOTC_WASI_FREE || entry->kind == AOTC_WASI_CONNECTION)) continue;
    if (was_free || entry->kind != before->kind || entry->host != before->host || entry->node != before->node ||
        entry->position != before->position)
      return false;
  }
  return true;
}

enum aotc_status aotc_wasi_adopt(struct aotc_wasi* wasi, const struct aotc_serve_start* start,
                                 struct aotc_error* error) {
  const struct aotc_wasi_fd* fds = start->fds;
  uint32_t count = start->fd_count;
  wasi->monotonic_start = start->monotonic;
  wasi->may_pass = start->may_pass;
  wasi->begins_in_poll = true;
  if (count > wasi->fd_count) {
    struct aotc_wasi_fd* larger = realloc(wasi->fds, count * sizeof(*larger));
    if (larger == NULL) {
      *error = (struct aotc_error){AOTC_ERROR_LIMIT, "wasi: out of memory"};
      return AOTC_ERROR_LIMIT;
    }
    memset(larger + wasi->fd_count, 0, (count - wasi->fd_count) * sizeof(*larger));
    wasi->fds = larger;
    wasi->fd_count = count;
  }
  for (uint32_t i = 0; i < count; ++i) {
    struct aotc_wasi_fd* entry = &wasi->fds[i];
    if (fds[i].kind == AOTC_WASI_CONNECTION) *entry = fds[i];
    entry->flags = fds[i].flags;
    entry->rights = fds[i].rights;
  }
  return AOTC_OK;
}

enum aotc_status aotc_wasi_keep(struct aotc_host* host, struct aotc_error* error) {
  struct aotc_wasi* wasi = (struct aotc_wasi*)host;
  wasi->kept = malloc(wasi->fd_count * sizeof(*wasi->kept));
  if (wasi->kept == NULL) {
    *error = (struct aotc_error){AOTC_ERROR_LIMIT, "wasi: out of memory"};
    return AOTC_ERROR_LIMIT;
  }
  for (uint32_t i = 0; i < wasi->fd_count; ++i) wasi->fds[i].kept = true;
  memcpy(wasi->kept, wasi->fds, wasi->fd_count * sizeof(*wasi->kept));
  wasi->kept_count = wasi->fd_count;
  wasi->edge.kept_wanted = wasi->edge.wanted;
  return AOTC_OK;
}

void aotc_wasi_restore(struct aotc_host* host) {
  struct aotc_wasi* wasi = (struct aotc_wasi*)host;
  if (wasi->kept == NULL) return;
  aotc_wasi_close_all(wasi);
  if (wasi->tmp != NULL && aotc_tmp_changed(wasi->tmp)) {
    aotc_tmp_clear(wasi->tmp);
    (void)aotc_wasi_fill_tmp(wasi); /* without memory, what there is */
  }
  if (wasi->fd_count > wasi->kept_count) {
    struct aotc_wasi_fd* smaller = realloc(wasi->fds, wasi->kept_count * sizeof(*smaller));
    if (smaller != NULL) wasi->fds = smaller;
    wasi->fd_count = wasi->kept_count;
  }
  memcpy(wasi->fds, wasi->kept, wasi->kept_count * sizeof(*wasi->kept));
  wasi->lowest_free = 0;
  wasi->edge.wanted = wasi->edge.kept_wanted;
  wasi->edge.pending = wasi->edge.running = AOTC_EDGE_NOTHING;
  wasi->edge.told_idle = false;
  wasi->wait_start = 0;
  wasi->wake_time = UINT64_MAX;
}
