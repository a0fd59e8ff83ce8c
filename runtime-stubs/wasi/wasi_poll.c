/* wasi_poll.c - poll_oneoff: wait until a clock, or a descriptor, of a list is ready.
 *
 * Subscriptions are read from guest memory as they are needed and never copied; what Linux needs besides is one pollfd
 * per descriptor, kept in the WASI host and grown to at most AOTC_WASI_MAX_SUBSCRIPTIONS. A descriptor that is asked
 * for reading and for writing gets one pollfd, since ppoll refuses more of them than RLIMIT_NOFILE. Which one is kept
 * in the descriptor (`poll_slot`), valid if that pollfd points back: no clearing, and a guest that lets events
 * overwrite its own subscriptions only confuses itself. epoll would save the kernel the scan; Go passes the whole list
 * again each time, so it would have to be compared with the last one.
 *
 * An error about one subscription (a closed descriptor, an unknown clock) is an event with that error, not a failure of
 * the call: Go aborts on the latter.
 */
#define _GNU_SOURCE
#include "core/file_status.h"
#include "wasi_state.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { kAskAgain = 1000000 /* nanoseconds */ };

struct wait {
  struct aotc_instance* instance;
  struct aotc_wasi* wasi;
  const uint8_t* subscriptions;
  uint8_t* events;
  uint32_t count;
  uint32_t poll_count;
  uint64_t start;      /* monotonic */
  bool resumed;        /* the call was suspended */
  bool for_connection; /* a descriptor to be read is the connection */
  bool for_broker;     /* a descriptor is a connection that the program made */
};

static uint64_t clock_now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return aotc_wasi_nanoseconds(t);
}

/* Nanoseconds until a clock subscription fires, 0 if it has. */
static int clock_remaining(const struct wait* w, const uint8_t* s, uint64_t* remaining) {
  uint32_t id = aotc_wasi_load32(s + 16);
  uint64_t timeout = aotc_wasi_load64(s + 24);
  if (id > WASI_CLOCK_MONOTONIC) return id <= WASI_CLOCK_THREAD_CPUTIME ? WASI_ENOTSUP : WASI_EINVAL;
  uint64_t now = clock_now(id == WASI_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC);
  if (id == WASI_CLOCK_MONOTONIC) now += w->wasi->monotonic_offset;
  if (!(aotc_wasi_load32(s + 40) & WASI_SUBCLOCK_ABSTIME)) {
    now = clock_now(CLOCK_MONOTONIC);
    now -= w->start;
  }
  *remaining = timeout > now ? timeout - now : 0;
  return 0;
}

static bool is_ours(const struct aotc_wasi_fd* entry) {
  return entry->kind == AOTC_WASI_OUTBOUND || entry->kind == AOTC_WASI_EVENTS;
}

/* Of what is neither the host's nor a pool's. */
static bool our_ready(const struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry, bool read, uint64_t* bytes) {
  if (entry->kind == AOTC_WASI_OUTBOUND) return aotc_stream_ready(entry->stream, read, bytes);
  *bytes = read && wasi->edge.pending != AOTC_EDGE_NOTHING;
  return *bytes != 0;
}

/* The descriptor of a subscription, and whether it needs no waiting. */
static int lookup(const struct wait* w, const uint8_t* s, struct aotc_wasi_fd** entry, bool* always_ready) {
  int error = aotc_wasi_lookup(w->wasi, aotc_wasi_load32(s + 16), WASI_RIGHT_POLL_FD_READWRITE, entry);
  if (error != 0) return error;
  uint8_t kind = (*entry)->kind;
  *always_ready = kind == AOTC_WASI_FILE || kind == AOTC_WASI_DIRECTORY || kind == AOTC_WASI_NULL ||
                  kind == AOTC_WASI_LOG ||
                  ((*entry)->host < 0 && !is_ours(*entry) && !aotc_wasi_is_input(w->wasi, *entry) &&
                   !aotc_wasi_is_virtual(w->wasi, *entry));
  return 0;
}

static struct pollfd* slot_of(const struct wait* w, const struct aotc_wasi_fd* entry) {
  if (entry->poll_slot >= w->poll_count) return NULL;
  struct pollfd* p = &w->wasi->poll_fds[entry->poll_slot];
  return p->fd == entry->host ? p : NULL;
}

static int grow(struct aotc_wasi* wasi, uint32_t count) {
  if (count <= wasi->poll_capacity) return 0;
  struct pollfd* fds = realloc(wasi->poll_fds, count * sizeof *fds);
  if (!fds) return WASI_ENOMEM;
  wasi->poll_fds = fds;
  wasi->poll_capacity = count;
  return 0;
}

