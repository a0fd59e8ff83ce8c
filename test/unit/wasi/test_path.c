/* test_path.c - paths: what they name, how they may be spelled, and that none leads outside. */
#include "harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int two_paths(struct guest* g, const char* name, uint32_t dir, const char* from, const char* to) {
  uint32_t n = put(g, PATH, from), m = put(g, PATH2, to);
  if (strcmp(name, "path_link") == 0) return CALL(g, path_link, dir, 0, PATH, n, dir, PATH2, m);
  if (strcmp(name, "path_rename") == 0) return CALL(g, path_rename, dir, PATH, n, dir, PATH2, m);
  return CALL(g, path_symlink, PATH, n, dir, PATH2, m);
}

static int readlink_path(struct guest* g, uint32_t dir, const char* path, uint32_t room, uint32_t* length) {
  uint32_t n = put(g, PATH, path);
  int error = CALL(g, path_readlink, dir, PATH, n, BUFFER, room, OUT);
  *length = get32(g, OUT);
  return error;
}

void test_paths(enum aotc_wasi_resolver resolver) {
  struct guest g;
  guest_open(&g, resolver);
  uint32_t fd, n;
  char text[64];
  EXPECT(path_call(&g, "path_create_directory", 3, "d"), 0);
  EXPECT(path_call(&g, "path_create_directory", 3, "d"), WASI_EEXIST);
  EXPECT(path_call(&g, "path_create_directory", 3, "no/d"), WASI_ENOENT);
  EXPECT(path_call(&g, "path_create_directory", 3, "d/e/"), 0);
  EXPECT(open_write(&g, 3, "d/e/../e/./f", WASI_OFLAG_CREAT, &fd), 0);
  EXPECT(write_string(&g, fd, "content", &n), 0);
  EXPECT(stat_path(&g, 3, "d/e/f", false), 0);
  EXPECT(g.instance.memory[OUT + 16], WASI_FILETYPE_REGULAR_FILE);
  EXPECT(get64(&g, OUT + 32), 7);
  EXPECT(path_call(&g, "path_create_directory", 3, "d/e/f/g"), WASI_ENOTDIR);

  EXPECT(two_paths(&g, "path_symlink", 3, "e/f", "d/link"), 0);
  EXPECT(readlink_path(&g, 3, "d/link", 100, &n), 0);
  CHECK(n == 3 && memcmp(g.instance.memory + BUFFER, "e/f", 3) == 0);
  EXPECT(readlink_path(&g, 3, "d/link", 2, &n), 0);
  EXPECT(n, 2);
  EXPECT(readlink_path(&g, 3, "d/e/f", 100, &n), WASI_EINVAL);
  EXPECT(readlink_path(&g, 3, "d/e", 100, &n), WASI_EINVAL);
  EXPECT(readlink_path(&g, 3, "none", 100, &n), WASI_ENOENT);
  EXPECT(stat_path(&g, 3, "d/link", false), 0);
  EXPECT(g.instance.memory[OUT + 16], WASI_FILETYPE_SYMBOLIC_LINK);
  EXPECT(stat_path(&g, 3, "d/link", true), 0);
  EXPECT(g.instance.memory[OUT + 16], WASI_FILETYPE_REGULAR_FILE);
  EXPECT(open_read(&g, 3, "d/link", &fd), 0);
  EXPECT(read_string(&g, fd, text, 60, &n), 0);
  CHECK(strcmp(text, "content") == 0);
  put(&g, PATH, "d/link");
  EXPECT(CALL(&g, path_open, 3, 0, PATH, 6, 0, WASI_RIGHT_FD_READ, 0, 0, OUT), WASI_ELOOP); /* not to be followed */

  /* Creating through a dangling link creates its target; with O_EXCL it does not. */
  EXPECT(two_paths(&g, "path_symlink", 3, "e/new", "d/dangling"), 0);
  EXPECT(open_read(&g, 3, "d/dangling", &fd), WASI_ENOENT);
  EXPECT(open_write(&g, 3, "d/dangling", WASI_OFLAG_CREAT | WASI_OFLAG_EXCL, &fd), WASI_EEXIST);
  EXPECT(open_write(&g, 3, "d/dangling", WASI_OFLAG_CREAT, &fd), 0);
  CHECK(host_exists(&g, "d/e/new"));

  put(&g, PATH, "d/link");
  EXPECT(CALL(&g, path_filestat_set_times, 3, WASI_LOOKUP_SYMLINK_FOLLOW, PATH, 6, 5, 6,
              WASI_FSTFLAG_ATIM | WASI_FSTFLAG_MTIM),
         0);
  EXPECT(stat_path(&g, 3, "d/e/f", false), 0);
  EXPECT(get64(&g, OUT + 48), 6);
  put(&g, PATH, "d/link");
  EXPECT(CALL(&g, path_filestat_set_times, 3, 0, PATH, 6, 7, 8, WASI_FSTFLAG_MTIM), 0);
  EXPECT(stat_path(&g, 3, "d/e/f", false), 0);
  EXPECT(get64(&g, OUT + 48), 6);
  EXPECT(stat_path(&g, 3, "d/link", false), 0);
  EXPECT(get64(&g, OUT + 48), 8);

  EXPECT(two_paths(&g, "path_link", 3, "d/e/f", "hard"), 0);
  EXPECT(stat_path(&g, 3, "hard", false), 0);
  EXPECT(get64(&g, OUT + 24), 2);
  EXPECT(two_paths(&g, "path_link", 3, "d/e/f", "hard"), WASI_EEXIST);
  EXPECT(two_paths(&g, "path_link", 3, "d/e", "hard2"), WASI_EPERM);
  EXPECT(two_paths(&g, "path_link", 3, "d/e/", "hard2"), WASI_EPERM);
  EXPECT(two_paths(&g, "path_link", 3, "d/link", "hardlink"), 0); /* the link itself */
  EXPECT(stat_path(&g, 3, "hardlink", false), 0);
  EXPECT(g.instance.memory[OUT + 16], WASI_FILETYPE_SYMBOLIC_LINK);
  put(&g, PATH, "hard");
  put(&g, PATH2, "x");
  EXPECT(CALL(&g, path_link, 3, WASI_LOOKUP_SYMLINK_FOLLOW, PATH, 4, 3, PATH2, 1), WASI_EINVAL);

  EXPECT(two_paths(&g, "path_rename", 3, "hard", "d/moved"), 0);
  CHECK(!host_exists(&g, "hard") && host_exists(&g, "d/moved"));
  EXPECT(two_paths(&g, "path_rename", 3, "d", "d/e/sub"), WASI_EINVAL);
  EXPECT(two_paths(&g, "path_rename", 3, "d/moved", "d/e"), WASI_EISDIR);
  EXPECT(two_paths(&g, "path_rename", 3, "none", "x"), WASI_ENOENT);
  EXPECT(path_call(&g, "path_unlink_file", 3, "d/e"), WASI_EISDIR);
  EXPECT(path_call(&g, "path_unlink_file", 3, "d/moved/"), WASI_ENOTDIR);
  EXPECT(path_call(&g, "path_unlink_file", 3, "d/moved"), 0);
  EXPECT(path_call(&g, "path_unlink_file", 3, "d/moved"), WASI_ENOENT);
  EXPECT(path_call(&g, "path_remove_directory", 3, "d/link"), WASI_ENOTDIR);
  EXPECT(path_call(&g, "path_remove_directory", 3, "d"), WASI_ENOTEMPTY);
  EXPECT(path_call(&g, "path_create_directory", 3, "empty"), 0);
  EXPECT(path_call(&g, "path_remove_directory", 3, "empty/"), 0);
  CHECK(!host_exists(&g, "empty"));

  /* Relative to a directory the guest opened. */
  EXPECT(open_read(&g, 3, "d", &fd), 0);
  EXPECT(stat_path(&g, fd, "e/f", false), 0);
  EXPECT(stat_path(&g, fd, ".", false), 0);
  EXPECT(g.instance.memory[OUT + 16], WASI_FILETYPE_DIRECTORY);
  EXPECT(stat_path(&g, fd, "..", false), WASI_EPERM);
  EXPECT(stat_path(&g, 99, "e/f", false), WASI_EBADF);
  guest_close(&g);
}

