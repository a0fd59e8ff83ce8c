/* random_draws.c - the random bytes that a Go program drew before it was frozen: who asked for them, and what has not
 * been used yet.
 *
 * What a program has made of random bytes, all instances share: right for a key, wrong for an identifier, and nobody
 * but its author knows. So it is said who drew them (struct aotc_snapshot_draw): the innermost function outside Go's
 * library.
 *
 * What it has not used is not to be shared, and need not be, where it is known beyond doubt:
 *
 *   - a bufio.Reader over crypto/rand.Reader, as echo keeps them (go_reader.c): its unread bytes are dropped, the next
 *     read draws others;
 *   - the 256 bytes of google/uuid's EnableRandPool: the rest of them is drawn anew in each instance
 *     (aotc_random_range). Those before have become identifiers, and are not looked at again.
 *
 * So it is with what packages known by name have made of it (id_generators.c).
 *
 * It is found by who draws (go_stack.c): the reader is an argument on the stack, the pool is what is to be filled. And
 * it is believed at the freeze only if all of it is still there: the reader with the same buffer and source, and in
 * memory just the bytes that we gave. Anything else is left alone. Source: bufio/bufio.go of Go 1.21 to 1.27, uuid.go
 * of google/uuid 1.3 to 1.6.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/state.h"

enum {
  kMaxFrames = 64,
  kMaxHeld = 32,
  kMaxHeldSize = 64 << 10,
  kUuid = 16,
  kUuidPool = 16 * kUuid,
  kMaxLooks = 10000 /* at the clock, of which it is found out who looked */
};

enum kind { kNothing, kReader, kPool };

/* Bytes that may lie there unused. */
struct held {
  enum kind kind;
  uint64_t object; /* address of the reader, or of the pool */
  struct aotc_go_reader reader;
  uint32_t address, size; /* the last draw */
  uint8_t* bytes;
  uint32_t draw;         /* whose */
  uint64_t warmup_bytes; /* of all draws for this object */
};

struct aotc_draws {
  bool searched, found;
  struct aotc_go_table table;
  struct aotc_snapshot_draw list[AOTC_MAX_DRAWS];
  uint64_t warmup_bytes[AOTC_MAX_DRAWS]; /* by each, without those whose place is known */
  uint32_t count;
  bool warmup;
  struct held held[kMaxHeld];
  uint32_t held_count;
  struct aotc_id_states ids;
  uint32_t looks; /* at the clock */
};

struct aotc_draws* aotc_draws_create(void) { return calloc(1, sizeof(struct aotc_draws)); }

void aotc_draws_warmup(struct aotc_draws* draws) { draws->warmup = true; }

/* Whether a function is of Go's library: its path begins with the name of one of the library's folders, which has no
 * dot as a domain's name has. */
static bool is_library(const char* function) {
  static const char kFolders[] =
      " archive bufio bytes cmp compress container context crypto database debug embed encoding errors expvar flag fmt "
      "go hash "
      "html image index internal io iter log maps math mime net os path plugin reflect regexp runtime slices sort "
      "strconv "
      "strings structs sync syscall testing text time type unicode unique unsafe vendor weak ";
  char word[16] = " ";
  size_t length = strcspn(function, "/.:"), path = strcspn(function, "/[(");
  if (length > sizeof(word) - 3 || (function[length] == '.' && function[path] == '/')) return false;
  memcpy(word + 1, function, length);
  strcpy(word + 1 + length, " ");
  return strstr(kFolders, word) != NULL;
}

/* What the bytes are kept in, as far as the caller of crypto/rand tells. */
static struct held recognise(const struct aotc_instance* instance, const char* below, const struct aotc_go_frame* frame,
                             uint32_t address, uint32_t size) {
  struct held held = {.kind = kNothing, .object = address, .address = address, .size = size};
  if (strcmp(frame->function, "github.com/google/uuid.newRandomFromPool") == 0 && size == kUuidPool) held.kind = kPool;
  bool crypto = strcmp(below, "crypto/rand.(*reader).Read") == 0 ||
                strcmp(below, "crypto/internal/rand.(*reader).Read") == 0; /* since Go 1.27 */
  if (!crypto || strncmp(frame->function, "bufio.(*Reader).", 16) != 0) return held;
  const void* argument =
      frame->arguments > UINT32_MAX ? NULL : aotc_instance_memory_at(instance, (uint32_t)frame->arguments, 8);
  if (argument == NULL) return held;
  memcpy(&held.object, argument, sizeof(held.object));
  if (aotc_go_reader_load(instance, held.object, &held.reader) && address >= held.reader.buffer &&
      (uint64_t)address + size <= held.reader.buffer + held.reader.length)
    held.kind = kReader;
  return held;
}

