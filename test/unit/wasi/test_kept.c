/* test_kept.c - directories that a snapshot keeps: what a host of the snapshot finds there, and what it believes of a
 * file that the program had open.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"

enum { DIR = 3, TMP = 4, TMP_SIZE = 1 << 20, kTime = 1700000000 };

struct frozen {
  struct guest g;
  struct aotc_arrays state;
  struct aotc_wasi_kept* kept;
  uint32_t file; /* "d/f", of which two bytes were read */
};

static bool says(const char* text, const char* wanted) { return text != NULL && strcmp(text, wanted) == 0; }

static struct aotc_host* host_of(struct frozen* f) { return aotc_wasi_host(f->g.wasi); }

/* A program that is to be frozen, with "d/f" in its directory and in /tmp. */
static void begin(struct frozen* f, enum aotc_wasi_resolver resolver, uint64_t tmp_size) {
  struct guest* g = &f->g;
  struct aotc_wasi_options options = {.stdio = {-1, -1, -1}, .freeze = true, .tmp_size = tmp_size};
  memset(f, 0, sizeof *f);
  guest_open_with(g, resolver, &options, MEMORY);
  host_directory(g, "d");
  host_file(g, "d/f", "content");
  const struct timespec times[2] = {{.tv_sec = kTime}, {.tv_sec = kTime}};
  CHECK(utimensat(AT_FDCWD, host_path(g, "d"), times, 0) == 0);
  if (tmp_size == 0) return;
  uint32_t fd, n;
  EXPECT(path_call(g, "path_create_directory", TMP, "d"), 0);
  EXPECT(open_write(g, TMP, "d/f", WASI_OFLAG_CREAT, &fd), 0);
  EXPECT(write_string(g, fd, "content", &n), 0);
  EXPECT(CALL(g, fd_close, fd), 0);
}

static void open_file(struct frozen* f) {
  uint32_t n;
  char text[8];
  EXPECT(open_read(&f->g, DIR, "d/f", &f->file), 0);
  EXPECT(read_string(&f->g, f->file, text, 2, &n), 0);
}

static enum aotc_status freeze(struct frozen* f, struct aotc_error* error) {
  return host_of(f)->interface->freeze(host_of(f), &f->g.instance, &f->state, error);
}

static struct aotc_wasi_saved* saved(struct frozen* f) { return (struct aotc_wasi_saved*)f->state.bytes; }

/* Another host in the place of the program's, without its directory. */
static enum aotc_status thaw(struct frozen* f, uint64_t tmp_size, struct aotc_error* error) {
  EXPECT(aotc_wasi_kept_of(saved(f), &f->kept) == NULL, true);
  struct aotc_wasi_options options = {.stdio = {-1, -1, -1}, .kept = f->kept, .tmp_size = tmp_size};
  aotc_wasi_destroy(f->g.wasi);
  EXPECT(aotc_wasi_create(&options, &f->g.wasi, error), AOTC_OK);
  return host_of(f)->interface->thaw(host_of(f), NULL, f->state.bytes, f->state.size, error);
}

static void end(struct frozen* f) {
  guest_close(&f->g);
  aotc_wasi_kept_destroy(f->kept);
  free(f->state.bytes);
}

void test_kept_file(enum aotc_wasi_resolver resolver) {
  struct frozen f;
  struct aotc_error error;
  uint32_t n;
  char text[16];
  begin(&f, resolver, TMP_SIZE);
  open_file(&f);
  EXPECT(freeze(&f, &error), AOTC_OK);
  EXPECT(thaw(&f, TMP_SIZE, &error), AOTC_OK);
  EXPECT(host_of(&f)->interface->keep(host_of(&f), &error), AOTC_OK);
  CHECK(aotc_wasi_only_accepted(f.g.wasi));
  EXPECT(read_string(&f.g, f.file, text, 10, &n), 0);
  CHECK(strcmp(text, "ntent") == 0);
  CHECK(!aotc_wasi_only_accepted(f.g.wasi));
  host_of(&f)->interface->restore(host_of(&f));
  CHECK(aotc_wasi_only_accepted(f.g.wasi));
  /* Another file by the same number. */
  EXPECT(CALL(&f.g, fd_close, f.file), 0);
  EXPECT(open_read(&f.g, TMP, "d/f", &n), 0);
  EXPECT(n, f.file);
  EXPECT(CALL(&f.g, fd_seek, n, 2, 0, OUT), 0);
  CHECK(!aotc_wasi_only_accepted(f.g.wasi));
  end(&f);
}

