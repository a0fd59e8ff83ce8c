/* wasi_tmp.c - a directory in memory, for programs that have no other: /tmp of a server, where net/http puts the files
 * of a large upload.
 *
 * A tree of files and directories without links, of one host, so of one instance. It is empty when the program begins,
 * or holds what a snapshot keeps (wasi_kept.c), and so again when the host goes back to its beginning. All bytes count
 * against its size, and kOverhead for each name, so that names cost, too; memory is asked for as the program's own is
 * (may_grow). A file of the snapshot has its bytes there until it is written, and costs nothing until then. What was
 * removed and is still open lives on until it is closed, as in POSIX.
 *
 * In a directory the entries stand in the order of their creation, or of their names once they went into a snapshot, in
 * which nothing is to depend on who came first. Their numbers ascend, so a cookie of a listing is
 * the number of the next one, and means the same whatever is removed meanwhile.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "wasi_state.h"

enum { kOverhead = 1024, kLeast = 4096, kFirstNumber = 3 /* after "." and ".." */ };

struct aotc_tmp_node {
  struct aotc_tmp_node *parent, *first, *last, *next, *before; /* no parent: removed, or the root */
  char* name;
  uint8_t* bytes;
  uint64_t size, capacity, inode;
  uint32_t mark;   /* scratch of aotc_tmp_visit */
  bool borrowed;   /* `bytes` are not ours and not to be written; the capacity is 0 */
  uint64_t number; /* among its siblings */
  uint32_t opened;
  bool directory, removed;
  struct timespec accessed, modified;
};

struct aotc_tmp {
  struct aotc_tmp_node root;
  uint64_t limit, used;
  uint64_t lent; /* of the limit: for names of the snapshot */
  uint64_t next_number;
  bool changed; /* since it was made, cleared or settled */
};

static struct timespec now(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t;
}

struct aotc_tmp* aotc_tmp_create(uint64_t limit) {
  struct aotc_tmp* tmp = calloc(1, sizeof *tmp);
  if (tmp == NULL) return NULL;
  tmp->root.directory = true;
  tmp->root.accessed = tmp->root.modified = now();
  tmp->limit = limit;
  tmp->next_number = kFirstNumber;
  return tmp;
}

static void unlink_node(struct aotc_tmp_node* node) {
  struct aotc_tmp_node* parent = node->parent;
  *(node->before != NULL ? &node->before->next : &parent->first) = node->next;
  *(node->next != NULL ? &node->next->before : &parent->last) = node->before;
  node->parent = node->next = node->before = NULL;
}

static void append(struct aotc_tmp_node* parent, struct aotc_tmp_node* node) {
  node->parent = parent;
  node->before = parent->last;
  *(parent->last != NULL ? &parent->last->next : &parent->first) = node;
  parent->last = node;
}

static void release(struct aotc_tmp* tmp, struct aotc_tmp_node* node) {
  tmp->used -= node->capacity + kOverhead;
  if (!node->borrowed) free(node->bytes);
  free(node->name);
  free(node);
}

/* Depth first, without recursion: how deep it is, the program decides. */
void aotc_tmp_clear(struct aotc_tmp* tmp) {
  struct aotc_tmp_node* node = &tmp->root;
  while (node != &tmp->root || node->first != NULL) {
    if (node->first != NULL) {
      node = node->first;
      continue;
    }
    struct aotc_tmp_node* parent = node->parent;
    unlink_node(node);
    release(tmp, node);
    node = parent;
  }
  tmp->next_number = kFirstNumber;
  tmp->limit -= tmp->lent;
  tmp->lent = 0;
  tmp->changed = false;
}

void aotc_tmp_settle(struct aotc_tmp* tmp) { tmp->changed = false; }

bool aotc_tmp_changed(const struct aotc_tmp* tmp) { return tmp->changed; }

