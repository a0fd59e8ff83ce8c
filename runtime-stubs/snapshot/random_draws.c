/* random_draws.c - the random bytes that a Go program drew before it was frozen: who asked for them, and what has not
 * been used yet.
 *
 * What a program has made of random bytes, all instances share: right for a key, wrong for an identifier, and nobody
 * but its author knows. So it is said who drew them (struct aotc_snapshot_draw): the innermost function outside Go's
 * library.
 *
 * What it has not used is not to be shared, and need not be, where it is known beyond doubt:
 *
 *   bufio.Reader      over crypto/rand.Reader, as echo keeps them: its unread bytes are dropped, the next read draws
 * others google/uuid       EnableRandPool's 256 bytes: the rest of them is drawn anew in each instance
 * (aotc_random_range). Those before have become identifiers, and are not looked at again
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
};

enum kind { kNothing, kReader, kPool };

/* What bufio.Reader begins with. */
struct reader {
  uint64_t buffer, length, capacity, source[2], r, w;
};

/* Bytes that may lie there unused. */
struct held {
  enum kind kind;
  uint64_t object; /* address of the reader, or of the pool */
  struct reader reader;
  uint32_t address, size; /* the last draw */
  uint8_t* bytes;
  uint32_t draw; /* whose */
};

struct aotc_draws {
  bool searched, found;
  struct aotc_go_table table;
  struct aotc_snapshot_draw list[AOTC_MAX_DRAWS];
  uint32_t count;
  struct held held[kMaxHeld];
  uint32_t held_count;
};

struct aotc_draws* aotc_draws_create(void) { return calloc(1, sizeof(struct aotc_draws)); }

/* Whether a function is of Go's library: its path begins with the name of one of the library's folders. */
static bool is_library(const char* function) {
  static const char kFolders[] =
      " archive bufio bytes cmp compress container context crypto database debug embed encoding errors expvar flag fmt "
      "go hash "
      "html image index internal io iter log maps math mime net os path plugin reflect regexp runtime slices sort "
      "strconv "
      "strings structs sync syscall testing text time type unicode unique unsafe vendor weak ";
  char word[16] = " ";
  size_t length = strcspn(function, "/.:");
  if (length > sizeof(word) - 3) return false;
  memcpy(word + 1, function, length);
  strcpy(word + 1 + length, " ");
  return strstr(kFolders, word) != NULL;
}

static bool load_reader(const struct aotc_instance* instance, uint64_t address, struct reader* reader) {
  const void* at = address > UINT32_MAX ? NULL : aotc_instance_memory_at(instance, (uint32_t)address, sizeof(*reader));
  if (at != NULL) memcpy(reader, at, sizeof(*reader));
  return at != NULL && reader->length <= reader->capacity && reader->capacity <= kMaxHeldSize &&
         reader->r <= reader->w && reader->w <= reader->length && reader->source[0] != 0;
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
  if (load_reader(instance, held.object, &held.reader) && address >= held.reader.buffer &&
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
  if (i == draws->held_count)
    ++draws->held_count;
  else
    free(draws->held[i].bytes);
  draws->held[i] = held;
}

static uint32_t count_draw(struct aotc_draws* draws, const char* function, uint32_t size) {
  uint32_t i = 0;
  while (i < draws->count && strcmp(draws->list[i].function, function) != 0) ++i;
  if (i == AOTC_MAX_DRAWS) {
    --i;
    strcpy(draws->list[i].function, "other functions");
  } else if (i == draws->count) {
    strcpy(draws->list[draws->count++].function, function);
  }
  draws->list[i].bytes += size;
  draws->list[i].shared += size;
  return i;
}

void aotc_draws_note(struct aotc_draws* draws, const struct aotc_instance* instance, uint32_t address, uint32_t size) {
  struct held held = {.kind = kNothing};
  char asker[AOTC_GO_NAME] = "", below[AOTC_GO_NAME] = "";
  if (size == 0 || !(instance->artifact->header->flags & AOTC_FLAG_GO)) return;
  if (!draws->searched) draws->found = aotc_go_table_find(instance, &draws->table);
  draws->searched = true;
  uint64_t sp = aotc_go_stack_pointer(instance);
  struct aotc_go_frame frame;
  bool seed = false;
  for (int i = 0; draws->found && i < kMaxFrames && aotc_go_caller(instance, &draws->table, &sp, &frame); ++i) {
    if (held.kind == kNothing) held = recognise(instance, below, &frame, address, size);
    /* The runtime's own generator, which each instance seeds anew (go_random.c). */
    seed |= strcmp(frame.function, "runtime.randinit") == 0 || strcmp(frame.function, "runtime.schedinit") == 0;
    strcpy(below, frame.function);
    strcpy(asker, frame.function);
    if (!is_library(frame.function)) break;
  }
  if (seed) return;
  held.draw = count_draw(draws, asker[0] == 0 ? "an unknown function" : asker, size);
  if (held.kind != kNothing) hold(draws, instance, held);
}

/* Unused bytes of a reader that is as it was when it drew. */
static uint32_t unread(const struct aotc_instance* instance, const struct held* held, struct reader* reader) {
  if (!load_reader(instance, held->object, reader) || reader->buffer != held->reader.buffer ||
      reader->length != held->reader.length || reader->capacity != held->reader.capacity ||
      memcmp(reader->source, held->reader.source, sizeof(reader->source)) != 0)
    return 0;
  uint64_t left = reader->w - reader->r;
  return left <= held->size && reader->buffer + reader->w == (uint64_t)held->address + held->size ? (uint32_t)left : 0;
}

uint32_t aotc_draws_settle(struct aotc_draws* draws, struct aotc_instance* instance,
                           struct aotc_random_range ranges[AOTC_MAX_RANDOM_RANGES]) {
  uint32_t count = 0;
  for (uint32_t i = 0; draws != NULL && i < draws->held_count; ++i) {
    struct held* held = &draws->held[i];
    struct aotc_snapshot_draw* draw = &draws->list[held->draw];
    uint8_t* bytes = aotc_instance_memory_at(instance, held->address, held->size);
    struct reader reader;
    if (bytes == NULL || memcmp(bytes, held->bytes, held->size) != 0) continue;
    uint32_t left = held->kind == kReader ? unread(instance, held, &reader) : kUuidPool - kUuid;
    if (held->kind == kPool && count == AOTC_MAX_RANDOM_RANGES) continue;
    if (held->kind == kPool) ranges[count++] = (struct aotc_random_range){held->address, held->size};
    if (held->kind == kReader && left != 0) {
      uint8_t* at = aotc_instance_memory_at(instance, (uint32_t)held->object, sizeof(reader));
      reader.r = reader.w;
      memcpy(at, &reader, sizeof(reader));
      explicit_bzero(bytes + held->size - left, left);
    }
    draw->shared -= left < draw->shared ? left : draw->shared;
  }
  return count;
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
  if (shared == bytes)
    snprintf(text, AOTC_DRAW_TEXT, "%s drew %llu bytes that all instances share", function, bytes);
  else
    snprintf(text, AOTC_DRAW_TEXT, "%s drew %llu bytes, of which all instances share %llu; they draw the rest anew",
             function, bytes, shared);
  return text;
}
