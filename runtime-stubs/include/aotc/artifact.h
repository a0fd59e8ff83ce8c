/* artifact.h - statuses and errors of the runtime; loading artifacts. libc only.
 *
 * aotc_runtime_init once, then per artifact aotc_load; aotc_unload when no instance (instance.h) of it is left. An
 * artifact is immutable and may be shared by threads.
 *
 * Errors: functions return an aotc_status; details are in the struct aotc_error that the caller passes (never null).
 */
#ifndef AOTC_ARTIFACT_H
#define AOTC_ARTIFACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aotc/abi.h"
#include "aotc/artifact_format.h"

#ifdef __cplusplus
extern "C" {
#endif

enum aotc_status {
  AOTC_OK = 0,
  AOTC_ERROR_IO,       /* a system call failed */
  AOTC_ERROR_FORMAT,   /* not an artifact, truncated, corrupted, or of another version */
  AOTC_ERROR_CPU,      /* wrong architecture, or the CPU lacks a feature */
  AOTC_ERROR_LINK,     /* an import or export is missing or has another type */
  AOTC_ERROR_LIMIT,    /* a limit of the caller or the system */
  AOTC_ERROR_ARGUMENT, /* the caller's mistake */
  AOTC_ERROR_DIFFERS,  /* an instance is not as its image: a reset has failed unnoticed */
  AOTC_TRAPPED,        /* the guest trapped: see struct aotc_trap_info */
  AOTC_EXITED,         /* the guest called proc_exit: see aotc_instance_exit_code */
  AOTC_FROZEN          /* the guest waits for input and can be frozen here: see snapshot.h */
};

struct aotc_error {
  enum aotc_status status;
  char message[512]; /* lower case, no full stop, names what is wrong */
};

struct aotc_artifact;

/* Installs signal handlers and probes the CPU. Idempotent. */
enum aotc_status aotc_runtime_init(struct aotc_error* error);

/* Maps the artifact in `path` (or in `fd`, which stays the caller's). Time does not depend on its size. */
enum aotc_status aotc_load(const char* path, struct aotc_artifact** artifact, struct aotc_error* error);
enum aotc_status aotc_load_fd(int fd, const char* name, struct aotc_artifact** artifact, struct aotc_error* error);
void aotc_unload(struct aotc_artifact* artifact);
const struct aotc_header* aotc_artifact_header(const struct aotc_artifact* artifact);
/* Reads every byte and compares the section checksums. */
enum aotc_status aotc_artifact_verify(const struct aotc_artifact* artifact, struct aotc_error* error);
/* Name of the function that holds `code_offset`, "?" when unknown. */
const char* aotc_artifact_symbol(const struct aotc_artifact* artifact, uint32_t code_offset);
bool aotc_artifact_has_symbol(const struct aotc_artifact* artifact, const char* name);
/* Its wasm function index (imports included), AOTC_NONE when the code belongs to no function. */
uint32_t aotc_artifact_function_index(const struct aotc_artifact* artifact, uint32_t code_offset);
/* Null when there is no export of that name and kind. */
const struct aotc_export* aotc_artifact_export(const struct aotc_artifact* artifact, const char* name,
                                               enum aotc_export_kind kind);

/* Makes every loaded artifact known to gdb (JIT interface), and lets perf unwind: memory images are then read, not
 * mapped. Costs time in proportion to the symbol table and the image; off unless called before aotc_load. */
void aotc_debugger_enable(void);

#ifdef __cplusplus
}
#endif
#endif
