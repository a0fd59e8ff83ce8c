/* test_sock.c - listeners and connections. */
#include "harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* An abstract address: no file to remove. */
static socklen_t address(struct sockaddr_un* a) {
  static int serial;
  memset(a, 0, sizeof *a);
  a->sun_family = AF_UNIX;
  int n = snprintf(a->sun_path + 1, sizeof a->sun_path - 1, "aotc-wasi-test-%d-%d", (int)getpid(), ++serial);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static int listen_on(const struct sockaddr_un* a, socklen_t size) {
  int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (s < 0 || bind(s, (const struct sockaddr*)a, size) != 0 || listen(s, 8) != 0) abort();
  return s;
}

static int connect_to(const struct sockaddr_un* a, socklen_t size) {
  int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (s < 0 || connect(s, (const struct sockaddr*)a, size) != 0) abort();
  return s;
}

static int receive(struct guest* g, uint32_t fd, uint32_t room, uint32_t flags, uint32_t* length) {
  put_iovec(g, 0, BUFFER, room);
  int error = CALL(g, sock_recv, fd, IOV, 1, flags, OUT, OUT + 4);
  *length = get32(g, OUT);
  return error;
}

void test_sockets(enum aotc_wasi_resolver resolver) {
  struct guest g;
  struct sockaddr_un a;
  socklen_t size = address(&a);
  int listener = listen_on(&a, size);
  struct aotc_wasi_options options = {.listeners = &listener, .listener_count = 1, .stdio = {-1, -1, -1}};
  guest_open_with(&g, resolver, &options, MEMORY);
  uint32_t n;
  char text[64];
  /* The listener comes before the directories and does not look like their end. */
  EXPECT(CALL(&g, fd_prestat_get, 3, OUT), WASI_ENOTDIR);
  EXPECT(CALL(&g, fd_prestat_get, 4, OUT), 0);
  EXPECT(CALL(&g, fd_fdstat_get, 3, OUT), 0);
  EXPECT(g.instance.memory[OUT], WASI_FILETYPE_SOCKET_STREAM);
  EXPECT(get64(&g, OUT + 8), WASI_RIGHTS_LISTENER);
  /* Go never asks for it. */
  EXPECT(get32(&g, OUT) >> 16, WASI_FDFLAG_NONBLOCK);
  EXPECT(CALL(&g, sock_accept, 3, 0, OUT), WASI_EAGAIN);
  EXPECT(read_string(&g, 3, text, 5, &n), WASI_ENOTCONN);
  int peer = connect_to(&a, size);
  EXPECT(CALL(&g, sock_accept, 3, WASI_FDFLAG_APPEND, OUT), WASI_EINVAL);
  EXPECT(CALL(&g, sock_accept, 3, WASI_FDFLAG_NONBLOCK, MEMORY - 3), WASI_EFAULT);
  EXPECT(CALL(&g, sock_accept, 3, WASI_FDFLAG_NONBLOCK, OUT), 0);
  EXPECT(get32(&g, OUT), 5);
  EXPECT(CALL(&g, sock_accept, 5, 0, OUT), WASI_EINVAL);
  EXPECT(CALL(&g, sock_accept, 4, 0, OUT), WASI_ENOTSOCK);
  EXPECT(CALL(&g, sock_accept, 44, 0, OUT), WASI_EBADF);
  EXPECT(CALL(&g, fd_fdstat_get, 5, OUT), 0);
  EXPECT(get32(&g, OUT) >> 16, WASI_FDFLAG_NONBLOCK);

  EXPECT(receive(&g, 5, 10, 0, &n), WASI_EAGAIN);
  EXPECT(read_string(&g, 5, text, 10, &n), WASI_EAGAIN);
  EXPECT(write(peer, "hello", 5), 5);
  EXPECT(receive(&g, 5, 10, WASI_RIFLAG_RECV_PEEK, &n), 0);
  EXPECT(n, 5);
  EXPECT(receive(&g, 5, 3, 0, &n), 0);
  EXPECT(n, 3);
  EXPECT(get32(&g, OUT + 4) & 0xffff, 0);
  EXPECT(read_string(&g, 5, text, 10, &n), 0);
  CHECK(strcmp(text, "lo") == 0);
  EXPECT(receive(&g, 5, 3, 4, &n), WASI_EINVAL);
  put_iovec(&g, 0, BUFFER, put(&g, BUFFER, "answer"));
  EXPECT(CALL(&g, sock_send, 5, IOV, 1, 0, OUT), 0);
  EXPECT(get32(&g, OUT), 6);
  EXPECT(CALL(&g, sock_send, 5, IOV, 1, 1, OUT), WASI_EINVAL);
  EXPECT(write_string(&g, 5, " more", &n), 0);
  EXPECT(read(peer, text, sizeof text), 11);
  CHECK(memcmp(text, "answer more", 11) == 0);
  EXPECT(CALL(&g, fd_seek, 5, 0, 0, OUT), WASI_ESPIPE);
  EXPECT(CALL(&g, fd_pread, 5, IOV, 1, 0, OUT), WASI_ESPIPE);

  EXPECT(CALL(&g, sock_shutdown, 5, 0), WASI_EINVAL);
  EXPECT(CALL(&g, sock_shutdown, 5, 4), WASI_EINVAL);
  EXPECT(CALL(&g, sock_shutdown, 4, 1), WASI_ENOTSOCK);
  EXPECT(CALL(&g, sock_shutdown, 3, 1), WASI_ENOTCONN);
  EXPECT(CALL(&g, sock_shutdown, 5, WASI_SDFLAG_WR), 0);
  EXPECT(read(peer, text, sizeof text), 0);
  /* An errno, not SIGPIPE, even if somebody has undone what aotc_wasi_create did about that. */
  signal(SIGPIPE, SIG_DFL);
  EXPECT(write_string(&g, 5, "x", &n), WASI_EPIPE);
  EXPECT(CALL(&g, sock_send, 5, IOV, 1, 0, OUT), WASI_EPIPE);
  signal(SIGPIPE, SIG_IGN);
  close(peer);
  EXPECT(receive(&g, 5, 3, 0, &n), 0);
  EXPECT(n, 0);
  EXPECT(CALL(&g, fd_close, 5), 0);
  /* The embedder's mistakes. */
  struct aotc_error error;
  struct aotc_wasi* wasi;
  int plain = open("/dev/null", O_RDONLY | O_CLOEXEC);
  struct aotc_wasi_options bad = {.listeners = &plain, .listener_count = 1, .stdio = {-1, -1, -1}};
  EXPECT(aotc_wasi_create(&bad, &wasi, &error), AOTC_ERROR_ARGUMENT);
  EXPECT(close(plain), 0); /* still the caller's */
  struct aotc_wasi_dir missing = {.host_path = "/nonexistent/x", .guest_path = "/"};
  struct aotc_wasi_options bad_dir = {.dirs = &missing, .dir_count = 1, .stdio = {-1, -1, -1}};
  EXPECT(aotc_wasi_create(&bad_dir, &wasi, &error), AOTC_ERROR_IO);
  CHECK(strstr(error.message, "/nonexistent/x"));
  guest_close(&g);
}

static void* send_slowly(void* data) {
  int s = *(int*)data;
  for (int i = 0; i < 4; i++) {
    usleep(3000);
    if (write(s, "abcd", 4) != 4) abort();
  }
  return NULL;
}

struct late {
  struct sockaddr_un a;
  socklen_t size;
  int peer;
};

static void* connect_late(void* data) {
  struct late* l = data;
  usleep(10000);
  l->peer = connect_to(&l->a, l->size);
  return NULL;
}

void test_socket_blocking(enum aotc_wasi_resolver resolver) {
  struct guest g;
  struct late l;
  l.size = address(&l.a);
  int listener = listen_on(&l.a, l.size);
  struct aotc_wasi_options options = {.listeners = &listener, .listener_count = 1, .stdio = {-1, -1, -1}};
  guest_open_with(&g, resolver, &options, MEMORY);
  EXPECT(CALL(&g, fd_fdstat_set_flags, 3, 0), 0);
  pthread_t thread;
  uint32_t n;
  if (pthread_create(&thread, NULL, connect_late, &l) != 0) abort();
  EXPECT(CALL(&g, sock_accept, 3, 0, OUT), 0); /* waits */
  uint32_t fd = get32(&g, OUT);
  pthread_join(thread, NULL);
  if (pthread_create(&thread, NULL, send_slowly, &l.peer) != 0) abort();
  EXPECT(receive(&g, fd, 16, WASI_RIFLAG_RECV_WAITALL, &n), 0);
  EXPECT(n, 16);
  CHECK(memcmp(g.instance.memory + BUFFER, "abcdabcdabcdabcd", 16) == 0);
  pthread_join(thread, NULL);
  g.instance.deadline = now() + 10000000;
  EXPECT(receive(&g, fd, 16, 0, &n), TRAPPED);
  g.instance.deadline = now() + 10000000;
  EXPECT(CALL(&g, sock_accept, 3, 0, OUT), TRAPPED);
  g.instance.deadline = now() + 10000000;
  put_iovec(&g, 0, BUFFER, 1 << 20);
  int error = 0;
  for (int i = 0; i < 100 && error == 0; i++) error = CALL(&g, sock_send, fd, IOV, 1, 0, OUT);
  EXPECT(error, TRAPPED);
  EXPECT(g.instance.trap, AOTC_TRAP_DEADLINE);
  close(l.peer);
  guest_close(&g);
}
