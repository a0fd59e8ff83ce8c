/* harness.c - see harness.h. */
#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int failures;

uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return aotc_wasi_nanoseconds(t);
}

uint64_t next(uint64_t* state) {
  *state += 0x9e3779b97f4a7c15ull;
  uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/* --- the runtime's side ------------------------------------------------------------------------------------------- */

void* aotc_instance_memory_at(const struct aotc_instance* instance, uint32_t address, uint64_t size) {
  if (address > instance->size || size > instance->size - address) return NULL;
  return instance->memory + address;
}

/* No secrets in these tests. */
uint64_t aotc_secrets_room(const struct aotc_wasi* wasi) { abort(); }
bool aotc_secrets_place(struct aotc_instance* instance, struct aotc_wasi* wasi, uint32_t pointers, uint32_t text) {
  abort();
}
void aotc_secrets_on_clock(struct aotc_instance* instance, struct aotc_wasi* wasi) { abort(); }
const char* aotc_secrets_show(struct aotc_instance* instance, struct aotc_wasi* wasi) { return NULL; }
const char* aotc_wasi_secret_read(const struct aotc_wasi* wasi) { return NULL; }
enum aotc_status aotc_secrets_fill(struct aotc_instance* instance, const struct aotc_wasi* wasi,
                                   const struct aotc_wasi_saved* saved, struct aotc_error* error) {
  abort();
}
uint64_t aotc_instance_deadline_left(const struct aotc_instance* instance) {
  uint64_t t = now();
  if (instance->deadline == 0) return UINT64_MAX;
  return instance->deadline > t ? instance->deadline - t : 0;
}

uint64_t aotc_instance_told_time(struct aotc_instance* instance, uint64_t now) { return now; }
bool aotc_instance_may_grow(struct aotc_instance* instance, uint64_t bytes) { return !instance->refuses; }

void aotc_instance_set_trap(struct aotc_instance* instance, enum aotc_trap trap) { instance->trap = (int)trap; }
void aotc_instance_set_exit_code(struct aotc_instance* instance, int code) { instance->exit_code = code; }

/* --- a guest ------------------------------------------------------------------------------------------------------ */

void guest_open_with(struct guest* g, enum aotc_wasi_resolver resolver, struct aotc_wasi_options* options,
                     uint64_t memory) {
  struct aotc_wasi_dir dirs[8];
  struct aotc_error error;
  memset(g, 0, sizeof *g);
  strcpy(g->root, "/tmp/aotc-wasi-test-XXXXXX");
  if (!mkdtemp(g->root)) abort();
  for (size_t i = 0; i < options->dir_count; i++) dirs[i] = options->dirs[i];
  dirs[options->dir_count] = (struct aotc_wasi_dir){.host_path = g->root, .guest_path = "/", .read_only = false};
  struct aotc_wasi_options all = *options;
  all.dirs = dirs;
  all.dir_count++;
  if (aotc_wasi_create(&all, &g->wasi, &error) != AOTC_OK) {
    printf("aotc_wasi_create: %s\n", error.message);
    abort();
  }
  g->wasi->resolver = resolver;
  g->instance.size = memory;
  g->instance.trap = -1;
  /* A page more than the guest has, to catch writes past its end. */
  g->instance.memory =
      mmap(NULL, memory + 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (g->instance.memory == MAP_FAILED || mprotect(g->instance.memory + memory, 65536, PROT_NONE) != 0) abort();
}

void guest_open(struct guest* g, enum aotc_wasi_resolver resolver) {
  struct aotc_wasi_options options = {.stdio = {-1, -1, -1}};
  guest_open_with(g, resolver, &options, MEMORY);
}

static int remove_one(const char* path, const struct stat* st, int flag, struct FTW* ftw) {
  (void)st, (void)flag, (void)ftw;
  return remove(path);
}

void guest_close(struct guest* g) {
  aotc_wasi_destroy(g->wasi);
  munmap(g->instance.memory, g->instance.size + 65536);
  nftw(g->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const struct {
  const char* name;
  const char* type;
} kTypes[] = {
#define TYPE_ENTRY(name, type) {#name, type},
    AOTC_WASI_FUNCTIONS(TYPE_ENTRY)};

int call(struct guest* g, const char* name, int count, const uint64_t* args) {
  uint64_t slots[2 * 16];
  const char* type = NULL;
  for (size_t i = 0; i < sizeof kTypes / sizeof kTypes[0]; i++)
    if (strcmp(kTypes[i].name, name) == 0) type = kTypes[i].type;
  if (!type || (int)(strchr(type, ':') - type) != count) return UNRESOLVED;
  aotc_host_function f = resolve(g->wasi, "wasi_snapshot_preview1", name, type);
  if (!f) return UNRESOLVED;
  memset(slots, 0xa5, sizeof slots);
  for (int i = 0; i < count; i++) slots[2 * i] = type[i] == 'I' ? args[i] : (uint32_t)args[i] | 0xdeadbeef00000000ull;
  switch (f(&g->instance, g->wasi, slots)) {
    case AOTC_OK:
      return (int)slots[0];
    case AOTC_TRAPPED:
      return TRAPPED;
    case AOTC_EXITED:
      return EXITED;
    case AOTC_FROZEN:
      return FROZEN;
    default:
      return UNRESOLVED;
  }
}

uint32_t get32(struct guest* g, uint32_t address) { return aotc_wasi_load32(g->instance.memory + address); }
uint64_t get64(struct guest* g, uint32_t address) { return aotc_wasi_load64(g->instance.memory + address); }
void put32(struct guest* g, uint32_t address, uint32_t value) {
  aotc_wasi_store32(g->instance.memory + address, value);
}
void put64(struct guest* g, uint32_t address, uint64_t value) {
  aotc_wasi_store64(g->instance.memory + address, value);
}

uint32_t put(struct guest* g, uint32_t address, const char* text) {
  memcpy(g->instance.memory + address, text, strlen(text));
  return (uint32_t)strlen(text);
}

void put_iovec(struct guest* g, uint32_t index, uint32_t address, uint32_t length) {
  put32(g, IOV + 8 * index, address);
  put32(g, IOV + 8 * index + 4, length);
}

/* What Go asks for, see syscall/fs_wasip1.go. */
static const uint64_t kFileRights = (1ull << 28) - 1;
static const uint64_t kWriteRights =
    WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_PATH_FILESTAT_SET_SIZE;

int open_read(struct guest* g, uint32_t dir, const char* path, uint32_t* fd) {
  uint32_t n = put(g, PATH, path);
  int error =
      CALL(g, path_open, dir, WASI_LOOKUP_SYMLINK_FOLLOW, PATH, n, 0, kFileRights & ~kWriteRights, kFileRights, 0, OUT);
  *fd = get32(g, OUT);
  return error;
}

int open_write(struct guest* g, uint32_t dir, const char* path, uint32_t oflags, uint32_t* fd) {
  uint32_t n = put(g, PATH, path);
  int error = CALL(g, path_open, dir, WASI_LOOKUP_SYMLINK_FOLLOW, PATH, n, oflags, kFileRights, kFileRights, 0, OUT);
  *fd = get32(g, OUT);
  return error;
}

int stat_path(struct guest* g, uint32_t dir, const char* path, bool follow) {
  uint32_t n = put(g, PATH, path);
  return CALL(g, path_filestat_get, dir, follow, PATH, n, OUT);
}

int path_call(struct guest* g, const char* name, uint32_t dir, const char* path) {
  uint32_t n = put(g, PATH, path);
  return call(g, name, 3, (uint64_t[]){dir, PATH, n});
}

int read_string(struct guest* g, uint32_t fd, char* out, uint32_t room, uint32_t* length) {
  put_iovec(g, 0, BUFFER, room);
  int error = CALL(g, fd_read, fd, IOV, 1, OUT);
  *length = error == 0 ? get32(g, OUT) : 0;
  memcpy(out, g->instance.memory + BUFFER, *length);
  out[*length] = 0;
  return error;
}

int write_string(struct guest* g, uint32_t fd, const char* text, uint32_t* length) {
  put_iovec(g, 0, BUFFER, put(g, BUFFER, text));
  int error = CALL(g, fd_write, fd, IOV, 1, OUT);
  *length = error == 0 ? get32(g, OUT) : 0;
  return error;
}

/* --- the host's side ---------------------------------------------------------------------------------------------- */

const char* host_path(struct guest* g, const char* path) {
  static char full[2][8192];
  static int turn;
  turn = !turn;
  snprintf(full[turn], sizeof full[turn], "%s/%s", g->root, path);
  return full[turn];
}

void host_file(struct guest* g, const char* path, const char* content) {
  FILE* f = fopen(host_path(g, path), "w");
  if (!f || fputs(content, f) < 0 || fclose(f) != 0) abort();
}

void host_directory(struct guest* g, const char* path) {
  if (mkdir(host_path(g, path), 0777) != 0) abort();
}

void host_link(struct guest* g, const char* target, const char* path) {
  if (symlink(target, host_path(g, path)) != 0) abort();
}

bool host_exists(struct guest* g, const char* path) {
  struct stat st;
  return lstat(host_path(g, path), &st) == 0;
}

int open_descriptors(void) {
  int n = 0;
  for (int fd = 0; fd < 1024; fd++) n += fcntl(fd, F_GETFD) >= 0;
  return n;
}
