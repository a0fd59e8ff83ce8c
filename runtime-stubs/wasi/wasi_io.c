/* wasi_io.c - fd_read, fd_write, fd_pread, fd_pwrite: from guest iovecs straight to system calls, without a copy.
 *
 * Three kinds of descriptor, three ways not to block in the kernel past the deadline:
 *   - Regular files do not block. Large transfers run in pieces of AOTC_WASI_PIECE and look at the deadline in between.
 *   - Sockets, and pipes or devices we opened, are non-blocking on the host; a blocking guest waits in ppoll.
 *   - Pipes and terminals that were passed in share their file description with the shell or the parent, so O_NONBLOCK
 *     must not be set on them: it would outlive us there. preadv2/pwritev2 with RWF_NOWAIT does not block and changes
 *     nothing; where kernel or file lacks it, ppoll says whether there is something to do, and writes are cut to
 *     PIPE_BUF, which a pipe that polls writable always takes. (If another process reads the same pipe, it can win the
 *     race after the poll; then the read blocks until the deadline's signal interrupts it.)
 *
 * A stream returns what one call moved; a short count is as valid as in POSIX.
 */
#define _GNU_SOURCE
#include "wasi_state.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/socket.h>

int aotc_wasi_iovecs(struct aotc_instance* instance, uint32_t address, uint32_t count, struct iovec* out,
                     int* out_count) {
  *out_count = 0;
  if (count > AOTC_WASI_MAX_IOVECS) return WASI_EINVAL;
  const uint8_t* raw = aotc_instance_memory_at(instance, address, (uint64_t)count * WASI_IOVEC_SIZE);
  if (!raw) return WASI_EFAULT;
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; i++, raw += WASI_IOVEC_SIZE) {
    uint32_t length = aotc_wasi_load32(raw + 4);
    if (length == 0) continue;
    void* base = aotc_instance_memory_at(instance, aotc_wasi_load32(raw), length);
    if (!base) return WASI_EFAULT;
    total += length;
    if (total > UINT32_MAX) return WASI_EINVAL; /* the result is a u32 */
    out[(*out_count)++] = (struct iovec){.iov_base = base, .iov_len = length};
  }
  return 0;
}

struct transfer {
  struct aotc_instance* instance;
  struct aotc_wasi_fd* entry;
  bool write;
  int64_t offset; /* of pread and pwrite, else -1 */
  struct iovec* vectors;
  int count;
};

static bool ready(int host, short event) {
  struct pollfd p = {.fd = host, .events = event};
  int n;
  do n = poll(&p, 1, 0);
  while (n < 0 && errno == EINTR);
  return n > 0;
}

/* A stream whose description we share. */
static ssize_t borrowed_call(const struct transfer* t, struct iovec* v, int count) {
  struct aotc_wasi_fd* e = t->entry;
  if (!e->no_nowait) {
    ssize_t n = t->write ? pwritev2(e->host, v, count, -1, RWF_NOWAIT) : preadv2(e->host, v, count, -1, RWF_NOWAIT);
    if (n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL && errno != ESPIPE)) return n;
    e->no_nowait = true;
  }
  if (!ready(e->host, t->write ? POLLOUT : POLLIN)) {
    errno = EAGAIN;
    return -1;
  }
  if (!t->write) return readv(e->host, v, count);
  size_t saved = v[0].iov_len;
  if (v[0].iov_len > PIPE_BUF) v[0].iov_len = PIPE_BUF;
  ssize_t n = writev(e->host, v, 1);
  v[0].iov_len = saved;
  return n;
}

static ssize_t one_call(const struct transfer* t, struct iovec* v, int count) {
  int host = t->entry->host;
  if (t->entry->kind == AOTC_WASI_SOCKET) {
    struct msghdr message = {.msg_iov = v, .msg_iovlen = (size_t)count};
    return t->write ? sendmsg(host, &message, MSG_DONTWAIT | MSG_NOSIGNAL) : recvmsg(host, &message, MSG_DONTWAIT);
  }
  if (t->offset >= 0) return t->write ? pwritev(host, v, count, t->offset) : preadv(host, v, count, t->offset);
  if (t->entry->kind == AOTC_WASI_STREAM && !t->entry->owned) return borrowed_call(t, v, count);
  return t->write ? writev(host, v, count) : readv(host, v, count);
}

