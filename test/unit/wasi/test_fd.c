/* test_fd.c - files, flags, streams, the descriptor table, directory listings, rights. */
#include "harness.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

void test_files(enum aotc_wasi_resolver resolver) {
  struct guest g;
  guest_open(&g, resolver);
  uint32_t fd, n;
  char text[64];
  EXPECT(open_write(&g, 3, "f", WASI_OFLAG_CREAT | WASI_OFLAG_EXCL, &fd), 0);
  EXPECT(fd, 4);
  EXPECT(open_write(&g, 3, "f", WASI_OFLAG_CREAT | WASI_OFLAG_EXCL, &n), WASI_EEXIST);
  EXPECT(write_string(&g, fd, "hello world", &n), 0);
  EXPECT(n, 11);
  EXPECT(CALL(&g, fd_tell, fd, OUT), 0);
  EXPECT(get64(&g, OUT), 11);
  EXPECT(CALL(&g, fd_seek, fd, (uint64_t)-5, 2, OUT), 0);
  EXPECT(get64(&g, OUT), 6);
  EXPECT(read_string(&g, fd, text, 60, &n), 0);
  CHECK(strcmp(text, "world") == 0);
  EXPECT(read_string(&g, fd, text, 60, &n), 0);
  EXPECT(n, 0);
  EXPECT(CALL(&g, fd_seek, fd, (uint64_t)-1, 0, OUT), WASI_EINVAL);
  EXPECT(CALL(&g, fd_seek, fd, 0, 3, OUT), WASI_EINVAL);

  /* Several vectors, an empty one with a wild pointer among them. */
  put_iovec(&g, 0, BUFFER, 2);
  put_iovec(&g, 1, 0xffffffff, 0);
  put_iovec(&g, 2, BUFFER + 100, 3);
  EXPECT(CALL(&g, fd_pread, fd, IOV, 3, 6, OUT), 0);
  EXPECT(get32(&g, OUT), 5);
  CHECK(memcmp(g.instance.memory + BUFFER, "wo", 2) == 0 && memcmp(g.instance.memory + BUFFER + 100, "rld", 3) == 0);
  EXPECT(CALL(&g, fd_pwrite, fd, IOV, 1, 0, OUT), 0);
  EXPECT(CALL(&g, fd_pwrite, fd, IOV, 1, 1ull << 63, OUT), WASI_EINVAL);
  EXPECT(CALL(&g, fd_tell, fd, OUT), 0);
  EXPECT(get64(&g, OUT), 11);

  EXPECT(CALL(&g, fd_filestat_set_size, fd, 5), 0);
  EXPECT(CALL(&g, fd_filestat_set_size, fd, 1ull << 63), WASI_EINVAL);
  EXPECT(CALL(&g, fd_allocate, fd, 0, 100), 0);
  EXPECT(CALL(&g, fd_allocate, fd, 0, 0), WASI_EINVAL);
  EXPECT(CALL(&g, fd_allocate, fd, 1ull << 63, 1), WASI_EINVAL);
  EXPECT(CALL(&g, fd_allocate, fd, INT64_MAX, 1), WASI_EFBIG);
  EXPECT(CALL(&g, fd_advise, fd, 0, 100, 3), 0);
  EXPECT(CALL(&g, fd_advise, fd, 0, 100, 6), WASI_EINVAL);
  EXPECT(CALL(&g, fd_sync, fd), 0);
  EXPECT(CALL(&g, fd_datasync, fd), 0);
  EXPECT(CALL(&g, fd_filestat_set_times, fd, 1000000001, 2000000002, WASI_FSTFLAG_ATIM | WASI_FSTFLAG_MTIM), 0);
  EXPECT(CALL(&g, fd_filestat_get, fd, OUT), 0);
  EXPECT(g.instance.memory[OUT + 16], WASI_FILETYPE_REGULAR_FILE);
  EXPECT(get64(&g, OUT + 24), 1);
  EXPECT(get64(&g, OUT + 32), 100);
  EXPECT(get64(&g, OUT + 40), 1000000001);
  EXPECT(get64(&g, OUT + 48), 2000000002);
  uint64_t old = (uint64_t)-1500000000; /* before 1970 */
  EXPECT(CALL(&g, fd_filestat_set_times, fd, 0, old, WASI_FSTFLAG_MTIM), 0);
  EXPECT(CALL(&g, fd_filestat_get, fd, OUT), 0);
  EXPECT(get64(&g, OUT + 48), old);
  EXPECT(get64(&g, OUT + 40), 1000000001);
  EXPECT(CALL(&g, fd_filestat_set_times, fd, 0, 0, WASI_FSTFLAG_ATIM | WASI_FSTFLAG_ATIM_NOW), WASI_EINVAL);
  EXPECT(CALL(&g, fd_filestat_set_times, fd, 0, 0, 16), WASI_EINVAL);
  EXPECT(CALL(&g, fd_filestat_set_times, fd, 0, 0, WASI_FSTFLAG_ATIM_NOW | WASI_FSTFLAG_MTIM_NOW), 0);
  EXPECT(CALL(&g, fd_filestat_get, fd, OUT), 0);
  CHECK(get64(&g, OUT + 48) > 1600000000ull * 1000000000ull);

  /* A file opened for reading refuses to be written, as in POSIX. */
  uint32_t reader;
  EXPECT(open_read(&g, 3, "f", &reader), 0);
  EXPECT(write_string(&g, reader, "x", &n), WASI_EBADF);
  EXPECT(CALL(&g, fd_filestat_set_size, reader, 0), WASI_EINVAL);
  EXPECT(CALL(&g, fd_allocate, reader, 0, 1), WASI_EBADF);

  /* Directories do not read, write or seek. */
  EXPECT(read_string(&g, 3, text, 10, &n), WASI_EISDIR);
  EXPECT(write_string(&g, 3, "x", &n), WASI_EBADF);
  EXPECT(CALL(&g, fd_seek, 3, 0, 0, OUT), WASI_EBADF);
  EXPECT(CALL(&g, fd_tell, 3, OUT), WASI_EBADF);
  EXPECT(CALL(&g, fd_allocate, 3, 0, 1), WASI_EBADF);
  EXPECT(CALL(&g, fd_advise, 3, 0, 1, 0), WASI_EBADF);
  EXPECT(CALL(&g, fd_filestat_set_size, 3, 0), WASI_EBADF);
  EXPECT(open_write(&g, 3, ".", 0, &n), WASI_EISDIR);
  EXPECT(CALL(&g, fd_readdir, fd, BUFFER, 100, 0, OUT), WASI_ENOTDIR);
  EXPECT(open_read(&g, fd, "f", &n), WASI_ENOTDIR);
  guest_close(&g);
}

