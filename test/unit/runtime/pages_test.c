/* pages_test.c - pages that come, change or go without a fault of the thread that runs the instance: whatever is done
 * to them between requests or in the middle of one, the reset that follows gives back the image exactly. What a machine
 * does not let a test do is left out, and said. What needs the system's settings is in test/node/pages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "core/state.h"
#include "make_artifact.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* What a request grows memory by: a huge page fits in, wherever memory begins. */
enum { kHugePage = 2 << 20, kGrowth = 80, kRounds = 8 };

static struct aotc_artifact* g_artifact;

static enum aotc_status host(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance, (void)data, (void)slots;
  return AOTC_OK;
}
static aotc_host_function resolve(struct aotc_host* self, const char* module, const char* field, const char* type) {
  (void)self, (void)module, (void)field, (void)type;
  return host;
}
static const struct aotc_host_interface kInterface = {.name = "test", .resolve = resolve};
static struct aotc_host g_host = {&kInterface};

static void call(struct aotc_instance* instance, const char* name, uint32_t a, uint32_t b) {
  struct aotc_value in[5] = {{{a, 0}}, {{b, 0}}}, out[3];
  struct aotc_error error;
  const struct aotc_export* function = aotc_artifact_export(g_artifact, name, AOTC_EXPORT_FUNCTION);
  CHECK(aotc_instance_call(instance, function, in, out, &error) == AOTC_OK);
}
static void grow(struct aotc_instance* instance) { call(instance, "helper", AOTC_HELPER_MEMORY_GROW, kGrowth); }
static void store(struct aotc_instance* instance, uint64_t address) {
  call(instance, "store", (uint32_t)address, 0xdeadbeef);
}

static void reset(struct aotc_instance* instance) {
  struct aotc_error error;
  CHECK(aotc_instance_reset(instance, &error) == AOTC_OK);
}
static bool same(struct aotc_instance* instance) {
  struct aotc_error error;
  if (aotc_instance_compare(instance, &error) == AOTC_OK) return true;
  fprintf(stderr, "%s\n", error.message);
  return false;
}

/* The first huge page's place in the memory beyond the image. */
static uint64_t huge_place(struct aotc_instance* instance) {
  uintptr_t memory = (uintptr_t)aotc_instance_memory(instance), begin = memory + kMemoryPages * 65536ull;
  return ((begin + kHugePage - 1) & ~(uintptr_t)(kHugePage - 1)) - memory;
}

/* Ways to interfere. They return whether the machine let them. */

static bool collapse(struct aotc_instance* instance) {
  uint8_t* memory = aotc_instance_memory(instance);
  /* With the reset that this protects from, this succeeds. */
  bool done = madvise(memory + huge_place(instance), kHugePage, MADV_COLLAPSE) == 0;
  return done || errno == EINVAL;
}

static bool collapse_from_outside(struct aotc_instance* instance) {
  struct iovec range = {aotc_instance_memory(instance) + huge_place(instance), kHugePage};
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) {
    int fd = (int)syscall(SYS_pidfd_open, parent, 0);
    long done = fd < 0 ? -1 : syscall(SYS_process_madvise, fd, &range, 1, MADV_COLLAPSE, 0);
    _exit(done < 0 && errno != EINVAL);
  }
  int status = 1;
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* The image's file: in the instance, and where the runtime has it. */
static bool collapse_image(struct aotc_instance* instance) {
  const struct aotc_image* image = instance->image;
  madvise(aotc_instance_memory(instance), image->size, MADV_COLLAPSE);
  madvise((void*)(uintptr_t)image->bytes, image->size, MADV_COLLAPSE);
  return true;
}

/* Without swap it takes only what is a file's. */
static bool page_out(struct aotc_instance* instance) {
  uint64_t size = kMemoryPages * 65536ull;
  return madvise(aotc_instance_memory(instance), size, MADV_PAGEOUT) == 0;
}

static bool populate(struct aotc_instance* instance) {
  return madvise(aotc_instance_memory(instance), kMemoryPages * 65536ull, MADV_POPULATE_WRITE) == 0;
}

/* The kernel takes hold of the page, of this process and of itself. */
static bool write_by_number(struct aotc_instance* instance) {
  uint8_t* at = aotc_instance_memory(instance) + 0x8000;
  struct iovec from = {"secret", 6}, to = {at, 6};
  return process_vm_writev(getpid(), &from, 1, &to, 1, 0) == 6;
}

static bool write_to_mem_file(struct aotc_instance* instance) {
  int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  bool good = fd >= 0 && pwrite(fd, "secret", 6, (off_t)(uintptr_t)(aotc_instance_memory(instance) + 0x9000)) == 6;
  if (fd >= 0) close(fd);
  return good;
}