/* Calls with at most AOTC_WASI_PIECE bytes; *full says whether all of them were moved. */
static ssize_t one_piece(const struct transfer* t, bool* full) {
  size_t room = AOTC_WASI_PIECE, saved = 0;
  int n = 0;
  while (n < t->count && t->vectors[n].iov_len <= room) room -= t->vectors[n++].iov_len;
  if (n < t->count && room > 0) {
    saved = t->vectors[n].iov_len;
    t->vectors[n++].iov_len = room;
    room = 0;
  }
  ssize_t moved = one_call(t, t->vectors, n);
  if (saved) t->vectors[n - 1].iov_len = saved;
  *full = moved == (ssize_t)(AOTC_WASI_PIECE - room);
  return moved;
}

static void advance(struct transfer* t, size_t n) {
  while (t->count > 0 && n >= t->vectors->iov_len) {
    n -= t->vectors->iov_len;
    t->vectors++;
    t->count--;
  }
  if (n > 0) {
    t->vectors->iov_base = (char*)t->vectors->iov_base + n;
    t->vectors->iov_len -= n;
  }
}

static int run(struct transfer* t, uint32_t* moved) {
  *moved = 0;
  while (t->count > 0) {
    bool full;
    ssize_t n = one_piece(t, &full);
    if (n >= 0) {
      *moved += (uint32_t)n;
      advance(t, (size_t)n);
      if (t->offset >= 0) t->offset += n;
      /* Past the deadline the runtime ends the guest when we return. */
      if (!full || t->entry->kind != AOTC_WASI_FILE || aotc_instance_deadline_left(t->instance) == 0) return 0;
    } else if (errno == EINTR) {
      if (*moved > 0) return 0;
      if (aotc_wasi_check_deadline(t->instance) != 0) return WASI_TRAPPED;
    } else {
      if (*moved > 0) return 0;
      if (errno == EPIPE && t->entry->sigpipe) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
      }
      if (errno != EAGAIN || t->entry->flags & WASI_FDFLAG_NONBLOCK) return aotc_wasi_errno(errno);
      int error = aotc_wasi_wait(t->instance, t->entry->host, t->write ? POLLOUT : POLLIN);
      if (error != 0) return error;
    }
  }
  return 0;
}

static int transfer_in_memory(struct aotc_wasi* wasi, const struct transfer* t, uint32_t* moved) {
  struct aotc_wasi_fd* entry = t->entry;
  struct stat st;
  aotc_tmp_stat(entry->node, &st);
  uint64_t at = t->offset >= 0 ? (uint64_t)t->offset : entry->position, size = 0;
  if (t->write) {
    if (entry->flags & WASI_FDFLAG_APPEND) at = (uint64_t)st.st_size;
    int error = aotc_tmp_write(wasi->tmp, t->instance, entry->node, at, t->vectors, t->count);
    if (error != 0) return error;
    for (int i = 0; i < t->count; ++i) size += t->vectors[i].iov_len;
  } else {
    size = aotc_tmp_read(entry->node, at, t->vectors, t->count);
  }
  if (t->offset < 0) entry->position = at + size;
  *moved = (uint32_t)size;
  return 0;
}

static int check_kind(const struct aotc_wasi_fd* entry, bool write, bool positioned) {
  switch (entry->kind) {
    case AOTC_WASI_DIRECTORY:
      return write ? WASI_EBADF : WASI_EISDIR;
    case AOTC_WASI_LISTENER:
      return positioned ? WASI_ESPIPE : WASI_ENOTCONN;
    case AOTC_WASI_FILE:
      break;
    default:
      if (positioned) return WASI_ESPIPE;
  }
  /* Not ENOTCAPABLE: programs know EBADF for a descriptor opened the other way. */
  return entry->rights & (write ? WASI_RIGHT_FD_WRITE : WASI_RIGHT_FD_READ) ? 0 : WASI_EBADF;
}

