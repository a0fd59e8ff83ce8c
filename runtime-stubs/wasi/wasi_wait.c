/* wasi_wait.c - a thread that waits for one of the host's descriptors, no longer than the instance's deadline.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "wasi_state.h"

int aotc_wasi_check_deadline(struct aotc_instance* instance) {
  if (aotc_instance_deadline_left(instance) != 0) return 0;
  aotc_instance_set_trap(instance, AOTC_TRAP_DEADLINE);
  return WASI_TRAPPED;
}

int aotc_wasi_wait(struct aotc_instance* instance, int host, short events) {
  for (;;) {
    uint64_t left = aotc_instance_deadline_left(instance);
    if (left == 0) return aotc_wasi_check_deadline(instance);
    struct timespec timeout = {.tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000)};
    struct pollfd p = {.fd = host, .events = events};
    int n = ppoll(&p, 1, left == UINT64_MAX ? NULL : &timeout, NULL);
    if (n > 0) return 0;
    if (n < 0 && errno != EINTR) return aotc_wasi_errno(errno);
  }
}