void test_file_flags(enum aotc_wasi_resolver resolver) {
  struct guest g;
  guest_open(&g, resolver);
  uint32_t fd, n;
  host_file(&g, "f", "start ");
  put(&g, PATH, "f");
  EXPECT(CALL(&g, path_open, 3, 0, PATH, 1, 0, WASI_RIGHTS_ALL, 0, WASI_FDFLAG_APPEND | WASI_FDFLAG_SYNC, OUT), 0);
  fd = get32(&g, OUT);
  EXPECT(CALL(&g, fd_fdstat_get, fd, OUT), 0);
  EXPECT(g.instance.memory[OUT], WASI_FILETYPE_REGULAR_FILE);
  EXPECT(get32(&g, OUT) >> 16, WASI_FDFLAG_APPEND | WASI_FDFLAG_SYNC);
  EXPECT(get64(&g, OUT + 8), WASI_RIGHTS_FILE);
  EXPECT(CALL(&g, fd_seek, fd, 0, 0, OUT), 0);
  EXPECT(write_string(&g, fd, "more", &n), 0);
  EXPECT(CALL(&g, fd_filestat_get, fd, OUT), 0);
  EXPECT(get64(&g, OUT + 32), 10);
  /* O_APPEND can be taken away, O_SYNC cannot. */
  EXPECT(CALL(&g, fd_fdstat_set_flags, fd, WASI_FDFLAG_APPEND), WASI_ENOTSUP);
  EXPECT(CALL(&g, fd_fdstat_set_flags, fd, 32), WASI_EINVAL);
  EXPECT(CALL(&g, fd_fdstat_set_flags, fd, WASI_FDFLAG_SYNC | WASI_FDFLAG_NONBLOCK), 0);
  EXPECT(CALL(&g, fd_fdstat_get, fd, OUT), 0);
  EXPECT(get32(&g, OUT) >> 16, WASI_FDFLAG_SYNC | WASI_FDFLAG_NONBLOCK);
  EXPECT(CALL(&g, fd_seek, fd, 0, 0, OUT), 0);
  EXPECT(write_string(&g, fd, "START", &n), 0);
  EXPECT(CALL(&g, fd_filestat_get, fd, OUT), 0);
  EXPECT(get64(&g, OUT + 32), 10);
  EXPECT(CALL(&g, path_open, 3, 0, PATH, 1, 16, WASI_RIGHTS_ALL, 0, 0, OUT), WASI_EINVAL);
  EXPECT(CALL(&g, path_open, 3, 0, PATH, 1, 0, WASI_RIGHTS_ALL, 0, 32, OUT), WASI_EINVAL);
  EXPECT(CALL(&g, path_open, 3, 0, PATH, 1, WASI_OFLAG_CREAT | WASI_OFLAG_DIRECTORY, 0, 0, 0, OUT), WASI_EINVAL);
  EXPECT(CALL(&g, path_open, 3, 0, PATH, 1, WASI_OFLAG_DIRECTORY, WASI_RIGHT_FD_READ, 0, 0, OUT), WASI_ENOTDIR);
  EXPECT(CALL(&g, path_open, 3, 0, PATH, 1, WASI_OFLAG_TRUNC, WASI_RIGHT_FD_WRITE, 0, 0, OUT), 0);
  EXPECT(CALL(&g, fd_filestat_get, fd, OUT), 0);
  EXPECT(get64(&g, OUT + 32), 0);
  guest_close(&g);
}