static int transfer(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots, bool write,
                    bool positioned) {
  struct iovec vectors[AOTC_WASI_MAX_IOVECS];
  struct transfer t = {.instance = instance, .write = write, .offset = -1, .vectors = vectors};
  int error = aotc_wasi_lookup(wasi, aotc_wasi_arg32(slots, 0), 0, &t.entry);
  if (error == 0) error = check_kind(t.entry, write, positioned);
  if (error == 0 && positioned) {
    t.offset = (int64_t)aotc_wasi_arg64(slots, 3);
    if (t.offset < 0) error = WASI_EINVAL;
    if (error == 0 && !(t.entry->rights & WASI_RIGHT_FD_SEEK)) error = WASI_ENOTCAPABLE;
  }
  if (error == 0)
    error = aotc_wasi_iovecs(instance, aotc_wasi_arg32(slots, 1), aotc_wasi_arg32(slots, 2), vectors, &t.count);
  if (error != 0) return error;
  uint8_t* out = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, positioned ? 4 : 3), 4);
  if (!out) return WASI_EFAULT;

  uint32_t moved = 0;
  if (!write && t.entry->flags & WASI_FDFLAG_NONBLOCK && aotc_edge_holds_back(wasi, t.entry)) return WASI_EAGAIN;
  if (t.entry->kind == AOTC_WASI_EVENTS) {
    error = write ? WASI_EBADF : aotc_edge_read(wasi, vectors, t.count, &moved);
    if (error != 0) return error;
  } else if (t.entry->kind == AOTC_WASI_CONNECTION) {
    error = write ? aotc_wasi_connection_write(wasi, t.entry, vectors, t.count, &moved)
                  : aotc_wasi_connection_read(wasi, t.entry, vectors, t.count, false, &moved);
    if (error != 0) return error;
  } else if (t.entry->kind == AOTC_WASI_OUTBOUND) {
    error = aotc_wasi_outbound_move(instance, wasi, t.entry, vectors, t.count, write, false, &moved);
    if (error != 0) return error;
  } else if (t.entry->node != NULL) {
    error = transfer_in_memory(wasi, &t, &moved);
    if (error != 0) return error;
  } else if (wasi->freeze != NULL && t.entry->host < 0) {
    if (write) {
      error = aotc_wasi_freeze_write(wasi, t.entry, vectors, t.count, &moved);
    } else if (t.entry->flags & WASI_FDFLAG_NONBLOCK) {
      error = WASI_EAGAIN;
    } else if (aotc_wasi_is_input(wasi, t.entry)) {
      aotc_wasi_note_wait(wasi, t.entry);
      error = AOTC_WASI_FROZEN;
    }
    if (error != 0) return error;
  } else if (t.entry->kind == AOTC_WASI_LOG) {
    if (write) moved = aotc_wasi_log_write(wasi, t.entry, vectors, t.count);
  } else if (t.entry->kind == AOTC_WASI_NULL) {
    for (int i = 0; write && i < t.count; i++) moved += (uint32_t)vectors[i].iov_len;
  } else {
    error = run(&t, &moved);
    if (error != 0) return error;
  }
  aotc_wasi_store32(out, moved);
  return 0;
}

enum aotc_status aotc_wasi_fd_read(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, transfer(instance, data, slots, false, false));
}

enum aotc_status aotc_wasi_fd_write(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, transfer(instance, data, slots, true, false));
}

enum aotc_status aotc_wasi_fd_pread(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, transfer(instance, data, slots, false, true));
}

enum aotc_status aotc_wasi_fd_pwrite(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, transfer(instance, data, slots, true, true));
}