void test_path_spelling(enum aotc_wasi_resolver resolver) {
  struct guest g;
  guest_open(&g, resolver);
  uint32_t fd;
  host_directory(&g, "d");
  host_file(&g, "f", "");
  host_link(&g, "d", "link");
  host_link(&g, "loop", "loop");
  host_link(&g, "loop2/x", "loop2");
  EXPECT(stat_path(&g, 3, "", false), WASI_ENOENT);
  EXPECT(stat_path(&g, 3, "d/", false), 0);
  EXPECT(stat_path(&g, 3, "d//.//", false), 0);
  EXPECT(stat_path(&g, 3, "f/", false), WASI_ENOTDIR);
  EXPECT(stat_path(&g, 3, "f/.", false), WASI_ENOTDIR);
  EXPECT(stat_path(&g, 3, "f/..", false), WASI_ENOTDIR);
  EXPECT(stat_path(&g, 3, "link", false), 0);
  EXPECT(g.instance.memory[OUT + 16], WASI_FILETYPE_SYMBOLIC_LINK);
  EXPECT(stat_path(&g, 3, "link/", false), 0); /* the slash follows */
  EXPECT(g.instance.memory[OUT + 16], WASI_FILETYPE_DIRECTORY);
  EXPECT(stat_path(&g, 3, "loop", true), WASI_ELOOP);
  EXPECT(stat_path(&g, 3, "loop", false), 0);
  EXPECT(stat_path(&g, 3, "loop2", true), WASI_ELOOP);
  EXPECT(open_write(&g, 3, "new/", WASI_OFLAG_CREAT, &fd), WASI_EISDIR);
  EXPECT(path_call(&g, "path_create_directory", 3, "."), WASI_EEXIST);
  EXPECT(path_call(&g, "path_remove_directory", 3, "."), WASI_EINVAL);
  EXPECT(path_call(&g, "path_remove_directory", 3, "d/."), WASI_EINVAL);
  EXPECT(path_call(&g, "path_create_directory", 3, "d/.."), WASI_EEXIST);
  CHECK(path_call(&g, "path_remove_directory", 3, "d/..") != 0);
  CHECK(path_call(&g, "path_unlink_file", 3, "d/..") != 0);

  put(&g, PATH, "f");
  g.instance.memory[PATH + 1] = 0;
  EXPECT(CALL(&g, path_filestat_get, 3, 0, PATH, 2, OUT), WASI_EINVAL);
  static const char* const kBad[] = {"\x80",
                                     "\xc0\xaf",
                                     "\xc3",
                                     "\xe0\x80\xaf",
                                     "\xed\xa0\x80",
                                     "\xf0\x80\x80\x80",
                                     "\xf4\x90\x80\x80",
                                     "\xf5\x80\x80\x80",
                                     "a\xe2\x82",
                                     "\xff"};
  for (size_t i = 0; i < sizeof kBad / sizeof kBad[0]; i++) EXPECT(stat_path(&g, 3, kBad[i], false), WASI_EILSEQ);
  EXPECT(path_call(&g, "path_create_directory", 3, "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"), 0);

  char path[AOTC_WASI_MAX_PATH + 2];
  memset(path, 'a', sizeof path);
  path[256] = 0;
  EXPECT(stat_path(&g, 3, path, false), WASI_ENAMETOOLONG);
  path[256] = 'a';
  path[255] = 0;
  EXPECT(stat_path(&g, 3, path, false), WASI_ENOENT);
  for (size_t i = 0; i < sizeof path; i += 2) memcpy(path + i, "./", 2);
  path[AOTC_WASI_MAX_PATH + 1] = 0;
  EXPECT(stat_path(&g, 3, path, false), WASI_ENAMETOOLONG);
  path[4000] = 0;
  EXPECT(stat_path(&g, 3, path, false), 0);
  EXPECT(CALL(&g, path_filestat_get, 3, 0, 0, MEMORY, OUT), WASI_ENAMETOOLONG);
  guest_close(&g);
}

