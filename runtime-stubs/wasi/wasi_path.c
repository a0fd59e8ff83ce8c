/* wasi_path.c - the functions that take a path.
 *
 * Each names a directory descriptor and a path beneath it. Two ways to reach the object, both in wasi_resolve.c:
 *   - functions about an object that exists (open, status, times, readlink) open it and act on that descriptor;
 *   - functions that change a directory (create, link, rename, unlink) open the parent and pass one name to a system
 *     call that does not follow a link in it.
 * So what was checked is what is used, and nothing can be exchanged in between. A directory in memory (wasi_tmp.c) has
 * neither links nor anybody else who changes it.
 *
 * Files are opened with O_NONBLOCK whatever the guest says (wasi.h) and with O_NOCTTY. Files of processes in /proc are
 * refused: a preopened "/" would otherwise hand out /proc/self/mem, which is the whole process.
 */
#define _GNU_SOURCE
#include "core/file_status.h"
#include "wasi_state.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/statfs.h>
#include <unistd.h>

/* A guest path together with the directory it starts from. */
struct place {
  struct aotc_wasi_fd* dir;
  char path[AOTC_WASI_MAX_PATH + 1];
};

static int load(struct aotc_instance* instance, struct aotc_wasi* wasi, uint32_t fd, uint64_t rights, uint32_t address,
                uint32_t length, struct place* place) {
  int error = aotc_wasi_lookup_directory(wasi, fd, rights, &place->dir);
  return error != 0 ? error : aotc_wasi_load_path(instance, address, length, place->path);
}

/* The parent of a place that is to be changed. */
static int open_writable_parent(struct aotc_wasi* wasi, struct place* place, const char** name, int* parent) {
  if (place->dir->read_only) return WASI_EROFS;
  *parent = aotc_wasi_open_parent(wasi, place->dir->host, place->path, name);
  return *parent < 0 ? aotc_wasi_errno(-*parent) : 0;
}

static void close_parent(const struct place* place, int parent) {
  if (parent >= 0 && parent != place->dir->host) close(parent);
}

/* Opens what a place names, without access to its content. */
static int open_object(struct aotc_wasi* wasi, const struct place* place, bool follow, int* object) {
  *object = aotc_wasi_open_beneath(wasi, place->dir->host, place->path, O_PATH | (follow ? 0 : O_NOFOLLOW), 0);
  return *object < 0 ? aotc_wasi_errno(-*object) : 0;
}

/* --- path_open ---------------------------------------------------------------------------------------------------- */

/* Files of a process in procfs, and writing to any file there. */
static bool is_forbidden(int host, bool writes) {
  struct statfs fs;
  char link[64], target[64];
  if (fstatfs(host, &fs) != 0) return true;
  if (fs.f_type != PROC_SUPER_MAGIC) return false;
  if (writes) return true;
  snprintf(link, sizeof link, "/proc/self/fd/%d", host);
  ssize_t n = readlink(link, target, sizeof target - 1);
  if (n < 0) return true;
  target[n] = 0;
  return strncmp(target, "/proc", 5) != 0 || (target[5] == '/' && isdigit((unsigned char)target[6]));
}

struct open_request {
  uint32_t lookup, oflags, fdflags;
  uint64_t rights;
};

