/* run_limits.h - to what a run can be limited, by `aotc-exec` and by `aotc run` and `aotc compile`, which start it. */
#ifndef AOTC_RUN_LIMITS_H
#define AOTC_RUN_LIMITS_H

#include <stdint.h>

static const uint64_t kLeastRunTime = 1000, kMostRunTime = 365 * UINT64_C(86400000000000); /* nanoseconds */
static const uint64_t kLeastRunMemory = 64 << 10, kMostRunMemory = UINT64_C(1) << 40;

#endif
