/* wasi_files.c - files that a program has open where it is frozen.
 *
 * Only files that are open for reading, beneath a directory that it was given: then the snapshot says by which path,
 * how far it had read, and a digest of the content. A thaw opens the same path beneath its own directory and goes on
 * only if the content is the same, since the program may have read any part of it. The digest (XXH3-128) finds changes;
 * it is no proof against somebody who makes up a second file, who would only deceive the program that reads it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/file_status.h"
#include "wasi_state.h"

void aotc_wasi_note_path(struct aotc_wasi* wasi, struct aotc_wasi_fd* entry, const struct aotc_wasi_fd* dir,
                         uint32_t dir_number, const char* path) {
  if (wasi->freeze == NULL) return;
  entry->root = dir->preopen != NULL ? dir_number : dir->root;
  if (dir->preopen != NULL)
    entry->path = strdup(path);
  else if (dir->path == NULL || asprintf(&entry->path, "%s/%s", dir->path, path) < 0)
    entry->path = NULL;
  struct aotc_wasi_freeze* freeze = wasi->freeze;
  const char* preopen = wasi->fds[entry->root].preopen;
  if (entry->path == NULL || preopen == NULL || freeze->file_count == AOTC_WASI_MAX_NOTED) return;
  char* name;
  if (asprintf(&name, "%s/%s", strcmp(preopen, "/") == 0 ? "" : preopen, entry->path) < 0) return;
  for (uint32_t i = 0; i < freeze->file_count; ++i)
    if (strcmp(freeze->files[i], name) == 0) {
      free(name);
      return;
    }
  freeze->files[freeze->file_count++] = name;
}

void aotc_wasi_digest(const void* bytes, size_t size, uint64_t digest[2]) {
  XXH128_hash_t hash = XXH3_128bits(bytes, size);
  digest[0] = hash.low64;
  digest[1] = hash.high64;
}

static int digest_file(int host, uint64_t digest[2]) {
  uint8_t piece[1 << 16];
  XXH3_state_t state; /* 64-byte aligned by its type */
  XXH3_INITSTATE(&state);
  XXH3_128bits_reset(&state);
  for (off_t at = 0;;) {
    ssize_t n = pread(host, piece, sizeof(piece), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    XXH3_128bits_update(&state, piece, (size_t)n);
    at += n;
  }
  XXH128_hash_t hash = XXH3_128bits_digest(&state);
  digest[0] = hash.low64;
  digest[1] = hash.high64;
  return 0;
}

bool aotc_wasi_describe_file(const struct aotc_wasi_fd* entry, struct aotc_saved_file* file) {
  struct stat st;
  if (entry->kind != AOTC_WASI_FILE || entry->path == NULL || (entry->rights & WASI_RIGHT_FD_WRITE)) return false;
  off_t position = lseek(entry->host, 0, SEEK_CUR);
  if (position < 0 || aotc_fstat(entry->host, &st) != 0 || !S_ISREG(st.st_mode)) return false;
  *file = (struct aotc_saved_file){.root = entry->root, .position = (uint64_t)position, .size = (uint64_t)st.st_size};
  return digest_file(entry->host, file->digest) == 0;
}

static enum aotc_status fail(struct aotc_error* error, const char* path, const char* why) {
  error->status = AOTC_ERROR_ARGUMENT;
  snprintf(error->message, sizeof(error->message), "wasi: the snapshot has the file %.256s open: %s", path, why);
  return AOTC_ERROR_ARGUMENT;
}

/* Likewise, of a directory that the snapshot keeps. What is in /tmp goes when it is cleared, and no freeze describes
 * it.
 */
static enum aotc_status reopen_kept(struct aotc_wasi* wasi, const struct aotc_saved_file* file, const char* path,
                                    struct aotc_tmp_node* dir, struct aotc_error* error) {
  struct aotc_tmp_node* node;
  struct stat st;
  uint64_t digest[2];
  if (wasi->tmp != NULL && dir == aotc_tmp_root(wasi->tmp)) return fail(error, path, "it is in " AOTC_WASI_TMP);
  if (aotc_tmp_open(wasi->tmp, dir, path, 0, false, &node) != 0) return fail(error, path, strerror(ENOENT));
  aotc_tmp_stat(node, &st);
  aotc_wasi_digest(aotc_tmp_bytes(node), (size_t)st.st_size, digest);
  bool same = !aotc_tmp_is_directory(node) && memcmp(digest, file->digest, sizeof(digest)) == 0;
  if (!same || aotc_wasi_make_room(wasi, file->number) != 0) {
    aotc_tmp_let_go(wasi->tmp, node);
    return fail(error, path, same ? "no room for its descriptor" : "it has changed since");
  }
  struct aotc_wasi_fd* entry = &wasi->fds[file->number];
  aotc_wasi_install_node(entry, node);
  entry->read_only = true;
  entry->rights &= ~(WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_FD_FILESTAT_SET_SIZE);
  return AOTC_OK;
}

/* Opens what the snapshot describes, as descriptor `file->number`. */
static enum aotc_status reopen(struct aotc_wasi* wasi, const struct aotc_saved_file* file, const char* path,
                               struct aotc_error* error) {
  struct aotc_wasi_fd *dir, *entry;
  if (aotc_wasi_lookup_directory(wasi, file->root, 0, &dir) != 0 || dir->preopen == NULL)
    return fail(error, path, "its directory is missing");
  if (dir->node != NULL) return reopen_kept(wasi, file, path, dir->node, error);
  bool read_only = dir->read_only;
  int host = aotc_wasi_open_beneath(wasi, dir->host, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  if (host < 0) return fail(error, path, strerror(-host));
  struct stat st;
  uint64_t digest[2];
  const char* why = NULL;
  if (aotc_fstat(host, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != file->size ||
      digest_file(host, digest) != 0 || memcmp(digest, file->digest, sizeof(digest)) != 0)
    why = "it has changed since";
  else if (aotc_wasi_make_room(wasi, file->number) != 0)
    why = "no room for its descriptor";
  else if (aotc_wasi_install(entry = &wasi->fds[file->number], host, true) != 0)
    why = strerror(errno);
  if (why != NULL) {
    close(host);
    return fail(error, path, why);
  }
  entry->read_only = read_only;
  return AOTC_OK;
}

enum aotc_status aotc_wasi_reopen_files(struct aotc_wasi* wasi, const struct aotc_wasi_saved* s,
                                        struct aotc_error* error) {
  const struct aotc_saved_file* files = aotc_saved_data(s, &s->files);
  const char* paths = aotc_saved_data(s, &s->paths);
  for (uint32_t i = 0; i < s->files.count; ++i) {
    uint32_t number = files[i].number;
    if (files[i].path >= s->paths.count) return fail(error, "?", "the snapshot is corrupted");
    const char* path = paths + files[i].path;
    /* In a pool it is still open from the last request, wherever that left it. */
    bool open = number < wasi->fd_count && wasi->fds[number].kind != AOTC_WASI_FREE;
    if (open && wasi->fds[number].kind != AOTC_WASI_FILE) return fail(error, path, "its descriptor is in use");
    enum aotc_status status = open ? AOTC_OK : reopen(wasi, &files[i], path, error);
    if (status != AOTC_OK) return status;
    wasi->fds[number].position = files[i].position;
    if (wasi->fds[number].node == NULL && lseek(wasi->fds[number].host, (off_t)files[i].position, SEEK_SET) < 0)
      return fail(error, path, strerror(errno));
  }
  return AOTC_OK;
}
