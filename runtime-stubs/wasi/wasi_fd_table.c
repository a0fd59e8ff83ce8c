/* wasi_fd_table.c - guest descriptor numbers: lookup with rights, allocation, closing, renumbering, preopens, fdstat.
 *
 * The table is one array indexed by guest number, doubled up to AOTC_WASI_MAX_FDS. New descriptors take the lowest free
 * number, as POSIX programs expect; `lowest_free` only moves forward on allocation and back on close, so the search
 * costs amortised constant time. Guest numbers are never host numbers: a guest cannot name a descriptor it was not
 * given.
 *
 * Rights. What path_open asks for decides whether a file is opened for reading, writing or both, and nothing else: some
 * programs ask for everything they can imagine (Go, wasi-libc), others for nothing and then use the directory, and
 * today's hosts let both. A descriptor has the rights its kind of file has, limited by what its directory lets its
 * children inherit. fd_fdstat_set_rights takes rights away for good, and then they are checked.
 */
#define _GNU_SOURCE
#include "core/file_status.h"
#include "wasi_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int aotc_wasi_lookup(struct aotc_wasi* wasi, uint32_t fd, uint64_t rights, struct aotc_wasi_fd** entry) {
  if (fd >= wasi->fd_count || wasi->fds[fd].kind == AOTC_WASI_FREE) return WASI_EBADF;
  *entry = &wasi->fds[fd];
  return (rights & ~(*entry)->rights) ? WASI_ENOTCAPABLE : 0;
}

int aotc_wasi_lookup_directory(struct aotc_wasi* wasi, uint32_t fd, uint64_t rights, struct aotc_wasi_fd** entry) {
  int error = aotc_wasi_lookup(wasi, fd, 0, entry);
  if (error != 0) return error;
  if ((*entry)->kind != AOTC_WASI_DIRECTORY) return WASI_ENOTDIR;
  return (rights & ~(*entry)->rights) ? WASI_ENOTCAPABLE : 0;
}

int aotc_wasi_make_room(struct aotc_wasi* wasi, uint32_t fd) {
  while (fd >= wasi->fd_count) {
    if (wasi->fd_count >= AOTC_WASI_MAX_FDS) return WASI_EMFILE;
    uint32_t count = wasi->fd_count ? wasi->fd_count * 2 : 16;
    struct aotc_wasi_fd* fds = realloc(wasi->fds, count * sizeof *fds);
    if (!fds) return WASI_ENOMEM;
    memset(fds + wasi->fd_count, 0, (count - wasi->fd_count) * sizeof *fds);
    wasi->fds = fds;
    wasi->fd_count = count;
  }
  return 0;
}

int aotc_wasi_reserve(struct aotc_wasi* wasi, uint32_t* fd, struct aotc_wasi_fd** entry) {
  while (wasi->lowest_free < wasi->fd_count && wasi->fds[wasi->lowest_free].kind != AOTC_WASI_FREE) wasi->lowest_free++;
  int error = aotc_wasi_make_room(wasi, wasi->lowest_free);
  if (error != 0) return error;
  *fd = wasi->lowest_free;
  *entry = &wasi->fds[*fd];
  return 0;
}

static int close_entry(struct aotc_wasi* wasi, struct aotc_wasi_fd* entry) {
  int result = 0;
  if (entry->kind == AOTC_WASI_CONNECTION && entry->rights & WASI_RIGHT_FD_WRITE) wasi->connection->out_closed = true;
  if (!entry->kept && entry->owned && close(entry->host) != 0 && errno != EINTR) result = aotc_wasi_errno(errno);
  if (!entry->kept && entry->node != NULL) aotc_tmp_let_go(wasi->tmp, entry->node);
  if (!entry->kept) free(entry->preopen);
  if (entry->stream != NULL) {
    aotc_stream_close(entry->stream);
    --wasi->streams_open;
  }
  if (entry->kind == AOTC_WASI_EVENTS) {
    wasi->edge.wanted = 0;
    wasi->edge.pending = wasi->edge.running = AOTC_EDGE_NOTHING;
  }
  free(entry->path);
  memset(entry, 0, sizeof *entry);
  return result;
}

int aotc_wasi_close(struct aotc_wasi* wasi, uint32_t fd) {
  if (fd < wasi->lowest_free) wasi->lowest_free = fd;
  return close_entry(wasi, &wasi->fds[fd]);
}

void aotc_wasi_close_all(struct aotc_wasi* wasi) {
  for (uint32_t i = 0; i < wasi->fd_count; i++)
    if (wasi->fds[i].kind != AOTC_WASI_FREE) close_entry(wasi, &wasi->fds[i]);
}

uint8_t aotc_wasi_filetype(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return WASI_FILETYPE_REGULAR_FILE;
    case S_IFDIR:
      return WASI_FILETYPE_DIRECTORY;
    case S_IFLNK:
      return WASI_FILETYPE_SYMBOLIC_LINK;
    case S_IFCHR:
      return WASI_FILETYPE_CHARACTER_DEVICE;
    case S_IFBLK:
      return WASI_FILETYPE_BLOCK_DEVICE;
    case S_IFSOCK:
      return WASI_FILETYPE_SOCKET_STREAM;
    default:
      return WASI_FILETYPE_UNKNOWN; /* a pipe: WASI has no type for it */
  }
}