void aotc_tmp_destroy(struct aotc_tmp* tmp) {
  if (tmp == NULL) return;
  aotc_tmp_clear(tmp);
  free(tmp);
}

struct aotc_tmp_node* aotc_tmp_root(struct aotc_tmp* tmp) { return &tmp->root; }

bool aotc_tmp_is_directory(const struct aotc_tmp_node* node) { return node->directory; }

const void* aotc_tmp_bytes(const struct aotc_tmp_node* node) { return node->bytes; }

void aotc_tmp_hold(struct aotc_tmp_node* node) { ++node->opened; }

void aotc_tmp_let_go(struct aotc_tmp* tmp, struct aotc_tmp_node* node) {
  if (--node->opened == 0 && node->removed) release(tmp, node);
}

/* --- paths -------------------------------------------------------------------------------------------------------- */

static struct aotc_tmp_node* child(const struct aotc_tmp_node* dir, const char* name, size_t length) {
  for (struct aotc_tmp_node* node = dir->first; node != NULL; node = node->next)
    if (strlen(node->name) == length && memcmp(node->name, name, length) == 0) return node;
  return NULL;
}

/* Where a path leads: an object, or the directory in which its last name would be one. */
struct spot {
  struct aotc_tmp_node *dir, *node; /* no node: there is none */
  const char* name;
  size_t length;
  bool slash; /* it ends with one, or with "." or "..", so it must be a directory */
};

static int walk(struct aotc_tmp_node* from, const char* path, struct spot* spot) {
  if (path[0] == '/') return WASI_EPERM;
  *spot = (struct spot){.dir = from->parent, .node = from, .slash = true};
  struct aotc_tmp_node* at = from;
  for (const char* name = path; *name != 0;) {
    size_t length = strcspn(name, "/"), slashes = strspn(name + length, "/");
    if (at == NULL) return WASI_ENOENT;
    if (!at->directory) return WASI_ENOTDIR;
    if (length > 255) return WASI_ENAMETOOLONG;
    bool self = length == 1 && name[0] == '.', up = length == 2 && name[0] == '.' && name[1] == '.';
    if (up && at == from) return WASI_EPERM;
    if (self || up) {
      at = up ? at->parent : at;
      *spot = (struct spot){.dir = at->parent, .node = at, .slash = true};
    } else {
      struct aotc_tmp_node* dir = at;
      at = child(dir, name, length);
      *spot = (struct spot){.dir = dir, .node = at, .name = name, .length = length, .slash = slashes > 0};
    }
    name += length + slashes;
  }
  return 0;
}

static int resolve(struct aotc_tmp_node* from, const char* path, struct spot* spot) {
  int error = walk(from, path, spot);
  return error == 0 && spot->node != NULL && spot->slash && !spot->node->directory ? WASI_ENOTDIR : error;
}

int aotc_tmp_find(struct aotc_tmp* tmp, struct aotc_tmp_node* from, const char* path, struct aotc_tmp_node** node) {
  struct spot spot;
  int error = resolve(from, path, &spot);
  *node = spot.node;
  return error != 0 ? error : spot.node == NULL ? WASI_ENOENT : 0;
}

static int create(struct aotc_tmp* tmp, const struct spot* spot, bool directory, struct aotc_tmp_node** out) {
  if (spot->dir->removed) return WASI_ENOENT;
  if (tmp->limit - tmp->used < kOverhead) return WASI_ENOSPC;
  struct aotc_tmp_node* node = calloc(1, sizeof *node);
  if (node != NULL) node->name = strndup(spot->name, spot->length);
  if (node == NULL || node->name == NULL) {
    free(node);
    return WASI_ENOMEM;
  }
  tmp->used += kOverhead;
  tmp->changed = true;
  node->directory = directory;
  node->inode = node->number = tmp->next_number++;
  node->accessed = node->modified = spot->dir->modified = now();
  append(spot->dir, node);
  *out = node;
  return 0;
}

