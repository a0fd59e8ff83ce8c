/* snapshot.h - freezing an instance that stands still, and going on from there.
 *
 * An instance stands still when it waits in an import (Go's programs, whose stacks are in linear memory), or when no
 * call runs: after _initialize, in any language. Freeze: hosts made for it, an instance, aotc_instance_enter until it
 * returns AOTC_FROZEN or, for a reactor, AOTC_OK; aotc_snapshot_write. Thaw: hosts that aotc_snapshot_matches, an
 * instance with `thaw`, aotc_instance_thaw.
 */
#ifndef AOTC_SNAPSHOT_H
#define AOTC_SNAPSHOT_H

#include "aotc/instance.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Gives the artifact the snapshot in `fd`, a file of its own that stays the caller's, instead of the one it may have.
 * Before anything is made of the artifact. */
enum aotc_status aotc_attach_snapshot(struct aotc_artifact* artifact, int fd, struct aotc_error* error);
/* Null when the artifact has none. */
const struct aotc_snapshot* aotc_artifact_snapshot(const struct aotc_artifact* artifact);
/* What a program drew before it is frozen: to be told of each draw, when the bytes are in memory, and of each look at
 * the wall clock (aotc_wasi_options). */
struct aotc_draws;
struct aotc_draws* aotc_draws_create(void); /* null when there is no memory; for the rest of the process's life */
void aotc_draws_note(struct aotc_draws* draws, struct aotc_instance* instance, uint32_t address, uint32_t size);
void aotc_draws_note_time(struct aotc_draws* draws, struct aotc_instance* instance, uint64_t time);
void aotc_draws_warmup(struct aotc_draws* draws); /* from now on they are for warm-up requests */
/* All so far, and those of a snapshot: `count` of them. */
const struct aotc_snapshot_draw* aotc_draws_list(const struct aotc_draws* draws, uint32_t* count);
const struct aotc_snapshot_draw* aotc_artifact_draws(const struct aotc_artifact* artifact, uint32_t* count);
/* "github.com/acme/id.init drew 8 bytes that all instances share", without anything unprintable. */
#define AOTC_DRAW_TEXT 256
const char* aotc_draw_text(const struct aotc_snapshot_draw* draw, char text[AOTC_DRAW_TEXT]);

/* Which snapshots are refused because clones would share what the program drew: those in which a warm-up request
 * drew it, as what became of that is not known; all. */
enum aotc_unique { AOTC_UNIQUE_WARMUP, AOTC_UNIQUE_STRICT, AOTC_UNIQUE_REPORT };

/* What the embedder knows about the run, for the report. */
struct aotc_freeze_run {
  uint64_t nanoseconds;        /* until it first waited for input */
  uint64_t warmup_nanoseconds; /* after that */
  uint32_t warmup_requests;
  uint32_t warmup_status;   /* of the last response */
  uint64_t warmup_bytes;    /* of all responses */
  bool rehearsed;           /* net/http has answered a request of ours, see tools/exec/freeze_program.h */
  struct aotc_draws* draws; /* or null */
  enum aotc_unique unique;
  bool called; /* the program is one that its host calls: nothing of it runs once its entry point has returned */
};
/* Writes the snapshot to `fd`, an empty file. AOTC_ERROR_ARGUMENT when the program cannot be frozen in this state; the
 * message says why, without a name. */
enum aotc_status aotc_snapshot_write(struct aotc_instance* instance, const struct aotc_freeze_run* run, int fd,
                                     struct aotc_error* error);
/* Whether a program started with these hosts would be as the snapshot is. */
bool aotc_snapshot_matches(const struct aotc_artifact* artifact, const struct aotc_hosts* hosts);
/* What a host wrote, or null. */
const void* aotc_snapshot_host_state(const struct aotc_snapshot* snapshot, const char* name, uint64_t* size);
/* The hosts' state as it was, new seeds for the random generators, and the program goes on; returns like
 * aotc_instance_call. Right after creation, instead of aotc_instance_enter. A reactor does not run: it can be called.
 */
enum aotc_status aotc_instance_thaw(struct aotc_instance* instance, struct aotc_error* error);

/* It looks at the wall clock, which shows `now` nanoseconds since 1970: what it is to be told. */
uint64_t aotc_instance_told_time(struct aotc_instance* instance, uint64_t now);

#ifdef __cplusplus
}
#endif
#endif
