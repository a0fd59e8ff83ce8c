/* wasi_fd.c - what an open descriptor can be asked and told besides moving bytes: status, times, size, position,
 * syncing.
 *
 * Thin over Linux. The care is in the numbers: offsets and sizes above 2^63 are refused before the kernel reads them as
 * negative, allocation runs in pieces that look at the deadline, and a call that makes no sense for the kind of
 * descriptor is answered here, where Linux would answer differently for different file systems.
 */
#define _GNU_SOURCE
#include "core/file_status.h"
#include "wasi_state.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Bytes per fallocate call; a file system may take its time over each. */
#define ALLOCATE_PIECE (256ll << 20)

void aotc_wasi_store_filestat(uint8_t* out, const struct stat* st, uint8_t filetype) {
  memset(out, 0, WASI_FILESTAT_SIZE);
  aotc_wasi_store64(out, st->st_dev);
  aotc_wasi_store64(out + 8, st->st_ino);
  out[16] = filetype;
  aotc_wasi_store64(out + 24, st->st_nlink);
  aotc_wasi_store64(out + 32, (uint64_t)st->st_size);
  aotc_wasi_store64(out + 40, aotc_wasi_nanoseconds(st->st_atim));
  aotc_wasi_store64(out + 48, aotc_wasi_nanoseconds(st->st_mtim));
  aotc_wasi_store64(out + 56, aotc_wasi_nanoseconds(st->st_ctim));
}

static struct timespec one_time(uint64_t time, bool set, bool now) {
  if (now) return (struct timespec){.tv_nsec = UTIME_NOW};
  if (!set) return (struct timespec){.tv_nsec = UTIME_OMIT};
  int64_t ns = (int64_t)time, second = ns / 1000000000, rest = ns % 1000000000;
  if (rest < 0) {
    second--;
    rest += 1000000000;
  }
  return (struct timespec){.tv_sec = second, .tv_nsec = rest};
}

int aotc_wasi_times(uint64_t atim, uint64_t mtim, uint32_t flags, struct timespec out[2]) {
  const uint32_t both_atim = WASI_FSTFLAG_ATIM | WASI_FSTFLAG_ATIM_NOW;
  const uint32_t both_mtim = WASI_FSTFLAG_MTIM | WASI_FSTFLAG_MTIM_NOW;
  if ((flags & ~WASI_FSTFLAGS_ALL) || (flags & both_atim) == both_atim || (flags & both_mtim) == both_mtim)
    return WASI_EINVAL;
  out[0] = one_time(atim, flags & WASI_FSTFLAG_ATIM, flags & WASI_FSTFLAG_ATIM_NOW);
  out[1] = one_time(mtim, flags & WASI_FSTFLAG_MTIM, flags & WASI_FSTFLAG_MTIM_NOW);
  return 0;
}

static int filestat_get(struct aotc_instance* instance, struct aotc_wasi_fd* entry, uint32_t address) {
  struct stat st;
  uint8_t* out = aotc_instance_memory_at(instance, address, WASI_FILESTAT_SIZE);
  if (!out) return WASI_EFAULT;
  int error = aotc_wasi_stat(entry, &st);
  if (error == 0) aotc_wasi_store_filestat(out, &st, entry->filetype);
  return error;
}

enum aotc_status aotc_wasi_fd_filestat_get(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct aotc_wasi_fd* entry;
  int error = aotc_wasi_lookup(data, aotc_wasi_arg32(slots, 0), WASI_RIGHT_FD_FILESTAT_GET, &entry);
  if (error == 0) error = filestat_get(instance, entry, aotc_wasi_arg32(slots, 1));
  return aotc_wasi_finish(slots, error);
}

/* A regular file on which `right` was granted; `other_kind` is the answer for pipes, sockets and devices. */
static int lookup_file(struct aotc_wasi* wasi, uint32_t fd, uint64_t right, int other_kind,
                       struct aotc_wasi_fd** entry) {
  int error = aotc_wasi_lookup(wasi, fd, 0, entry);
  if (error != 0) return error;
  if ((*entry)->kind == AOTC_WASI_DIRECTORY) return WASI_EBADF;
  if ((*entry)->kind != AOTC_WASI_FILE) return other_kind;
  return (right & ~(*entry)->rights) ? WASI_ENOTCAPABLE : 0;
}