/* More than a piece in one call, over several vectors, arrives whole. */
void test_large_transfers(enum aotc_wasi_resolver resolver) {
  struct guest g;
  struct aotc_wasi_options options = {.stdio = {-1, -1, -1}};
  enum { kFirst = 1500000, kSecond = 7, kThird = 2500000, kTotal = kFirst + kSecond + kThird };
  guest_open_with(&g, resolver, &options, 16 << 20);
  uint32_t fd;
  EXPECT(open_write(&g, 3, "f", WASI_OFLAG_CREAT, &fd), 0);
  for (uint32_t i = 0; i < kTotal; i++) g.instance.memory[BUFFER + i] = (uint8_t)(i * 2654435761u >> 24);
  put_iovec(&g, 0, BUFFER, kFirst);
  put_iovec(&g, 1, BUFFER + kFirst, kSecond);
  put_iovec(&g, 2, BUFFER + kFirst + kSecond, kThird);
  EXPECT(CALL(&g, fd_write, fd, IOV, 3, OUT), 0);
  EXPECT(get32(&g, OUT), kTotal);
  const uint32_t back = 8 << 20;
  put_iovec(&g, 0, back, kThird);
  put_iovec(&g, 1, back + kThird, kFirst + 100000);
  EXPECT(CALL(&g, fd_pread, fd, IOV, 2, 0, OUT), 0);
  EXPECT(get32(&g, OUT), kTotal);
  CHECK(memcmp(g.instance.memory + BUFFER, g.instance.memory + back, kTotal) == 0);
  memset(g.instance.memory + back, 0, kTotal);
  EXPECT(CALL(&g, fd_seek, fd, 0, 0, OUT), 0);
  EXPECT(CALL(&g, fd_read, fd, IOV, 2, OUT), 0);
  EXPECT(get32(&g, OUT), kTotal);
  CHECK(memcmp(g.instance.memory + BUFFER, g.instance.memory + back, kTotal) == 0);
  /* Past the deadline it stops after a piece. */
  g.instance.deadline = 1;
  EXPECT(CALL(&g, fd_pread, fd, IOV, 2, 0, OUT), 0);
  EXPECT(get32(&g, OUT), AOTC_WASI_PIECE);
  guest_close(&g);
}