static void hold(struct aotc_draws* draws, const struct aotc_instance* instance, struct held held) {
  const void* bytes = aotc_instance_memory_at(instance, held.address, held.size);
  uint32_t i = 0;
  while (i < draws->held_count && (draws->held[i].kind != held.kind || draws->held[i].object != held.object)) ++i;
  if (i == kMaxHeld || bytes == NULL || held.size > kMaxHeldSize) return;
  held.bytes = malloc(held.size);
  if (held.bytes == NULL) return;
  memcpy(held.bytes, bytes, held.size);
  if (draws->warmup) held.warmup_bytes = held.size;
  if (i == draws->held_count) {
    ++draws->held_count;
  } else {
    held.warmup_bytes += draws->held[i].warmup_bytes;
    free(draws->held[i].bytes);
  }
  draws->held[i] = held;
}

static uint32_t count_draw(struct aotc_draws* draws, enum aotc_draw_kind kind, const char* function, uint32_t size) {
  uint32_t i = 0;
  while (i < draws->count && (draws->list[i].kind != kind || strcmp(draws->list[i].function, function) != 0)) ++i;
  if (i == AOTC_MAX_DRAWS) {
    --i;
    draws->list[i].kind = AOTC_DRAW_BYTES;
    strcpy(draws->list[i].function, "other functions");
  } else if (i == draws->count) {
    draws->list[draws->count].kind = kind;
    strcpy(draws->list[draws->count++].function, function);
  }
  draws->list[i].bytes += size;
  draws->list[i].shared += size;
  if (draws->warmup) draws->warmup_bytes[i] += size;
  return i;
}

/* The innermost function outside Go's library, "" when there is none; what the draw is for, if there was one. False
 * when the runtime seeds its own generator, which each instance does again (go_random.c). */
static bool find_asker(struct aotc_draws* draws, const struct aotc_instance* instance, char asker[AOTC_GO_NAME],
                       struct held* held) {
  char below[AOTC_GO_NAME] = "";
  if (!draws->searched) draws->found = aotc_go_table_find(instance, &draws->table);
  draws->searched = true;
  uint64_t sp = aotc_go_stack_pointer(instance);
  struct aotc_go_frame frame;
  asker[0] = 0;
  for (int i = 0; draws->found && i < kMaxFrames && aotc_go_caller(instance, &draws->table, &sp, &frame); ++i) {
    if (held != NULL && held->kind == kNothing) *held = recognise(instance, below, &frame, held->address, held->size);
    if (strcmp(frame.function, "runtime.randinit") == 0 || strcmp(frame.function, "runtime.schedinit") == 0)
      return false;
    strcpy(below, frame.function);
    strcpy(asker, frame.function);
    if (!is_library(frame.function)) break;
  }
  return true;
}

static bool is_go(const struct aotc_instance* instance) { return instance->artifact->header->flags & AOTC_FLAG_GO; }

void aotc_draws_note(struct aotc_draws* draws, struct aotc_instance* instance, uint32_t address, uint32_t size) {
  struct held held = {.kind = kNothing, .address = address, .size = size};
  char asker[AOTC_GO_NAME];
  if (size == 0 || !is_go(instance) || !find_asker(draws, instance, asker, &held)) return;
  if (draws->found) aotc_ids_locate(&draws->ids, instance, &draws->table);
  held.draw = count_draw(draws, AOTC_DRAW_BYTES, asker[0] == 0 ? "an unknown function" : asker, size);
  if (held.kind != kNothing) hold(draws, instance, held);
  struct aotc_id_state state = {.rows = aotc_ids_match(&draws->ids, instance, asker, size),
                                .draw = held.draw,
                                .warmup = draws->warmup,
                                .address = address,
                                .size = size};
  aotc_ids_add(&draws->ids, instance, &state);
}

void aotc_draws_note_time(struct aotc_draws* draws, struct aotc_instance* instance, uint64_t time) {
  char asker[AOTC_GO_NAME];
  if (!is_go(instance)) return;
  if (draws->found) aotc_ids_locate(&draws->ids, instance, &draws->table);
  if (++draws->looks > kMaxLooks || !find_asker(draws, instance, asker, NULL)) return;
  struct aotc_id_state state = {
      .rows = aotc_ids_match(&draws->ids, instance, asker, 0), .warmup = draws->warmup, .seed = time};
  if (state.rows == 0) return;
  state.draw = count_draw(draws, AOTC_DRAW_CLOCK, asker, sizeof(time));
  aotc_ids_add(&draws->ids, instance, &state);
}

/* Whether a reader is as it was when it drew; how many bytes of that are unused. */
static bool find_unread(const struct aotc_instance* instance, const struct held* held, struct aotc_go_reader* reader,
                        uint32_t* left) {
  if (!aotc_go_reader_load(instance, held->object, reader) || reader->buffer != held->reader.buffer ||
      reader->length != held->reader.length || reader->capacity != held->reader.capacity ||
      memcmp(reader->source, held->reader.source, sizeof(reader->source)) != 0)
    return false;
  *left = (uint32_t)(reader->w - reader->r);
  return *left <= held->size && reader->buffer + reader->w == (uint64_t)held->address + held->size;
}

