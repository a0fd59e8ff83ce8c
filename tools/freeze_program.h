/* freeze_program.h - `aotc-exec --freeze`: runs a program, confined, until it waits for input, and writes its snapshot. */
#ifndef AOTC_TOOLS_FREEZE_PROGRAM_H
#define AOTC_TOOLS_FREEZE_PROGRAM_H

#include "aotc/runtime.h"

enum { kExitNotFrozen = 3 };

struct freeze_limits {
  const char* name;     /* of the program, in messages */
  uint64_t nanoseconds; /* 0 for no limit */
  uint64_t memory;      /* bytes, 0 for no limit */
  size_t warmup_count;
  const char* const* warmup; /* files, each an HTTP request that is answered before the snapshot is made */
};

/* The rest of the process's life: it is confined to what `options` and the file `out` grant. Returns 0, or kExitNotFrozen
 * after one line on stderr that says why. */
int freeze_program(struct aotc_artifact* artifact, struct aotc_wasi_options* options,
                   const struct freeze_limits* limits, const char* out);

#endif