/* What is in /tmp goes with the instance, so nothing else may lead there. */
void test_kept_file_in_tmp(enum aotc_wasi_resolver resolver) {
  struct frozen f;
  struct aotc_error error;
  begin(&f, resolver, TMP_SIZE);
  open_file(&f);
  EXPECT(freeze(&f, &error), AOTC_OK);
  ((struct aotc_saved_file*)(f.state.bytes + saved(&f)->files.offset))->root = TMP;
  EXPECT(thaw(&f, TMP_SIZE, &error), AOTC_ERROR_ARGUMENT);
  CHECK(strstr(error.message, "the file d/f open: it is in /tmp") != NULL);
  end(&f);
}

/* A snapshot that takes no rights away gives none either. */
void test_kept_file_rights(enum aotc_wasi_resolver resolver) {
  struct frozen f;
  struct aotc_error error;
  uint32_t n;
  for (int with_tmp = 0; with_tmp < 2; ++with_tmp) {
    begin(&f, resolver, with_tmp * TMP_SIZE);
    open_file(&f);
    EXPECT(freeze(&f, &error), AOTC_OK);
    struct aotc_saved_fd* fds = (struct aotc_saved_fd*)(f.state.bytes + saved(&f)->fds.offset);
    for (uint32_t i = 0; i < saved(&f)->fds.count; ++i) fds[i].removed_rights = 0;
    EXPECT(thaw(&f, with_tmp * TMP_SIZE, &error), AOTC_OK);
    EXPECT(write_string(&f.g, f.file, "changed", &n), WASI_EBADF);
    EXPECT(CALL(&f.g, fd_filestat_set_size, f.file, 1), WASI_EINVAL);
    EXPECT(CALL(&f.g, fd_allocate, f.file, 0, 100), WASI_EBADF);
    end(&f);
  }
  struct aotc_tmp* tree = aotc_tmp_create(0);
  const struct aotc_tmp_object object = {.name = "f", .bytes = (const uint8_t*)"content", .size = 7};
  struct aotc_tmp_node* node = aotc_tmp_add(tree, aotc_tmp_root(tree), &object);
  struct iovec new = {(char[]){"NEW"}, 3};
  EXPECT(aotc_tmp_write(NULL, NULL, node, 0, &new, 1), WASI_EROFS);
  EXPECT(aotc_tmp_resize(NULL, NULL, node, 0), WASI_EROFS);
  aotc_tmp_destroy(tree);
}

void test_kept_times(enum aotc_wasi_resolver resolver) {
  struct frozen f;
  struct aotc_error error;
  begin(&f, resolver, TMP_SIZE);
  uint32_t n = put(&f.g, PATH, "d");
  EXPECT(CALL(&f.g, path_filestat_set_times, TMP, 0, PATH, n, 0, kTime * 1000000000ull, WASI_FSTFLAG_MTIM), 0);
  EXPECT(freeze(&f, &error), AOTC_OK);
  EXPECT(thaw(&f, TMP_SIZE, &error), AOTC_OK);
  for (uint32_t dir = DIR; dir <= TMP; ++dir) {
    EXPECT(stat_path(&f.g, dir, "d", true), 0);
    EXPECT(get64(&f.g, OUT + 48), kTime * 1000000000ull);
  }
  end(&f);
}

