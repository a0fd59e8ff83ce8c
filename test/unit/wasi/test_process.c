/* test_process.c - arguments, environment, clocks, random bytes, exit; pointers that are out of bounds. */
#include "harness.h"

#include <stdlib.h>

void test_process(enum aotc_wasi_resolver resolver) {
  struct guest g;
  const char* argv[] = {"prog", "", "two words"};
  const char* env[] = {"A=1", "LANG=C"};
  struct aotc_wasi_options options = {.argc = 3, .argv = argv, .env_count = 2, .env = env, .stdio = {-1, -1, -1}};
  guest_open_with(&g, resolver, &options, MEMORY);

  EXPECT(CALL(&g, args_sizes_get, OUT, OUT + 4), 0);
  EXPECT(get32(&g, OUT), 3);
  EXPECT(get32(&g, OUT + 4), 5 + 1 + 10);
  EXPECT(CALL(&g, args_get, OUT, BUFFER), 0);
  EXPECT(get32(&g, OUT), BUFFER);
  EXPECT(get32(&g, OUT + 8), BUFFER + 6);
  CHECK(memcmp(g.instance.memory + BUFFER, "prog\0\0two words", 16) == 0);
  EXPECT(CALL(&g, environ_sizes_get, OUT, OUT + 4), 0);
  EXPECT(get32(&g, OUT), 2);
  EXPECT(get32(&g, OUT + 4), 4 + 7);
  EXPECT(CALL(&g, environ_get, OUT, BUFFER), 0);
  CHECK(strcmp((char*)g.instance.memory + get32(&g, OUT + 4), "LANG=C") == 0);
  EXPECT(CALL(&g, args_get, MEMORY - 8, BUFFER), WASI_EFAULT);
  EXPECT(CALL(&g, args_get, OUT, MEMORY - 15), WASI_EFAULT);

  memset(g.instance.memory + BUFFER, 0, 3 << 20);
  EXPECT(CALL(&g, random_get, BUFFER, 3 << 20), 0);
  int zeros = 0;
  for (int i = 0; i < 3 << 20; i++) zeros += g.instance.memory[BUFFER + i] == 0;
  CHECK(zeros > 6000 && zeros < 24000); /* 12,288 expected */
  EXPECT(CALL(&g, random_get, BUFFER, 0), 0);
  EXPECT(CALL(&g, random_get, 1, MEMORY), WASI_EFAULT);
  g.instance.deadline = 1;
  EXPECT(CALL(&g, random_get, BUFFER, 3 << 20), TRAPPED);
  EXPECT(g.instance.trap, AOTC_TRAP_DEADLINE);
  g.instance.deadline = 0;

  EXPECT(call(&g, "sched_yield", 0, NULL), 0);
  EXPECT(CALL(&g, proc_exit, 42), EXITED);
  EXPECT(g.instance.exit_code, 42);
  EXPECT(CALL(&g, proc_raise, 6), EXITED); /* ABRT */
  EXPECT(g.instance.exit_code, 134);
  EXPECT(CALL(&g, proc_raise, 27), 0);            /* WINCH */
  EXPECT(CALL(&g, proc_raise, 18), WASI_ENOTSUP); /* STOP */
  EXPECT(CALL(&g, proc_raise, 31), WASI_EINVAL);

  CHECK(!resolve(g.wasi, "wasi_snapshot_preview1", "fd_read", "iiI:i"));
  CHECK(!resolve(g.wasi, "wasi_snapshot_preview1", "fd_rea", "iiii:i"));
  CHECK(!resolve(g.wasi, "wasi_snapshot_preview1", "", ""));
  CHECK(!resolve(g.wasi, "env", "fd_read", "iiii:i"));
#define RESOLVES(name, type) CHECK(resolve(g.wasi, "wasi_snapshot_preview1", #name, type) == aotc_wasi_##name);
  AOTC_WASI_FUNCTIONS(RESOLVES)
  guest_close(&g);
}

