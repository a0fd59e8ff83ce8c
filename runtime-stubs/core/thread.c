/* thread.c - what each thread that runs instances needs: an alternate stack for signals, since the guest's may be the
 * one that overflowed, and a place where handlers find the running instance. Freed when the thread ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "state.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

/* Room for a handler of ours and for one it passes the signal on to, besides the registers the kernel saves. */
enum { kHandlerStack = 64 << 10 };

_Thread_local struct aotc_thread aotc_this_thread __attribute__((tls_model("initial-exec")));
static pthread_key_t g_key;
static atomic_uint_least64_t g_serial;

static void release(void* data) {
  struct aotc_thread* thread = data;
  if (thread->has_timer) syscall(SYS_timer_delete, thread->timer);
  if (thread->alternate_stack != NULL) {
    stack_t off = {.ss_flags = SS_DISABLE};
    sigaltstack(&off, NULL);
    munmap(thread->alternate_stack, thread->alternate_size);
  }
  memset(thread, 0, sizeof(*thread));
}

enum aotc_status aotc_thread_install(struct aotc_error* error) {
  if (pthread_key_create(&g_key, release) != 0)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "no thread-specific key left");
  return AOTC_OK;
}

enum aotc_status aotc_thread_prepare(struct aotc_error* error) {
  struct aotc_thread* thread = &aotc_this_thread;
  if (thread->prepared) return AOTC_OK;
  size_t wanted = kHandlerStack + getauxval(AT_MINSIGSTKSZ);
  stack_t present;
  bool enough = sigaltstack(NULL, &present) == 0 && !(present.ss_flags & SS_DISABLE) && present.ss_size >= wanted;
  if (!enough) {
    size_t page = (size_t)aotc_page_size(), size = (wanted + page - 1) / page * page + page;
    uint8_t* map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
      return aotc_fail(error, AOTC_ERROR_LIMIT, "cannot allocate a signal stack: %s", strerror(errno));
    thread->alternate_stack = map;
    thread->alternate_size = size;
    stack_t stack = {.ss_sp = map + page, .ss_size = size - page};
    if (mprotect(map, page, PROT_NONE) != 0 || sigaltstack(&stack, NULL) != 0) {
      munmap(map, size);
      thread->alternate_stack = NULL;
      return aotc_fail(error, AOTC_ERROR_LIMIT, "cannot install a signal stack: %s", strerror(errno));
    }
  }
  thread->serial = atomic_fetch_add(&g_serial, 1) + 1;
  pthread_setspecific(g_key, thread);
  thread->prepared = true;
  return AOTC_OK;
}
