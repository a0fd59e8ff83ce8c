/* test_tmp.c - a directory in memory: does what a directory of the host does, call by call, in a long sequence of calls
 * that is the same each time; and what is its own: limits, memory that is refused, and going back to the beginning.
 */
#include <stdlib.h>

#include "harness.h"

enum { HOST = 3, TMP = 4, kPairs = 12 };

static void open_with_tmp(struct guest* g, enum aotc_wasi_resolver resolver, uint64_t size) {
  struct aotc_wasi_options options = {.stdio = {-1, -1, -1}, .tmp_size = size};
  guest_open_with(g, resolver, &options, MEMORY);
}

static int two_paths(struct guest* g, uint32_t from_dir, const char* from, uint32_t to_dir, const char* to) {
  uint32_t n = put(g, PATH, from), m = put(g, PATH2, to);
  return CALL(g, path_rename, from_dir, PATH, n, to_dir, PATH2, m);
}

static const char* const kPaths[] = {"a",    "b",     "d",    "d/a", "d/b",  "d/e",      "d/e/a", "d/..",    "d/",
                                     ".",    "..",    "../x", "/a",  "a/b",  "d/./a",    "d//e",  "a/",      "none/x",
                                     "d/e/", "d/e/f", "x",    "x/",  "d/e/", "d/../d/a", "e",     "d/e/../a"};

struct outcome {
  uint64_t error;
  uint64_t result[3];
};

/* Of a listing, whatever its order: how many, and the sum of what is known of each name. */
static struct outcome list(struct guest* g, uint32_t dir) {
  struct outcome o = {0};
  uint64_t cookie = 0;
  for (int rounds = 0; rounds < 100; ++rounds) {
    o.error = CALL(g, fd_readdir, dir, BUFFER, 60, cookie, OUT);
    uint32_t used = get32(g, OUT), at = 0;
    if (o.error != 0) return o;
    for (; at + WASI_DIRENT_SIZE <= used;) {
      uint32_t length = get32(g, BUFFER + at + 16);
      if (length > used - at - WASI_DIRENT_SIZE) break;
      const uint8_t* name = g->instance.memory + BUFFER + at + WASI_DIRENT_SIZE;
      uint64_t sum = g->instance.memory[BUFFER + at + 20];
      for (uint32_t i = 0; i < length; ++i) sum = sum * 31 + name[i];
      cookie = get64(g, BUFFER + at);
      ++o.result[0];
      o.result[1] += sum;
      at += WASI_DIRENT_SIZE + length;
    }
    if (used < 60) return o;
    CHECK(at > 0);
  }
  CHECK(!"a listing ends");
  return o;
}