int aotc_tmp_open(struct aotc_tmp* tmp, struct aotc_tmp_node* from, const char* path, uint32_t oflags, bool write,
                  struct aotc_tmp_node** out) {
  struct spot spot;
  bool truncate = oflags & WASI_OFLAG_TRUNC, creates = oflags & WASI_OFLAG_CREAT;
  int error = creates ? walk(from, path, &spot) : resolve(from, path, &spot);
  if (error != 0) return error;
  if (creates && spot.slash && spot.name != NULL) return WASI_EISDIR;
  if (spot.node == NULL) {
    if (!creates) return WASI_ENOENT;
    error = create(tmp, &spot, false, &spot.node);
    if (error != 0) return error;
  } else if (creates && (oflags & WASI_OFLAG_EXCL)) {
    return WASI_EEXIST;
  } else if (spot.node->directory) {
    if (write || truncate || creates) return WASI_EISDIR;
  } else if (oflags & WASI_OFLAG_DIRECTORY) {
    return WASI_ENOTDIR;
  } else if (truncate) {
    aotc_tmp_resize(tmp, NULL, spot.node, 0);
  }
  aotc_tmp_hold(spot.node);
  *out = spot.node;
  return 0;
}

int aotc_tmp_make_directory(struct aotc_tmp* tmp, struct aotc_tmp_node* from, const char* path) {
  struct spot spot;
  struct aotc_tmp_node* node;
  int error = walk(from, path, &spot);
  return error != 0 ? error : spot.node != NULL ? WASI_EEXIST : create(tmp, &spot, true, &node);
}

static void remove_node(struct aotc_tmp* tmp, struct aotc_tmp_node* node) {
  tmp->changed = true;
  node->parent->modified = now();
  unlink_node(node);
  node->removed = true;
  if (node->opened == 0) release(tmp, node);
}

int aotc_tmp_remove(struct aotc_tmp* tmp, struct aotc_tmp_node* from, const char* path, bool directory) {
  struct spot spot;
  int error = resolve(from, path, &spot);
  if (error != 0) return error;
  if (spot.node == NULL) return WASI_ENOENT;
  if (spot.node->directory != directory) return directory ? WASI_ENOTDIR : WASI_EISDIR;
  if (spot.name == NULL) return WASI_EINVAL;
  if (spot.node->first != NULL) return WASI_ENOTEMPTY;
  remove_node(tmp, spot.node);
  return 0;
}

static bool is_beneath(const struct aotc_tmp_node* dir, const struct aotc_tmp_node* other) {
  while (dir != NULL && dir != other) dir = dir->parent;
  return dir != NULL;
}

int aotc_tmp_rename(struct aotc_tmp* tmp, struct aotc_tmp_node* from, const char* path, struct aotc_tmp_node* to,
                    const char* new_path) {
  struct spot old, new;
  int error = walk(from, path, &old);
  if (error == 0) error = walk(to, new_path, &new);
  if (error != 0) return error;
  /* What is wrong is found in the kernel's order. */
  if (old.name == NULL || new.name == NULL) return WASI_EBUSY;
  if (old.node == NULL || new.dir->removed) return WASI_ENOENT;
  if (!old.node->directory && (old.slash || new.slash)) return WASI_ENOTDIR;
  if (is_beneath(new.dir, old.node)) return WASI_EINVAL;
  if (new.node != NULL && is_beneath(old.dir, new.node)) return WASI_ENOTEMPTY;
  if (old.node == new.node) return 0;
  if (new.node != NULL && old.node->directory != new.node->directory)
    return old.node->directory ? WASI_ENOTDIR : WASI_EISDIR;
  if (new.node != NULL&& new.node->first != NULL) return WASI_ENOTEMPTY;
  char* name = strndup(new.name, new.length);
  if (name == NULL) return WASI_ENOMEM;
  if (new.node != NULL) remove_node(tmp, new.node);
  tmp->changed = true;
  old.dir->modified = new.dir->modified = now();
  unlink_node(old.node);
  free(old.node->name);
  old.node->name = name;
  old.node->number = tmp->next_number++;
  append(new.dir, old.node);
  return 0;
}

