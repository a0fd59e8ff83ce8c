/* wasi_sock.c - accept, receive, send and shut down on sockets that were passed in or accepted.
 *
 * Preview 1 cannot create sockets: a guest gets listeners from its embedder. On the host they and all connections are
 * non-blocking; a guest that did not ask for that waits in ppoll under its deadline (wasi.h).
 */
#define _GNU_SOURCE
#include "wasi_state.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static int accept_connection(struct aotc_instance* instance, const struct aotc_wasi_fd* listener, int* host) {
  for (;;) {
    *host = accept4(listener->host, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (*host >= 0) return 0;
    int error = 0;
    if (errno == EAGAIN && !(listener->flags & WASI_FDFLAG_NONBLOCK))
      error = aotc_wasi_wait(instance, listener->host, POLLIN);
    else if (errno == EINTR)
      error = aotc_wasi_check_deadline(instance);
    /* A client that left the queue again is not the server's error. */
    else if (errno != ECONNABORTED)
      error = aotc_wasi_errno(errno);
    if (error != 0) return error;
  }
}

static bool is_connection(const struct aotc_wasi_fd* entry) {
  return entry->kind == AOTC_WASI_SOCKET || entry->kind == AOTC_WASI_CONNECTION || entry->kind == AOTC_WASI_OUTBOUND;
}

static int sock_accept(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  struct aotc_wasi_fd* entry;
  uint32_t fdflags = aotc_wasi_arg32(slots, 1), number;
  uint8_t* out = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 2), 4);
  int error = aotc_wasi_lookup(wasi, aotc_wasi_arg32(slots, 0), 0, &entry);
  if (error != 0) return error;
  if (entry->kind != AOTC_WASI_LISTENER) return is_connection(entry) ? WASI_EINVAL : WASI_ENOTSOCK;
  if (!(entry->rights & WASI_RIGHT_SOCK_ACCEPT)) return WASI_ENOTCAPABLE;
  if (fdflags & ~WASI_FDFLAG_NONBLOCK) return WASI_EINVAL;
  if (!out) return WASI_EFAULT;
  /* Before accept, so that a full table loses no connection; it may move the listener's entry. */
  const struct aotc_wasi_fd listener = *entry;
  if (listener.flags & WASI_FDFLAG_NONBLOCK && aotc_edge_holds_back(wasi, entry)) return WASI_EAGAIN;
  error = aotc_wasi_reserve(wasi, &number, &entry);
  if (error != 0) return error;
  int host;
  if (aotc_wasi_is_virtual(wasi, &listener)) {
    error = aotc_wasi_connection_accept(wasi, &listener, fdflags, entry);
    if (error == 0) aotc_wasi_store32(out, number);
    return error;
  }
  if (listener.host < 0) {
    if (listener.flags & WASI_FDFLAG_NONBLOCK || wasi->freeze == NULL) return WASI_EAGAIN;
    aotc_wasi_note_wait(wasi, &listener);
    return AOTC_WASI_FROZEN;
  }
  error = accept_connection(instance, &listener, &host);
  if (error != 0) return error;
  error = aotc_wasi_install(entry, host, true);
  if (error != 0) {
    close(host);
    return error;
  }
  /* The guest has no setsockopt, and native Go does this for every connection. Fails on Unix sockets. */
  int on = 1;
  (void)setsockopt(host, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  entry->flags = (uint16_t)fdflags;
  entry->rights &= listener.inheriting;
  aotc_wasi_store32(out, number);
  return 0;
}

enum aotc_status aotc_wasi_sock_accept(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, sock_accept(instance, data, slots));
}

static int lookup_socket(struct aotc_wasi* wasi, uint32_t fd, uint64_t right, struct aotc_wasi_fd** entry) {
  int error = aotc_wasi_lookup(wasi, fd, 0, entry);
  if (error != 0) return error;
  if ((*entry)->kind == AOTC_WASI_LISTENER) return WASI_ENOTCONN;
  if (!is_connection(*entry)) return WASI_ENOTSOCK;
  return (right & ~(*entry)->rights) ? WASI_ENOTCAPABLE : 0;
}