static int host_flags(const struct open_request* r, const struct aotc_wasi_fd* dir, int* out, bool* writes) {
  bool read = r->rights & (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_READDIR), write = r->rights & WASI_RIGHT_FD_WRITE;
  int flags = write ? (read ? O_RDWR : O_WRONLY) : O_RDONLY;
  if ((r->oflags & ~WASI_OFLAGS_ALL) || (r->fdflags & ~WASI_FDFLAGS_ALL)) return WASI_EINVAL;
  /* Linux before 6.3 creates a regular file there. */
  if ((r->oflags & WASI_OFLAG_DIRECTORY) && (r->oflags & WASI_OFLAG_CREAT)) return WASI_EINVAL;
  if (r->oflags & WASI_OFLAG_CREAT) flags |= r->oflags & WASI_OFLAG_EXCL ? O_CREAT | O_EXCL : O_CREAT;
  if (r->oflags & WASI_OFLAG_DIRECTORY) flags |= O_DIRECTORY;
  if (r->oflags & WASI_OFLAG_TRUNC) flags |= O_TRUNC;
  if (r->fdflags & WASI_FDFLAG_APPEND) flags |= O_APPEND;
  if (r->fdflags & (WASI_FDFLAG_SYNC | WASI_FDFLAG_RSYNC)) flags |= O_SYNC;
  if (r->fdflags & WASI_FDFLAG_DSYNC) flags |= O_DSYNC;
  if (!(r->lookup & WASI_LOOKUP_SYMLINK_FOLLOW)) flags |= O_NOFOLLOW;
  *out = flags | O_NONBLOCK | O_NOCTTY;
  *writes = write || (r->oflags & (WASI_OFLAG_CREAT | WASI_OFLAG_TRUNC));

  uint64_t needed = WASI_RIGHT_PATH_OPEN;
  if (r->oflags & WASI_OFLAG_CREAT) needed |= WASI_RIGHT_PATH_CREATE_FILE;
  if (needed & ~dir->rights) return WASI_ENOTCAPABLE;
  /* Not PATH_FILESTAT_SET_SIZE for O_TRUNC: Go opens directories without it and os.Root then truncates files. */
  uint64_t content = (r->rights & (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE)) |
                     (r->oflags & WASI_OFLAG_TRUNC ? WASI_RIGHT_FD_WRITE : 0);
  if (content & ~dir->inheriting) return WASI_ENOTCAPABLE;
  return dir->read_only && *writes ? WASI_EROFS : 0;
}

static int open_on_host(struct aotc_wasi* wasi, const struct aotc_wasi_fd* dir, const char* path, int flags,
                        bool writes, struct aotc_wasi_fd* entry) {
  int host = aotc_wasi_open_beneath(wasi, dir->host, path, flags, 0666);
  if (host < 0) return aotc_wasi_errno(-host);
  int error = is_forbidden(host, writes) ? WASI_EACCES : aotc_wasi_install(entry, host, true);
  if (error != 0) close(host);
  return error;
}

static int open_in_memory(struct aotc_wasi* wasi, const struct aotc_wasi_fd* dir, const char* path,
                          const struct open_request* request, struct aotc_wasi_fd* entry) {
  struct aotc_tmp_node* node;
  bool write = request->rights & WASI_RIGHT_FD_WRITE;
  int error = aotc_tmp_open(wasi->tmp, dir->node, path, request->oflags, write, &node);
  if (error != 0) return error;
  aotc_wasi_install_node(entry, node);
  if (!write && entry->kind == AOTC_WASI_FILE)
    entry->rights &= ~(WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_FD_FILESTAT_SET_SIZE);
  entry->flags = (uint16_t)(request->fdflags & WASI_FDFLAG_APPEND);
  return 0;
}

static int open_path(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  struct place place;
  struct open_request request = {.lookup = aotc_wasi_arg32(slots, 1),
                                 .oflags = aotc_wasi_arg32(slots, 4),
                                 .rights = aotc_wasi_arg64(slots, 5),
                                 .fdflags = aotc_wasi_arg32(slots, 7)};
  int error =
      load(instance, wasi, aotc_wasi_arg32(slots, 0), 0, aotc_wasi_arg32(slots, 2), aotc_wasi_arg32(slots, 3), &place);
  if (error != 0) return error;
  uint8_t* out = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 8), 4);
  if (!out) return WASI_EFAULT;
  int flags;
  bool writes;
  error = host_flags(&request, place.dir, &flags, &writes);
  if (error != 0) return error;

  /* Reserving may move the table and `place.dir` with it. */
  const struct aotc_wasi_fd dir = *place.dir;
  uint32_t number;
  struct aotc_wasi_fd* entry;
  error = aotc_wasi_reserve(wasi, &number, &entry);
  if (error != 0) return error;
  error = dir.node != NULL ? open_in_memory(wasi, &dir, place.path, &request, entry)
                           : open_on_host(wasi, &dir, place.path, flags, writes, entry);
  if (error != 0) return error;
  entry->read_only = dir.read_only;
  entry->flags = (uint16_t)(entry->flags | (request.fdflags & (WASI_FDFLAG_NONBLOCK | WASI_FDFLAG_RSYNC)));
  /* Asking for no access to the content gives none; see wasi_fd_table.c for why the rest is not what was asked. */
  entry->rights &= dir.inheriting;
  if (!(request.rights & (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_READDIR))) entry->rights &= ~WASI_RIGHT_FD_READ;
  entry->inheriting &= dir.inheriting;
  if (dir.node == NULL) aotc_wasi_note_path(wasi, entry, &dir, aotc_wasi_arg32(slots, 0), place.path);
  aotc_wasi_store32(out, number);
  return 0;
}