/* What operation number `op`, with the same choices, does at one of both. */
static struct outcome act(struct guest* g, unsigned op, uint32_t dir, uint32_t fd, const uint64_t choice[4],
                          uint32_t* opened) {
  struct outcome o = {0};
  const char* path = kPaths[choice[0] % (sizeof kPaths / sizeof kPaths[0])];
  const char* other = kPaths[choice[1] % (sizeof kPaths / sizeof kPaths[0])];
  uint32_t n = (uint32_t)(choice[2] % 300), flags;
  switch (op) {
    case 0:
    case 1:
      /* O_CREAT with O_DIRECTORY is an error of its own. */
      flags = (uint32_t)(choice[2] >> 8) & 15;
      o.error = open_write(g, dir, path, flags, opened);
      break;
    case 2:
      o.error = open_read(g, dir, path, opened);
      break;
    case 3:
      o.error = path_call(g, "path_create_directory", dir, path);
      break;
    case 4:
      o.error = path_call(g, "path_remove_directory", dir, path);
      break;
    case 5:
      o.error = path_call(g, "path_unlink_file", dir, path);
      break;
    case 6:
      o.error = two_paths(g, dir, path, dir, other);
      break;
    case 7:
      o.error = stat_path(g, dir, path, choice[1] & 1);
      o.result[0] = g->instance.memory[OUT + 16];
      if (o.error == 0 && o.result[0] == WASI_FILETYPE_REGULAR_FILE) o.result[1] = get64(g, OUT + 32);
      break;
    case 8:
      for (uint32_t i = 0; i < n; ++i) g->instance.memory[BUFFER + i] = (uint8_t)(choice[3] >> (i % 8));
      put_iovec(g, 0, BUFFER, n / 2);
      put_iovec(g, 1, BUFFER + n / 2, n - n / 2);
      o.error =
          choice[1] & 1 ? CALL(g, fd_pwrite, fd, IOV, 2, choice[0] % 1000, OUT) : CALL(g, fd_write, fd, IOV, 2, OUT);
      o.result[0] = o.error == 0 ? get32(g, OUT) : 0;
      break;
    case 9:
      memset(g->instance.memory + BUFFER, 0, 300);
      put_iovec(g, 0, BUFFER, n / 2);
      put_iovec(g, 1, BUFFER + n / 2, n - n / 2);
      o.error =
          choice[1] & 1 ? CALL(g, fd_pread, fd, IOV, 2, choice[0] % 1000, OUT) : CALL(g, fd_read, fd, IOV, 2, OUT);
      o.result[0] = o.error == 0 ? get32(g, OUT) : 0;
      for (uint32_t i = 0; i < o.result[0]; ++i) o.result[1] = o.result[1] * 31 + g->instance.memory[BUFFER + i];
      break;
    case 10:
      o.error = CALL(g, fd_seek, fd, (uint64_t)((int64_t)(choice[0] % 2000) - 500), choice[1] % 4, OUT);
      o.result[0] = o.error == 0 ? get64(g, OUT) : 0;
      break;
    case 11:
      o.error = CALL(g, fd_filestat_set_size, fd, choice[0] % 1500);
      break;
    case 12:
      o.error = CALL(g, fd_filestat_get, fd, OUT);
      o.result[0] = g->instance.memory[OUT + 16];
      if (o.error == 0 && o.result[0] == WASI_FILETYPE_REGULAR_FILE) o.result[1] = get64(g, OUT + 32);
      break;
    case 13:
      o = list(g, fd);
      break;
    case 14:
      o.error = CALL(g, fd_allocate, fd, choice[0] % 1000, choice[1] % 500);
      break;
    case 15:
      o.error = CALL(g, fd_filestat_set_times, fd, 5000000007, 6000000008, choice[0] % 16);
      if (o.error == 0 && choice[0] % 16 == 5) {
        CALL(g, fd_filestat_get, fd, OUT);
        o.result[0] = get64(g, OUT + 40);
        o.result[1] = get64(g, OUT + 48);
      }
      break;
    case 16:
      o.error = CALL(g, fd_tell, fd, OUT);
      o.result[0] = o.error == 0 ? get64(g, OUT) : 0;
      break;
    case 17:
      o.error = CALL(g, fd_fdstat_set_flags, fd, choice[0] & WASI_FDFLAG_APPEND);
      break;
    case 18:
      o.error = CALL(g, fd_fdstat_get, fd, OUT);
      for (int i = 0; i < 3; ++i) o.result[i] = o.error == 0 ? get64(g, OUT + 8 * i) : 0;
      break;
    case 19:
      o.error = choice[0] & 1 ? CALL(g, fd_sync, fd) : CALL(g, fd_datasync, fd);
      break;
    case 20:
      o.error = CALL(g, fd_advise, fd, choice[0] % 100, choice[1] % 100, choice[2] % 8);
      break;
    case 21:
      n = put(g, PATH, path);
      o.error = CALL(g, path_readlink, dir, PATH, n, BUFFER, 100, OUT);
      break;
    default:
      o.error = CALL(g, fd_close, fd);
  }
  return o;
}

