/* options.h - what aotc-exec was asked to do. */
#ifndef AOTC_EXEC_OPTIONS_H
#define AOTC_EXEC_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aotc/wasi.h"
#include "support/exit_codes.h"
#include "support/named_files.h"

enum { kMaxOption = 64, kMaxEnv = 4096 };

struct options {
  const char* file;
  const char* name;
  size_t dir_count, env_count, listener_count;
  struct aotc_wasi_dir dirs[kMaxOption];
  const char* env[kMaxEnv];
  const char* secrets[kMaxOption]; /* NAME=VALUE */
  size_t secret_count;
  int listeners[kMaxOption];
  int outbound; /* a channel to a broker, or -1 */
  struct aotc_named_files config, secret_files;
  uint64_t timeout; /* nanoseconds, 0 for none */
  uint64_t max_memory;
  uint64_t tmp_size; /* AOTC_WASI_TMP_SIZE unless it was given */
  bool tmp_given;
  const char* invoke;
  char** invoke_args;
  int invoke_count;
  char** args; /* of the program, without its name */
  int arg_count;
  bool verify, gdb, cold;
  const char* freeze;
  const char* warmup[kMaxOption];
  size_t warmup_count;
  size_t freeze_listeners;
  bool rehearse, clock_continues;
  enum aotc_unique unique;
};

/* Says what is wrong and ends the program. */
_Noreturn void usage_error(const char* what, const char* value);
/* Ends the program when it is asked for --help and the like, or for what makes no sense. `argv` is changed. */
void parse_options(int argc, char** argv, struct options* options);
/* The exit code of a run that went well. */
int finish(void);

#endif
