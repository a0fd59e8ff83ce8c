/* test_poll.c - poll_oneoff and the instance's deadline. */
#include "harness.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { SUBS = BUFFER, EVENTS = BUFFER + 0x8000 };

static void put_clock(struct guest* g, uint32_t i, uint32_t id, uint64_t timeout, bool absolute) {
  uint32_t s = SUBS + i * WASI_SUBSCRIPTION_SIZE;
  memset(g->instance.memory + s, 0, WASI_SUBSCRIPTION_SIZE);
  put64(g, s, 100 + i);
  put32(g, s + 16, id);
  put64(g, s + 24, timeout);
  put32(g, s + 40, absolute);
}

static void put_fd(struct guest* g, uint32_t i, uint32_t type, uint32_t fd) {
  uint32_t s = SUBS + i * WASI_SUBSCRIPTION_SIZE;
  memset(g->instance.memory + s, 0xee, WASI_SUBSCRIPTION_SIZE); /* padding is not zero */
  put64(g, s, 100 + i);
  g->instance.memory[s + 8] = (uint8_t)type;
  put32(g, s + 16, fd);
}

static int poll_guest(struct guest* g, uint32_t count, uint32_t* events) {
  put32(g, OUT, 0xffffffff);
  int error = CALL(g, poll_oneoff, SUBS, EVENTS, count, OUT);
  *events = get32(g, OUT);
  return error;
}

static uint32_t event_error(struct guest* g, uint32_t i) { return get32(g, EVENTS + i * 32 + 8) & 0xffff; }
static uint32_t event_type(struct guest* g, uint32_t i) { return g->instance.memory[EVENTS + i * 32 + 10]; }
static uint64_t event_user(struct guest* g, uint32_t i) { return get64(g, EVENTS + i * 32); }
static uint64_t event_bytes(struct guest* g, uint32_t i) { return get64(g, EVENTS + i * 32 + 16); }
static uint32_t event_flags(struct guest* g, uint32_t i) { return get32(g, EVENTS + i * 32 + 24) & 0xffff; }

void test_poll_clocks(enum aotc_wasi_resolver resolver) {
  struct guest g;
  guest_open(&g, resolver);
  uint32_t n;
  for (uint32_t id = 0; id < 2; id++) {
    for (int absolute = 0; absolute < 2; absolute++) {
      EXPECT(CALL(&g, clock_time_get, id, 0, OUT), 0);
      uint64_t start = now(), timeout = 20000000 + (absolute ? get64(&g, OUT) : 0);
      put_clock(&g, 0, id, timeout, absolute);
      put_clock(&g, 1, id, timeout + 10000000000, absolute);
      EXPECT(poll_guest(&g, 2, &n), 0);
      EXPECT(n, 1);
      EXPECT(event_user(&g, 0), 100);
      EXPECT(event_type(&g, 0), WASI_EVENTTYPE_CLOCK);
      EXPECT(event_error(&g, 0), 0);
      CHECK(now() - start >= 19000000 && now() - start < 5000000000);
    }
    put_clock(&g, 0, id, 1, true); /* long past */
    EXPECT(poll_guest(&g, 1, &n), 0);
    EXPECT(n, 1);
    put_clock(&g, 0, id, 0, false);
    EXPECT(poll_guest(&g, 1, &n), 0);
    EXPECT(n, 1);
  }
  put_clock(&g, 0, 1, UINT64_MAX, false);
  put_clock(&g, 1, 3, 0, false);
  put_clock(&g, 2, 7, 0, false);
  EXPECT(poll_guest(&g, 3, &n), 0);
  EXPECT(n, 2);
  EXPECT(event_user(&g, 0), 101);
  EXPECT(event_error(&g, 0), WASI_ENOTSUP);
  EXPECT(event_error(&g, 1), WASI_EINVAL);
  guest_close(&g);
}

