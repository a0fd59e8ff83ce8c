/* wasi_edge.c - what the Go package edge asks its host: an import module of our own.
 *
 *     aotc_edge.thawed() -> 0 or 1
 *         whether what the program does now is for one instance only: it is neither to be frozen, nor accepts a
 *         connection on behalf of all instances
 *     aotc_edge.events(which, &fd) -> errno
 *         a descriptor, always the same, of which it reads a byte of enum aotc_edge_event for each that happens of
 *         those that it asked for. It is non-blocking, and in a snapshot like the standard ones
 *     aotc_edge.done() -> errno
 *         it has done what it had to do because of the last one
 *     aotc_edge.value(enum aotc_edge_kind, name, name_size, buffer, capacity, &size) -> errno
 *         what the operator gave under this name: ENOENT without, ERANGE where the buffer is too small for `size`
 *         bytes, EAGAIN before the thaw
 *     aotc_edge.request(buffer, capacity, &size) -> errno
 *         struct aotc_edge_request; ENOENT where the host does not know
 *
 * What a program has to do at its thaw comes before the request: from the thaw on until it says done, it sees nothing
 * of its listener, its connection and its stdin (aotc_edge_holds_back). So no order of goroutines can be the wrong one.
 * What it reads of them by calls that wait is not held back, since nothing of it can run then.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "wasi_state.h"

enum { kAll = AOTC_EDGE_THAW | AOTC_EDGE_IDLE };

/* Texts are followed by zeros. */
struct aotc_edge_request {
  uint64_t number;
  char client[48];
  char country[16];
};

static const struct aotc_wasi_fd kEvents = {.kind = AOTC_WASI_EVENTS,
                                            .filetype = WASI_FILETYPE_CHARACTER_DEVICE,
                                            .flags = WASI_FDFLAG_NONBLOCK,
                                            .host = -1,
                                            .rights = WASI_RIGHTS_STREAM};

static bool is_thawed(const struct aotc_wasi* wasi) { return wasi->freeze == NULL && !wasi->edge.ahead; }

enum aotc_status aotc_wasi_edge_thawed(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance;
  slots[0] = is_thawed(data);
  return AOTC_OK;
}

static int events(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  uint32_t which = aotc_wasi_arg32(slots, 0), number = 0;
  uint8_t* out = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 1), 4);
  struct aotc_wasi_fd* entry;
  if (out == NULL) return WASI_EFAULT;
  if (which == 0 || (which & ~(uint32_t)kAll) != 0) return WASI_EINVAL;
  while (number < wasi->fd_count && wasi->fds[number].kind != AOTC_WASI_EVENTS) ++number;
  if (number == wasi->fd_count) {
    int error = aotc_wasi_reserve(wasi, &number, &entry);
    if (error != 0) return error;
    *entry = kEvents;
  }
  wasi->edge.wanted |= which;
  aotc_wasi_store32(out, number);
  return 0;
}

enum aotc_status aotc_wasi_edge_events(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, events(instance, data, slots));
}

int aotc_edge_read(struct aotc_wasi* wasi, const struct iovec* vectors, int count, uint32_t* moved) {
  if (count == 0) return 0;
  if (wasi->edge.pending == AOTC_EDGE_NOTHING) return WASI_EAGAIN;
  wasi->edge.running = wasi->edge.pending;
  wasi->edge.pending = AOTC_EDGE_NOTHING;
  *(uint8_t*)vectors[0].iov_base = wasi->edge.running;
  *moved = 1;
  return 0;
}

enum aotc_status aotc_wasi_edge_done(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance;
  ((struct aotc_wasi*)data)->edge.running = AOTC_EDGE_NOTHING;
  return aotc_wasi_finish(slots, 0);
}

bool aotc_slot_idle(struct aotc_slot* slot) {
  struct aotc_edge* edge = &((struct aotc_wasi*)slot->hosts.list[0])->edge;
  if (edge->wanted & AOTC_EDGE_IDLE && !edge->told_idle && (edge->pending | edge->running) == AOTC_EDGE_NOTHING) {
    edge->told_idle = true;
    edge->pending = AOTC_EDGE_IDLE;
  }
  return (edge->pending | edge->running) == AOTC_EDGE_IDLE;
}

const char* aotc_edge_thaw(struct aotc_wasi* wasi, const struct aotc_wasi_saved* saved) {
  if (saved->events_wanted == 0) return NULL;
  if ((saved->events_wanted & ~(uint32_t)kAll) != 0 || aotc_wasi_make_room(wasi, saved->events_fd) != 0)
    return "events";
  struct aotc_wasi_fd* entry = &wasi->fds[saved->events_fd];
  if (entry->kind != AOTC_WASI_FREE && entry->kind != AOTC_WASI_EVENTS) return "events";
  *entry = kEvents;
  wasi->edge.wanted = saved->events_wanted;
  return NULL;
}

/* Like strcmp, for a name that may hold zeros. */
static int compare(uint32_t kind, const char* name, uint32_t size, const struct aotc_edge_value* value) {
  if (kind != value->kind) return kind < value->kind ? -1 : 1;
  size_t other = strlen(value->name);
  int order = memcmp(name, value->name, size < other ? size : other);
  return order != 0 ? order : size < other ? -1 : size > other;
}

static const struct aotc_edge_value* find(const struct aotc_edge_values* values, uint32_t kind, const char* name,
                                          uint32_t size) {
  size_t low = 0, high = values->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    int order = compare(kind, name, size, &values->list[middle]);
    if (order == 0) return &values->list[middle];
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

static int value(struct aotc_instance* instance, const struct aotc_wasi* wasi, const uint64_t* slots) {
  uint32_t name_size = aotc_wasi_arg32(slots, 2), capacity = aotc_wasi_arg32(slots, 4);
  const char* name = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 1), name_size);
  void* buffer = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 3), capacity);
  uint8_t* size = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 5), 4);
  if (name == NULL || buffer == NULL || size == NULL) return WASI_EFAULT;
  if (wasi->freeze != NULL) return WASI_EAGAIN;
  const struct aotc_edge_value* found = find(&wasi->edge.values, aotc_wasi_arg32(slots, 0), name, name_size);
  if (found == NULL) return WASI_ENOENT;
  aotc_wasi_store32(size, found->size);
  if (found->size > capacity) return WASI_ERANGE;
  if (found->size > 0) memcpy(buffer, found->bytes, found->size);
  return 0;
}

enum aotc_status aotc_wasi_edge_value(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, value(instance, data, slots));
}

static int request(struct aotc_instance* instance, const struct aotc_wasi* wasi, const uint64_t* slots) {
  uint32_t capacity = aotc_wasi_arg32(slots, 1);
  void* buffer = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 0), capacity);
  uint8_t* size = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 2), 4);
  const struct aotc_peer* asker = &wasi->edge.asker;
  struct aotc_edge_request told = {.number = asker->request};
  if (buffer == NULL || size == NULL) return WASI_EFAULT;
  if (!is_thawed(wasi) || asker->request == 0) return WASI_ENOENT;
  _Static_assert(sizeof told.client == sizeof asker->client && sizeof told.country == sizeof asker->country, "as told");
  memcpy(told.client, asker->client, sizeof told.client);
  memcpy(told.country, asker->country, sizeof told.country);
  aotc_wasi_store32(size, sizeof told);
  if (capacity < sizeof told) return WASI_ERANGE;
  memcpy(buffer, &told, sizeof told);
  return 0;
}

enum aotc_status aotc_wasi_edge_request(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, request(instance, data, slots));
}