/* Everything that names something outside is refused, by every function, and nothing outside changes. */
void test_escapes(enum aotc_wasi_resolver resolver) {
  struct guest g;
  guest_open(&g, resolver);
  char outside[96], target[160];
  snprintf(outside, sizeof outside, "%s-outside", g.root);
  if (mkdir(outside, 0777) != 0) abort();
  snprintf(target, sizeof target, "%s/secret", outside);
  FILE* f = fopen(target, "w");
  if (!f || fputs("secret", f) < 0 || fclose(f) != 0) abort();
  char up[160], up_secret[192];
  snprintf(up, sizeof up, "../%s", strrchr(outside, '/') + 1);
  snprintf(up_secret, sizeof up_secret, "%s/secret", up);

  host_directory(&g, "d");
  host_link(&g, outside, "absolute");        /* directory, absolute */
  host_link(&g, target, "absolute_file");    /* file, absolute */
  host_link(&g, up, "relative");             /* directory, by `..` */
  host_link(&g, up_secret, "relative_file"); /* file, by `..` */
  host_link(&g, "absolute", "twice");
  host_link(&g, "..", "dotdot");
  host_link(&g, "../..", "d/dotdots");
  host_link(&g, "/", "rootlink");
  host_link(&g, g.root, "self"); /* absolute, though it leads inside */
  const char* const kOutside[] = {"..",
                                  "../",
                                  "../.",
                                  up,
                                  up_secret,
                                  "d/../..",
                                  "d/../../etc/passwd",
                                  "/",
                                  "/etc/passwd",
                                  outside,
                                  target,
                                  "//etc",
                                  "absolute/secret",
                                  "absolute/",
                                  "absolute/.",
                                  "relative/secret",
                                  "relative/",
                                  "twice/secret",
                                  "dotdot/",
                                  "dotdot/x",
                                  "d/dotdots/x",
                                  "rootlink/etc/passwd",
                                  "self/d",
                                  "d/../d/./../../x"};
  uint32_t fd, n;
  for (size_t i = 0; i < sizeof kOutside / sizeof kOutside[0]; i++) {
    const char* path = kOutside[i];
    int before = failures;
    EXPECT(stat_path(&g, 3, path, false), WASI_EPERM);
    EXPECT(stat_path(&g, 3, path, true), WASI_EPERM);
    EXPECT(open_read(&g, 3, path, &fd), WASI_EPERM);
    EXPECT(open_write(&g, 3, path, WASI_OFLAG_TRUNC, &fd), WASI_EPERM);
    EXPECT(readlink_path(&g, 3, path, 100, &n), WASI_EPERM);
    n = put(&g, PATH, path);
    EXPECT(CALL(&g, path_filestat_set_times, 3, 1, PATH, n, 0, 0, WASI_FSTFLAG_ATIM), WASI_EPERM);
    /* With a slash at the end, these four stop at the link itself. */
    bool names_link = path[strlen(path) - 1] == '/' && path[0] != '/' && path[0] != '.';
    if (!names_link) {
      EXPECT(path_call(&g, "path_create_directory", 3, path), WASI_EPERM);
      EXPECT(path_call(&g, "path_remove_directory", 3, path), WASI_EPERM);
      EXPECT(path_call(&g, "path_unlink_file", 3, path), WASI_EPERM);
      EXPECT(two_paths(&g, "path_symlink", 3, "d", path), WASI_EPERM);
      EXPECT(two_paths(&g, "path_rename", 3, path, "d/stolen"), WASI_EPERM);
      EXPECT(two_paths(&g, "path_rename", 3, "d", path), WASI_EPERM);
      EXPECT(two_paths(&g, "path_link", 3, path, "d/stolen"), WASI_EPERM);
      EXPECT(open_write(&g, 3, path, WASI_OFLAG_CREAT, &fd), WASI_EPERM);
    } else {
      EXPECT(open_write(&g, 3, path, WASI_OFLAG_CREAT, &fd), WASI_EISDIR);
      CHECK(path_call(&g, "path_create_directory", 3, path) != 0);
      CHECK(path_call(&g, "path_remove_directory", 3, path) != 0);
      CHECK(path_call(&g, "path_unlink_file", 3, path) != 0);
      CHECK(two_paths(&g, "path_symlink", 3, "d", path) != 0);
      CHECK(two_paths(&g, "path_rename", 3, path, "d/stolen") != 0);
      CHECK(two_paths(&g, "path_rename", 3, "d", path) != 0);
      CHECK(two_paths(&g, "path_link", 3, path, "d/stolen") != 0);
    }
    if (failures != before) printf("  with \"%s\"\n", path);
  }
  /* Links as the last component. */
  static const char* const kLinks[] = {"absolute", "absolute_file", "relative", "relative_file",
                                       "twice",    "dotdot",        "rootlink"};
  for (size_t i = 0; i < sizeof kLinks / sizeof kLinks[0]; i++) {
    EXPECT(stat_path(&g, 3, kLinks[i], true), WASI_EPERM);
    EXPECT(stat_path(&g, 3, kLinks[i], false), 0);
    EXPECT(open_read(&g, 3, kLinks[i], &fd), WASI_EPERM);
    EXPECT(open_write(&g, 3, kLinks[i], WASI_OFLAG_CREAT, &fd), WASI_EPERM);
    EXPECT(open_write(&g, 3, kLinks[i], WASI_OFLAG_CREAT | WASI_OFLAG_EXCL, &fd), WASI_EEXIST);
    n = put(&g, PATH, kLinks[i]);
    EXPECT(CALL(&g, path_open, 3, 0, PATH, n, 0, WASI_RIGHT_FD_READ, 0, 0, OUT), WASI_ELOOP);
    EXPECT(CALL(&g, path_filestat_set_times, 3, 1, PATH, n, 0, 0, WASI_FSTFLAG_ATIM), WASI_EPERM);
  }
  EXPECT(two_paths(&g, "path_symlink", 3, "/etc/passwd", "made"), WASI_EPERM); /* no absolute links */
  EXPECT(two_paths(&g, "path_symlink", 3, "../..", "made"), 0);                /* useless, so allowed */
  EXPECT(stat_path(&g, 3, "made", true), WASI_EPERM);

  struct stat st;
  CHECK(stat(target, &st) == 0 && st.st_size == 6 && st.st_nlink == 1);
  CHECK(!host_exists(&g, "d/stolen"));
  unlink(target);
  EXPECT(rmdir(outside), 0); /* nothing else was made there */
  guest_close(&g);
}