/* --- what is there ------------------------------------------------------------------------------------------------ */

void aotc_tmp_stat(const struct aotc_tmp_node* node, struct stat* st) {
  *st = (struct stat){.st_ino = node->inode,
                      .st_nlink = !node->removed,
                      .st_mode = node->directory ? S_IFDIR | 0777 : S_IFREG | 0666,
                      .st_size = (off_t)node->size,
                      .st_atim = node->accessed,
                      .st_mtim = node->modified,
                      .st_ctim = node->modified};
}

void aotc_tmp_set_times(struct aotc_tmp* tmp, struct aotc_tmp_node* node, const struct timespec times[2]) {
  tmp->changed = true;
  struct timespec* set[] = {&node->accessed, &node->modified};
  for (int i = 0; i < 2; ++i)
    if (times[i].tv_nsec != UTIME_OMIT) *set[i] = times[i].tv_nsec == UTIME_NOW ? now() : times[i];
}

bool aotc_tmp_entry(const struct aotc_tmp_node* dir, uint64_t cookie, struct aotc_tmp_entry* entry) {
  if (cookie < kFirstNumber - 1) {
    *entry = (struct aotc_tmp_entry){
        .name = cookie == 0 ? "." : "..", .directory = true, .inode = dir->inode, .next = cookie + 1};
    return true;
  }
  const struct aotc_tmp_node* node = entry->at != NULL ? entry->at : dir->first;
  while (node != NULL && node->number < cookie) node = node->next;
  if (node == NULL) return false;
  *entry = (struct aotc_tmp_entry){node, node->name, node->directory, node->inode, node->number + 1};
  return true;
}

/* Room for `size` bytes, of its own; what is beyond the file's end is zero. */
static int reserve(struct aotc_tmp* tmp, struct aotc_instance* instance, struct aotc_tmp_node* node, uint64_t size) {
  if (node->borrowed && size < node->size) size = node->size;
  if (size <= node->capacity) return 0;
  uint64_t left = tmp->limit - tmp->used, most = node->capacity + left;
  if (size > most) return WASI_ENOSPC;
  uint64_t wanted = node->capacity + node->capacity / 2;
  if (wanted < kLeast) wanted = kLeast;
  if (wanted < size) wanted = size;
  if (wanted > most) wanted = most;
  uint64_t more = wanted - node->capacity;
  if (!aotc_instance_may_grow(instance, more)) return WASI_ENOSPC;
  uint8_t* bytes = realloc(node->borrowed ? NULL : node->bytes, wanted);
  if (bytes == NULL) return WASI_ENOSPC;
  if (node->borrowed) {
    memcpy(bytes, node->bytes, node->size);
    memset(bytes + node->size, 0, wanted - node->size);
  } else {
    memset(bytes + node->capacity, 0, more);
  }
  node->borrowed = false;
  node->bytes = bytes;
  node->capacity = wanted;
  tmp->used += more;
  return 0;
}

int aotc_tmp_resize(struct aotc_tmp* tmp, struct aotc_instance* instance, struct aotc_tmp_node* node, uint64_t size) {
  if (tmp == NULL) return WASI_EROFS;
  int error = size == 0 ? 0 : reserve(tmp, instance, node, size);
  if (error != 0) return error;
  tmp->changed = true;
  if (size == 0) {
    tmp->used -= node->capacity;
    if (!node->borrowed) free(node->bytes);
    node->borrowed = false;
    node->bytes = NULL;
    node->capacity = 0;
  } else if (size < node->size) {
    memset(node->bytes + size, 0, node->size - size);
  }
  node->size = size;
  node->modified = now();
  return 0;
}