/* Whether it is known what has become of the bytes; `left` of them are not shared after all. */
static bool settle_held(struct aotc_instance* instance, const struct held* held, struct aotc_random_range* range,
                        uint32_t* left) {
  const uint8_t* bytes = aotc_instance_memory_at(instance, held->address, held->size);
  struct aotc_go_reader reader;
  if (bytes == NULL || memcmp(bytes, held->bytes, held->size) != 0) return false;
  if (held->kind == kPool) {
    *range = (struct aotc_random_range){held->address, held->size, AOTC_RANDOM_BYTES};
    *left = kUuidPool - kUuid;
    return true;
  }
  if (!find_unread(instance, held, &reader, left)) return false;
  if (*left != 0) aotc_go_reader_drop(instance, held->object, reader);
  return true;
}

static void share_less(struct aotc_draws* draws, uint32_t draw, uint64_t bytes, uint64_t warmup_bytes) {
  draws->list[draw].shared -= bytes < draws->list[draw].shared ? bytes : draws->list[draw].shared;
  draws->warmup_bytes[draw] -= warmup_bytes < draws->warmup_bytes[draw] ? warmup_bytes : draws->warmup_bytes[draw];
}

void aotc_draws_settle(struct aotc_draws* draws, struct aotc_instance* instance, struct aotc_renewed* renewed) {
  uint32_t left;
  for (uint32_t i = 0; draws != NULL && i < draws->held_count && renewed->range_count < AOTC_MAX_RANDOM_RANGES; ++i) {
    const struct held* held = &draws->held[i];
    struct aotc_random_range* range = &renewed->ranges[renewed->range_count];
    range->size = 0;
    if (settle_held(instance, held, range, &left)) share_less(draws, held->draw, left, held->warmup_bytes);
    if (range->size != 0) ++renewed->range_count;
  }
  for (uint32_t i = 0; draws != NULL && i < draws->ids.count; ++i) {
    struct aotc_id_state* state = &draws->ids.list[i];
    uint32_t sequences = renewed->sequence_count;
    if (!aotc_ids_settle(&draws->ids, state, instance, &draws->table, renewed)) continue;
    share_less(draws, state->draw, state->draw_bytes, state->warmup ? state->draw_bytes : 0);
    if (renewed->sequence_count != sequences) draws->list[state->draw].kind = AOTC_DRAW_COUNT;
  }
}

const struct aotc_snapshot_draw* aotc_draws_shared(const struct aotc_draws* draws, enum aotc_unique unique) {
  for (uint32_t i = 0; draws != NULL && i < draws->count; ++i)
    if ((unique == AOTC_UNIQUE_STRICT && draws->list[i].shared != 0) ||
        (unique != AOTC_UNIQUE_REPORT && draws->warmup_bytes[i] != 0))
      return &draws->list[i];
  return NULL;
}

const struct aotc_snapshot_draw* aotc_draws_list(const struct aotc_draws* draws, uint32_t* count) {
  *count = draws == NULL ? 0 : draws->count;
  return draws == NULL ? NULL : draws->list;
}

const struct aotc_snapshot_draw* aotc_artifact_draws(const struct aotc_artifact* artifact, uint32_t* count) {
  const struct aotc_snapshot* s = artifact->snapshot;
  *count = s == NULL ? 0 : s->draws.count;
  return s == NULL ? NULL : aotc_snapshot_data(s, &s->draws);
}

const char* aotc_draw_text(const struct aotc_snapshot_draw* draw, char text[AOTC_DRAW_TEXT]) {
  char function[AOTC_GO_NAME];
  unsigned long long bytes = draw->bytes, shared = draw->shared;
  aotc_printable(draw->function, function, sizeof(function));
  for (char* at = function; *at != 0; ++at)
    if (*at == '"' || *at == '\\') *at = '?';
  if (draw->kind != AOTC_DRAW_BYTES)
    snprintf(text, AOTC_DRAW_TEXT, "%s made a generator of the time that %s", function,
             shared != 0                     ? "all instances share"
             : draw->kind == AOTC_DRAW_COUNT ? "counts on through all instances of a process"
                                             : "each instance makes anew");
  else if (shared == bytes)
    snprintf(text, AOTC_DRAW_TEXT, "%s drew %llu bytes that all instances share", function, bytes);
  else if (shared == 0)
    snprintf(text, AOTC_DRAW_TEXT, "%s drew %llu bytes that each instance draws anew", function, bytes);
  else
    snprintf(text, AOTC_DRAW_TEXT, "%s drew %llu bytes, of which all instances share %llu; they draw the rest anew",
             function, bytes, shared);
  return text;
}