static bool read_around_the_cache(struct aotc_instance* instance) {
  char name[] = "/var/tmp/pages_test.XXXXXX";
  int fd = mkostemp(name, O_DIRECT | O_CLOEXEC);
  if (fd < 0) return false;
  static _Alignas(4096) char text[4096] = "secret";
  bool good = pwrite(fd, text, sizeof(text), 0) == sizeof(text) &&
              pread(fd, aotc_instance_memory(instance) + 0xa000, sizeof(text), 0) == sizeof(text);
  close(fd);
  unlink(name);
  return good;
}

static bool merge_equal(struct aotc_instance* instance) {
  return madvise(aotc_instance_memory(instance), kMemoryPages * 65536ull, MADV_MERGEABLE) == 0;
}

static void* store_there(void* instance) {
  store(instance, 0xb000);
  return NULL;
}
static bool run_on_another_thread(struct aotc_instance* instance) {
  pthread_t thread;
  return pthread_create(&thread, NULL, store_there, instance) == 0 && pthread_join(thread, NULL) == 0;
}

static const struct {
  const char* name;
  bool (*act)(struct aotc_instance* instance);
} kWays[] = {{"collapse", collapse},
             {"collapse by another process", collapse_from_outside},
             {"collapse of the image", collapse_image},
             {"page out", page_out},
             {"populate", populate},
             {"process_vm_writev", write_by_number},
             {"/proc/self/mem", write_to_mem_file},
             {"O_DIRECT", read_around_the_cache},
             {"KSM", merge_equal},
             {"another thread", run_on_another_thread}};
enum { kWayCount = sizeof(kWays) / sizeof(kWays[0]) };

/* Requests that touch the same pages until none of them faults; in one more something happens, and then it writes where
 * none has written before. */
static void test_way(struct aotc_instance* instance, int way) {
  uint64_t place = huge_place(instance);
  for (uint64_t round = 1; round <= kRounds; ++round) {
    int searches = 0;
    for (int i = 0; i < 4; ++i) {
      grow(instance);
      store(instance, place);
      store(instance, 0x10000);
      reset(instance);
      searches += aotc_instance_reset_counts(instance).scanned;
    }
    CHECK(searches < 4 || aotc_image_reset_mode(instance->image) > AOTC_RESET_PAGEMAP);
    grow(instance);
    store(instance, place);
    bool done = kWays[way].act(instance);
    if (!done && round == 1) printf("%s: not here: %s\n", kWays[way].name, strerror(errno));
    uint64_t fresh = (uint64_t)way * kRounds + round, beyond = place + fresh * 0x3000;
    store(instance, beyond);
    if (round % 2 == 0) store(instance, 0x20000 + fresh % 31 * 0x1000); /* which faults */
    reset(instance);
    bool good = same(instance);
    /* As the next request would see it. */
    grow(instance);
    if (aotc_instance_memory(instance)[beyond] != 0 || !good) {
      ++g_failures;
      fprintf(stderr, "after %s\n", kWays[way].name);
      return;
    }
    reset(instance);
  }
}

static void test_ways(const struct aotc_image* image) {
  struct aotc_instance_options options = {.hosts = aotc_one_host(&g_host), .image = image};
  struct aotc_instance* instance;
  struct aotc_error error;
  if (aotc_instance_create(g_artifact, &options, &instance, &error) != AOTC_OK) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  for (int way = 0; way < kWayCount; ++way) test_way(instance, way);
  aotc_instance_destroy(instance);
}

/* A counter of faults that stands still is found out, and nothing relies on it. */
static void test_wrong_counter(void) {
  pid_t pid = fork();
  if (pid == 0) {
    struct sock_filter rules[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                                  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrusage, 0, 1),
                                  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
                                  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog filter = {4, rules};
    if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
      printf("a counter that stands still: not here: %s\n", strerror(errno));
      exit(0);
    }
    struct aotc_image* image;
    struct aotc_error error;
    CHECK(aotc_image_create(g_artifact, false, AOTC_RESET_SCAN, &image, &error) == AOTC_ERROR_ARGUMENT);
    CHECK(aotc_image_create(g_artifact, false, AOTC_RESET_PAGEMAP, &image, &error) == AOTC_ERROR_ARGUMENT);
    CHECK(aotc_image_create(g_artifact, false, AOTC_RESET_BEST, &image, &error) == AOTC_OK &&
          aotc_image_reset_mode(image) >= AOTC_RESET_MADVISE);
    exit(g_failures != 0);
  }
  int status = 1;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void) {
  struct aotc_error error;
  struct image file = make_artifact();
  int fd = image_file(&file);
  if (aotc_runtime_init(&error) != AOTC_OK || aotc_load_fd(fd, "guest.aotc", &g_artifact, &error) != AOTC_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  close(fd);
  test_wrong_counter();
  for (int mode = AOTC_RESET_SCAN; mode <= AOTC_RESET_REMAP; ++mode) {
    struct aotc_image* image;
    if (aotc_image_create(g_artifact, false, (enum aotc_reset_mode)mode, &image, &error) != AOTC_OK) continue;
    test_ways(image);
    aotc_image_destroy(image);
  }
  aotc_unload(g_artifact);
  free(file.bytes);
  return g_failures != 0;
}