/* Collects the pollfds, and the shortest time to wait as far as descriptors go: 0 if one is ready already. */
static int prepare(struct wait* w, bool* immediate) {
  *immediate = false;
  for (uint32_t i = 0; i < w->count; i++) {
    const uint8_t* s = w->subscriptions + (uint64_t)i * WASI_SUBSCRIPTION_SIZE;
    struct aotc_wasi_fd* entry;
    bool always_ready;
    if (s[8] == WASI_EVENTTYPE_CLOCK) continue;
    if (s[8] > WASI_EVENTTYPE_FD_WRITE) return WASI_EINVAL;
    int error = lookup(w, s, &entry, &always_ready);
    if (error == 0 && s[8] == WASI_EVENTTYPE_FD_READ && aotc_edge_holds_back(w->wasi, entry)) continue;
    if (error != 0 || always_ready) {
      *immediate = true;
      continue;
    }
    if (aotc_wasi_is_virtual(w->wasi, entry)) {
      uint64_t bytes;
      *immediate |= aotc_wasi_virtual_ready(w->wasi, entry, s[8] == WASI_EVENTTYPE_FD_READ, &bytes);
      w->for_connection |= s[8] == WASI_EVENTTYPE_FD_READ && entry->kind == AOTC_WASI_CONNECTION;
      continue;
    }
    if (is_ours(entry)) {
      uint64_t bytes;
      *immediate |= our_ready(w->wasi, entry, s[8] == WASI_EVENTTYPE_FD_READ, &bytes);
      w->for_broker |= entry->kind == AOTC_WASI_OUTBOUND;
      continue;
    }
    if (entry->host < 0) continue;
    struct pollfd* p = slot_of(w, entry);
    if (!p) {
      entry->poll_slot = w->poll_count;
      p = &w->wasi->poll_fds[w->poll_count++];
      *p = (struct pollfd){.fd = entry->host};
    }
    p->events |= s[8] == WASI_EVENTTYPE_FD_READ ? POLLIN : POLLOUT;
  }
  return 0;
}

static uint64_t time_to_wait(const struct wait* w) {
  uint64_t shortest = UINT64_MAX;
  for (uint32_t i = 0; i < w->count; i++) {
    const uint8_t* s = w->subscriptions + (uint64_t)i * WASI_SUBSCRIPTION_SIZE;
    uint64_t remaining;
    if (s[8] != WASI_EVENTTYPE_CLOCK) continue;
    if (clock_remaining(w, s, &remaining) != 0) return 0;
    /* Somebody may set the clock while we wait for a time of day. */
    if (aotc_wasi_load32(s + 16) == WASI_CLOCK_REALTIME && remaining > 1000000000) remaining = 1000000000;
    if (remaining < shortest) shortest = remaining;
  }
  return shortest;
}

static uint64_t bytes_to_read(const struct aotc_wasi_fd* entry) {
  struct stat st;
  int n = 0;
  if (entry->node != NULL) {
    aotc_tmp_stat(entry->node, &st);
    return (uint64_t)st.st_size > entry->position ? (uint64_t)st.st_size - entry->position : 0;
  }
  if (entry->kind == AOTC_WASI_FILE) {
    off_t at = lseek(entry->host, 0, SEEK_CUR);
    return aotc_fstat(entry->host, &st) == 0 && at >= 0 && st.st_size > at ? (uint64_t)(st.st_size - at) : 0;
  }
  if (entry->kind != AOTC_WASI_STREAM && entry->kind != AOTC_WASI_SOCKET) return 0;
  return ioctl(entry->host, FIONREAD, &n) == 0 && n > 0 ? (uint64_t)n : 0;
}

static void put_event(struct wait* w, uint32_t at, const uint8_t* s, int error, uint64_t bytes, uint16_t flags) {
  uint8_t event[WASI_EVENT_SIZE] = {0};
  memcpy(event, s, 8);
  aotc_wasi_store16(event + 8, (uint16_t)error);
  event[10] = s[8];
  aotc_wasi_store64(event + 16, bytes);
  aotc_wasi_store16(event + 24, flags);
  memcpy(w->events + (uint64_t)at * WASI_EVENT_SIZE, event, sizeof event);
}

