/* confine.h - takes from the process that freezes a program what running it does not need.
 *
 * The program is somebody else's, and runs where it was compiled. Its WASI host gives it nothing but memory, clocks,
 * random bytes and read-only directories; this is the wall behind, for when that one is broken. What is left afterwards,
 * all of it tested by test/freeze/confinement.test:
 *   descriptors   the ones that are open; none can be made but of files beneath `directories`, for reading
 *   memory        up to `memory`; none that is executable besides what was loaded before
 *   processes     none, no threads, and signals to itself only
 *   time          `cpu_seconds` of the processor's; the parent sees to the rest (freeze.h)
 */
#ifndef AOTC_TOOLS_CONFINE_H
#define AOTC_TOOLS_CONFINE_H

#include <stddef.h>
#include <stdint.h>

struct aotc_confinement {
  uint64_t memory;      /* bytes that can be written, and of each file; 0 for no limit */
  uint64_t cpu_seconds; /* 0 for no limit */
  size_t directory_count;
  const char* const* directories; /* paths */
};

/* For good. Call it while there is one thread. Returns null, or what failed, with errno. */
const char* aotc_confine(const struct aotc_confinement* confinement);

#endif