uint64_t aotc_tmp_read(struct aotc_tmp_node* node, uint64_t at, const struct iovec* vectors, int count) {
  uint64_t begin = at;
  for (int i = 0; i < count && at < node->size; ++i) {
    uint64_t left = node->size - at, n = vectors[i].iov_len < left ? vectors[i].iov_len : left;
    memcpy(vectors[i].iov_base, node->bytes + at, n);
    at += n;
  }
  return at - begin;
}

int aotc_tmp_write(struct aotc_tmp* tmp, struct aotc_instance* instance, struct aotc_tmp_node* node, uint64_t at,
                   const struct iovec* vectors, int count) {
  uint64_t size = 0;
  if (tmp == NULL) return WASI_EROFS;
  for (int i = 0; i < count; ++i) size += vectors[i].iov_len;
  if (size == 0) return 0;
  if (at > INT64_MAX - size) return WASI_EFBIG;
  int error = reserve(tmp, instance, node, at + size);
  if (error != 0) return error;
  tmp->changed = true;
  for (int i = 0; i < count; at += vectors[i++].iov_len)
    memcpy(node->bytes + at, vectors[i].iov_base, vectors[i].iov_len);
  if (at > node->size) node->size = at;
  node->modified = now();
  return 0;
}

/* --- what a snapshot keeps ---------------------------------------------------------------------------------------- */

struct aotc_tmp_node* aotc_tmp_add(struct aotc_tmp* tmp, struct aotc_tmp_node* dir,
                                   const struct aotc_tmp_object* object) {
  const struct spot spot = {.dir = dir, .name = object->name, .length = strlen(object->name)};
  const struct timespec modified = dir->modified;
  struct aotc_tmp_node* node;
  tmp->limit += kOverhead;
  tmp->lent += kOverhead;
  if (create(tmp, &spot, object->directory, &node) != 0) return NULL;
  dir->modified = modified;
  node->accessed = node->modified = object->modified;
  node->borrowed = object->size != 0;
  node->bytes = node->borrowed ? (uint8_t*)(uintptr_t)object->bytes : NULL;
  node->size = object->size;
  return node;
}

static int compare(const void* a, const void* b) {
  return strcmp((*(struct aotc_tmp_node* const*)a)->name, (*(struct aotc_tmp_node* const*)b)->name);
}

static bool sort(struct aotc_tmp* tmp, struct aotc_tmp_node* dir) {
  size_t count = 0, at = 0;
  for (struct aotc_tmp_node* node = dir->first; node != NULL; node = node->next) ++count;
  struct aotc_tmp_node** list = calloc(count + 1, sizeof *list);
  if (list == NULL) return false;
  for (struct aotc_tmp_node* node = dir->first; node != NULL; node = node->next) list[at++] = node;
  qsort(list, count, sizeof *list, compare);
  dir->first = dir->last = NULL;
  for (at = 0; at < count; ++at) {
    list[at]->next = NULL;
    list[at]->number = tmp->next_number++;
    append(dir, list[at]);
  }
  free(list);
  return true;
}

bool aotc_tmp_visit(struct aotc_tmp* tmp,
                    uint32_t (*visit)(void* data, uint32_t parent, const struct aotc_tmp_object* object), void* data) {
  if (!sort(tmp, &tmp->root)) return false;
  struct aotc_tmp_node* node = tmp->root.first;
  tmp->root.mark = AOTC_NONE;
  while (node != NULL) {
    const struct aotc_tmp_object object = {node->name, node->directory, node->bytes, node->size, node->modified};
    node->mark = visit(data, node->parent->mark, &object);
    if (node->mark == AOTC_NONE || (node->directory && !sort(tmp, node))) return false;
    if (node->first != NULL) {
      node = node->first;
      continue;
    }
    while (node != NULL && node->next == NULL) node = node->parent;
    if (node != NULL) node = node->next;
  }
  return true;
}