static int set_size(struct aotc_instance* instance, struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry,
                    uint64_t size) {
  if (entry->node != NULL) return aotc_tmp_resize(wasi->tmp, instance, entry->node, size);
  return ftruncate(entry->host, (off_t)size) == 0 ? 0 : aotc_wasi_errno(errno);
}

enum aotc_status aotc_wasi_fd_filestat_set_size(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct aotc_wasi_fd* entry;
  uint64_t size = aotc_wasi_arg64(slots, 1);
  int error = lookup_file(data, aotc_wasi_arg32(slots, 0), 0, WASI_EINVAL, &entry);
  /* EINVAL is what ftruncate says of a file that is not open for writing. */
  if (error == 0 && !(entry->rights & WASI_RIGHT_FD_FILESTAT_SET_SIZE)) error = WASI_EINVAL;
  if (error == 0 && size > INT64_MAX) error = WASI_EINVAL;
  if (error == 0) error = set_size(instance, data, entry, size);
  return aotc_wasi_finish(slots, error);
}

enum aotc_status aotc_wasi_fd_filestat_set_times(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance;
  struct aotc_wasi_fd* entry;
  struct timespec times[2];
  int error = aotc_wasi_lookup(data, aotc_wasi_arg32(slots, 0), WASI_RIGHT_FD_FILESTAT_SET_TIMES, &entry);
  if (error == 0)
    error = aotc_wasi_times(aotc_wasi_arg64(slots, 1), aotc_wasi_arg64(slots, 2), aotc_wasi_arg32(slots, 3), times);
  if (error == 0 && entry->read_only) error = WASI_EROFS;
  if (error == 0 && entry->node != NULL) aotc_tmp_set_times(((struct aotc_wasi*)data)->tmp, entry->node, times);
  if (error == 0 && entry->host >= 0 && futimens(entry->host, times) != 0) error = aotc_wasi_errno(errno);
  return aotc_wasi_finish(slots, error);
}

enum aotc_status aotc_wasi_fd_advise(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance;
  static const int kAdvice[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                                POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,   POSIX_FADV_NOREUSE};
  struct aotc_wasi_fd* entry;
  uint64_t offset = aotc_wasi_arg64(slots, 1), length = aotc_wasi_arg64(slots, 2);
  uint32_t advice = aotc_wasi_arg32(slots, 3);
  int error = lookup_file(data, aotc_wasi_arg32(slots, 0), WASI_RIGHT_FD_ADVISE, WASI_ESPIPE, &entry);
  if (error == 0 && (advice >= sizeof kAdvice / sizeof kAdvice[0] || offset > INT64_MAX || length > INT64_MAX))
    error = WASI_EINVAL;
  if (error == 0 && entry->node == NULL)
    error = aotc_wasi_errno(posix_fadvise(entry->host, (off_t)offset, (off_t)length, kAdvice[advice]));
  return aotc_wasi_finish(slots, error);
}

static int allocate(struct aotc_instance* instance, struct aotc_wasi* wasi, const struct aotc_wasi_fd* entry,
                    int64_t offset, int64_t length) {
  int host = entry->host;
  if (entry->node != NULL) {
    struct stat st;
    aotc_tmp_stat(entry->node, &st);
    return offset + length <= st.st_size
               ? 0
               : aotc_tmp_resize(wasi->tmp, instance, entry->node, (uint64_t)(offset + length));
  }
  while (length > 0) {
    int64_t piece = length < ALLOCATE_PIECE ? length : ALLOCATE_PIECE;
    if (fallocate(host, 0, offset, piece) == 0) {
      offset += piece;
      length -= piece;
    } else if (errno != EINTR) {
      return aotc_wasi_errno(errno);
    }
    if (length > 0 && aotc_wasi_check_deadline(instance) != 0) return WASI_TRAPPED;
  }
  return 0;
}