/* Cuts a list of vectors to AOTC_WASI_PIECE bytes. */
static void cut(struct iovec* vectors, int* count) {
  size_t room = AOTC_WASI_PIECE;
  for (int i = 0; i < *count; i++) {
    if (vectors[i].iov_len >= room) {
      vectors[i].iov_len = room;
      *count = i + 1;
      return;
    }
    room -= vectors[i].iov_len;
  }
}

/* One recvmsg or sendmsg that moves something, waiting first if the guest blocks. */
static int move(struct aotc_instance* instance, const struct aotc_wasi_fd* entry, struct msghdr* message, int flags,
                bool send, size_t* moved) {
  for (;;) {
    ssize_t n = send ? sendmsg(entry->host, message, flags | MSG_DONTWAIT | MSG_NOSIGNAL)
                     : recvmsg(entry->host, message, flags | MSG_DONTWAIT);
    if (n >= 0) {
      *moved = (size_t)n;
      return 0;
    }
    int error;
    if (errno == EINTR)
      error = aotc_wasi_check_deadline(instance);
    else if (errno == EAGAIN && !(entry->flags & WASI_FDFLAG_NONBLOCK))
      error = aotc_wasi_wait(instance, entry->host, send ? POLLOUT : POLLIN);
    else
      error = aotc_wasi_errno(errno);
    if (error != 0) return error;
  }
}

static void advance(struct msghdr* message, size_t n) {
  while (message->msg_iovlen > 0 && n >= message->msg_iov->iov_len) {
    n -= message->msg_iov->iov_len;
    message->msg_iov++;
    message->msg_iovlen--;
  }
  if (n > 0) {
    message->msg_iov->iov_base = (char*)message->msg_iov->iov_base + n;
    message->msg_iov->iov_len -= n;
  }
}

static int sock_recv(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  struct iovec vectors[AOTC_WASI_MAX_IOVECS];
  struct aotc_wasi_fd* entry;
  int count = 0;
  uint32_t riflags = aotc_wasi_arg32(slots, 3);
  uint8_t* length = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 4), 4);
  uint8_t* roflags = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 5), 2);
  int error = lookup_socket(wasi, aotc_wasi_arg32(slots, 0), WASI_RIGHT_FD_READ, &entry);
  if (error == 0 && (riflags & ~(WASI_RIFLAG_RECV_PEEK | WASI_RIFLAG_RECV_WAITALL))) error = WASI_EINVAL;
  if (error == 0)
    error = aotc_wasi_iovecs(instance, aotc_wasi_arg32(slots, 1), aotc_wasi_arg32(slots, 2), vectors, &count);
  if (error == 0 && (!length || !roflags)) error = WASI_EFAULT;
  if (error != 0) return error;
  cut(vectors, &count);

  /* A peek cannot be continued, so it takes what is there. */
  bool peek = riflags & WASI_RIFLAG_RECV_PEEK;
  if (entry->flags & WASI_FDFLAG_NONBLOCK && aotc_edge_holds_back(wasi, entry)) return WASI_EAGAIN;
  if (entry->kind != AOTC_WASI_SOCKET) {
    uint32_t n = 0;
    error = entry->kind == AOTC_WASI_OUTBOUND
                ? aotc_wasi_outbound_move(instance, wasi, entry, vectors, count, false, peek, &n)
                : aotc_wasi_connection_read(wasi, entry, vectors, count, peek, &n);
    if (error != 0) return error;
    aotc_wasi_store32(length, n);
    aotc_wasi_store16(roflags, 0);
    return 0;
  }
  bool all = !peek && (riflags & WASI_RIFLAG_RECV_WAITALL) && !(entry->flags & WASI_FDFLAG_NONBLOCK) &&
             entry->filetype == WASI_FILETYPE_SOCKET_STREAM;
  struct msghdr message = {.msg_iov = vectors, .msg_iovlen = (size_t)count};
  uint32_t total = 0;
  do {
    size_t moved = 0;
    error = move(instance, entry, &message, peek ? MSG_PEEK : 0, false, &moved);
    if (error == WASI_TRAPPED || (error != 0 && total == 0)) return error;
    if (error != 0 || moved == 0) break;
    total += (uint32_t)moved;
    advance(&message, moved);
  } while (all && message.msg_iovlen > 0);
  aotc_wasi_store32(length, total);
  aotc_wasi_store16(roflags, message.msg_flags & MSG_TRUNC ? WASI_ROFLAG_RECV_DATA_TRUNCATED : 0);
  return 0;
}