enum aotc_status aotc_wasi_path_open(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct aotc_wasi* wasi = data;
  if (wasi->freeze != NULL) ++wasi->freeze->paths_opened;
  return aotc_wasi_finish(slots, open_path(instance, data, slots));
}

/* --- objects that exist ------------------------------------------------------------------------------------------- */

/* Status of what a place names. */
static int stat_place(struct aotc_wasi* wasi, const struct place* place, bool follow, struct stat* st) {
  struct aotc_tmp_node* node;
  int object;
  if (place->dir->node != NULL) {
    int error = aotc_tmp_find(wasi->tmp, place->dir->node, place->path, &node);
    if (error == 0) aotc_tmp_stat(node, st);
    return error;
  }
  int error = open_object(wasi, place, follow, &object);
  if (error != 0) return error;
  if (aotc_fstat(object, st) != 0) error = aotc_wasi_errno(errno);
  close(object);
  return error;
}

static int path_filestat(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  struct place place;
  struct stat st;
  int error = load(instance, wasi, aotc_wasi_arg32(slots, 0), WASI_RIGHT_PATH_FILESTAT_GET, aotc_wasi_arg32(slots, 2),
                   aotc_wasi_arg32(slots, 3), &place);
  uint8_t* out = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 4), WASI_FILESTAT_SIZE);
  if (error == 0 && !out) error = WASI_EFAULT;
  if (error == 0) error = stat_place(wasi, &place, aotc_wasi_arg32(slots, 1) & WASI_LOOKUP_SYMLINK_FOLLOW, &st);
  if (error == 0) aotc_wasi_store_filestat(out, &st, aotc_wasi_filetype(st.st_mode));
  return error;
}

enum aotc_status aotc_wasi_path_filestat_get(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, path_filestat(instance, data, slots));
}

static int path_set_times(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  struct place place;
  struct timespec times[2];
  int object;
  int error = load(instance, wasi, aotc_wasi_arg32(slots, 0), WASI_RIGHT_PATH_FILESTAT_SET_TIMES,
                   aotc_wasi_arg32(slots, 2), aotc_wasi_arg32(slots, 3), &place);
  if (error == 0)
    error = aotc_wasi_times(aotc_wasi_arg64(slots, 4), aotc_wasi_arg64(slots, 5), aotc_wasi_arg32(slots, 6), times);
  if (error == 0 && place.dir->read_only) error = WASI_EROFS;
  if (error == 0 && place.dir->node != NULL) {
    struct aotc_tmp_node* node;
    error = aotc_tmp_find(wasi->tmp, place.dir->node, place.path, &node);
    if (error == 0) aotc_tmp_set_times(wasi->tmp, node, times);
    return error;
  }
  if (error == 0) error = open_object(wasi, &place, aotc_wasi_arg32(slots, 1) & WASI_LOOKUP_SYMLINK_FOLLOW, &object);
  if (error != 0) return error;
  /* futimens refuses O_PATH descriptors. */
  if (utimensat(object, "", times, AT_EMPTY_PATH) != 0) error = aotc_wasi_errno(errno);
  close(object);
  return error;
}

enum aotc_status aotc_wasi_path_filestat_set_times(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, path_set_times(instance, data, slots));
}

