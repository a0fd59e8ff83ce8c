// spin_at_start.c - native code that never returns from accepting a connection, with all signals blocked.
#include "native.h"

#include <asm/unistd.h>

static void attack(int phase, struct report* r) {
  uint64_t all[1] = {~0ull};
  CALL(__NR_rt_sigprocmask, 0, all, 0, 8);
  while (phase == PHASE_ACCEPT) __asm__ volatile("" : : "r"(r) : "memory");
}
