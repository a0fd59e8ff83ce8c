/* wasi_outbound.c - descriptors of connections that the program makes, which preview 1 has no functions for: an import
 * module of our own.
 *
 *     aotc_outbound.open(service, name, name_size, port, &fd) -> errno
 *         a descriptor of enum aotc_outbound_service for a name or an address as text. It is non-blocking, and becomes
 *         writable (readable, of a lookup) when it is known what came of it.
 *     aotc_outbound.state(fd, &ends) -> errno
 *         EINPROGRESS, then 0 and struct aotc_outbound_ends, or why it failed
 *
 * From then on the descriptor is a socket like any other: read, written, polled, shut down, closed. In a pool nobody
 * waits here, as nobody does for the pool's own connection; elsewhere the thread waits for the channel to the broker.
 * A program that is to be frozen has no connections: none could be there after the thaw.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "wasi_state.h"

static void nothing(void* data, void* owner) {
  (void)data;
  (void)owner;
}

void aotc_wasi_outbound_exchange(struct aotc_wasi* wasi) {
  aotc_outbound_flush(wasi->outbound);
  aotc_outbound_receive(wasi->outbound, nothing, NULL);
}

static int wait_for_broker(struct aotc_instance* instance, struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry) {
  if (entry->flags & WASI_FDFLAG_NONBLOCK) return WASI_EAGAIN;
  if (wasi->connection != NULL) {
    wasi->wake_time = UINT64_MAX;
    wasi->waits_for_connection = false;
    return AOTC_WASI_FROZEN;
  }
  aotc_outbound_flush(wasi->outbound);
  int fd = aotc_outbound_fd(wasi->outbound);
  short events = (short)(aotc_outbound_queued(wasi->outbound) > 0 ? POLLIN | POLLOUT : POLLIN);
  int error = fd < 0 ? 0 : aotc_wasi_wait(instance, fd, events);
  if (error == 0) aotc_wasi_outbound_exchange(wasi);
  return error;
}

/* Between two programs' descriptors is nothing but what the pool's thread looks at when they wait. */
static int after(struct aotc_wasi* wasi, int error) {
  if (wasi->connection == NULL) aotc_outbound_flush(wasi->outbound);
  return error == EAGAIN ? WASI_EAGAIN : aotc_wasi_errno(error);
}

int aotc_wasi_outbound_move(struct aotc_instance* instance, struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry,
                            const struct iovec* vectors, int count, bool write, bool peek, uint32_t* moved) {
  for (;;) {
    int error = write ? aotc_stream_write(entry->stream, vectors, count, moved)
                      : aotc_stream_read(entry->stream, vectors, count, peek, moved);
    if (error != EAGAIN) return after(wasi, error);
    if (wasi->connection == NULL) aotc_outbound_flush(wasi->outbound);
    int waited = wait_for_broker(instance, wasi, entry);
    if (waited != 0) return waited;
  }
}

int aotc_wasi_outbound_shutdown(struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry, bool read, bool write) {
  return after(wasi, aotc_stream_shutdown(entry->stream, read, write));
}

static int open_stream(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  uint32_t service = aotc_wasi_arg32(slots, 0), size = aotc_wasi_arg32(slots, 2), port = aotc_wasi_arg32(slots, 3);
  const char* name = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 1), size);
  uint8_t* out = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 4), 4);
  uint32_t number;
  struct aotc_wasi_fd* entry;
  if (name == NULL || out == NULL) return WASI_EFAULT;
  if (service < AOTC_OUTBOUND_LOOKUP || service > AOTC_OUTBOUND_KV || port > UINT16_MAX) return WASI_EINVAL;
  if (size == 0 || size > AOTC_OUTBOUND_MAX_NAME) return WASI_ENAMETOOLONG;
  wasi->reached_out = true;
  if (wasi->streams_open >= AOTC_WASI_MAX_STREAMS) return WASI_EMFILE;
  int error = aotc_wasi_reserve(wasi, &number, &entry);
  if (error != 0) return error;
  struct aotc_stream* stream =
      aotc_stream_open(wasi->outbound, (enum aotc_outbound_service)service, name, size, (uint16_t)port, wasi, &error);
  if (stream == NULL) return aotc_wasi_errno(error);
  ++wasi->streams_open;
  *entry = (struct aotc_wasi_fd){.kind = AOTC_WASI_OUTBOUND,
                                 .filetype = WASI_FILETYPE_SOCKET_STREAM,
                                 .flags = WASI_FDFLAG_NONBLOCK,
                                 .host = -1,
                                 .rights = WASI_RIGHTS_SOCKET,
                                 .stream = stream};
  aotc_wasi_store32(out, number);
  return after(wasi, 0);
}

static int state_of(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  struct aotc_outbound_ends ends;
  struct aotc_wasi_fd* entry;
  uint8_t* out = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 1), sizeof ends);
  int error = aotc_wasi_lookup(wasi, aotc_wasi_arg32(slots, 0), 0, &entry);
  if (error != 0) return error;
  if (entry->kind != AOTC_WASI_OUTBOUND) return WASI_ENOTSOCK;
  if (out == NULL) return WASI_EFAULT;
  error = aotc_stream_state(entry->stream, &ends);
  if (error == 0) memcpy(out, &ends, sizeof ends);
  return aotc_wasi_errno(error);
}

enum aotc_status aotc_wasi_outbound_open(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, open_stream(instance, data, slots));
}

enum aotc_status aotc_wasi_outbound_state(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, state_of(instance, data, slots));
}

struct aotc_connection* aotc_outbound_connection(void* owner) { return ((struct aotc_wasi*)owner)->connection; }