static int path_readlink(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  struct place place;
  char target[AOTC_WASI_MAX_PATH];
  struct stat st;
  int object;
  uint32_t room = aotc_wasi_arg32(slots, 4);
  int error = load(instance, wasi, aotc_wasi_arg32(slots, 0), WASI_RIGHT_PATH_READLINK, aotc_wasi_arg32(slots, 1),
                   aotc_wasi_arg32(slots, 2), &place);
  uint8_t* out = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 3), room);
  uint8_t* used = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 5), 4);
  if (error == 0 && (!out || !used)) error = WASI_EFAULT;
  if (error == 0 && place.dir->node != NULL) {
    error = stat_place(wasi, &place, false, &st);
    return error != 0 ? error : WASI_EINVAL; /* there are no links */
  }
  if (error == 0) error = open_object(wasi, &place, false, &object);
  if (error != 0) return error;
  ssize_t n = -1;
  if (aotc_fstat(object, &st) == 0 && !S_ISLNK(st.st_mode))
    error = WASI_EINVAL; /* Linux says ENOENT */
  else if ((n = readlinkat(object, "", target, sizeof target)) < 0)
    error = aotc_wasi_errno(errno);
  close(object);
  if (error != 0) return error;
  /* Cut off without an error, like readlink(2): Go and wasi-libc try again with more room. */
  if ((size_t)n > room) n = room;
  memcpy(out, target, (size_t)n);
  aotc_wasi_store32(used, (uint32_t)n);
  return 0;
}

enum aotc_status aotc_wasi_path_readlink(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, path_readlink(instance, data, slots));
}

/* --- changes to a directory --------------------------------------------------------------------------------------- */

struct change {
  uint64_t right;
  int (*on_host)(int parent, const char* name);
  int (*in_memory)(struct aotc_tmp* tmp, struct aotc_tmp_node* dir, const char* path);
};

static int change(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots,
                  const struct change* change) {
  struct place place;
  const char* name;
  int parent;
  int error = load(instance, wasi, aotc_wasi_arg32(slots, 0), change->right, aotc_wasi_arg32(slots, 1),
                   aotc_wasi_arg32(slots, 2), &place);
  if (error == 0 && place.dir->node != NULL && place.dir->read_only) error = WASI_EROFS;
  if (error == 0 && place.dir->node != NULL) return change->in_memory(wasi->tmp, place.dir->node, place.path);
  if (error == 0) error = open_writable_parent(wasi, &place, &name, &parent);
  if (error != 0) return error;
  if (change->on_host(parent, name) != 0) error = aotc_wasi_errno(errno);
  close_parent(&place, parent);
  return error;
}

static int make_directory(int parent, const char* name) { return mkdirat(parent, name, 0777); }
static int remove_directory(int parent, const char* name) { return unlinkat(parent, name, AT_REMOVEDIR); }
static int unlink_file(int parent, const char* name) { return unlinkat(parent, name, 0); }
static int remove_in_memory(struct aotc_tmp* tmp, struct aotc_tmp_node* dir, const char* path) {
  return aotc_tmp_remove(tmp, dir, path, true);
}
static int unlink_in_memory(struct aotc_tmp* tmp, struct aotc_tmp_node* dir, const char* path) {
  return aotc_tmp_remove(tmp, dir, path, false);
}
static const struct change kMakeDirectory = {WASI_RIGHT_PATH_CREATE_DIRECTORY, make_directory, aotc_tmp_make_directory};
static const struct change kRemoveDirectory = {WASI_RIGHT_PATH_REMOVE_DIRECTORY, remove_directory, remove_in_memory};
static const struct change kUnlinkFile = {WASI_RIGHT_PATH_UNLINK_FILE, unlink_file, unlink_in_memory};

enum aotc_status aotc_wasi_path_create_directory(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, change(instance, data, slots, &kMakeDirectory));
}

enum aotc_status aotc_wasi_path_remove_directory(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, change(instance, data, slots, &kRemoveDirectory));
}

enum aotc_status aotc_wasi_path_unlink_file(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, change(instance, data, slots, &kUnlinkFile));
}

static int path_symlink(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  struct place place;
  char target[AOTC_WASI_MAX_PATH + 1];
  const char* name;
  int parent;
  int error = load(instance, wasi, aotc_wasi_arg32(slots, 2), WASI_RIGHT_PATH_SYMLINK, aotc_wasi_arg32(slots, 3),
                   aotc_wasi_arg32(slots, 4), &place);
  if (error == 0) error = aotc_wasi_load_path(instance, aotc_wasi_arg32(slots, 0), aotc_wasi_arg32(slots, 1), target);
  /* The guest could not follow it, but other programs on the host would. */
  if (error == 0 && target[0] == '/') error = WASI_EPERM;
  if (error == 0 && place.dir->node != NULL) error = WASI_ENOTSUP;
  if (error == 0) error = open_writable_parent(wasi, &place, &name, &parent);
  if (error != 0) return error;
  if (symlinkat(target, parent, name) != 0) error = aotc_wasi_errno(errno);
  close_parent(&place, parent);
  return error;
}