/* Another process renames directories and exchanges links while the guest opens; whatever it gets must come from
 * inside. */
struct racer {
  struct guest* g;
  char outside[96];
  atomic_bool stop;
};

static void* race(void* data) {
  struct racer* r = data;
  char paths[6][192];
  snprintf(paths[0], sizeof paths[0], "%s/a/b", r->g->root);
  snprintf(paths[1], sizeof paths[1], "%s/moved", r->outside);
  snprintf(paths[2], sizeof paths[2], "%s/x", r->g->root);
  snprintf(paths[3], sizeof paths[3], "%s/y", r->g->root);
  snprintf(paths[4], sizeof paths[4], "%s/file", r->g->root);
  snprintf(paths[5], sizeof paths[5], "%s/file_link", r->g->root);
  while (!atomic_load(&r->stop)) {
    for (int i = 0; i < 5; i++) renameat2(AT_FDCWD, paths[4], AT_FDCWD, paths[5], RENAME_EXCHANGE);
    /* Take a/b out of the tree and back; let "x" and "file" be what they are or links to the outside. */
    rename(paths[0], paths[1]);
    renameat2(AT_FDCWD, paths[2], AT_FDCWD, paths[3], RENAME_EXCHANGE);
    rename(paths[1], paths[0]);
  }
  return NULL;
}