void test_clocks(enum aotc_wasi_resolver resolver) {
  struct guest g;
  guest_open(&g, resolver);
  for (uint32_t id = 0; id < 4; id++) {
    EXPECT(CALL(&g, clock_res_get, id, OUT), 0);
    CHECK(get64(&g, OUT) > 0 && get64(&g, OUT) <= 100000000);
    EXPECT(CALL(&g, clock_time_get, id, 1, OUT), 0);
    uint64_t first = get64(&g, OUT);
    EXPECT(CALL(&g, clock_time_get, id, 1, OUT), 0);
    CHECK(get64(&g, OUT) >= first);
  }
  EXPECT(CALL(&g, clock_time_get, 0, 1, OUT), 0);
  CHECK(get64(&g, OUT) > 1600000000ull * 1000000000ull);
  EXPECT(CALL(&g, clock_time_get, 4, 1, OUT), WASI_EINVAL);
  EXPECT(CALL(&g, clock_res_get, 0xffffffff, OUT), WASI_EINVAL);
  EXPECT(CALL(&g, clock_time_get, 1, 1, MEMORY - 7), WASI_EFAULT);
  EXPECT(CALL(&g, clock_time_get, 1, 1, MEMORY - 8), 0);
  guest_close(&g);
}

/* Every pointer of every function, just past the end: EFAULT and no effect. */
void test_bad_pointers(enum aotc_wasi_resolver resolver) {
  struct guest g;
  const char* argv[] = {"p"};
  struct aotc_wasi_options options = {.argc = 1, .argv = argv, .env_count = 1, .env = argv, .stdio = {-1, -1, -1}};
  guest_open_with(&g, resolver, &options, MEMORY);
  host_file(&g, "f", "text");
  host_link(&g, "f", "l");
  uint32_t fd;
  EXPECT(open_write(&g, 3, "f", 0, &fd), 0);
  put(&g, PATH, "f");
  put(&g, PATH2, "l");
  const uint32_t bad = MEMORY - 1, far = 0xffffffff;
  EXPECT(CALL(&g, args_sizes_get, bad, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, args_sizes_get, OUT, far), WASI_EFAULT);
  EXPECT(CALL(&g, environ_sizes_get, far, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, environ_get, far, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, clock_res_get, 0, far), WASI_EFAULT);
  EXPECT(CALL(&g, fd_fdstat_get, fd, MEMORY - 23), WASI_EFAULT);
  EXPECT(CALL(&g, fd_filestat_get, fd, MEMORY - 63), WASI_EFAULT);
  EXPECT(CALL(&g, fd_prestat_get, 3, MEMORY - 7), WASI_EFAULT);
  EXPECT(CALL(&g, fd_prestat_dir_name, 3, MEMORY, 1), WASI_EFAULT);
  EXPECT(CALL(&g, fd_seek, fd, 2, 0, MEMORY - 7), WASI_EFAULT);
  EXPECT(CALL(&g, fd_tell, fd, MEMORY - 7), WASI_EFAULT);
  EXPECT(CALL(&g, fd_tell, fd, OUT), 0);
  EXPECT(get64(&g, OUT), 0); /* the failed seek did nothing */
  EXPECT(CALL(&g, fd_readdir, 3, MEMORY - 10, 11, 0, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, fd_readdir, 3, BUFFER, 100, 0, MEMORY - 3), WASI_EFAULT);
  EXPECT(CALL(&g, fd_read, fd, MEMORY - 7, 1, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, fd_read, fd, IOV, 0x20000001, OUT), WASI_EINVAL); /* times 8 wraps around to 8 in 32 bits */
  EXPECT(CALL(&g, fd_read, fd, IOV, 1025, OUT), WASI_EINVAL);
  put_iovec(&g, 0, BUFFER, 2);
  put_iovec(&g, 1, MEMORY - 1, 2);
  EXPECT(CALL(&g, fd_read, fd, IOV, 2, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, fd_write, fd, IOV, 2, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, fd_pread, fd, IOV, 2, 0, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, fd_pwrite, fd, IOV, 2, 0, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, fd_read, fd, IOV, 1, MEMORY - 3), WASI_EFAULT);
  EXPECT(CALL(&g, fd_tell, fd, OUT), 0);
  EXPECT(get64(&g, OUT), 0);
  put_iovec(&g, 1, 8, 0xfffffff8); /* address + length wraps */
  EXPECT(CALL(&g, fd_read, fd, IOV, 2, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, path_open, 3, 0, far, 2, 0, 0, 0, 0, OUT), WASI_EFAULT);
  int before = open_descriptors();
  EXPECT(CALL(&g, path_open, 3, 0, PATH, 1, WASI_OFLAG_TRUNC, WASI_RIGHT_FD_WRITE, 0, 0, MEMORY - 3), WASI_EFAULT);
  EXPECT(open_descriptors(), before);
  EXPECT(CALL(&g, path_filestat_get, 3, 0, PATH, 1, MEMORY - 63), WASI_EFAULT);
  EXPECT(CALL(&g, path_filestat_get, 3, 0, MEMORY, 1, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, path_filestat_set_times, 3, 0, far, 1, 0, 0, 0), WASI_EFAULT);
  EXPECT(CALL(&g, path_readlink, 3, PATH2, 1, far, 2, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, path_readlink, 3, PATH2, 1, BUFFER, 2, far), WASI_EFAULT);
  EXPECT(CALL(&g, path_link, 3, 0, PATH, 1, 3, far, 1), WASI_EFAULT);
  EXPECT(CALL(&g, path_rename, 3, PATH, 1, 3, far, 1), WASI_EFAULT);
  EXPECT(CALL(&g, path_symlink, far, 1, 3, PATH, 1), WASI_EFAULT);
  EXPECT(CALL(&g, path_create_directory, 3, far, 1), WASI_EFAULT);
  EXPECT(CALL(&g, path_remove_directory, 3, far, 1), WASI_EFAULT);
  EXPECT(CALL(&g, path_unlink_file, 3, far, 1), WASI_EFAULT);
  EXPECT(CALL(&g, poll_oneoff, MEMORY - 47, BUFFER, 1, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, poll_oneoff, BUFFER, MEMORY - 31, 1, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, poll_oneoff, BUFFER, BUFFER, 1, MEMORY - 3), WASI_EFAULT);
  EXPECT(CALL(&g, poll_oneoff, BUFFER, BUFFER, 0, OUT), WASI_EINVAL);
  EXPECT(CALL(&g, poll_oneoff, BUFFER, BUFFER, 0xffffffff, OUT), WASI_EINVAL);
  CHECK(host_exists(&g, "f") && host_exists(&g, "l"));
  EXPECT(stat_path(&g, 3, "f", false), 0);
  EXPECT(get64(&g, OUT + 32), 4);
  guest_close(&g);
}