enum aotc_status aotc_wasi_path_symlink(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, path_symlink(instance, data, slots));
}

/* linkat follows a link under a name with a trailing slash, out of the directory if need be. It could only end in EPERM
 * (a directory cannot be linked) or ENOTDIR, so answer that without it. */
static int link_source(int parent, const char* name) {
  struct stat st;
  size_t length = strlen(name);
  char bare[AOTC_WASI_MAX_PATH + 1];
  if (name[length - 1] != '/') return 0;
  memcpy(bare, name, length - 1);
  bare[length - 1] = 0;
  if (fstatat(parent, bare, &st, AT_SYMLINK_NOFOLLOW) != 0) return aotc_wasi_errno(errno);
  return S_ISDIR(st.st_mode) ? WASI_EPERM : WASI_ENOTDIR;
}

static int path_link(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  struct place from, to;
  const char *from_name, *to_name;
  int from_parent = -1, to_parent = -1;
  /* A followed link would have to be linked by descriptor, which needs a capability. Others refuse it too. */
  if (aotc_wasi_arg32(slots, 1) & WASI_LOOKUP_SYMLINK_FOLLOW) return WASI_EINVAL;
  int error = load(instance, wasi, aotc_wasi_arg32(slots, 0), WASI_RIGHT_PATH_LINK_SOURCE, aotc_wasi_arg32(slots, 2),
                   aotc_wasi_arg32(slots, 3), &from);
  if (error == 0)
    error = load(instance, wasi, aotc_wasi_arg32(slots, 4), WASI_RIGHT_PATH_LINK_TARGET, aotc_wasi_arg32(slots, 5),
                 aotc_wasi_arg32(slots, 6), &to);
  if (error == 0 && (from.dir->node != NULL || to.dir->node != NULL)) error = WASI_ENOTSUP;
  /* A second name in a writable directory would make a read-only file writable. */
  if (error == 0) error = open_writable_parent(wasi, &from, &from_name, &from_parent);
  if (error != 0) return error;
  error = open_writable_parent(wasi, &to, &to_name, &to_parent);
  if (error == 0) error = link_source(from_parent, from_name);
  if (error == 0 && linkat(from_parent, from_name, to_parent, to_name, 0) != 0) error = aotc_wasi_errno(errno);
  close_parent(&to, to_parent);
  close_parent(&from, from_parent);
  return error;
}

enum aotc_status aotc_wasi_path_link(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, path_link(instance, data, slots));
}

static int path_rename(struct aotc_instance* instance, struct aotc_wasi* wasi, const uint64_t* slots) {
  struct place from, to;
  const char *from_name, *to_name;
  int from_parent = -1, to_parent = -1;
  int error = load(instance, wasi, aotc_wasi_arg32(slots, 0), WASI_RIGHT_PATH_RENAME_SOURCE, aotc_wasi_arg32(slots, 1),
                   aotc_wasi_arg32(slots, 2), &from);
  if (error == 0)
    error = load(instance, wasi, aotc_wasi_arg32(slots, 3), WASI_RIGHT_PATH_RENAME_TARGET, aotc_wasi_arg32(slots, 4),
                 aotc_wasi_arg32(slots, 5), &to);
  if (error == 0 && (from.dir->node == NULL) != (to.dir->node == NULL)) error = WASI_EXDEV;
  if (error == 0 && from.dir->node != NULL && (from.dir->read_only || to.dir->read_only)) error = WASI_EROFS;
  if (error == 0 && from.dir->node != NULL)
    return aotc_tmp_rename(wasi->tmp, from.dir->node, from.path, to.dir->node, to.path);
  if (error == 0) error = open_writable_parent(wasi, &from, &from_name, &from_parent);
  if (error != 0) return error;
  error = open_writable_parent(wasi, &to, &to_name, &to_parent);
  if (error == 0 && renameat(from_parent, from_name, to_parent, to_name) != 0) error = aotc_wasi_errno(errno);
  close_parent(&to, to_parent);
  close_parent(&from, from_parent);
  return error;
}

enum aotc_status aotc_wasi_path_rename(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, path_rename(instance, data, slots));
}