void test_escape_races(enum aotc_wasi_resolver resolver) {
  struct guest g;
  struct racer r = {.g = &g};
  guest_open(&g, resolver);
  snprintf(r.outside, sizeof r.outside, "%s-outside", g.root);
  char secret[128];
  if (mkdir(r.outside, 0777) != 0) abort();
  snprintf(secret, sizeof secret, "%s/f", r.outside);
  FILE* f = fopen(secret, "w");
  if (!f || fputs("secret", f) < 0 || fclose(f) != 0) abort();
  host_directory(&g, "a");
  host_directory(&g, "a/b");
  host_directory(&g, "a/b/c");
  host_directory(&g, "x");
  host_file(&g, "x/f", "inside");
  host_file(&g, "f", "inside");
  host_file(&g, "a/f", "inside");
  host_file(&g, "file", "inside");
  host_link(&g, r.outside, "y");
  host_link(&g, secret, "file_link");
  pthread_t thread;
  if (pthread_create(&thread, NULL, race, &r) != 0) abort();
  static const char* const kPaths[] = {"x/f", "a/b/c/../../f",      "a/b/../f", "a/b/c/../../../f",
                                       "y/f", "a/b/c/../../../x/f", "file",     "file"};
  int found = 0;
  for (uint64_t end = now() + 300000000; now() < end;) {
    for (size_t i = 0; i < sizeof kPaths / sizeof kPaths[0]; i++) {
      uint32_t fd, n;
      char text[16];
      int error = i % 2 ? open_read(&g, 3, kPaths[i], &fd) : open_write(&g, 3, kPaths[i], 0, &fd);
      CHECK(error == 0 || error == WASI_ENOENT || error == WASI_EPERM || error == WASI_EAGAIN || error == WASI_ELOOP);
      if (error != 0) continue;
      found++;
      EXPECT(read_string(&g, fd, text, 10, &n), 0);
      CHECK(strcmp(text, "inside") == 0);
      CALL(&g, fd_close, fd);
    }
  }
  atomic_store(&r.stop, true);
  pthread_join(thread, NULL);
  CHECK(found > 0);
  unlink(secret);
  EXPECT(rmdir(r.outside), 0);
  guest_close(&g);
}