/* Numbers of descriptors lead elsewhere when one is missing. */
void test_kept_closed(enum aotc_wasi_resolver resolver) {
  struct frozen f;
  struct aotc_error error;
  begin(&f, resolver, TMP_SIZE);
  EXPECT(CALL(&f.g, fd_close, DIR), 0);
  EXPECT(freeze(&f, &error), AOTC_OK);
  CHECK(says(aotc_wasi_not_kept(f.g.wasi), "the program has closed one"));
  CHECK(aotc_wasi_kept_of(saved(&f), &f.kept) != NULL);
  end(&f);

  /* With the second of two directories alone, that is by the number of the first. */
  const struct aotc_wasi_dir other = {.host_path = "/", .guest_path = "/other", .read_only = true};
  struct aotc_wasi_options options = {
      .stdio = {-1, -1, -1}, .freeze = true, .dir_count = 1, .dirs = &other, .tmp_size = TMP_SIZE};
  memset(&f, 0, sizeof f);
  guest_open_with(&f.g, resolver, &options, MEMORY);
  EXPECT(CALL(&f.g, fd_close, DIR), 0);
  EXPECT(freeze(&f, &error), AOTC_OK);
  aotc_wasi_destroy(f.g.wasi);
  const struct aotc_wasi_dir root = {.host_path = f.g.root, .guest_path = "/"};
  options = (struct aotc_wasi_options){.stdio = {-1, -1, -1}, .dir_count = 1, .dirs = &root, .tmp_size = TMP_SIZE};
  EXPECT(aotc_wasi_create(&options, &f.g.wasi, &error), AOTC_OK);
  CHECK(!host_of(&f)->interface->matches(host_of(&f), f.state.bytes, f.state.size));
  end(&f);

  begin(&f, resolver, TMP_SIZE);
  EXPECT(CALL(&f.g, fd_close, TMP), 0);
  EXPECT(freeze(&f, &error), AOTC_ERROR_ARGUMENT);
  CHECK(strcmp(error.message, "it has closed /tmp") == 0);
  end(&f);
}

/* It is said which one. */
void test_kept_unreadable(enum aotc_wasi_resolver resolver) {
  const uid_t user = geteuid(), other = 65534;
  struct frozen f;
  struct aotc_error error;
  begin(&f, resolver, 0);
  CHECK(chmod(host_path(&f.g, "d/f"), 0) == 0 && chmod(f.g.root, 0755) == 0);
  if (user == 0) CHECK(seteuid(other) == 0);
  EXPECT(freeze(&f, &error), AOTC_OK);
  if (user == 0) CHECK(seteuid(user) == 0);
  CHECK(says(aotc_wasi_not_kept(f.g.wasi), "/d/f: Permission denied"));
  end(&f);
}

/* Whichever was made first. */
void test_kept_order(enum aotc_wasi_resolver resolver) {
  static const char* const kMade[2][5] = {{"z", "a", "d/z", "d/b", "m"}, {"a", "d/b", "m", "d/z", "z"}};
  static const char* const kOrder[] = {"a", "d", "b", "f", "z", "m", "z"};
  uint64_t digests[2][2];
  for (int i = 0; i < 2; ++i) {
    struct frozen f;
    struct aotc_error error;
    uint32_t fd;
    begin(&f, resolver, TMP_SIZE);
    for (int k = 0; k < 5; ++k) EXPECT(open_write(&f.g, TMP, kMade[i][k], WASI_OFLAG_CREAT, &fd), 0);
    for (int k = 0; k < 5; ++k) EXPECT(CALL(&f.g, fd_close, fd - (uint32_t)k), 0);
    EXPECT(freeze(&f, &error), AOTC_OK);
    memcpy(digests[i], f.g.wasi->freeze->kept[1].digest, sizeof digests[i]);
    const struct aotc_saved_node* nodes = aotc_saved_data(saved(&f), &saved(&f)->nodes);
    const char* names = aotc_saved_data(saved(&f), &saved(&f)->names);
    EXPECT(saved(&f)->nodes.count, 2 + 7);
    for (uint32_t k = 2; k < saved(&f)->nodes.count; ++k) CHECK(strcmp(names + nodes[k].name, kOrder[k - 2]) == 0);
    /* What was there is found by its name still. */
    EXPECT(stat_path(&f.g, TMP, "d/b", true), 0);
    EXPECT(thaw(&f, TMP_SIZE, &error), AOTC_OK);
    EXPECT(stat_path(&f.g, TMP, "d/z", true), 0);
    end(&f);
  }
  CHECK(memcmp(digests[0], digests[1], sizeof digests[0]) == 0);
}
