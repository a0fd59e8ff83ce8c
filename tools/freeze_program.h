/* freeze_program.h - `aotc-exec --freeze`: runs a program, confined, until it waits for input, and writes its snapshot. */
#ifndef AOTC_TOOLS_FREEZE_PROGRAM_H
#define AOTC_TOOLS_FREEZE_PROGRAM_H

#include "aotc/runtime.h"

enum { kExitNotFrozen = 3, kExitNotRehearsed = 4 };

struct freeze_limits {
  const char* name;     /* of the program, in messages */
  uint64_t nanoseconds; /* 0 for no limit */
  uint64_t memory;      /* bytes, 0 for no limit */
  /* Before that, what every request to a server of Go's net/http does alike is done once: it answers "OPTIONS *" itself,
   * without a call of any handler. A program that does not answer like that, or prints something meanwhile, has noticed. */
  bool rehearse;
  size_t warmup_count;
  const char* const* warmup; /* files, each an HTTP request that is answered before the snapshot is made */
};

/* The rest of the process's life: it is confined to what `options` and the file `out` grant. Returns 0, or kExitNotFrozen
 * after one line on stderr that says why, kExitNotRehearsed if only the rehearsal failed. */
int freeze_program(struct aotc_artifact* artifact, struct aotc_wasi_options* options,
                   const struct freeze_limits* limits, const char* out);

#endif