/* With "/" preopened, /proc must not hand out the process itself. */
void test_proc_is_closed(enum aotc_wasi_resolver resolver) {
  struct guest g;
  struct aotc_wasi_dir root = {.host_path = "/", .guest_path = "/"};
  struct aotc_wasi_options options = {.dirs = &root, .dir_count = 1, .stdio = {-1, -1, -1}};
  guest_open_with(&g, resolver, &options, MEMORY);
  uint32_t fd;
  EXPECT(open_read(&g, 3, "proc/self/mem", &fd), WASI_EACCES);
  EXPECT(open_write(&g, 3, "proc/self/mem", 0, &fd), WASI_EACCES);
  EXPECT(open_read(&g, 3, "proc/self/environ", &fd), WASI_EACCES);
  EXPECT(open_read(&g, 3, "proc/self", &fd), WASI_EACCES);
  EXPECT(open_read(&g, 3, "proc/thread-self/maps", &fd), WASI_EACCES);
  CHECK(open_read(&g, 3, "proc/self/cwd/x", &fd) != 0);
  CHECK(open_read(&g, 3, "proc/self/fd/0", &fd) != 0);
  CHECK(open_read(&g, 3, "proc/self/root/etc/passwd", &fd) != 0);
  EXPECT(open_read(&g, 3, "proc/sys/kernel/osrelease", &fd), 0);
  EXPECT(open_read(&g, 3, "proc", &fd), 0);
  EXPECT(open_read(&g, fd, "self/mem", &fd), WASI_EACCES);
  guest_close(&g);
}

void test_read_only(enum aotc_wasi_resolver resolver) {
  struct guest g, owner;
  guest_open(&owner, resolver);
  host_directory(&owner, "d");
  host_file(&owner, "f", "text");
  host_file(&owner, "d/f", "text");
  host_link(&owner, "f", "l");
  struct aotc_wasi_dir dir = {.host_path = owner.root, .guest_path = "/ro", .read_only = true};
  struct aotc_wasi_options options = {.dirs = &dir, .dir_count = 1, .stdio = {-1, -1, -1}};
  guest_open_with(&g, resolver, &options, MEMORY);
  host_file(&g, "mine", "x");
  uint32_t fd, sub, n;
  char text[16];
  EXPECT(open_read(&g, 3, "f", &fd), 0);
  EXPECT(read_string(&g, fd, text, 10, &n), 0);
  CHECK(strcmp(text, "text") == 0);
  EXPECT(CALL(&g, fd_filestat_set_times, fd, 0, 0, WASI_FSTFLAG_ATIM), WASI_EROFS);
  EXPECT(CALL(&g, fd_filestat_set_size, fd, 0), WASI_EINVAL);
  EXPECT(open_read(&g, 3, "d", &sub), 0);
  EXPECT(open_read(&g, sub, "f", &n), 0);
  EXPECT(stat_path(&g, 3, "l", true), 0);
  EXPECT(readlink_path(&g, 3, "l", 10, &n), 0);
  const uint32_t dirs[] = {3, sub};
  for (int i = 0; i < 2; i++) {
    EXPECT(open_write(&g, dirs[i], "f", 0, &fd), WASI_EROFS);
    EXPECT(open_write(&g, dirs[i], "new", WASI_OFLAG_CREAT, &fd), WASI_EROFS);
    put(&g, PATH, "f");
    EXPECT(CALL(&g, path_open, dirs[i], 0, PATH, 1, WASI_OFLAG_TRUNC, WASI_RIGHT_FD_READ, 0, 0, OUT), WASI_EROFS);
    EXPECT(CALL(&g, path_open, dirs[i], 0, PATH, 1, WASI_OFLAG_CREAT, WASI_RIGHT_FD_READ, 0, 0, OUT), WASI_EROFS);
    EXPECT(path_call(&g, "path_create_directory", dirs[i], "new"), WASI_EROFS);
    EXPECT(path_call(&g, "path_unlink_file", dirs[i], "f"), WASI_EROFS);
    EXPECT(path_call(&g, "path_remove_directory", dirs[i], "d"), WASI_EROFS);
    EXPECT(two_paths(&g, "path_symlink", dirs[i], "f", "new"), WASI_EROFS);
    EXPECT(two_paths(&g, "path_rename", dirs[i], "f", "new"), WASI_EROFS);
    EXPECT(two_paths(&g, "path_link", dirs[i], "f", "new"), WASI_EROFS);
    put(&g, PATH, "f");
    EXPECT(CALL(&g, path_filestat_set_times, dirs[i], 0, PATH, 1, 0, 0, WASI_FSTFLAG_ATIM), WASI_EROFS);
  }
  /* Neither out of it nor into it, and no second name in a writable directory. */
  put(&g, PATH, "f");
  put(&g, PATH2, "mine");
  EXPECT(CALL(&g, path_rename, 3, PATH, 1, 4, PATH2, 4), WASI_EROFS);
  EXPECT(CALL(&g, path_rename, 4, PATH2, 4, 3, PATH, 1), WASI_EROFS);
  EXPECT(CALL(&g, path_link, 3, 0, PATH, 1, 4, PATH2, 4), WASI_EROFS);
  guest_close(&g);
  guest_close(&owner);
}