void test_standard_streams(enum aotc_wasi_resolver resolver) {
  struct guest g;
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) abort();
  struct aotc_wasi_options options = {.stdio = {in[0], out[1], -1}};
  guest_open_with(&g, resolver, &options, MEMORY);
  /* One run without RWF_NOWAIT, like on an old kernel. */
  g.wasi->fds[0].no_nowait = g.wasi->fds[1].no_nowait = resolver == AOTC_WASI_RESOLVER_WALK;
  uint32_t n;
  char text[64];
  EXPECT(CALL(&g, fd_fdstat_get, 0, OUT), 0);
  EXPECT(g.instance.memory[OUT], WASI_FILETYPE_UNKNOWN);
  CHECK(get64(&g, OUT + 8) & WASI_RIGHT_FD_READ);
  CHECK(!(get64(&g, OUT + 8) & (WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL)));
  EXPECT(CALL(&g, fd_seek, 0, 0, 1, OUT), WASI_ESPIPE);
  EXPECT(write_string(&g, 0, "x", &n), WASI_EBADF);
  EXPECT(read_string(&g, 1, text, 5, &n), WASI_EBADF);

  /* Non-blocking for the guest, and only for it. */
  EXPECT(CALL(&g, fd_fdstat_set_flags, 0, WASI_FDFLAG_NONBLOCK), 0);
  EXPECT(CALL(&g, fd_fdstat_set_flags, 1, WASI_FDFLAG_NONBLOCK), 0);
  EXPECT(fcntl(in[0], F_GETFL) & O_NONBLOCK, 0);
  EXPECT(fcntl(out[1], F_GETFL) & O_NONBLOCK, 0);
  EXPECT(CALL(&g, fd_fdstat_get, 0, OUT), 0);
  EXPECT(get32(&g, OUT) >> 16, WASI_FDFLAG_NONBLOCK);
  EXPECT(read_string(&g, 0, text, 60, &n), WASI_EAGAIN);
  EXPECT(write(in[1], "ping", 4), 4);
  EXPECT(read_string(&g, 0, text, 60, &n), 0);
  CHECK(strcmp(text, "ping") == 0);
  /* Fill the pipe: EAGAIN, never a wait. */
  uint32_t total = 0;
  int error = 0;
  put_iovec(&g, 0, BUFFER, 100000);
  while (total < 10000000 && (error = CALL(&g, fd_write, 1, IOV, 1, OUT)) == 0) total += get32(&g, OUT);
  EXPECT(error, WASI_EAGAIN);
  CHECK(total >= 60000);
  close(out[0]);
  EXPECT(write_string(&g, 1, "x", &n), WASI_EPIPE);
  close(in[1]);
  EXPECT(read_string(&g, 0, text, 60, &n), 0);
  EXPECT(n, 0);

  /* fd 2 was not given. */
  EXPECT(write_string(&g, 2, "lost", &n), 0);
  EXPECT(n, 4);
  EXPECT(read_string(&g, 2, text, 60, &n), 0);
  EXPECT(n, 0);
  EXPECT(CALL(&g, fd_filestat_get, 2, OUT), 0);
  EXPECT(g.instance.memory[OUT + 16], WASI_FILETYPE_CHARACTER_DEVICE);
  EXPECT(CALL(&g, fd_sync, 2), 0);
  EXPECT(CALL(&g, fd_close, 0), 0);
  EXPECT(fcntl(in[0], F_GETFD) >= 0, 1); /* not ours to close */
  guest_close(&g);
  close(in[0]);
  close(out[1]);

  /* A directory as standard input grants nothing. */
  int dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct aotc_wasi_options directory = {.stdio = {dir, -1, -1}};
  guest_open_with(&g, resolver, &directory, MEMORY);
  EXPECT(open_read(&g, 0, ".", &n), WASI_ENOTCAPABLE);
  EXPECT(CALL(&g, fd_readdir, 0, BUFFER, 100, 0, OUT), WASI_ENOTCAPABLE);
  EXPECT(CALL(&g, fd_prestat_get, 0, OUT), WASI_EBADF);
  guest_close(&g);
  close(dir);
}