void test_poll_descriptors(enum aotc_wasi_resolver resolver) {
  struct guest g;
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) abort();
  struct aotc_wasi_options options = {.stdio = {in[0], out[1], -1}};
  guest_open_with(&g, resolver, &options, MEMORY);
  host_file(&g, "f", "12345");
  uint32_t n, fd;
  EXPECT(open_read(&g, 3, "f", &fd), 0);

  put_fd(&g, 0, WASI_EVENTTYPE_FD_READ, 0);
  put_clock(&g, 1, 1, 5000000, false);
  EXPECT(poll_guest(&g, 2, &n), 0);
  EXPECT(n, 1);
  EXPECT(event_user(&g, 0), 101); /* the clock: nothing to read */
  EXPECT(write(in[1], "abc", 3), 3);
  put_clock(&g, 1, 1, 5000000000, false);
  EXPECT(poll_guest(&g, 2, &n), 0);
  EXPECT(n, 1);
  EXPECT(event_user(&g, 0), 100);
  EXPECT(event_type(&g, 0), WASI_EVENTTYPE_FD_READ);
  EXPECT(event_bytes(&g, 0), 3);
  EXPECT(event_flags(&g, 0), 0);

  /* All at once: a pipe with room, files, what is not there, and one descriptor twice. */
  put_fd(&g, 0, WASI_EVENTTYPE_FD_WRITE, 1);
  put_fd(&g, 1, WASI_EVENTTYPE_FD_READ, fd);
  put_fd(&g, 2, WASI_EVENTTYPE_FD_READ, 77);
  put_fd(&g, 3, WASI_EVENTTYPE_FD_READ, 0);
  put_fd(&g, 4, WASI_EVENTTYPE_FD_READ, 0);
  put_fd(&g, 5, WASI_EVENTTYPE_FD_READ, 2);
  put_clock(&g, 6, 1, 1ull << 50, false);
  EXPECT(poll_guest(&g, 7, &n), 0);
  EXPECT(n, 6);
  for (uint32_t i = 0; i < 6; i++) EXPECT(event_user(&g, i), 100 + i);
  EXPECT(event_bytes(&g, 1), 5);
  EXPECT(event_error(&g, 2), WASI_EBADF);
  EXPECT(event_bytes(&g, 4), 3);

  /* The other ends go away. */
  close(in[1]);
  close(out[0]);
  put_fd(&g, 0, WASI_EVENTTYPE_FD_READ, 0);
  put_fd(&g, 1, WASI_EVENTTYPE_FD_WRITE, 1);
  EXPECT(poll_guest(&g, 2, &n), 0);
  EXPECT(n, 2);
  EXPECT(event_flags(&g, 0), WASI_EVENT_HANGUP);
  EXPECT(event_bytes(&g, 0), 3);
  EXPECT(event_flags(&g, 1), WASI_EVENT_HANGUP);
  EXPECT(event_error(&g, 1), 0);

  /* Without the right to poll. */
  EXPECT(CALL(&g, fd_fdstat_set_rights, 0, WASI_RIGHT_FD_READ, 0), 0);
  EXPECT(poll_guest(&g, 1, &n), 0);
  EXPECT(event_error(&g, 0), WASI_ENOTCAPABLE);
  guest_close(&g);
  close(in[0]);
  close(out[1]);
}

void test_poll_hostile(enum aotc_wasi_resolver resolver) {
  struct guest g;
  int in[2];
  if (pipe2(in, O_CLOEXEC) != 0) abort();
  struct aotc_wasi_options options = {.stdio = {in[0], in[1], -1}};
  guest_open_with(&g, resolver, &options, 16 << 20);
  uint32_t n;
  put_fd(&g, 0, 3, 0);
  EXPECT(poll_guest(&g, 1, &n), WASI_EINVAL);
  /* As many subscriptions as there may be, all for two descriptors: more pollfds than RLIMIT_NOFILE allows otherwise.
   */
  const uint32_t many = AOTC_WASI_MAX_SUBSCRIPTIONS, events = BUFFER + many * WASI_SUBSCRIPTION_SIZE;
  for (uint32_t i = 0; i < many; i++)
    put_fd(&g, i, i % 2 ? WASI_EVENTTYPE_FD_READ : WASI_EVENTTYPE_FD_WRITE, i % 2 ? 0 : 1);
  EXPECT(CALL(&g, poll_oneoff, SUBS, events, many, OUT), 0);
  EXPECT(get32(&g, OUT), many / 2);
  EXPECT(CALL(&g, poll_oneoff, SUBS, events, many + 1, OUT), WASI_EINVAL);
  /* Events written over the subscriptions: whatever comes out, nothing breaks. */
  for (uint32_t offset = 0; offset < 4 * WASI_SUBSCRIPTION_SIZE; offset += 8) {
    for (uint32_t i = 0; i < 64; i++) put_fd(&g, i, i % 3, i % 5);
    for (uint32_t i = 0; i < 64; i += 3) put_clock(&g, i, 1, i, false);
    EXPECT(CALL(&g, poll_oneoff, SUBS, SUBS + offset, 64, OUT), 0);
    CHECK(get32(&g, OUT) <= 64);
  }
  guest_close(&g);
  close(in[0]);
  close(in[1]);
}

void test_deadlines(enum aotc_wasi_resolver resolver) {
  struct guest g;
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) abort();
  struct aotc_wasi_options options = {.stdio = {in[0], out[1], -1}};
  guest_open_with(&g, resolver, &options, MEMORY);
  uint32_t n;
  char text[16];
  uint64_t start = now();
  g.instance.deadline = start + 20000000;
  EXPECT(read_string(&g, 0, text, 10, &n), TRAPPED); /* blocks for ever otherwise */
  EXPECT(g.instance.trap, AOTC_TRAP_DEADLINE);
  CHECK(now() - start >= 20000000 && now() - start < 5000000000);
  g.instance.deadline = now() + 20000000;
  g.instance.trap = -1;
  put_clock(&g, 0, 1, 60000000000, false);
  put_fd(&g, 1, WASI_EVENTTYPE_FD_READ, 0);
  EXPECT(poll_guest(&g, 2, &n), TRAPPED);
  EXPECT(g.instance.trap, AOTC_TRAP_DEADLINE);
  /* A blocking write to a pipe that nobody empties. */
  g.instance.deadline = now() + 20000000;
  put_iovec(&g, 0, BUFFER, 200000);
  int error = 0;
  for (int i = 0; i < 1000 && error == 0; i++) error = CALL(&g, fd_write, 1, IOV, 1, OUT);
  EXPECT(error, TRAPPED);
  /* Blocking works where there is no deadline and data comes. */
  g.instance.deadline = 0;
  EXPECT(write(in[1], "late", 4), 4);
  EXPECT(read_string(&g, 0, text, 10, &n), 0);
  EXPECT(n, 4);
  guest_close(&g);
  close(in[0]);
  close(in[1]);
  close(out[0]);
  close(out[1]);
}