/* The same answer from openat2 and from the walk, for many spellings and ways to open. */
void test_both_resolvers_agree(enum aotc_wasi_resolver resolver) {
  struct guest g;
  if (resolver == AOTC_WASI_RESOLVER_WALK) return;
  guest_open(&g, resolver);
  stat_path(&g, 3, ".", false);
  bool kernel = g.wasi->resolver == AOTC_WASI_RESOLVER_OPENAT2;
  host_directory(&g, "d");
  host_directory(&g, "d/e");
  host_file(&g, "d/f", "");
  host_link(&g, "../d/f", "d/up");
  host_link(&g, "e/", "d/slash");
  host_link(&g, "f/", "d/fileslash");
  host_link(&g, ".", "dot");
  host_link(&g, "d/..", "back");
  host_link(&g, "/d", "abs");
  host_link(&g, "none", "dangling");
  host_link(&g, "loop", "loop");
  struct stat file;
  if (stat(host_path(&g, "d/f"), &file) != 0) abort();
  static const char* const kParts[] = {"d",   "e",        "f",    "up", "slash", "fileslash", "dot", "back",
                                       "abs", "dangling", "loop", "..", ".",     "new",       ""};
  enum { kCount = sizeof kParts / sizeof kParts[0] };
  static const int kFlags[] = {O_RDONLY,
                               O_RDONLY | O_NOFOLLOW,
                               O_PATH,
                               O_PATH | O_NOFOLLOW,
                               O_RDONLY | O_DIRECTORY,
                               O_PATH | O_DIRECTORY,
                               O_RDWR,
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                               O_RDWR | O_CREAT | O_EXCL,
                               O_RDWR | O_CREAT};
  for (int i = 0; kernel && i < kCount * kCount * kCount; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s/%s", kParts[i % kCount], kParts[i / kCount % kCount],
             kParts[i / kCount / kCount]);
    for (size_t j = 0; j < sizeof kFlags / sizeof kFlags[0]; j++) {
      int result[2];
      struct stat st[2];
      for (int walk = 0; walk < 2; walk++) {
        memset(&st[walk], 0, sizeof st[walk]);
        g.wasi->resolver = walk ? AOTC_WASI_RESOLVER_WALK : AOTC_WASI_RESOLVER_OPENAT2;
        int fd = aotc_wasi_open_beneath(g.wasi, g.wasi->fds[3].host, path, kFlags[j], 0666);
        result[walk] = fd < 0 ? fd : 0;
        if (fd < 0) continue;
        /* Remove what O_CREAT made, wherever it was. */
        char link[64], made[256];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, made, sizeof made - 1);
        fstat(fd, &st[walk]);
        if (n > 0 && S_ISREG(st[walk].st_mode) && st[walk].st_ino != file.st_ino) {
          made[n] = 0;
          unlink(made);
        }
        close(fd);
      }
      if (result[0] != result[1] || (st[0].st_ino != st[1].st_ino && !(kFlags[j] & O_CREAT))) {
        failures++;
        printf("%s: flags %o: openat2 gives %d, the walk %d\n", path, kFlags[j], result[0], result[1]);
      }
    }
  }
  guest_close(&g);
}
