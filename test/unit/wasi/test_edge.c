/* test_edge.c - what package edge asks: values by name, who asks, and events that hold back the connection.
 */
#include "harness.h"

enum { SUBS = BUFFER, EVENTS = BUFFER + 0x8000, LISTENER = 3, NAME = BUFFER + 0x9000, VALUE = BUFFER + 0xa000 };

static int ask(struct guest* g, const char* name, const char* type, int count, const uint64_t* args) {
  uint64_t slots[2 * 16];
  aotc_host_function f = resolve(g->wasi, AOTC_EDGE_NAME, name, type);
  if (f == NULL) return UNRESOLVED;
  for (int i = 0; i < count; i++) slots[2 * i] = (uint32_t)args[i] | 0xdeadbeef00000000ull;
  return f(&g->instance, g->wasi, slots) == AOTC_OK ? (int)slots[0] : FROZEN;
}
#define ASK(g, name, type, ...) \
  ask(g, #name, type, (int)(sizeof((uint64_t[]){__VA_ARGS__}) / 8), (const uint64_t[]){__VA_ARGS__})

static int value(struct guest* g, uint32_t kind, const char* name, uint32_t capacity) {
  return ASK(g, value, "iiiiii:i", kind, NAME, put(g, NAME, name), VALUE, capacity, OUT);
}

static void test_values(enum aotc_wasi_resolver resolver) {
  static const struct aotc_edge_value kValues[] = {
      {AOTC_EDGE_CONFIG, 0, "a", ""}, {AOTC_EDGE_CONFIG, 4, "ab", "four"}, {AOTC_EDGE_SECRET, 3, "a", "key"}};
  struct guest g;
  struct aotc_wasi_options options = {.stdio = {-1, -1, -1}, .values = {3, kValues}};
  guest_open_with(&g, resolver, &options, MEMORY);
  EXPECT(value(&g, AOTC_EDGE_CONFIG, "a", 10), 0);
  EXPECT(get32(&g, OUT), 0);
  EXPECT(value(&g, AOTC_EDGE_CONFIG, "ab", 4), 0);
  EXPECT(get32(&g, OUT), 4);
  CHECK(memcmp(g.instance.memory + VALUE, "four", 4) == 0);
  put32(&g, VALUE, 0);
  EXPECT(value(&g, AOTC_EDGE_CONFIG, "ab", 3), WASI_ERANGE);
  EXPECT(get32(&g, OUT), 4);
  EXPECT(get32(&g, VALUE), 0);
  EXPECT(value(&g, AOTC_EDGE_SECRET, "a", 3), 0);
  CHECK(memcmp(g.instance.memory + VALUE, "key", 3) == 0);
  for (uint32_t kind = 0; kind < 4; ++kind) EXPECT(value(&g, kind, "b", 10), WASI_ENOENT);
  EXPECT(value(&g, AOTC_EDGE_SECRET, "ab", 10), WASI_ENOENT);
  EXPECT(value(&g, 2, "a", 10), WASI_ENOENT);
  EXPECT(value(&g, AOTC_EDGE_CONFIG, "", 10), WASI_ENOENT);
  put32(&g, NAME, 'a'); /* "a" and a zero */
  EXPECT(ASK(&g, value, "iiiiii:i", AOTC_EDGE_CONFIG, NAME, 2, VALUE, 10, OUT), WASI_ENOENT);
  EXPECT(ASK(&g, value, "iiiiii:i", 0, MEMORY - 1, 2, VALUE, 10, OUT), WASI_EFAULT);
  EXPECT(ASK(&g, value, "iiiiii:i", 0, NAME, 1, MEMORY - 1, 2, OUT), WASI_EFAULT);
  EXPECT(ASK(&g, value, "iiiiii:i", 0, NAME, 1, VALUE, 10, MEMORY - 3), WASI_EFAULT);
  EXPECT(ASK(&g, value, "iiiii:i", 0), UNRESOLVED);
  EXPECT(ASK(&g, thawed, ":i", 0), 1);
  EXPECT(ASK(&g, request, "iii:i", VALUE, 100, OUT), WASI_ENOENT);
  g.wasi->edge.asker = (struct aotc_peer){.request = 7, .client = "192.0.2.1", .country = "NL"};
  EXPECT(ASK(&g, request, "iii:i", VALUE, 71, OUT), WASI_ERANGE);
  EXPECT(get32(&g, OUT), 72);
  EXPECT(ASK(&g, request, "iii:i", VALUE, 72, OUT), 0);
  EXPECT(get64(&g, VALUE), 7);
  CHECK(strcmp((char*)g.instance.memory + VALUE + 8, "192.0.2.1") == 0);
  CHECK(strcmp((char*)g.instance.memory + VALUE + 56, "NL") == 0);
  EXPECT(ASK(&g, request, "iii:i", MEMORY - 8, 72, OUT), WASI_EFAULT);
  guest_close(&g);
}

static void subscribe(struct guest* g, uint32_t i, uint32_t fd) {
  uint32_t s = SUBS + i * WASI_SUBSCRIPTION_SIZE;
  memset(g->instance.memory + s, 0, WASI_SUBSCRIPTION_SIZE);
  put64(g, s, 100 + i);
  g->instance.memory[s + 8] = WASI_EVENTTYPE_FD_READ;
  put32(g, s + 16, fd);
}

/* The only descriptor of two that can be read, 0 for none. */
static uint32_t ready(struct guest* g, uint32_t a, uint32_t b) {
  subscribe(g, 0, a);
  subscribe(g, 1, b);
  if (CALL(g, poll_oneoff, SUBS, EVENTS, 2, OUT) != 0) return 0;
  return get32(g, OUT) != 1 ? ~0u : get64(g, EVENTS) == 100 ? a : b;
}

static void test_events(enum aotc_wasi_resolver resolver) {
  struct guest g;
  struct aotc_connection c = {.in = (const uint8_t*)"question", .in_size = 8, .out_limit = 16};
  struct aotc_wasi_options options = {.stdio = {-1, -1, -1}, .connection = &c};
  guest_open_with(&g, resolver, &options, MEMORY);
  struct aotc_slot slot = {.hosts = aotc_one_host(aotc_wasi_host(g.wasi))};
  struct aotc_error error;
  char text[9];
  uint32_t n, events, connection;
  EXPECT(ASK(&g, events, "ii:i", 0, OUT), WASI_EINVAL);
  EXPECT(ASK(&g, events, "ii:i", 4, OUT), WASI_EINVAL);
  EXPECT(ASK(&g, events, "ii:i", 1, MEMORY - 3), WASI_EFAULT);
  CHECK(!aotc_slot_idle(&slot));
  EXPECT(ASK(&g, events, "ii:i", AOTC_EDGE_THAW, OUT), 0);
  events = get32(&g, OUT);
  EXPECT(ASK(&g, events, "ii:i", AOTC_EDGE_IDLE, OUT), 0);
  EXPECT(get32(&g, OUT), events);
  EXPECT(aotc_wasi_keep(aotc_wasi_host(g.wasi), &error), AOTC_OK);

  for (int round = 0; round < 2; ++round) {
    c.in_at = 0;
    c.accepted = false;
    g.wasi->may_pass = 0;
    aotc_wasi_begin(aotc_wasi_host(g.wasi), 0);
    EXPECT(ready(&g, events, LISTENER), events);
    EXPECT(CALL(&g, sock_accept, LISTENER, WASI_FDFLAG_NONBLOCK, OUT), WASI_EAGAIN);
    EXPECT(write_string(&g, events, "x", &n), WASI_EBADF);
    EXPECT(read_string(&g, events, text, sizeof text - 1, &n), 0);
    EXPECT(n, 1);
    EXPECT(text[0], AOTC_EDGE_THAW);
    /* Until it says so, whatever it waits for. */
    EXPECT(ready(&g, events, LISTENER), 0);
    EXPECT(read_string(&g, events, text, sizeof text - 1, &n), WASI_EAGAIN);
    CHECK(!aotc_slot_idle(&slot));
    EXPECT(ASK(&g, done, ":i", 0), 0);
    EXPECT(ready(&g, events, LISTENER), LISTENER);
    EXPECT(CALL(&g, sock_accept, LISTENER, WASI_FDFLAG_NONBLOCK, OUT), 0);
    connection = get32(&g, OUT);
    EXPECT(ready(&g, events, connection), connection);
    EXPECT(read_string(&g, connection, text, sizeof text - 1, &n), 0);

    CHECK(aotc_slot_idle(&slot));
    EXPECT(ready(&g, events, connection), events);
    EXPECT(read_string(&g, events, text, sizeof text - 1, &n), 0);
    EXPECT(text[0], AOTC_EDGE_IDLE);
    CHECK(aotc_slot_idle(&slot));
    EXPECT(ASK(&g, done, ":i", 0), 0);
    CHECK(!aotc_slot_idle(&slot));
    /* An accepted connection is held back, too. */
    g.wasi->edge.pending = AOTC_EDGE_THAW;
    c.in_at = 0;
    EXPECT(read_string(&g, connection, text, sizeof text - 1, &n), WASI_EAGAIN);
    put_iovec(&g, 0, BUFFER, 8);
    EXPECT(CALL(&g, sock_recv, connection, IOV, 1, 0, OUT, OUT + 4), WASI_EAGAIN);
    aotc_wasi_restore(aotc_wasi_host(g.wasi));
  }
  /* Who closes it hears nothing, and nothing is held back. */
  aotc_wasi_begin(aotc_wasi_host(g.wasi), 0);
  EXPECT(CALL(&g, fd_close, events), 0);
  c.accepted = false;
  EXPECT(CALL(&g, sock_accept, LISTENER, WASI_FDFLAG_NONBLOCK, OUT), 0);
  CHECK(!aotc_slot_idle(&slot));
  /* What is done on behalf of all is not the thaw. */
  aotc_wasi_restore(aotc_wasi_host(g.wasi));
  g.wasi->edge.ahead = true;
  aotc_wasi_begin(aotc_wasi_host(g.wasi), 0);
  EXPECT(ASK(&g, thawed, ":i", 0), 0);
  c.accepted = false;
  EXPECT(ready(&g, events, LISTENER), LISTENER);
  guest_close(&g);
}

void test_edge(enum aotc_wasi_resolver resolver) {
  test_values(resolver);
  test_events(resolver);
}
