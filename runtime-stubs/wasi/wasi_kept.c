/* wasi_kept.c - the directories that a snapshot keeps: those that the program was given to read, and what it has left
 * in /tmp.
 *
 * Where an instance of the snapshot runs there need be no such directories: a node has none. So what is in them goes
 * into the snapshot, with a digest in its report, and comes from there, in memory: /tmp as each instance's own, which
 * is as it was again after a reset; the others cannot be written and are one for a pool. Files are not copied: their
 * bytes stay where the snapshot is mapped, until an instance writes to one.
 *
 * Of a directory of the host files and directories are kept, and those that links beneath it lead to, as files. More
 * than kMostContent or AOTC_WASI_MAX_KEPT names are not: then there is a snapshot without them, for `aotc run --dir`.
 *
 *   nodes: in each directory in the order of names; what is in one comes after it; those of one root stand together
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/file_status.h"
#include "wasi_state.h"

enum { kMostContent = 32 << 20, kMostNames = 4 << 20, kMostDepth = 64 };

struct bytes {
  uint8_t* at;
  uint64_t size, capacity;
};

struct keeper {
  struct aotc_wasi* wasi;
  struct aotc_saved_node* nodes;
  uint32_t count, capacity;
  struct bytes names, contents;
  uint32_t root;
  const char* guest_path; /* of the directory */
  const char* fault;      /* why it cannot be kept */
  char text[512];         /* of the fault */
};

static void* grow(struct bytes* b, uint64_t more) {
  if (b->size + more > b->capacity) {
    uint64_t wanted = (b->size + more) * 2;
    uint8_t* larger = realloc(b->at, wanted);
    if (larger == NULL) return NULL;
    b->at = larger;
    b->capacity = wanted;
  }
  b->size += more;
  return b->at + b->size - more;
}

static uint32_t fail(struct keeper* k, const char* fault) {
  if (k->fault == NULL) k->fault = fault;
  return AOTC_NONE;
}

/* Why what is by this path cannot be kept. */
static const char* at_path(struct keeper* k, const char* path, const char* why) {
  if (k->fault != NULL) return k->fault;
  const char* dir = strcmp(k->guest_path, "/") == 0 ? "" : k->guest_path;
  snprintf(k->text, sizeof(k->text), "%.128s/%.256s: %s", dir, path, why);
  return k->text;
}

static uint64_t nanoseconds(struct timespec t) {
  uint64_t ns = aotc_wasi_nanoseconds(t);
  return ns > INT64_MAX ? 0 : ns; /* before 1970 */
}

/* The node's number, with room for its content; AOTC_NONE with a fault. */
static uint32_t add(struct keeper* k, uint32_t parent, const char* name, bool directory, uint64_t size,
                    struct timespec modified) {
  size_t length = strlen(name) + 1;
  if (k->count == AOTC_WASI_MAX_KEPT || k->names.size + length > kMostNames) return fail(k, "more than 10,000 names");
  if (size > kMostContent - k->contents.size) return fail(k, "more than 32 MiB");
  if (k->count == k->capacity) {
    uint32_t wanted = k->capacity == 0 ? 64 : 2 * k->capacity;
    struct aotc_saved_node* larger = realloc(k->nodes, wanted * sizeof(*larger));
    if (larger == NULL) return fail(k, "out of memory");
    k->nodes = larger;
    k->capacity = wanted;
  }
  k->nodes[k->count] = (struct aotc_saved_node){.root = k->root,
                                                .parent = parent,
                                                .name = (uint32_t)k->names.size,
                                                .directory = directory,
                                                .modified = nanoseconds(modified),
                                                .content = k->contents.size,
                                                .size = size};
  char* text = grow(&k->names, length);
  if (text == NULL || (size != 0 && grow(&k->contents, size) == NULL)) return fail(k, "out of memory");
  memcpy(text, name, length);
  return k->count++;
}

/* --- of the host ---------------------------------------------------------------------------------------------------
 */

static int compare(const void* a, const void* b) { return strcmp(*(char* const*)a, *(char* const*)b); }

/* The names in a directory, each NUL-terminated; false with a fault. */
static bool read_names(struct keeper* k, int host, const char* path, struct bytes* names, uint32_t* count) {
  enum { kLength = 16, kName = 19 };
  uint8_t buffer[1 << 14] __attribute__((aligned(8)));
  if (lseek(host, 0, SEEK_SET) < 0) return fail(k, at_path(k, path, strerror(errno))), false;
  for (;;) {
    long n = syscall(SYS_getdents64, host, buffer, sizeof(buffer));
    if (n < 0) return fail(k, at_path(k, path, strerror(errno))), false;
    if (n == 0) return true;
    for (long at = 0; at < n;) {
      const char* name = (const char*)buffer + at + kName;
      uint16_t record;
      memcpy(&record, buffer + at + kLength, sizeof(record));
      at += record;
      if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
      size_t length = strlen(name) + 1;
      char* text = names->size + length > kMostNames ? NULL : grow(names, length);
      if (text == NULL) return fail(k, "more than 10,000 names"), false;
      memcpy(text, name, length);
      ++*count;
    }
  }
}