void test_tmp_as_on_host(enum aotc_wasi_resolver resolver) {
  struct guest g;
  uint64_t state = 1, worked = 0;
  open_with_tmp(&g, resolver, 1 << 20);
  /* Pairs of descriptors of the same: the directories themselves, and what was opened beneath them. */
  uint32_t pairs[kPairs][2] = {{HOST, TMP}}, count = 1;
  for (int step = 0; step < 60000; ++step) {
    unsigned op = (unsigned)(next(&state) % 23);
    uint64_t choice[4] = {next(&state), next(&state), next(&state), next(&state)};
    uint32_t pair = (uint32_t)(next(&state) % count), opened[2] = {0};
    /* The directories are not closed; without a place nothing is opened. */
    if ((op == 22 && pair == 0) || (op <= 2 && count == kPairs)) continue;
    struct outcome o[2];
    for (int i = 0; i < 2; ++i) o[i] = act(&g, op, pairs[pair][i], pairs[pair][i], choice, &opened[i]);
    worked += o[0].error == 0;
    if (memcmp(&o[0], &o[1], sizeof o[0]) != 0) {
      printf("step %d: operation %u on %s, %s: host %llu %llx %llx, memory %llu %llx %llx\n", step, op,
             kPaths[choice[0] % (sizeof kPaths / sizeof kPaths[0])],
             kPaths[choice[1] % (sizeof kPaths / sizeof kPaths[0])], (unsigned long long)o[0].error,
             (unsigned long long)o[0].result[0], (unsigned long long)o[0].result[1], (unsigned long long)o[1].error,
             (unsigned long long)o[1].result[0], (unsigned long long)o[1].result[1]);
      ++failures;
      break;
    }
    if (op <= 2 && o[0].error == 0) memcpy(pairs[count++], opened, sizeof opened);
    if (op == 22) memcpy(pairs[pair], pairs[--count], sizeof pairs[0]);
  }
  CHECK(worked > 10000);
  guest_close(&g);
}

void test_tmp_limits(enum aotc_wasi_resolver resolver) {
  struct guest g;
  uint32_t fd, other, n;
  char text[64];
  open_with_tmp(&g, resolver, 100 << 10);
  /* All but what a name costs. */
  EXPECT(open_write(&g, TMP, "f", WASI_OFLAG_CREAT, &fd), 0);
  EXPECT(CALL(&g, fd_filestat_set_size, fd, 100 << 10), WASI_ENOSPC);
  EXPECT(CALL(&g, fd_filestat_set_size, fd, 1ull << 40), WASI_ENOSPC);
  EXPECT(CALL(&g, fd_filestat_set_size, fd, 99 << 10), 0);
  EXPECT(open_write(&g, TMP, "g", WASI_OFLAG_CREAT, &other), WASI_ENOSPC);
  EXPECT(path_call(&g, "path_create_directory", TMP, "d"), WASI_ENOSPC);
  EXPECT(CALL(&g, fd_filestat_set_size, fd, 0), 0);
  EXPECT(open_write(&g, TMP, "g", WASI_OFLAG_CREAT, &other), 0);
  /* What is removed counts until it is closed. */
  EXPECT(CALL(&g, fd_filestat_set_size, fd, 98 << 10), 0);
  EXPECT(path_call(&g, "path_unlink_file", TMP, "f"), 0);
  EXPECT(write_string(&g, other, "x", &n), WASI_ENOSPC);
  EXPECT(CALL(&g, fd_close, fd), 0);
  EXPECT(write_string(&g, other, "content", &n), 0);
  /* A file does not end in what was there before. */
  EXPECT(CALL(&g, fd_filestat_set_size, other, 2), 0);
  EXPECT(CALL(&g, fd_filestat_set_size, other, 5), 0);
  EXPECT(CALL(&g, fd_seek, other, 0, 0, OUT), 0);
  EXPECT(read_string(&g, other, text, 60, &n), 0);
  CHECK(n == 5 && memcmp(text, "co\0\0\0", 5) == 0);
  /* Memory that the embedder refuses. */
  g.instance.refuses = true;
  EXPECT(CALL(&g, fd_filestat_set_size, other, 50 << 10), WASI_ENOSPC);
  g.instance.refuses = false;
  EXPECT(CALL(&g, fd_filestat_set_size, other, 50 << 10), 0);
  /* Links, and ways to the host. */
  n = put(&g, PATH, "g");
  uint32_t m = put(&g, PATH2, "h");
  EXPECT(CALL(&g, path_symlink, PATH, n, TMP, PATH2, m), WASI_ENOTSUP);
  EXPECT(CALL(&g, path_link, TMP, 0, PATH, n, TMP, PATH2, m), WASI_ENOTSUP);
  EXPECT(CALL(&g, path_link, TMP, 0, PATH, n, HOST, PATH2, m), WASI_ENOTSUP);
  EXPECT(two_paths(&g, TMP, "g", HOST, "h"), WASI_EXDEV);
  EXPECT(two_paths(&g, HOST, "g", TMP, "h"), WASI_EXDEV);
  guest_close(&g);
}

