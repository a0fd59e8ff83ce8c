/* harness.h - a fake instance with its own linear memory, and the WASI functions called the way compiled code calls
 * them.
 *
 * A test is a function that takes the resolver to use; main.c lists them. Each creates a `struct guest` on a fresh
 * temporary directory that is preopened as fd 3, "/". CHECK counts failures and goes on.
 */
#ifndef AOTC_TEST_WASI_HARNESS_H
#define AOTC_TEST_WASI_HARNESS_H

#define _GNU_SOURCE

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "wasi/wasi_state.h"

extern int failures;

#define CHECK(condition)                                             \
  do {                                                               \
    if (!(condition)) {                                              \
      failures++;                                                    \
      printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
    }                                                                \
  } while (0)

/* Compares numbers and shows both. */
#define EXPECT(got, want)                                                                         \
  do {                                                                                            \
    long long got_ = (long long)(got), want_ = (long long)(want);                                 \
    if (got_ != want_) {                                                                          \
      failures++;                                                                                 \
      printf("%s:%d: %s is %lld, not %lld (%s)\n", __FILE__, __LINE__, #got, got_, want_, #want); \
    }                                                                                             \
  } while (0)

struct aotc_instance {
  uint8_t* memory;
  uint64_t size;
  uint64_t deadline; /* monotonic; 0: none */
  int trap;          /* -1: none */
  int exit_code;
  bool refuses; /* memory to hosts */
};

struct guest {
  struct aotc_instance instance;
  struct aotc_wasi* wasi;
  char root[64]; /* host path of fd 3 */
};

/* Results beyond an errno. */
enum { TRAPPED = 0x10000, EXITED = 0x20000, UNRESOLVED = 0x30000, FROZEN = 0x40000 };

/* Where tests put things in guest memory. */
enum { OUT = 0x1000, PATH = 0x2000, PATH2 = 0x5000, IOV = 0x8000, BUFFER = 0x10000, MEMORY = 0x400000 };

/* As an instance asks for an import. */
static inline aotc_host_function resolve(struct aotc_wasi* wasi, const char* module, const char* field,
                                         const char* type) {
  struct aotc_host* host = aotc_wasi_host(wasi);
  return host->interface->resolve(host, module, field, type);
}

void guest_open(struct guest* g, enum aotc_wasi_resolver resolver);
/* With other options; fd 3 is appended to its directories. */
void guest_open_with(struct guest* g, enum aotc_wasi_resolver resolver, struct aotc_wasi_options* options,
                     uint64_t memory);
void guest_close(struct guest* g);

/* Calls a function by name; the upper half of 32-bit arguments holds garbage, as it may. */
int call(struct guest* g, const char* name, int count, const uint64_t* args);
#define CALL(g, name, ...) call(g, #name, (int)(sizeof((uint64_t[]){__VA_ARGS__}) / 8), (const uint64_t[]){__VA_ARGS__})

uint32_t get32(struct guest* g, uint32_t address);
uint64_t get64(struct guest* g, uint32_t address);
void put32(struct guest* g, uint32_t address, uint32_t value);
void put64(struct guest* g, uint32_t address, uint64_t value);
/* Copies a string without its terminator and returns its length. */
uint32_t put(struct guest* g, uint32_t address, const char* text);
void put_iovec(struct guest* g, uint32_t index, uint32_t address, uint32_t length);
uint64_t now(void);
/* A sequence that is the same each time. */
uint64_t next(uint64_t* state);

/* path_open with all rights that make sense for reading, or reading and writing; returns an errno, fd in *fd. */
int open_read(struct guest* g, uint32_t dir, const char* path, uint32_t* fd);
int open_write(struct guest* g, uint32_t dir, const char* path, uint32_t oflags, uint32_t* fd);
int stat_path(struct guest* g, uint32_t dir, const char* path, bool follow);
int path_call(struct guest* g, const char* name, uint32_t dir, const char* path);
/* Through a host file descriptor and guest memory. */
int read_string(struct guest* g, uint32_t fd, char* out, uint32_t room, uint32_t* length);
int write_string(struct guest* g, uint32_t fd, const char* text, uint32_t* length);

/* Host side: relative to the guest's root. */
void host_file(struct guest* g, const char* path, const char* content);
void host_directory(struct guest* g, const char* path);
void host_link(struct guest* g, const char* target, const char* path);
bool host_exists(struct guest* g, const char* path);
const char* host_path(struct guest* g, const char* path);
int open_descriptors(void);

#define TESTS(T)          \
  T(edge)                 \
  T(process)              \
  T(clocks)               \
  T(bad_pointers)         \
  T(top_of_memory)        \
  T(files)                \
  T(file_flags)           \
  T(large_transfers)      \
  T(standard_streams)     \
  T(descriptor_table)     \
  T(readdir)              \
  T(rights)               \
  T(paths)                \
  T(path_spelling)        \
  T(escapes)              \
  T(escape_races)         \
  T(proc_is_closed)       \
  T(read_only)            \
  T(both_resolvers_agree) \
  T(poll_clocks)          \
  T(poll_descriptors)     \
  T(poll_hostile)         \
  T(deadlines)            \
  T(random_calls)         \
  T(sockets)              \
  T(socket_blocking)      \
  T(connection)           \
  T(tmp_as_on_host)       \
  T(tmp_limits)           \
  T(tmp_restore)          \
  T(tmp_kept)             \
  T(kept_file)            \
  T(kept_file_in_tmp)     \
  T(kept_file_rights)     \
  T(kept_times)           \
  T(kept_closed)          \
  T(kept_unreadable)      \
  T(kept_order)

#define DECLARE_TEST(name) void test_##name(enum aotc_wasi_resolver resolver);
TESTS(DECLARE_TEST)

#endif