static void keep_file(struct keeper* k, uint32_t parent, const char* path, const char* name, int host,
                      const struct stat* st) {
  uint32_t number = add(k, parent, name, false, (uint64_t)st->st_size, st->st_mtim);
  if (number == AOTC_NONE) return;
  const struct aotc_saved_node* node = &k->nodes[number];
  for (uint64_t done = 0; done < node->size;) {
    ssize_t n = pread(host, k->contents.at + node->content + done, node->size - done, (off_t)done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      fail(k, at_path(k, path, n < 0 ? strerror(errno) : "it changes meanwhile"));
      return;
    }
    done += (uint64_t)n;
  }
}

static void keep_directory(struct keeper* k, int root, int host, char* path, size_t length, uint32_t parent, int depth);

/* What `path` leads to, whose last name is `name`. */
static void keep_path(struct keeper* k, int root, char* path, size_t length, const char* name, uint32_t parent,
                      int depth) {
  struct stat st;
  int host = aotc_wasi_open_beneath(k->wasi, root, path, O_PATH, 0);
  if (host == -ENOENT || host == -ELOOP || host == -EPERM || host == -EXDEV) return; /* a link that leads nowhere */
  bool known = host >= 0 && aotc_fstat(host, &st) == 0;
  if (host >= 0) close(host);
  if (known && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) return;
  if (known) host = aotc_wasi_open_beneath(k->wasi, root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  if (!known || host < 0) {
    fail(k, at_path(k, path, host < 0 ? strerror(-host) : strerror(errno)));
    return;
  }
  if (S_ISREG(st.st_mode)) {
    keep_file(k, parent, path, name, host, &st);
  } else {
    uint32_t number = add(k, parent, name, true, 0, st.st_mtim);
    if (number != AOTC_NONE) keep_directory(k, root, host, path, length, number, depth + 1);
  }
  close(host);
}

static void keep_directory(struct keeper* k, int root, int host, char* path, size_t length, uint32_t parent,
                           int depth) {
  struct bytes names = {0};
  uint32_t count = 0;
  if (depth > kMostDepth) fail(k, "directories inside each other without end");
  bool good = k->fault == NULL && read_names(k, host, path, &names, &count);
  const char** list = good ? calloc(count + 1, sizeof(*list)) : NULL;
  const char* at = (const char*)names.at;
  for (uint32_t i = 0; list != NULL && i < count; ++i, at += strlen(at) + 1) list[i] = at;
  if (list != NULL && count != 0) qsort(list, count, sizeof(*list), compare);
  for (uint32_t i = 0; list != NULL && i < count && k->fault == NULL; ++i) {
    size_t more = strlen(list[i]) + 1;
    if (length + more > AOTC_WASI_MAX_PATH) {
      fail(k, at_path(k, path, strerror(ENAMETOOLONG)));
      break;
    }
    if (length != 0) path[length] = '/';
    memcpy(path + length + (length != 0), list[i], more);
    keep_path(k, root, path, length + (length != 0) + more - 1, list[i], parent, depth);
  }
  if (list != NULL) path[length] = 0;
  free(list);
  free(names.at);
}

/* --- of /tmp --------------------------------------------------------------------------------------------------------
 */

static uint32_t keep_object(void* data, uint32_t parent, const struct aotc_tmp_object* object) {
  struct keeper* k = data;
  uint32_t number = add(k, parent, object->name, object->directory, object->size, object->modified);
  if (number != AOTC_NONE && object->size != 0)
    memcpy(k->contents.at + k->nodes[number].content, object->bytes, object->size);
  return number;
}

/* --- at the freeze --------------------------------------------------------------------------------------------------
 */

/* The digest is one of a line for each: where it is, what it is, and the digests of its name and content. */
static void describe(struct aotc_wasi_freeze* freeze, const struct keeper* k, uint32_t first, uint64_t from) {
  enum { kLine = 7 };
  struct aotc_kept_summary* summary = &freeze->kept[k->root];
  uint64_t* lines = calloc((k->count - first + 1) * kLine, sizeof(*lines));
  for (uint32_t i = first; i < k->count && lines != NULL; ++i) {
    const struct aotc_saved_node* node = &k->nodes[i];
    const char* name = (const char*)k->names.at + node->name;
    uint64_t* line = lines + (uint64_t)(i - first) * kLine;
    line[0] = node->parent == AOTC_NONE ? 0 : node->parent - first + 1;
    line[1] = node->directory;
    line[2] = node->size;
    aotc_wasi_digest(name, strlen(name), &line[3]);
    aotc_wasi_digest(node->size == 0 ? "" : (const char*)k->contents.at + node->content, node->size, &line[5]);
    summary->files += !node->directory;
  }
  summary->bytes = k->contents.size - from;
  if (lines != NULL) aotc_wasi_digest(lines, (k->count - first) * kLine * sizeof(*lines), summary->digest);
  free(lines);
}

/* Those of the host, which are left out together; /tmp comes after them. A host of the snapshot would give the program
 * another one by the number of one that it has closed. */
static void keep_all(struct keeper* k, struct aotc_wasi_saved* saved, uint32_t dirs) {
  struct aotc_wasi* wasi = k->wasi;
  char* path = calloc(1, AOTC_WASI_MAX_PATH + 2);
  if (dirs < wasi->freeze->dirs) fail(k, "the program has closed one");
  for (uint32_t fd = 0; fd < wasi->fd_count && path != NULL; ++fd) {
    const struct aotc_wasi_fd* entry = &wasi->fds[fd];
    if (entry->preopen == NULL || k->fault != NULL) continue;
    k->guest_path = entry->preopen;
    if (k->root == AOTC_WASI_MAX_KEPT_DIRS) fail(k, "more than 16 directories");
    uint32_t first = k->count;
    uint64_t from = k->contents.size;
    if (entry->node == NULL && k->fault == NULL) {
      keep_directory(k, entry->host, entry->host, path, 0, AOTC_NONE, 0);
      if (k->fault == NULL) describe(wasi->freeze, k, first, from);
    }
    ++k->root;
  }
  if (path == NULL) fail(k, "out of memory");
  free(path);
  snprintf(wasi->freeze->not_kept, sizeof(wasi->freeze->not_kept), "%s", k->fault == NULL ? "" : k->fault);
  saved->keeps_dirs = k->fault == NULL;
  if (k->fault != NULL) k->count = 0, k->names.size = k->contents.size = 0;
  k->fault = NULL;
}

enum aotc_status aotc_wasi_save_kept(struct aotc_wasi* wasi, struct aotc_wasi_saved* saved, struct aotc_arrays* out,
                                     struct aotc_error* error) {
  struct keeper k = {.wasi = wasi};
  uint32_t dirs = 0;
  bool has_tmp = false;
  for (uint32_t fd = 0; fd < wasi->fd_count; ++fd) {
    const struct aotc_wasi_fd* entry = &wasi->fds[fd];
    if (entry->preopen == NULL) continue;
    ++dirs;
    has_tmp |= wasi->tmp != NULL && entry->node == aotc_tmp_root(wasi->tmp);
  }
  if (wasi->tmp != NULL && !has_tmp) {
    *error = (struct aotc_error){AOTC_ERROR_ARGUMENT, "it has closed " AOTC_WASI_TMP};
    return AOTC_ERROR_ARGUMENT;
  }
  keep_all(&k, saved, dirs);
  if (has_tmp) k.root = dirs - 1;
  uint32_t first = k.count;
  uint64_t from = k.contents.size;
  if (has_tmp && !aotc_tmp_visit(wasi->tmp, keep_object, &k)) fail(&k, "out of memory");
  enum aotc_status status = AOTC_OK;
  if (k.fault != NULL) {
    status = AOTC_ERROR_ARGUMENT;
    error->status = status;
    snprintf(error->message, sizeof(error->message), "it has left too much in " AOTC_WASI_TMP ": %s", k.fault);
  } else if (k.count != first && k.root < AOTC_WASI_MAX_KEPT_DIRS) {
    describe(wasi->freeze, &k, first, from);
  }
  if (status == AOTC_OK) status = aotc_arrays_add(out, &saved->nodes, k.nodes, sizeof(*k.nodes), k.count, error);
  if (status == AOTC_OK) status = aotc_arrays_add(out, &saved->names, k.names.at, 1, k.names.size, error);
  if (status == AOTC_OK) status = aotc_arrays_add(out, &saved->contents, k.contents.at, 1, k.contents.size, error);
  free(k.nodes);
  free(k.names.at);
  free(k.contents.at);
  return status;
}

const char* aotc_wasi_not_kept(const struct aotc_wasi* wasi) {
  return wasi->freeze == NULL || wasi->freeze->not_kept[0] == 0 ? NULL : wasi->freeze->not_kept;
}

/* --- at the thaw ----------------------------------------------------------------------------------------------------
 */

static bool is_name(const char* name) {
  size_t length = strlen(name);
  return length != 0 && length <= 255 && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static const char* load_node(struct aotc_tmp* tmp, const struct aotc_wasi_saved* s, uint32_t begin, uint32_t i,
                             struct aotc_tmp_node** made) {
  const struct aotc_saved_node* node = (const struct aotc_saved_node*)aotc_saved_data(s, &s->nodes) + i;
  bool top = node->parent == AOTC_NONE;
  if (node->name >= s->names.count || node->size > s->contents.count ||
      node->content > s->contents.count - node->size || (!top && (node->parent < begin || node->parent >= i)))
    return "corrupted";
  struct aotc_tmp_node* dir = top ? aotc_tmp_root(tmp) : made[node->parent - begin];
  struct aotc_tmp_object object = {
      .name = (const char*)aotc_saved_data(s, &s->names) + node->name,
      .directory = node->directory,
      .bytes = (const uint8_t*)aotc_saved_data(s, &s->contents) + node->content,
      .size = node->directory ? 0 : node->size,
      .modified = {.tv_sec = (time_t)(node->modified / 1000000000), .tv_nsec = (long)(node->modified % 1000000000)}};
  if (!aotc_tmp_is_directory(dir) || !is_name(object.name)) return "corrupted";
  made[i - begin] = aotc_tmp_add(tmp, dir, &object);
  return made[i - begin] == NULL ? strerror(ENOMEM) : NULL;
}

const char* aotc_wasi_load_kept(struct aotc_tmp* tmp, const struct aotc_wasi_saved* s, uint32_t root) {
  const struct aotc_saved_node* nodes = aotc_saved_data(s, &s->nodes);
  uint32_t end = s->nodes.count;
  while (end > 0 && nodes[end - 1].root != root) --end;
  uint32_t begin = end;
  while (begin > 0 && nodes[begin - 1].root == root) --begin;
  if (begin == end) return NULL;
  struct aotc_tmp_node** made = calloc(end - begin, sizeof(*made));
  const char* fault = made == NULL ? strerror(ENOMEM) : NULL;
  for (uint32_t i = begin; i < end && fault == NULL; ++i) fault = load_node(tmp, s, begin, i, made);
  free(made);
  if (fault == NULL) aotc_tmp_settle(tmp);
  return fault;
}

const char* aotc_wasi_fill_tmp(struct aotc_wasi* wasi) {
  const struct aotc_wasi_saved* s = wasi->saved_tmp;
  if (wasi->tmp == NULL || s == NULL) return NULL;
  const char* dirs = aotc_saved_data(s, &s->dirs);
  uint32_t count = 0;
  for (uint32_t i = 0; i < s->dirs.count; ++i) count += dirs[i] == 0;
  return count == 0 ? NULL : aotc_wasi_load_kept(wasi->tmp, s, count - 1);
}

/* --- those of a snapshot --------------------------------------------------------------------------------------------
 */

void aotc_wasi_kept_destroy(struct aotc_wasi_kept* kept) {
  if (kept == NULL) return;
  for (uint32_t i = 0; i < kept->count; ++i) aotc_tmp_destroy(kept->list[i].tree);
  free(kept);
}

const char* aotc_wasi_kept_of(const struct aotc_wasi_saved* s, struct aotc_wasi_kept** out) {
  const char* dirs = aotc_saved_data(s, &s->dirs);
  uint32_t count = 0, at = 0;
  *out = NULL;
  for (uint32_t i = 0; i < s->dirs.count; ++i) count += dirs[i] == 0;
  if (count == 0) return NULL;
  if (!s->keeps_dirs) return "not in it";
  if (s->has_tmp && --count == 0) return NULL;
  if (count > AOTC_WASI_MAX_KEPT_DIRS) return "corrupted";
  struct aotc_wasi_kept* kept = calloc(1, sizeof(*kept));
  const char* fault = kept == NULL ? strerror(ENOMEM) : NULL;
  for (uint32_t i = 0; i < count && fault == NULL; ++i, at += (uint32_t)strlen(dirs + at) + 1) {
    kept->list[i].guest_path = dirs + at;
    kept->list[i].tree = aotc_tmp_create(0);
    if (kept->list[i].tree == NULL) {
      fault = strerror(ENOMEM);
      break;
    }
    ++kept->count;
    fault = aotc_wasi_load_kept(kept->list[i].tree, s, i);
  }
  if (fault != NULL) {
    aotc_wasi_kept_destroy(kept);
    return fault;
  }
  *out = kept;
  return NULL;
}