enum aotc_status aotc_wasi_sock_recv(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, sock_recv(instance, data, slots));
}

static int sock_send(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  struct iovec vectors[AOTC_WASI_MAX_IOVECS];
  struct aotc_wasi_fd* entry;
  int count = 0;
  size_t moved = 0;
  uint8_t* length = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 4), 4);
  int error = lookup_socket(wasi, aotc_wasi_arg32(slots, 0), WASI_RIGHT_FD_WRITE, &entry);
  if (error == 0 && aotc_wasi_arg32(slots, 3) != 0) error = WASI_EINVAL;
  if (error == 0)
    error = aotc_wasi_iovecs(instance, aotc_wasi_arg32(slots, 1), aotc_wasi_arg32(slots, 2), vectors, &count);
  if (error == 0 && !length) error = WASI_EFAULT;
  if (error != 0) return error;
  cut(vectors, &count);
  if (entry->kind != AOTC_WASI_SOCKET) {
    uint32_t n = 0;
    error = entry->kind == AOTC_WASI_OUTBOUND
                ? aotc_wasi_outbound_move(instance, wasi, entry, vectors, count, true, false, &n)
                : aotc_wasi_connection_write(wasi, entry, vectors, count, &n);
    if (error == 0) aotc_wasi_store32(length, n);
    return error;
  }
  struct msghdr message = {.msg_iov = vectors, .msg_iovlen = (size_t)count};
  error = move(instance, entry, &message, 0, true, &moved);
  if (error == 0) aotc_wasi_store32(length, (uint32_t)moved);
  return error;
}

enum aotc_status aotc_wasi_sock_send(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, sock_send(instance, data, slots));
}

enum aotc_status aotc_wasi_sock_shutdown(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance;
  struct aotc_wasi_fd* entry;
  uint32_t how = aotc_wasi_arg32(slots, 1);
  int error = lookup_socket(data, aotc_wasi_arg32(slots, 0), WASI_RIGHT_SOCK_SHUTDOWN, &entry);
  if (error == 0 && (how == 0 || how & ~(WASI_SDFLAG_RD | WASI_SDFLAG_WR))) error = WASI_EINVAL;
  if (error == 0 && entry->kind == AOTC_WASI_CONNECTION) {
    struct aotc_connection* connection = ((struct aotc_wasi*)data)->connection;
    if (how & WASI_SDFLAG_WR) connection->out_closed = true;
    if (how & WASI_SDFLAG_RD) connection->in_closed = true;
  } else if (error == 0 && entry->kind == AOTC_WASI_OUTBOUND) {
    error = aotc_wasi_outbound_shutdown(data, entry, how & WASI_SDFLAG_RD, how & WASI_SDFLAG_WR);
  } else if (error == 0) {
    int host_how = how == WASI_SDFLAG_RD ? SHUT_RD : how == WASI_SDFLAG_WR ? SHUT_WR : SHUT_RDWR;
    if (shutdown(entry->host, host_how) != 0) error = aotc_wasi_errno(errno);
  }
  return aotc_wasi_finish(slots, error);
}
