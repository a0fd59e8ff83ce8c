/* freeze_program.h - `aotc-exec --freeze`: runs a program, confined, until it waits for input, and writes its snapshot.
 */
#ifndef AOTC_TOOLS_FREEZE_PROGRAM_H
#define AOTC_TOOLS_FREEZE_PROGRAM_H

#include "aotc/wasi.h"
#include "support/exit_codes.h"

struct freeze_options {
  const char* file;     /* the artifact */
  const char* name;     /* of the program, in messages */
  const char* out;      /* the snapshot, replaced */
  bool verify;          /* the artifact's checksums */
  uint64_t nanoseconds; /* 0 for no limit */
  uint64_t memory;      /* bytes, 0 for no limit */
  struct aotc_wasi_options* wasi;
  /* Before that, what every request to a server of Go's net/http does alike is done once: it answers "OPTIONS *"
   * itself, without a call of any handler. A program that does not answer like that, or prints something meanwhile, has
   * noticed. */
  bool rehearse;
  enum aotc_unique unique;
  size_t warmup_count;
  const char* const* warmup; /* files, each an HTTP request that is answered before the snapshot is made */
};

/* The rest of the process's life. Files are opened, then it is confined, then they are read: a byte of the artifact is
 * followed, mapped or run only in the rule set `freezer-loading` (tools/sandbox), the program runs in `freezer`.
 * Returns 0, or kExitNotFrozen after one line on stderr that says why, kExitNotRehearsed if only the rehearsal failed.
 */
int freeze_program(const struct freeze_options* options);

/* The rule sets as text, or one of them unless `process` is empty; null if there is none of that name. */
char* freeze_sandbox_text(const char* process);

#endif