void test_descriptor_table(enum aotc_wasi_resolver resolver) {
  struct guest g;
  guest_open(&g, resolver);
  host_file(&g, "a", "A");
  host_file(&g, "b", "B");
  uint32_t a, b, c, n;
  char text[8];
  EXPECT(CALL(&g, fd_prestat_get, 3, OUT), 0);
  EXPECT(get32(&g, OUT), 0);
  EXPECT(get32(&g, OUT + 4), 1);
  EXPECT(CALL(&g, fd_prestat_dir_name, 3, BUFFER, 1), 0);
  EXPECT(g.instance.memory[BUFFER], '/');
  EXPECT(CALL(&g, fd_prestat_dir_name, 3, BUFFER, 0), WASI_ENAMETOOLONG);
  EXPECT(CALL(&g, fd_prestat_get, 4, OUT), WASI_EBADF);
  EXPECT(CALL(&g, fd_prestat_get, 2, OUT), WASI_ENOTDIR);
  EXPECT(open_read(&g, 3, "a", &a), 0);
  EXPECT(open_read(&g, 3, "b", &b), 0);
  EXPECT(a, 4);
  EXPECT(b, 5);
  EXPECT(open_read(&g, 3, "b", &c), 0);
  EXPECT(c, 6);
  EXPECT(CALL(&g, fd_renumber, b, a), 0);
  EXPECT(read_string(&g, a, text, 4, &n), 0);
  CHECK(strcmp(text, "B") == 0);
  EXPECT(CALL(&g, fd_renumber, b, a), WASI_EBADF);
  EXPECT(CALL(&g, fd_renumber, a, b), WASI_EBADF); /* not to a free number */
  EXPECT(CALL(&g, fd_renumber, a, a), 0);
  EXPECT(open_read(&g, 3, "b", &b), 0);
  EXPECT(b, 5); /* lowest free */
  EXPECT(CALL(&g, fd_close, a), 0);
  EXPECT(CALL(&g, fd_close, a), WASI_EBADF);
  EXPECT(CALL(&g, fd_close, 0xffffffff), WASI_EBADF);
  EXPECT(CALL(&g, fd_close, 0x7fffffff), WASI_EBADF);
  EXPECT(open_read(&g, 3, "a", &a), 0);
  EXPECT(a, 4);
  /* Renumber over the preopened directory: it is gone, "a" is there instead. */
  EXPECT(CALL(&g, fd_renumber, a, 3), 0);
  EXPECT(CALL(&g, fd_prestat_get, 3, OUT), WASI_ENOTDIR);
  EXPECT(read_string(&g, 3, text, 4, &n), 0);
  CHECK(strcmp(text, "A") == 0);
  guest_close(&g);

  /* The host's limit ends in EMFILE, and everything works again after a close. */
  struct rlimit saved, low;
  guest_open(&g, resolver);
  host_file(&g, "a", "A");
  getrlimit(RLIMIT_NOFILE, &saved);
  low = saved;
  low.rlim_cur = 100;
  setrlimit(RLIMIT_NOFILE, &low);
  int error;
  uint32_t count = 0;
  while ((error = open_read(&g, 3, "a", &a)) == 0 && count < 1000) count++;
  EXPECT(error, WASI_EMFILE);
  CHECK(count > 50 && count < 100);
  EXPECT(CALL(&g, fd_close, 10), 0);
  EXPECT(open_read(&g, 3, "a", &a), 0);
  EXPECT(a, 10);
  setrlimit(RLIMIT_NOFILE, &saved);
  guest_close(&g);

  /* Our own limit: the table is full although the host has room. */
  guest_open(&g, resolver);
  struct aotc_wasi_fd* entry;
  while (g.wasi->fd_count < AOTC_WASI_MAX_FDS || g.wasi->lowest_free < AOTC_WASI_MAX_FDS) {
    if (aotc_wasi_reserve(g.wasi, &n, &entry) != 0) break;
    *entry = (struct aotc_wasi_fd){.kind = AOTC_WASI_NULL, .host = -1};
  }
  EXPECT(n, AOTC_WASI_MAX_FDS - 1);
  EXPECT(open_write(&g, 3, "new", WASI_OFLAG_CREAT, &n), WASI_EMFILE);
  CHECK(!host_exists(&g, "new"));
  guest_close(&g);
}

/* Reads a whole directory with buffers of `room` bytes; adds the first letters of the names up to `letters`. */
static int list(struct guest* g, uint32_t fd, uint32_t room, char* letters) {
  uint64_t cookie = 0;
  int count = 0;
  for (int calls = 0; calls < 10000; calls++) {
    if (CALL(g, fd_readdir, fd, BUFFER, room, cookie, OUT) != 0) return -1;
    uint32_t used = get32(g, OUT), at = 0;
    uint64_t before = cookie;
    while (used - at >= WASI_DIRENT_SIZE) {
      uint32_t length = get32(g, BUFFER + at + 16);
      if (used - at < WASI_DIRENT_SIZE + length) break;
      cookie = get64(g, BUFFER + at);
      const char* name = (char*)g->instance.memory + BUFFER + at + WASI_DIRENT_SIZE;
      if (name[0] != '.') letters[strlen(letters)] = name[0];
      count++;
      at += WASI_DIRENT_SIZE + length;
    }
    if (used < room) return count;
    if (cookie == before) return -2; /* no entry fits */
  }
  return -3;
}