/* Whatever a request did there, the next finds nothing of it. */
void test_tmp_restore(enum aotc_wasi_resolver resolver) {
  struct guest g;
  struct aotc_error error;
  uint32_t fd, n;
  char path[32];
  open_with_tmp(&g, resolver, 1 << 20);
  struct aotc_host* host = aotc_wasi_host(g.wasi);
  EXPECT(host->interface->keep(host, &error), AOTC_OK);
  for (int round = 0; round < 3; ++round) {
    struct outcome o = list(&g, TMP);
    EXPECT(o.result[0], 2);
    EXPECT(open_write(&g, TMP, "open", WASI_OFLAG_CREAT | WASI_OFLAG_EXCL, &fd), 0);
    EXPECT(fd, 5);
    EXPECT(CALL(&g, fd_filestat_set_size, fd, 900 << 10), 0);
    EXPECT(path_call(&g, "path_unlink_file", TMP, "open"), 0);
    EXPECT(path_call(&g, "path_create_directory", TMP, "d"), 0);
    for (int i = 0; i < 20; ++i) {
      snprintf(path, sizeof path, "d/%d", i);
      EXPECT(open_write(&g, TMP, path, WASI_OFLAG_CREAT, &fd), 0);
      EXPECT(write_string(&g, fd, "left behind", &n), 0);
    }
    if (round == 1) EXPECT(CALL(&g, fd_close, TMP), 0);
    host->interface->restore(host);
  }
  EXPECT(stat_path(&g, TMP, "d", false), WASI_ENOENT);
  guest_close(&g);
}

/* Bytes of a snapshot are read where they are and never written: a file that is changed gets its own. */
void test_tmp_kept(enum aotc_wasi_resolver resolver) {
  static const char kBytes[] = "kept bytes";
  static const struct {
    const char* after;
    uint64_t size; /* to which the file is set, UINT64_MAX: not */
    uint64_t at;   /* where "NEW" is written, likewise */
  } kChanges[] = {
      {"kept bytes", UINT64_MAX, UINT64_MAX}, {"kNEW bytes", UINT64_MAX, 1}, {"kept bytesNEW", UINT64_MAX, 10},
      {"kept bytes\0\0NEW", UINT64_MAX, 12},  {"kep", 3, UINT64_MAX},        {"kep\0\0NEW", 3, 5},
      {"kept bytes\0\0", 12, UINT64_MAX},     {"", 0, UINT64_MAX},           {"\0NEW", 0, 1},
      {"kept bytes", 10, UINT64_MAX}};
  static const uint64_t kSizes[] = {10, 10, 13, 15, 3, 8, 12, 0, 4, 10};
  struct guest g;
  open_with_tmp(&g, resolver, 1 << 20);
  for (size_t i = 0; i < sizeof(kSizes) / sizeof(kSizes[0]); ++i) {
    struct aotc_tmp* tmp = aotc_tmp_create(1 << 14);
    struct aotc_tmp_object object = {.name = "d", .directory = true};
    struct aotc_tmp_node* dir = aotc_tmp_add(tmp, aotc_tmp_root(tmp), &object);
    object = (struct aotc_tmp_object){.name = "f", .bytes = (const uint8_t*)kBytes, .size = 10};
    struct aotc_tmp_node* file = aotc_tmp_add(tmp, dir, &object);
    aotc_tmp_settle(tmp);
    if (kChanges[i].size != UINT64_MAX) EXPECT(aotc_tmp_resize(tmp, &g.instance, file, kChanges[i].size), 0);
    struct iovec new = {(char[]){"NEW"}, 3};
    if (kChanges[i].at != UINT64_MAX) EXPECT(aotc_tmp_write(tmp, &g.instance, file, kChanges[i].at, &new, 1), 0);
    EXPECT(aotc_tmp_changed(tmp), i != 0);
    char text[20] = "";
    struct iovec all = {text, sizeof text};
    EXPECT(aotc_tmp_read(file, 0, &all, 1), kSizes[i]);
    CHECK(memcmp(text, kChanges[i].after, kSizes[i]) == 0);
    CHECK(aotc_tmp_resize(tmp, &g.instance, file, 1 << 20) == WASI_ENOSPC);
    if (i % 2 == 0) EXPECT(aotc_tmp_remove(tmp, dir, "f", false), 0);
    aotc_tmp_clear(tmp);
    CHECK(!aotc_tmp_changed(tmp) && aotc_tmp_find(tmp, aotc_tmp_root(tmp), "d", &dir) == WASI_ENOENT);
    aotc_tmp_destroy(tmp);
  }
  guest_close(&g);
}