static int install_socket(struct aotc_wasi_fd* entry, int host) {
  int type = 0, listening = 0;
  socklen_t size = sizeof type;
  if (getsockopt(host, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return aotc_wasi_errno(errno);
  size = sizeof listening;
  /* Fails on socket families that cannot listen. */
  if (getsockopt(host, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) listening = 0;
  entry->filetype = type == SOCK_DGRAM ? WASI_FILETYPE_SOCKET_DGRAM : WASI_FILETYPE_SOCKET_STREAM;
  entry->kind = listening ? AOTC_WASI_LISTENER : AOTC_WASI_SOCKET;
  entry->rights = listening ? WASI_RIGHTS_LISTENER : WASI_RIGHTS_SOCKET;
  entry->inheriting = listening ? WASI_RIGHTS_SOCKET : 0;
  return 0;
}

void aotc_wasi_install_node(struct aotc_wasi_fd* entry, struct aotc_tmp_node* node) {
  bool directory = aotc_tmp_is_directory(node);
  *entry = (struct aotc_wasi_fd){.kind = directory ? AOTC_WASI_DIRECTORY : AOTC_WASI_FILE,
                                 .filetype = directory ? WASI_FILETYPE_DIRECTORY : WASI_FILETYPE_REGULAR_FILE,
                                 .host = -1,
                                 .rights = directory ? WASI_RIGHTS_DIRECTORY : WASI_RIGHTS_FILE,
                                 .inheriting = directory ? WASI_RIGHTS_ALL : 0,
                                 .node = node};
}

int aotc_wasi_stat(const struct aotc_wasi_fd* entry, struct stat* st) {
  memset(st, 0, sizeof *st);
  if (entry->node != NULL) aotc_tmp_stat(entry->node, st);
  return entry->host >= 0 && aotc_fstat(entry->host, st) != 0 ? aotc_wasi_errno(errno) : 0;
}

int aotc_wasi_install(struct aotc_wasi_fd* entry, int host, bool owned) {
  struct stat st;
  int flags = fcntl(host, F_GETFL);
  if (flags < 0 || aotc_fstat(host, &st) != 0) return aotc_wasi_errno(errno);
  struct aotc_wasi_fd e = {.host = host, .owned = owned, .filetype = aotc_wasi_filetype(st.st_mode)};
  if (S_ISDIR(st.st_mode)) {
    e.kind = AOTC_WASI_DIRECTORY;
    e.rights = WASI_RIGHTS_DIRECTORY;
    e.inheriting = WASI_RIGHTS_ALL;
  } else if (S_ISSOCK(st.st_mode)) {
    int error = install_socket(&e, host);
    if (error != 0) return error;
  } else if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) {
    e.kind = AOTC_WASI_FILE;
    e.rights = WASI_RIGHTS_FILE;
  } else {
    /* No right to seek: wasi-libc takes a character device that cannot seek for a terminal. */
    e.kind = AOTC_WASI_STREAM;
    e.rights = WASI_RIGHTS_STREAM;
  }
  if (e.kind == AOTC_WASI_FILE || e.kind == AOTC_WASI_STREAM) {
    int access = flags & O_ACCMODE;
    if (access == O_RDONLY)
      e.rights &= ~(WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_FD_FILESTAT_SET_SIZE);
    if (access == O_WRONLY) e.rights &= ~WASI_RIGHT_FD_READ;
    if (flags & O_APPEND) e.flags |= WASI_FDFLAG_APPEND;
    if ((flags & O_SYNC) == O_SYNC)
      e.flags |= WASI_FDFLAG_SYNC;
    else if (flags & O_DSYNC)
      e.flags |= WASI_FDFLAG_DSYNC;
  }
  *entry = e;
  return 0;
}

enum aotc_status aotc_wasi_fd_close(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance;
  struct aotc_wasi* wasi = data;
  struct aotc_wasi_fd* entry;
  uint32_t fd = aotc_wasi_arg32(slots, 0);
  int error = aotc_wasi_lookup(wasi, fd, 0, &entry);
  if (error == 0) error = aotc_wasi_close(wasi, fd);
  return aotc_wasi_finish(slots, error);
}

/* `to` must be open: otherwise a guest could fill the table at a number of its choice. */
enum aotc_status aotc_wasi_fd_renumber(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance;
  struct aotc_wasi* wasi = data;
  struct aotc_wasi_fd *from, *to;
  uint32_t number = aotc_wasi_arg32(slots, 0);
  int error = aotc_wasi_lookup(wasi, number, 0, &from);
  if (error == 0) error = aotc_wasi_lookup(wasi, aotc_wasi_arg32(slots, 1), 0, &to);
  if (error == 0 && from != to) {
    if (wasi->freeze != NULL) wasi->freeze->renumbered = true;
    error = close_entry(wasi, to);
    *to = *from;
    memset(from, 0, sizeof *from);
    if (number < wasi->lowest_free) wasi->lowest_free = number;
  }
  return aotc_wasi_finish(slots, error);
}

/* EBADF ends a program's search for preopens, so a listener among them must answer something else. */
static int lookup_preopen(struct aotc_wasi* wasi, uint32_t fd, struct aotc_wasi_fd** entry) {
  int error = aotc_wasi_lookup_directory(wasi, fd, 0, entry);
  if (error == 0 && !(*entry)->preopen) error = WASI_EBADF;
  return error;
}

enum aotc_status aotc_wasi_fd_prestat_get(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct aotc_wasi_fd* entry;
  uint8_t* out = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 1), WASI_PRESTAT_SIZE);
  int error = lookup_preopen(data, aotc_wasi_arg32(slots, 0), &entry);
  if (error == 0 && !out) error = WASI_EFAULT;
  if (error == 0) {
    memset(out, 0, WASI_PRESTAT_SIZE);
    aotc_wasi_store32(out + 4, (uint32_t)strlen(entry->preopen));
  }
  return aotc_wasi_finish(slots, error);
}