/* Writes the event of one subscription if it is ready. */
static bool collect(struct wait* w, uint32_t at, const uint8_t* s) {
  uint64_t remaining = 0;
  if (s[8] == WASI_EVENTTYPE_CLOCK) {
    int error = clock_remaining(w, s, &remaining);
    if (error == 0 && remaining > 0) return false;
    put_event(w, at, s, error, 0, 0);
    return true;
  }
  struct aotc_wasi_fd* entry;
  bool always_ready, read = s[8] == WASI_EVENTTYPE_FD_READ;
  int error = lookup(w, s, &entry, &always_ready);
  uint16_t flags = 0;
  if (error == 0 && read && aotc_edge_holds_back(w->wasi, entry)) return false;
  if (error == 0 && aotc_wasi_is_virtual(w->wasi, entry)) {
    uint64_t bytes;
    if (!aotc_wasi_virtual_ready(w->wasi, entry, read, &bytes)) return false;
    put_event(w, at, s, 0, bytes, 0);
    return true;
  }
  if (error == 0 && is_ours(entry)) {
    uint64_t bytes;
    if (!our_ready(w->wasi, entry, read, &bytes)) return false;
    put_event(w, at, s, 0, bytes, 0);
    return true;
  }
  if (error == 0 && !always_ready) {
    const struct pollfd* p = slot_of(w, entry);
    if (!p || !(p->revents & ((read ? POLLIN : POLLOUT) | POLLERR | POLLHUP | POLLNVAL))) return false;
    if (p->revents & POLLNVAL) error = WASI_EBADF;
    /* A broken pipe is reported by the write that follows, so the guest must make it: no error here. */
    if (p->revents & (POLLHUP | POLLERR)) flags = WASI_EVENT_HANGUP;
  }
  /* How much can be written is not known; at least a byte. */
  put_event(w, at, s, error, error != 0 ? 0 : read ? bytes_to_read(entry) : 1, flags);
  return true;
}

static uint32_t collect_all(struct wait* w, bool only_clocks) {
  uint32_t events = 0;
  for (uint32_t i = 0; i < w->count; i++) {
    const uint8_t* s = w->subscriptions + (uint64_t)i * WASI_SUBSCRIPTION_SIZE;
    if ((!only_clocks || s[8] == WASI_EVENTTYPE_CLOCK) && collect(w, events, s)) events++;
  }
  return events;
}

/* Freezing: whether the program waits for something that will not come, and notes for what. */
static bool waits_for_input(const struct wait* w) {
  bool found = false;
  for (uint32_t i = 0; i < w->count; i++) {
    const uint8_t* s = w->subscriptions + (uint64_t)i * WASI_SUBSCRIPTION_SIZE;
    struct aotc_wasi_fd* entry;
    bool always_ready;
    if (s[8] != WASI_EVENTTYPE_FD_READ || lookup(w, s, &entry, &always_ready) != 0) continue;
    if (!aotc_wasi_is_input(w->wasi, entry)) continue;
    aotc_wasi_note_wait(w->wasi, entry);
    found = true;
  }
  return found;
}

/* Until the first timer is due, from the beginning of the call on. What waits for a time of day is none: that has its
 * own clock. */
static uint64_t first_timer(const struct wait* w) {
  uint64_t shortest = UINT64_MAX, began = w->start + w->wasi->monotonic_offset;
  for (uint32_t i = 0; i < w->count; i++) {
    const uint8_t* s = w->subscriptions + (uint64_t)i * WASI_SUBSCRIPTION_SIZE;
    uint64_t timeout = aotc_wasi_load64(s + 24);
    if (s[8] != WASI_EVENTTYPE_CLOCK) continue;
    if (aotc_wasi_load32(s + 40) & WASI_SUBCLOCK_ABSTIME) {
      if (aotc_wasi_load32(s + 16) != WASI_CLOCK_MONOTONIC) continue;
      timeout = timeout > began ? timeout - began : 0;
    }
    if (timeout < shortest) shortest = timeout;
  }
  return shortest;
}

static int freeze_here(const struct wait* w) {
  struct aotc_wasi_freeze* freeze = w->wasi->freeze;
  freeze->waits |= AOTC_WASI_WAITS_IN_POLL;
  freeze->stopped = w->start + w->wasi->monotonic_offset;
  freeze->timer = first_timer(w);
  return AOTC_WASI_FROZEN;
}