/* A memory of the full 4 GiB: addresses up to 0xffffffff are valid, one byte more is not. */
void test_top_of_memory(enum aotc_wasi_resolver resolver) {
  struct guest g;
  struct aotc_wasi_options options = {.stdio = {-1, -1, -1}};
  guest_open_with(&g, resolver, &options, 1ull << 32);
  host_file(&g, "f", "0123456789");
  uint32_t fd;
  EXPECT(open_read(&g, 3, "f", &fd), 0);
  put_iovec(&g, 0, 0xfffffff8, 8);
  EXPECT(CALL(&g, fd_read, fd, IOV, 1, OUT), 0);
  EXPECT(get32(&g, OUT), 8);
  CHECK(memcmp(g.instance.memory + 0xfffffff8, "01234567", 8) == 0);
  put_iovec(&g, 0, 0xfffffff8, 9);
  EXPECT(CALL(&g, fd_read, fd, IOV, 1, OUT), WASI_EFAULT);
  put32(&g, 0xfffffff8, BUFFER);
  put32(&g, 0xfffffffc, 1);
  EXPECT(CALL(&g, fd_read, fd, 0xfffffff8, 1, 0xfffffffc), 0);
  EXPECT(get32(&g, 0xfffffffc), 1);
  EXPECT(CALL(&g, fd_read, fd, 0xfffffff8, 2, OUT), WASI_EFAULT);
  EXPECT(CALL(&g, fd_read, fd, 0xfffffff8, 1, 0xfffffffd), WASI_EFAULT);
  EXPECT(CALL(&g, clock_time_get, 0, 0, 0xfffffff8), 0);
  EXPECT(CALL(&g, clock_time_get, 0, 0, 0xfffffff9), WASI_EFAULT);
  EXPECT(CALL(&g, random_get, 0xffffffff, 1), 0);
  EXPECT(CALL(&g, random_get, 0xffffffff, 2), WASI_EFAULT);
  /* 1,024 vectors over the same 4 GiB: their sum does not fit the result. */
  for (uint32_t i = 0; i < 1024; i++) put_iovec(&g, i, 0, 0xffffffff);
  EXPECT(CALL(&g, fd_read, fd, IOV, 1024, OUT), WASI_EINVAL);
  g.instance.memory[0xffffffff] = 'f';
  EXPECT(CALL(&g, path_filestat_get, 3, 0, 0xffffffff, 1, OUT), 0);
  EXPECT(CALL(&g, path_filestat_get, 3, 0, 0xffffffff, 2, OUT), WASI_EFAULT);
  guest_close(&g);
}