void test_readdir(enum aotc_wasi_resolver resolver) {
  struct guest g;
  guest_open(&g, resolver);
  uint32_t fd;
  host_directory(&g, "d");
  for (char c = 'a'; c <= 'z'; c++) {
    char name[64];
    snprintf(name, sizeof name, "d/%c-%.*s", c, c - 'a', "abcdefghijklmnopqrstuvwxyz");
    host_file(&g, name, "");
  }
  EXPECT(open_read(&g, 3, "d", &fd), 0);
  EXPECT(CALL(&g, fd_fdstat_get, fd, OUT), 0);
  EXPECT(g.instance.memory[OUT], WASI_FILETYPE_DIRECTORY);
  static const uint32_t kRooms[] = {52, 60, 100, 1000, 4096, 100000};
  for (size_t i = 0; i < sizeof kRooms / sizeof kRooms[0]; i++) {
    char letters[256] = "";
    EXPECT(list(&g, fd, kRooms[i], letters), 28);
    EXPECT(strlen(letters), 26);
    for (char c = 'a'; c <= 'z'; c++) CHECK(strchr(letters, c));
  }
  char letters[256] = "";
  EXPECT(list(&g, fd, 24, letters), -2); /* too small for any name, and full: the guest can tell */
  EXPECT(CALL(&g, fd_readdir, fd, BUFFER, 0, 0, OUT), 0);
  EXPECT(get32(&g, OUT), 0);
  /* Nothing beyond the room is touched. */
  memset(g.instance.memory + BUFFER, 0x5a, 200);
  EXPECT(CALL(&g, fd_readdir, fd, BUFFER, 33, 0, OUT), 0);
  EXPECT(get32(&g, OUT), 33);
  EXPECT(g.instance.memory[BUFFER + 33], 0x5a);
  /* Hostile cookies are the end, not accidents. */
  static const uint64_t kCookies[] = {1, 12345, INT64_MAX, 1ull << 63, UINT64_MAX};
  for (size_t i = 0; i < sizeof kCookies / sizeof kCookies[0]; i++) {
    EXPECT(CALL(&g, fd_readdir, fd, BUFFER, 4096, kCookies[i], OUT), 0);
    if (i >= 2) EXPECT(get32(&g, OUT), 0);
  }
  /* `..` of the preopened directory does not show the host's inode. */
  EXPECT(CALL(&g, fd_readdir, 3, BUFFER, 4096, 0, OUT), 0);
  uint64_t dot = 0, dotdot = 1;
  for (uint32_t at = 0; at + WASI_DIRENT_SIZE < get32(&g, OUT);) {
    uint32_t length = get32(&g, BUFFER + at + 16);
    const char* name = (char*)g.instance.memory + BUFFER + at + WASI_DIRENT_SIZE;
    if (length == 1 && name[0] == '.') dot = get64(&g, BUFFER + at + 8);
    if (length == 2 && memcmp(name, "..", 2) == 0) dotdot = get64(&g, BUFFER + at + 8);
    at += WASI_DIRENT_SIZE + length;
  }
  EXPECT(dot, dotdot);
  guest_close(&g);
}

