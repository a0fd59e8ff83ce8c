/* test_connection.c - the connection in memory: one accept, bytes from and to buffers, suspension instead of waiting,
 * and going back to the descriptors of before.
 */
#include "harness.h"

#include <stdlib.h>

enum { SUBS = BUFFER, EVENTS = BUFFER + 0x8000, LISTENER = 3, CONNECTION = 5 };

static void subscribe(struct guest* g, uint32_t i, uint32_t type, uint32_t fd, uint64_t timeout) {
  uint32_t s = SUBS + i * WASI_SUBSCRIPTION_SIZE;
  memset(g->instance.memory + s, 0, WASI_SUBSCRIPTION_SIZE);
  put64(g, s, 100 + i);
  g->instance.memory[s + 8] = (uint8_t)type;
  put32(g, s + 16, type == WASI_EVENTTYPE_CLOCK ? WASI_CLOCK_MONOTONIC : fd);
  put64(g, s + 24, timeout);
}
static int poll_guest(struct guest* g, uint32_t count) { return CALL(g, poll_oneoff, SUBS, EVENTS, count, OUT); }
static uint32_t events(struct guest* g) { return get32(g, OUT); }

void test_connection(enum aotc_wasi_resolver resolver) {
  struct guest g;
  struct aotc_connection c = {.in = (const uint8_t*)"question", .in_size = 4, .out_limit = 16};
  struct aotc_wasi_options options = {.stdio = {-1, -1, -1}, .connection = &c};
  guest_open_with(&g, resolver, &options, MEMORY);
  struct aotc_error error;
  EXPECT(aotc_wasi_keep(aotc_wasi_host(g.wasi), &error), AOTC_OK);
  uint32_t fd, n;
  char text[32];

  for (int round = 0; round < 2; round++) {
    /* The listener is ready until the connection was accepted. */
    subscribe(&g, 0, WASI_EVENTTYPE_FD_READ, LISTENER, 0);
    EXPECT(poll_guest(&g, 1), 0);
    EXPECT(events(&g), 1);
    EXPECT(CALL(&g, sock_accept, LISTENER, WASI_FDFLAG_NONBLOCK, OUT), 0);
    fd = get32(&g, OUT);
    EXPECT(fd, CONNECTION);
    EXPECT(CALL(&g, sock_accept, LISTENER, WASI_FDFLAG_NONBLOCK, OUT), WASI_EAGAIN);
    EXPECT(CALL(&g, sock_accept, CONNECTION, 0, OUT), WASI_EINVAL);

    EXPECT(read_string(&g, fd, text, sizeof text, &n), 0);
    EXPECT(n, 4);
    CHECK(memcmp(text, "ques", 4) == 0);
    EXPECT(read_string(&g, fd, text, sizeof text, &n), WASI_EAGAIN);
    subscribe(&g, 0, WASI_EVENTTYPE_FD_READ, fd, 0);
    EXPECT(poll_guest(&g, 1), FROZEN);
    EXPECT(aotc_wasi_wake_time(aotc_wasi_host(g.wasi)), -1);
    /* A relative time counts from when the wait began, however often the call is made again. */
    subscribe(&g, 1, WASI_EVENTTYPE_CLOCK, 0, 5000000000);
    EXPECT(poll_guest(&g, 2), FROZEN);
    uint64_t wake = aotc_wasi_wake_time(aotc_wasi_host(g.wasi));
    EXPECT(poll_guest(&g, 2), FROZEN);
    CHECK(aotc_wasi_wake_time(aotc_wasi_host(g.wasi)) - wake + 100000000 < 200000000);
    subscribe(&g, 1, WASI_EVENTTYPE_CLOCK, 0, 1);
    EXPECT(poll_guest(&g, 2), 0);
    EXPECT(events(&g), 1);
    EXPECT(get64(&g, EVENTS), 101);
    c.in_size = 8;
    EXPECT(poll_guest(&g, 1), 0);
    EXPECT(get64(&g, EVENTS + 16), 4);
    EXPECT(read_string(&g, fd, text, sizeof text, &n), 0);
    CHECK(n == 4 && memcmp(text, "tion", 4) == 0);
    c.in_closed = true;
    EXPECT(poll_guest(&g, 1), 0);
    EXPECT(read_string(&g, fd, text, sizeof text, &n), 0);
    EXPECT(n, 0);

    /* As much as fits; then nothing, until somebody has taken it. */
    EXPECT(write_string(&g, fd, "0123456789", &n), 0);
    EXPECT(write_string(&g, fd, "0123456789", &n), 0);
    EXPECT(n, 6);
    EXPECT(write_string(&g, fd, "x", &n), WASI_EAGAIN);
    subscribe(&g, 0, WASI_EVENTTYPE_FD_WRITE, fd, 0);
    EXPECT(poll_guest(&g, 1), FROZEN);
    CHECK(c.out_size == 16 && memcmp(c.out, "0123456789012345", 16) == 0);
    c.out_size = 0;
    EXPECT(poll_guest(&g, 1), 0);
    EXPECT(CALL(&g, sock_shutdown, fd, WASI_SDFLAG_WR), 0);
    CHECK(c.out_closed);
    EXPECT(write_string(&g, fd, "x", &n), WASI_EPIPE);

    /* A blocking read ends the call, too. */
    c.in_closed = false;
    EXPECT(CALL(&g, fd_fdstat_set_flags, fd, 0), 0);
    EXPECT(read_string(&g, fd, text, sizeof text, &n), FROZEN);

    /* Whatever happens to the descriptors is undone, for good ones and those of the guest. */
    int before = open_descriptors();
    uint32_t file;
    EXPECT(open_write(&g, 4, "file", WASI_OFLAG_CREAT, &file), 0);
    EXPECT(CALL(&g, fd_close, 4), 0);
    EXPECT(CALL(&g, fd_renumber, LISTENER, 0), 0);
    aotc_wasi_restore(aotc_wasi_host(g.wasi));
    EXPECT(open_descriptors(), before);
    EXPECT(stat_path(&g, 4, "file", false), 0);
    EXPECT(CALL(&g, fd_fdstat_get, fd, OUT), WASI_EBADF);
    c = (struct aotc_connection){
        .in = c.in, .in_size = 4, .out = c.out, .out_capacity = c.out_capacity, .out_limit = 16};
  }
  guest_close(&g);
  free(c.out);
}