enum aotc_status aotc_wasi_fd_prestat_dir_name(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct aotc_wasi_fd* entry;
  uint32_t room = aotc_wasi_arg32(slots, 2);
  int error = lookup_preopen(data, aotc_wasi_arg32(slots, 0), &entry);
  if (error == 0) {
    size_t length = strlen(entry->preopen);
    uint8_t* out = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 1), room);
    if (!out)
      error = WASI_EFAULT;
    else if (length > room)
      error = WASI_ENAMETOOLONG;
    else
      memcpy(out, entry->preopen, length);
  }
  return aotc_wasi_finish(slots, error);
}

enum aotc_status aotc_wasi_fd_fdstat_get(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct aotc_wasi_fd* entry;
  uint8_t* out = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 1), WASI_FDSTAT_SIZE);
  int error = aotc_wasi_lookup(data, aotc_wasi_arg32(slots, 0), 0, &entry);
  if (error == 0 && !out) error = WASI_EFAULT;
  if (error == 0) {
    memset(out, 0, WASI_FDSTAT_SIZE);
    out[0] = entry->filetype;
    aotc_wasi_store16(out + 2, entry->flags);
    aotc_wasi_store64(out + 8, entry->rights);
    aotc_wasi_store64(out + 16, entry->inheriting);
  }
  return aotc_wasi_finish(slots, error);
}

/* O_NONBLOCK is ours alone, see wasi.h. O_APPEND is set for real, but only on files we opened. Linux cannot change the
 * O_SYNC family after open. */
static int set_flags(struct aotc_wasi_fd* entry, uint32_t flags) {
  const uint32_t sync = WASI_FDFLAG_DSYNC | WASI_FDFLAG_RSYNC | WASI_FDFLAG_SYNC;
  if (flags & ~WASI_FDFLAGS_ALL) return WASI_EINVAL;
  if ((flags ^ entry->flags) & sync) return WASI_ENOTSUP;
  if ((flags ^ entry->flags) & WASI_FDFLAG_APPEND) {
    if (entry->kind != AOTC_WASI_FILE || (!entry->owned && entry->node == NULL)) return WASI_ENOTSUP;
    int host = entry->node != NULL ? 0 : fcntl(entry->host, F_GETFL);
    host = flags & WASI_FDFLAG_APPEND ? host | O_APPEND : host & ~O_APPEND;
    if (entry->node == NULL && fcntl(entry->host, F_SETFL, host) != 0) return aotc_wasi_errno(errno);
  }
  entry->flags = (uint16_t)flags;
  return 0;
}

enum aotc_status aotc_wasi_fd_fdstat_set_flags(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance;
  struct aotc_wasi_fd* entry;
  int error = aotc_wasi_lookup(data, aotc_wasi_arg32(slots, 0), WASI_RIGHT_FD_FDSTAT_SET_FLAGS, &entry);
  if (error == 0) error = set_flags(entry, aotc_wasi_arg32(slots, 1));
  return aotc_wasi_finish(slots, error);
}

/* Rights can only be given up. */
enum aotc_status aotc_wasi_fd_fdstat_set_rights(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance;
  struct aotc_wasi_fd* entry;
  uint64_t rights = aotc_wasi_arg64(slots, 1), inheriting = aotc_wasi_arg64(slots, 2);
  int error = aotc_wasi_lookup(data, aotc_wasi_arg32(slots, 0), 0, &entry);
  if (error == 0 && ((rights & ~entry->rights) || (inheriting & ~entry->inheriting))) error = WASI_ENOTCAPABLE;
  if (error == 0) {
    entry->rights = rights;
    entry->inheriting = inheriting;
  }
  return aotc_wasi_finish(slots, error);
}