/* Ends the call instead of waiting; the same call will be made again. Relative times count from its beginning. */
static int suspend_until(struct wait* w, uint64_t nanoseconds) {
  uint64_t now = clock_now(CLOCK_MONOTONIC);
  w->wasi->wait_start = w->start;
  w->wasi->waits_for_connection = w->for_connection;
  w->wasi->wake_time = nanoseconds > UINT64_MAX - now ? UINT64_MAX : now + nanoseconds;
  return AOTC_WASI_FROZEN;
}

bool aotc_wasi_waits_for_connection(const struct aotc_wasi* wasi) { return wasi->waits_for_connection; }

/* The channel to the broker behind the program's descriptors, where the thread waits for it: 1 if it does. */
static uint32_t add_broker(const struct wait* w) {
  struct aotc_outbound* outbound = w->for_broker && w->wasi->connection == NULL ? w->wasi->outbound : NULL;
  if (outbound == NULL || aotc_outbound_fd(outbound) < 0) return 0;
  aotc_outbound_flush(outbound);
  w->wasi->poll_fds[w->poll_count] = (struct pollfd){
      .fd = aotc_outbound_fd(outbound),
      .events = (short)(aotc_outbound_queued(outbound) > 0 ? POLLIN | POLLOUT : POLLIN),
  };
  return 1;
}

/* Waits for the host's descriptors, or for time alone: a process that has no descriptors to wait for, such as the one
 * that freezes programs, need not have a system call for it. Returns 0 or a host errno. */
static int wait_on_host(const struct wait* w, uint64_t nanoseconds) {
  struct timespec timeout = {.tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)};
  uint32_t count = w->poll_count + add_broker(w);
  if (count == 0) return nanoseconds == 0 ? 0 : clock_nanosleep(CLOCK_MONOTONIC, 0, &timeout, NULL);
  bool endless = nanoseconds == UINT64_MAX;
  int failed = ppoll(w->wasi->poll_fds, count, endless ? NULL : &timeout, NULL) < 0 ? errno : 0;
  if (count != w->poll_count) aotc_wasi_outbound_exchange(w->wasi);
  return failed;
}

static int wait_for_events(struct wait* w, uint32_t* events) {
  bool immediate;
  int error = prepare(w, &immediate);
  if (error != 0) return error;
  bool stops = w->wasi->freeze != NULL && w->wasi->connection == NULL;
  if (stops && !immediate && time_to_wait(w) > 0 && waits_for_input(w)) return freeze_here(w);
  for (;;) {
    uint64_t nanoseconds = immediate ? 0 : time_to_wait(w);
    bool suspend = w->wasi->connection != NULL && !w->wasi->blocks && nanoseconds > 0;
    if (suspend && w->poll_count == 0) return suspend_until(w, nanoseconds);
    if (suspend) nanoseconds = 0;
    uint64_t left = aotc_instance_deadline_left(w->instance);
    if (left == 0) return aotc_wasi_check_deadline(w->instance);
    if (nanoseconds > left) nanoseconds = left;
    int failed = wait_on_host(w, nanoseconds);
    if (failed != 0 && failed != EINTR) return aotc_wasi_errno(failed);
    /* What came due while the program did not run came first: a context's end, say, before the request that asks. */
    *events = w->resumed ? collect_all(w, true) : 0;
    if (*events == 0) *events = collect_all(w, false);
    if (*events > 0) return 0;
    /* Nobody will tell us about the host's descriptors, so they are asked again. */
    if (suspend) return suspend_until(w, kAskAgain);
  }
}

static int poll_oneoff(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  struct wait w = {.instance = instance, .wasi = wasi, .count = aotc_wasi_arg32(slots, 2)};
  if (w.count == 0 || w.count > AOTC_WASI_MAX_SUBSCRIPTIONS) return WASI_EINVAL;
  w.subscriptions =
      aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 0), (uint64_t)w.count * WASI_SUBSCRIPTION_SIZE);
  w.events = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 1), (uint64_t)w.count * WASI_EVENT_SIZE);
  uint8_t* result = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 3), 4);
  if (!w.subscriptions || !w.events || !result) return WASI_EFAULT;
  int error = grow(wasi, w.count + 1); /* and the broker's */
  if (error != 0) return error;
  w.resumed = wasi->wait_start != 0;
  w.start = w.resumed ? wasi->wait_start : clock_now(CLOCK_MONOTONIC);
  wasi->wait_start = 0;
  uint32_t events = 0;
  error = wait_for_events(&w, &events);
  if (error == 0) aotc_wasi_store32(result, events);
  return error;
}

enum aotc_status aotc_wasi_poll_oneoff(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, poll_oneoff(instance, data, slots));
}