void test_rights(enum aotc_wasi_resolver resolver) {
  struct guest g;
  guest_open(&g, resolver);
  host_directory(&g, "d");
  host_file(&g, "d/f", "text");
  uint32_t fd, n;
  char text[8];
  put(&g, PATH, "d");
  /* Asked for nothing, a directory can still be used; a file cannot be read. */
  EXPECT(CALL(&g, path_open, 3, 0, PATH, 1, WASI_OFLAG_DIRECTORY, 0, 0, 0, OUT), 0);
  uint32_t dir = get32(&g, OUT);
  EXPECT(CALL(&g, fd_fdstat_get, dir, OUT), 0);
  EXPECT(get64(&g, OUT + 8), WASI_RIGHTS_DIRECTORY);
  EXPECT(get64(&g, OUT + 16), WASI_RIGHTS_ALL);
  EXPECT(CALL(&g, fd_readdir, dir, BUFFER, 100, 0, OUT), 0);
  put(&g, PATH, "f");
  EXPECT(CALL(&g, path_open, dir, 0, PATH, 1, 0, 0, 0, 0, OUT), 0);
  fd = get32(&g, OUT);
  EXPECT(read_string(&g, fd, text, 4, &n), WASI_EBADF);
  EXPECT(write_string(&g, fd, "x", &n), WASI_EBADF);
  EXPECT(CALL(&g, fd_filestat_get, fd, OUT), 0);
  put(&g, PATH, "f");
  EXPECT(CALL(&g, path_open, dir, 0, PATH, 1, 0, WASI_RIGHT_FD_WRITE, 0, 0, OUT), 0);
  fd = get32(&g, OUT);
  EXPECT(CALL(&g, fd_fdstat_get, fd, OUT), 0);
  EXPECT(get64(&g, OUT + 8), WASI_RIGHTS_FILE & ~WASI_RIGHT_FD_READ);
  EXPECT(read_string(&g, fd, text, 4, &n), WASI_EBADF);
  EXPECT(write_string(&g, fd, "text", &n), 0);

  /* A directory that can open and list, and whose files can only be read. */
  const uint64_t list = WASI_RIGHT_PATH_OPEN | WASI_RIGHT_FD_READDIR;
  EXPECT(CALL(&g, fd_fdstat_set_rights, dir, list, WASI_RIGHT_FD_READ), 0);
  EXPECT(CALL(&g, fd_fdstat_get, dir, OUT), 0);
  EXPECT(get64(&g, OUT + 8), list);
  EXPECT(get64(&g, OUT + 16), WASI_RIGHT_FD_READ);
  EXPECT(stat_path(&g, dir, "f", false), WASI_ENOTCAPABLE);
  EXPECT(path_call(&g, "path_unlink_file", dir, "f"), WASI_ENOTCAPABLE);
  EXPECT(open_write(&g, dir, "f", 0, &fd), WASI_ENOTCAPABLE);
  put(&g, PATH, "g");
  EXPECT(CALL(&g, path_open, dir, 0, PATH, 1, WASI_OFLAG_CREAT, WASI_RIGHT_FD_READ, 0, 0, OUT), WASI_ENOTCAPABLE);
  EXPECT(open_read(&g, dir, "f", &fd), 0);
  EXPECT(CALL(&g, fd_fdstat_get, fd, OUT), 0);
  EXPECT(get64(&g, OUT + 8), WASI_RIGHT_FD_READ);
  EXPECT(read_string(&g, fd, text, 4, &n), 0);
  EXPECT(CALL(&g, fd_filestat_get, fd, OUT), WASI_ENOTCAPABLE);
  EXPECT(CALL(&g, fd_seek, fd, 0, 0, OUT), WASI_ENOTCAPABLE);
  EXPECT(CALL(&g, fd_fdstat_set_flags, fd, 0), WASI_ENOTCAPABLE);
  /* Rights only shrink, also through a directory opened beneath. */
  EXPECT(open_read(&g, dir, ".", &fd), 0);
  EXPECT(CALL(&g, fd_fdstat_get, fd, OUT), 0);
  EXPECT(get64(&g, OUT + 8), 0);
  EXPECT(get64(&g, OUT + 16), WASI_RIGHT_FD_READ);
  EXPECT(open_read(&g, fd, "f", &n), WASI_ENOTCAPABLE);
  EXPECT(CALL(&g, fd_fdstat_set_rights, dir, list | WASI_RIGHT_PATH_FILESTAT_GET, 0), WASI_ENOTCAPABLE);
  EXPECT(CALL(&g, fd_fdstat_set_rights, dir, list, WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE), WASI_ENOTCAPABLE);
  EXPECT(CALL(&g, fd_fdstat_set_rights, dir, WASI_RIGHT_FD_READDIR, 0), 0);
  EXPECT(open_read(&g, dir, "f", &fd), WASI_ENOTCAPABLE);
  guest_close(&g);
}