enum aotc_status aotc_wasi_fd_allocate(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct aotc_wasi_fd* entry;
  uint64_t offset = aotc_wasi_arg64(slots, 1), length = aotc_wasi_arg64(slots, 2);
  int error = lookup_file(data, aotc_wasi_arg32(slots, 0), 0, WASI_ESPIPE, &entry);
  if (error == 0 && !(entry->rights & WASI_RIGHT_FD_WRITE)) error = WASI_EBADF;
  if (error == 0 && !(entry->rights & WASI_RIGHT_FD_ALLOCATE)) error = WASI_ENOTCAPABLE;
  if (error == 0 && (length == 0 || offset > INT64_MAX || length > INT64_MAX)) error = WASI_EINVAL;
  if (error == 0 && length > INT64_MAX - offset) error = WASI_EFBIG;
  if (error == 0) error = allocate(instance, data, entry, (int64_t)offset, (int64_t)length);
  return aotc_wasi_finish(slots, error);
}

static int seek_in_memory(struct aotc_wasi_fd* entry, int64_t offset, int whence, uint8_t* out) {
  struct stat st;
  int64_t position;
  aotc_tmp_stat(entry->node, &st);
  int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (int64_t)entry->position : st.st_size;
  if (__builtin_add_overflow(from, offset, &position)) return WASI_EOVERFLOW;
  if (position < 0) return WASI_EINVAL;
  entry->position = (uint64_t)position;
  aotc_wasi_store64(out, entry->position);
  return 0;
}

static int seek(struct aotc_instance* instance, struct aotc_wasi* wasi, uint32_t fd, int64_t offset, uint32_t whence,
                uint32_t address) {
  static const int kWhence[] = {SEEK_SET, SEEK_CUR, SEEK_END};
  struct aotc_wasi_fd* entry;
  uint64_t right = whence == 1 && offset == 0 ? WASI_RIGHT_FD_TELL : WASI_RIGHT_FD_SEEK;
  int error = lookup_file(wasi, fd, right, WASI_ESPIPE, &entry);
  if (error != 0) return error;
  if (whence >= 3) return WASI_EINVAL;
  uint8_t* out = aotc_instance_memory_at(instance, address, 8);
  if (!out) return WASI_EFAULT;
  if (entry->node != NULL) return seek_in_memory(entry, offset, kWhence[whence], out);
  off_t position = lseek(entry->host, offset, kWhence[whence]);
  if (position < 0) return aotc_wasi_errno(errno);
  aotc_wasi_store64(out, (uint64_t)position);
  return 0;
}

enum aotc_status aotc_wasi_fd_seek(struct aotc_instance* instance, void* data, uint64_t* slots) {
  int error = seek(instance, data, aotc_wasi_arg32(slots, 0), (int64_t)aotc_wasi_arg64(slots, 1),
                   aotc_wasi_arg32(slots, 2), aotc_wasi_arg32(slots, 3));
  return aotc_wasi_finish(slots, error);
}

enum aotc_status aotc_wasi_fd_tell(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, seek(instance, data, aotc_wasi_arg32(slots, 0), 0, 1, aotc_wasi_arg32(slots, 1)));
}

static int sync_entry(struct aotc_wasi* wasi, uint32_t fd, uint64_t right, int (*sync)(int)) {
  struct aotc_wasi_fd* entry;
  int error = aotc_wasi_lookup(wasi, fd, 0, &entry);
  if (error != 0) return error;
  /* Go asks for no right to datasync a file it only reads; syncing it harms nobody. */
  if (!(entry->rights & (right | WASI_RIGHT_FD_SYNC))) return WASI_ENOTCAPABLE;
  if (entry->kind == AOTC_WASI_NULL || entry->kind == AOTC_WASI_LOG || entry->node != NULL) return 0;
  int result;
  do result = sync(entry->host);
  while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : aotc_wasi_errno(errno);
}

enum aotc_status aotc_wasi_fd_sync(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance;
  return aotc_wasi_finish(slots, sync_entry(data, aotc_wasi_arg32(slots, 0), WASI_RIGHT_FD_SYNC, fsync));
}

enum aotc_status aotc_wasi_fd_datasync(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance;
  return aotc_wasi_finish(slots, sync_entry(data, aotc_wasi_arg32(slots, 0), WASI_RIGHT_FD_DATASYNC, fdatasync));
}
