/* channel.c - what it costs to hand a request to another process and get its response: over a socket pair, and over
 * rings in shared memory; for `benchmarks/run channel`.
 *
 *   aotc-channel-benchmark socket|ring DEPTH COUNT WORK
 *
 * As in aotc-node the front waits in epoll, because it has clients to wait for, too, and the worker for its channel
 * only. The front keeps DEPTH requests of 200 bytes under way; the worker spends WORK nanoseconds on each and answers
 * with 340 bytes; both handle all that is there before they wait, and write once for it. A side that sleeps is woken by
 * the socket; or by a futex (the worker) or an eventfd (the front), but only if it said that it sleeps. Prints JSON:
 * microseconds per request, wall clock, and processor time of both processes together.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kRequest = 200, kResponse = 340, kRing = 1 << 18, kBuffer = 64 << 10 };

struct ring {
  _Alignas(64) _Atomic uint32_t written; /* bytes, modulo 2^32; the reader's futex */
  _Alignas(64) _Atomic uint32_t read;
  _Alignas(64) _Atomic uint32_t sleeps; /* the reader does */
  uint8_t bytes[kRing];
};

/* One side's end. */
struct channel {
  bool front;
  int socket, epoll, event; /* event: the front's eventfd */
  struct ring *in, *out;    /* null: the socket */
  uint32_t unsent;          /* bytes put into the out ring, or buffer, since the last flush */
  uint8_t buffer[kBuffer];
};

static _Noreturn void fail(const char* what) {
  perror(what);
  exit(1);
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void copy_in(struct ring* r, uint32_t at, const uint8_t* from, uint32_t size) {
  uint32_t start = at % kRing, first = size < kRing - start ? size : kRing - start;
  memcpy(r->bytes + start, from, first);
  memcpy(r->bytes, from + first, size - first);
}

static void put(struct channel* c, uint32_t size) {
  static const uint8_t message[kResponse];
  if (c->out != NULL)
    copy_in(c->out, atomic_load_explicit(&c->out->written, memory_order_relaxed) + c->unsent, message, size);
  else
    memcpy(c->buffer + c->unsent, message, size);
  c->unsent += size;
}

static void flush(struct channel* c) {
  if (c->unsent == 0) return;
  if (c->out == NULL) {
    if (send(c->socket, c->buffer, c->unsent, MSG_NOSIGNAL) != (ssize_t)c->unsent) fail("send");
  } else {
    atomic_fetch_add(&c->out->written, c->unsent);
    if (atomic_exchange(&c->out->sleeps, 0) != 0) {
      if (c->front)
        syscall(SYS_futex, &c->out->written, FUTEX_WAKE, 1, NULL, NULL, 0);
      else if (eventfd_write(c->event, 1) != 0)
        fail("eventfd");
    }
  }
  c->unsent = 0;
}

static void sleep_until_written(struct channel* c, uint32_t seen) {
  atomic_store(&c->in->sleeps, 1);
  if (atomic_load(&c->in->written) != seen) return;
  if (!c->front) {
    syscall(SYS_futex, &c->in->written, FUTEX_WAIT, seen, NULL, NULL, 0);
    return;
  }
  struct epoll_event event;
  eventfd_t value;
  if (epoll_wait(c->epoll, &event, 1, -1) < 0 && errno != EINTR) fail("epoll_wait");
  eventfd_read(c->event, &value);
}

/* Waits for bytes and takes them; returns how many. */
static uint32_t take(struct channel* c) {
  static uint8_t into[kBuffer];
  if (c->in == NULL) {
    for (;;) {
      struct pollfd p = {.fd = c->socket, .events = POLLIN};
      struct epoll_event event;
      if ((c->front ? epoll_wait(c->epoll, &event, 1, -1) : poll(&p, 1, -1)) < 0 && errno != EINTR) fail("poll");
      ssize_t n = recv(c->socket, into, sizeof(into), MSG_DONTWAIT);
      if (n >= 0) return (uint32_t)n;
      if (errno != EAGAIN && errno != EINTR) fail("recv");
    }
  }
  uint32_t read = atomic_load_explicit(&c->in->read, memory_order_relaxed), written;
  while ((written = atomic_load(&c->in->written)) == read) sleep_until_written(c, read);
  atomic_store_explicit(&c->in->sleeps, 0, memory_order_relaxed);
  uint32_t size = written - read < kBuffer ? written - read : kBuffer, start = read % kRing;
  uint32_t first = size < kRing - start ? size : kRing - start;
  memcpy(into, c->in->bytes + start, first);
  memcpy(into + first, c->in->bytes, size - first);
  atomic_store(&c->in->read, read + size);
  return size;
}

static void work(struct channel* c, uint64_t nanoseconds) {
  for (uint32_t held = 0, size; (size = take(c)) != 0;) {
    for (held += size; held >= kRequest; held -= kRequest) {
      uint64_t start = now();
      while (now() - start < nanoseconds) continue;
      put(c, kResponse);
      if (c->unsent + kResponse > kBuffer) flush(c);
    }
    flush(c);
  }
}

static void ask(struct channel* c, uint32_t depth, uint32_t count) {
  uint32_t asked = 0, answered = 0, held = 0;
  for (; asked < depth; ++asked) put(c, kRequest);
  flush(c);
  while (answered < count) {
    for (held += take(c); held >= kResponse; held -= kResponse, ++answered)
      if (asked < count) {
        put(c, kRequest);
        ++asked;
      }
    flush(c);
  }
}

static double processor_seconds(int who) {
  struct rusage u;
  getrusage(who, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char** argv) {
  uint32_t depth = argc == 5 ? (uint32_t)atoi(argv[2]) : 0, count = argc == 5 ? (uint32_t)atoi(argv[3]) : 0;
  bool ring = argc == 5 && strcmp(argv[1], "ring") == 0;
  if (depth < 1 || depth > 64 || count < depth || (!ring && strcmp(argv[1], "socket") != 0)) {
    fprintf(stderr, "usage: aotc-channel-benchmark socket|ring DEPTH COUNT WORK\n");
    return 2;
  }
  int pair[2];
  static struct channel front = {.front = true}, worker;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) fail("socketpair");
  front.socket = pair[0], worker.socket = pair[1];
  front.epoll = epoll_create1(0), front.event = worker.event = eventfd(0, EFD_NONBLOCK);
  if (ring) {
    struct ring* rings = mmap(NULL, 2 * sizeof(*rings), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (rings == MAP_FAILED) fail("mmap");
    front.in = worker.out = &rings[0];
    front.out = worker.in = &rings[1];
  }
  struct epoll_event event = {.events = EPOLLIN};
  if (epoll_ctl(front.epoll, EPOLL_CTL_ADD, ring ? front.event : front.socket, &event) != 0) fail("epoll_ctl");
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    close(pair[0]);
    work(&worker, (uint64_t)atoll(argv[4]));
    exit(0);
  }
  close(pair[1]);
  uint64_t start = now();
  ask(&front, depth, count);
  double wall = (double)(now() - start) / 1e3;
  if (ring) kill(child, SIGTERM);
  close(pair[0]);
  waitpid(child, NULL, 0);
  double processor = (processor_seconds(RUSAGE_SELF) + processor_seconds(RUSAGE_CHILDREN)) * 1e6;
  printf("{\"wall\": %.3f, \"processor\": %.3f}\n", wall / count, processor / count);
  return 0;
}
