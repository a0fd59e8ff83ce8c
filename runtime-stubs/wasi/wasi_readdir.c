/* wasi_readdir.c - fd_readdir: the kernel's directory entries in the guest's form.
 *
 * A cookie is the kernel's own d_off, so a listing is resumed by lseek and nothing about it is kept between calls. The
 * usual alternative, a DIR* and a counter per descriptor, re-reads from the start when the guest goes back and loses
 * its place when the directory changes meanwhile. A hostile cookie is just a seek to nowhere.
 *
 * The guest's buffer is filled to the brim and the last entry cut off; that is how the guest learns that there is more.
 */
#define _GNU_SOURCE
#include "core/file_status.h"
#include "wasi_state.h"

#include <dirent.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What getdents64 writes: u64 ino, i64 off, u16 record length, u8 type, name with its terminator. */
enum { kOffsetOffset = 8, kOffsetLength = 16, kOffsetType = 18, kOffsetName = 19 };
enum { kBufferSize = 32768, kLongestEntry = 1024 };

static uint8_t entry_filetype(uint8_t type) {
  switch (type) {
    case DT_REG:
      return WASI_FILETYPE_REGULAR_FILE;
    case DT_DIR:
      return WASI_FILETYPE_DIRECTORY;
    case DT_LNK:
      return WASI_FILETYPE_SYMBOLIC_LINK;
    case DT_CHR:
      return WASI_FILETYPE_CHARACTER_DEVICE;
    case DT_BLK:
      return WASI_FILETYPE_BLOCK_DEVICE;
    case DT_SOCK:
      return WASI_FILETYPE_SOCKET_STREAM;
    default:
      return WASI_FILETYPE_UNKNOWN;
  }
}

struct output {
  uint8_t* bytes;
  uint32_t used, room;
};

static void append(struct output* out, const void* bytes, size_t size) {
  size_t fits = out->room - out->used;
  if (fits > size) fits = size;
  memcpy(out->bytes + out->used, bytes, fits);
  out->used += (uint32_t)fits;
}

static void append_entry(struct output* out, const char* name, uint64_t next, uint64_t inode, uint8_t filetype) {
  uint8_t head[WASI_DIRENT_SIZE] = {0};
  size_t length = strlen(name);
  aotc_wasi_store64(head, next);
  aotc_wasi_store64(head + 8, inode);
  aotc_wasi_store32(head + 16, (uint32_t)length);
  head[20] = filetype;
  append(out, head, sizeof head);
  append(out, name, length);
}

static void append_of_kernel(struct output* out, const uint8_t* kernel, uint64_t directory_inode) {
  const char* name = (const char*)kernel + kOffsetName;
  /* What lies above a preopened directory is not the guest's business. */
  uint64_t inode = strcmp(name, "..") == 0 ? directory_inode : aotc_wasi_load64(kernel);
  append_entry(out, name, aotc_wasi_load64(kernel + kOffsetOffset), inode, entry_filetype(kernel[kOffsetType]));
}

static int list_memory(const struct aotc_tmp_node* dir, uint64_t cookie, struct output* out) {
  struct aotc_tmp_entry entry = {0};
  struct stat st;
  aotc_tmp_stat(dir, &st);
  if (st.st_nlink == 0) return WASI_ENOENT; /* removed */
  for (; out->used < out->room && aotc_tmp_entry(dir, cookie, &entry); cookie = entry.next)
    append_entry(out, entry.name, entry.next, entry.inode,
                 entry.directory ? WASI_FILETYPE_DIRECTORY : WASI_FILETYPE_REGULAR_FILE);
  return 0;
}

static int list(struct aotc_instance* instance, int host, uint64_t cookie, struct output* out) {
  uint8_t buffer[kBufferSize] __attribute__((aligned(8)));
  struct stat st;
  if (aotc_fstat(host, &st) != 0) return aotc_wasi_errno(errno);
  /* A cookie that the file system does not know lies behind the end. */
  if (cookie > INT64_MAX || lseek(host, (off_t)cookie, SEEK_SET) < 0)
    return cookie <= INT64_MAX && errno != EINVAL ? aotc_wasi_errno(errno) : 0;
  while (out->used < out->room) {
    /* The two forms of an entry are about the same size: do not read much more than can be passed on. */
    size_t want = out->room - out->used + kLongestEntry;
    long n = syscall(SYS_getdents64, host, buffer, want < kBufferSize ? want : kBufferSize);
    if (n < 0) return aotc_wasi_errno(errno);
    if (n == 0) break;
    for (long at = 0; at < n && out->used < out->room;) {
      uint16_t record;
      memcpy(&record, buffer + at + kOffsetLength, sizeof record);
      append_of_kernel(out, buffer + at, st.st_ino);
      at += record;
    }
    if (out->used < out->room && aotc_wasi_check_deadline(instance) != 0) return WASI_TRAPPED;
  }
  return 0;
}

enum aotc_status aotc_wasi_fd_readdir(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct aotc_wasi_fd* entry;
  struct output out = {.room = aotc_wasi_arg32(slots, 2)};
  out.bytes = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 1), out.room);
  uint8_t* result = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 4), 4);
  int error = aotc_wasi_lookup_directory(data, aotc_wasi_arg32(slots, 0), WASI_RIGHT_FD_READDIR, &entry);
  if (error == 0 && (!out.bytes || !result)) error = WASI_EFAULT;
  if (error == 0)
    error = entry->node != NULL ? list_memory(entry->node, aotc_wasi_arg64(slots, 3), &out)
                                : list(instance, entry->host, aotc_wasi_arg64(slots, 3), &out);
  if (error == 0) aotc_wasi_store32(result, out.used);
  return aotc_wasi_finish(slots, error);
}
