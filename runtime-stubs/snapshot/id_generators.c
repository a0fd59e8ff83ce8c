/* id_generators.c - generators of identifiers that a program has set up before it is frozen, and that each instance is
 * to set up anew.
 *
 * An identifier is to be another one in each instance, a key is not to change: which of the two random bytes have
 * become tells only the package that drew them. So packages are known by name (kRows), in the versions whose source was
 * read and whose identifiers test/freeze/libraries compares, and only if the program says that it is built of these
 * (go_program.c). A row says what the package makes of its draw:
 *
 *   kBytes         a package-level array of just these bytes
 *   kCountBig      a package-level u32 that counts up from the number that they are, big-endian
 *   kCountLittle   likewise, little-endian
 *   kSlice         a package-level slice of the very bytes that were drawn
 *   kMachine       besides, a package-level slice of three bytes that stand for the machine, the same for all of wasip1
 *   kPrefix        a package-level string that ends with '/' and ten letters and digits of their base64
 *   kSource        a generator of math/rand with that seed, which a package-level variable leads to
 *   kCount         a generator that numbers by the time, for which the instances of a process count together, see
 *                  snowflake.c
 *   kNothing       what no randomness helps: numbers that are to be given to each instance
 *
 * and it is looked for, in the memory of package-level variables, before the program can have used it: at the next
 * draw or look at the clock, which every identifier with a time in it begins with. Found is what is there once; and at
 * the freeze it must still be there. All else is left alone, and said to be shared (random_draws.c).
 */
#define _GNU_SOURCE
#include <string.h>

#include "core/state.h"

enum form { kBytes, kCountBig, kCountLittle, kSlice, kMachine, kPrefix, kSource, kCount, kNothing };

/* What SHA-256 of "wasip1" begins with, which os.Hostname says there. */
static const uint8_t kWasip1[3] = {0x86, 0xd9, 0x9d};

enum {
  kMaxSteps = 3,
  kMaxScans = 64,
  kMaxTries = 8,
  kMostCounted = 1 << 20, /* identifiers made before the freeze */
  kPrefixLength = 10,
  kMaxPrefix = 300,
  kReported = 1u << 31 /* though the version is not known */
};

/* Versions whose source is known. */
struct module {
  const char* path;
  uint32_t first[3], last[3];
};

static const struct module kXid = {"github.com/rs/xid", {1, 2, 1}, {1, 6, 0}};
static const struct module kUuid = {"github.com/google/uuid", {1, 0, 0}, {1, 6, 0}};
static const struct module kChi = {"github.com/go-chi/chi/v5", {5, 0, 0}, {5, 5, 0}};
static const struct module kMongo1 = {"go.mongodb.org/mongo-driver", {1, 0, 3}, {1, 17, 10}};
static const struct module kMongo2 = {"go.mongodb.org/mongo-driver/v2", {2, 0, 0}, {2, 10, 0}};
static const struct module kKsuid = {"github.com/segmentio/ksuid", {1, 0, 2}, {1, 0, 4}};
static const struct module kSnowflake = {"github.com/bwmarrin/snowflake", {0, 2, 0}, {0, 3, 0}};
/* Before, the function that looks at the clock was inlined elsewhere. */
static const struct module kUlid = {"github.com/oklog/ulid/v2", {2, 1, 1}, {2, 1, 2}};

/* How a package-level variable leads to a generator of math/rand. */
struct path {
  uint32_t steps;
  uint8_t step[kMaxSteps]; /* offsets of pointers: from the generator's in what points at it, to the variable's */
  bool buffered;           /* the first is in a math/rand.Rand, the second in what begins with a bufio.Reader over it */
};

static const struct path kReaderOfSource = {1, {8}, false};
/* LockedMonotonicReader, MonotonicEntropy, Rand. */
static const struct path kMonotonic = {3, {8, 64, 16}, true};

struct row {
  const struct module* module; /* or null */
  const char* function;        /* what the names of functions that draw begin with */
  uint32_t size;               /* of the draw, 0 for a look at the clock */
  enum form form;
  const struct path* path; /* kSource */
};

static const struct row kRows[] = {
    {&kXid, "github.com/rs/xid.", 3, kCountBig, NULL},
    {&kXid, "github.com/rs/xid.", 3, kSlice, NULL},
    {&kXid, "github.com/rs/xid.", 3, kMachine, NULL},
    {&kUuid, "github.com/google/uuid.", 6, kBytes, NULL},
    {&kChi, "github.com/go-chi/chi/v5/middleware.", 12, kPrefix, NULL},
    {&kMongo1, "go.mongodb.org/mongo-driver/bson/primitive.", 4, kCountLittle, NULL},
    {&kMongo1, "go.mongodb.org/mongo-driver/bson/primitive.", 5, kBytes, NULL},
    {&kMongo2, "go.mongodb.org/mongo-driver/v2/bson.", 4, kCountLittle, NULL},
    {&kMongo2, "go.mongodb.org/mongo-driver/v2/bson.", 5, kBytes, NULL},
    {&kKsuid, "github.com/segmentio/ksuid.", 8, kSource, &kReaderOfSource},
    {&kUlid, "github.com/oklog/ulid/v2.init", 0, kSource, &kMonotonic},
    {&kUlid, "github.com/oklog/ulid/v2.glob..", 0, kSource, &kMonotonic}, /* as Go 1.21 calls it */
    {&kSnowflake, "github.com/bwmarrin/snowflake.NewNode", 0, kCount, NULL},
    {NULL, "github.com/sony/sonyflake.New", 0, kNothing, NULL},
};

enum { kRowCount = sizeof(kRows) / sizeof(kRows[0]) };
_Static_assert(kRowCount < 31, "a bit each, and one more");

static int compare(const uint32_t a[3], const uint32_t b[3]) {
  for (int i = 0; i < 3; ++i)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

static bool is_known(struct aotc_id_states* states, const struct aotc_instance* instance, uint32_t i) {
  const struct module* module = kRows[i].module;
  uint32_t version[3];
  if (!(states->asked & 1u << i) && module != NULL && aotc_go_module_version(instance, module->path, version) &&
      compare(version, module->first) >= 0 && compare(version, module->last) <= 0)
    states->known |= 1u << i;
  states->asked |= 1u << i;
  return states->known & 1u << i;
}

uint32_t aotc_ids_match(struct aotc_id_states* states, const struct aotc_instance* instance, const char* function,
                        uint32_t size) {
  uint32_t rows = 0;
  for (uint32_t i = 0; i < kRowCount; ++i) {
    const struct row* row = &kRows[i];
    if (row->size != size || strncmp(function, row->function, strlen(row->function)) != 0) continue;
    if (size == 0) rows |= kReported;
    if (is_known(states, instance, i)) rows |= 1u << i;
  }
  return rows;
}

static void add(struct aotc_id_states* states, const struct aotc_id_state* state, uint32_t rows, const void* bytes) {
  if (rows == 0 || states->count == AOTC_MAX_ID_STATES) return;
  struct aotc_id_state* added = &states->list[states->count++];
  *added = *state;
  added->rows = rows;
  memcpy(added->bytes, bytes, state->size);
  ++states->pending;
}

void aotc_ids_add(struct aotc_id_states* states, const struct aotc_instance* instance,
                  const struct aotc_id_state* state) {
  const void* bytes = aotc_instance_memory_at(instance, state->address, state->size);
  struct aotc_id_state added = *state;
  uint32_t besides = 0;
  if (state->size > sizeof(added.bytes) || bytes == NULL) return;
  for (uint32_t i = 0; i < kRowCount; ++i)
    if (state->rows & 1u << i && kRows[i].form == kMachine) besides |= 1u << i;
  added.draw_bytes = state->size == 0 ? sizeof(added.seed) : state->size;
  if (state->size == sizeof(added.seed)) memcpy(&added.seed, bytes, sizeof(added.seed));
  add(states, &added, state->rows & ~(besides | kReported), bytes);
  added.draw_bytes = 0;
  add(states, &added, besides, bytes);
}

static uint64_t load64(const uint8_t* at) {
  uint64_t value;
  memcpy(&value, at, sizeof(value));
  return value;
}

static uint32_t load32(const uint8_t* at) {
  uint32_t value;
  memcpy(&value, at, sizeof(value));
  return value;
}

/* Where package-level variables are, and the memory that they are in. */
struct area {
  struct aotc_instance* instance;
  const struct aotc_id_states* states;
  const uint8_t* memory;
  uint64_t begin, end;
};

static bool find_bytes(const struct area* a, const void* bytes, size_t size, uint32_t* place) {
  const uint8_t* first = memmem(a->memory + a->begin, a->end - a->begin, bytes, size);
  if (first == NULL || memmem(first + 1, (size_t)(a->memory + a->end - first - 1), bytes, size) != NULL) return false;
  *place = (uint32_t)(first - a->memory);
  return true;
}

static uint32_t counter_start(const struct aotc_id_state* state, enum form form) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < state->size && i < sizeof(value); ++i)
    value = form == kCountBig ? value << 8 | state->bytes[i] : value | (uint32_t)state->bytes[i] << (8 * i);
  return value;
}

static bool find_counter(const struct area* a, uint32_t value, uint32_t* place) {
  uint32_t count = 0;
  for (uint64_t at = a->begin; at + 4 <= a->end; at += 4)
    if (load32(a->memory + at) == value) {
      *place = (uint32_t)at;
      ++count;
    }
  return count == 1;
}

static bool find_slice(const struct area* a, const struct aotc_id_state* state, uint32_t* place) {
  for (uint64_t at = a->begin; at + 24 <= a->end; at += 8) {
    const uint8_t* slice = a->memory + at;
    if (load64(slice) != state->address || load64(slice + 8) != state->size || load64(slice + 16) < state->size)
      continue;
    *place = state->address;
    return true;
  }
  return false;
}

static bool find_machine(const struct area* a, uint32_t* place) {
  uint32_t count = 0;
  for (uint64_t at = a->begin; at + 24 <= a->end; at += 8) {
    uint64_t address = load64(a->memory + at), length = load64(a->memory + at + 8);
    if (length != sizeof(kWasip1) || address > UINT32_MAX) continue;
    const void* bytes = aotc_instance_memory_at(a->instance, (uint32_t)address, sizeof(kWasip1));
    if (bytes == NULL || memcmp(bytes, kWasip1, sizeof(kWasip1)) != 0) continue;
    *place = (uint32_t)address;
    ++count;
  }
  return count == 1;
}

/* The letters and digits of base64, as many as a prefix has; false when there are not so many. */
static bool encode(const struct aotc_id_state* state, char text[kPrefixLength]) {
  static const char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  uint32_t bits = 0, length = 0;
  for (uint32_t i = 0; i < state->size; ++i) {
    bits = bits << 8 | state->bytes[i];
    if (i % 3 != 2) continue;
    for (int shift = 18; shift >= 0 && length < kPrefixLength; shift -= 6) {
      uint32_t digit = bits >> shift & 63;
      if (digit < sizeof(kDigits) - 1) text[length++] = kDigits[digit];
    }
    bits = 0;
  }
  return length == kPrefixLength;
}

static bool find_prefix(const struct area* a, const struct aotc_id_state* state, uint32_t* place) {
  char text[kPrefixLength];
  if (!encode(state, text)) return false;
  for (uint64_t at = a->begin; at + 16 <= a->end; at += 8) {
    uint64_t address = load64(a->memory + at), length = load64(a->memory + at + 8);
    if (length <= kPrefixLength || length > kMaxPrefix || address > UINT32_MAX) continue;
    const uint8_t* string = aotc_instance_memory_at(a->instance, (uint32_t)address, (uint32_t)length);
    if (string == NULL) continue;
    const uint8_t* tail = string + length - kPrefixLength;
    if (tail[-1] != '/' || memcmp(tail, text, kPrefixLength) != 0) continue;
    *place = (uint32_t)(tail - a->memory);
    return true;
  }
  return false;
}

/* Whether pointers lead from a package-level variable to `object`; `through` are what they are in, from the last on. */
static bool is_reached(const struct area* a, const struct path* path, uint32_t step, uint64_t object, uint32_t* scans,
                       uint64_t through[kMaxSteps]) {
  if (++*scans > kMaxScans) return false;
  bool last = step == path->steps || step == kMaxSteps;
  uint64_t end = last ? a->end : aotc_tail(a->instance)->memory_size;
  for (uint64_t at = last ? a->begin : 0; at + 8 <= end; at += 8) {
    if (load64(a->memory + at) != object) continue;
    if (last) return true;
    if (at < path->step[step]) continue;
    through[step] = at - path->step[step];
    if (is_reached(a, path, step + 1, through[step], scans, through)) return true;
  }
  return false;
}

static bool find_count(const struct area* a, const struct aotc_id_state* state, uint32_t* place) {
  uint32_t others[AOTC_MAX_ID_STATES], count = 0;
  for (uint32_t i = 0; i < a->states->count; ++i) {
    const struct aotc_id_state* other = &a->states->list[i];
    if (other != state && other->found) others[count++] = other->place;
  }
  return aotc_go_snowflake_find(a->instance, state->seed, others, count, place);
}

static bool look(const struct area* a, const struct aotc_id_state* state, enum form form, uint32_t* place) {
  switch (form) {
    case kBytes:
      return find_bytes(a, state->bytes, state->size, place);
    case kCountBig:
    case kCountLittle:
      return find_counter(a, counter_start(state, form), place);
    case kSlice:
      return find_slice(a, state, place);
    case kMachine:
      return find_machine(a, place);
    case kPrefix:
      return find_prefix(a, state, place);
    case kSource:
      return aotc_go_source_find(a->instance, state->seed, place);
    case kCount:
      return find_count(a, state, place);
    case kNothing:
      break;
  }
  return false;
}

static bool find_area(struct aotc_id_states* states, struct aotc_instance* instance, const struct aotc_go_table* table,
                      struct area* a) {
  if (!states->searched) states->placed = aotc_go_data_find(instance, table, &states->data);
  states->searched = true;
  *a = (struct area){instance, states, aotc_base(instance), states->data.begin, states->data.end};
  return states->placed;
}

static void locate(const struct area* a, struct aotc_id_state* state) {
  for (uint32_t i = 0; i < kRowCount; ++i) {
    if (!(state->rows & 1u << i) || !look(a, state, kRows[i].form, &state->place)) continue;
    state->rows = 1u << i;
    state->found = true;
    return;
  }
}

void aotc_ids_locate(struct aotc_id_states* states, struct aotc_instance* instance, const struct aotc_go_table* table) {
  struct area a;
  if (states->pending == 0 || !find_area(states, instance, table, &a)) return;
  states->pending = 0;
  for (uint32_t i = 0; i < states->count; ++i) {
    struct aotc_id_state* state = &states->list[i];
    if (state->found || state->tries == kMaxTries) continue;
    ++state->tries;
    locate(&a, state);
    if (!state->found) ++states->pending;
  }
}

static void* at(const struct area* a, uint64_t address, uint64_t size) {
  return address > UINT32_MAX ? NULL : aotc_instance_memory_at(a->instance, (uint32_t)address, size);
}

/* A bufio.Reader holds what the generator has made: it is to ask again, and so is the Rand. */
static void drop_buffers(const struct area* a, uint64_t rand, uint64_t owner) {
  enum { kReadPosition = 40, kReader = 8 };
  uint8_t* position = at(a, rand + kReadPosition, 1);
  const uint8_t* pointer = at(a, owner + kReader, 8);
  struct aotc_go_reader reader;
  if (position != NULL) *position = 0;
  if (pointer == NULL || !aotc_go_reader_load(a->instance, load64(pointer), &reader) || reader.source[1] != rand)
    return;
  aotc_go_reader_drop(a->instance, load64(pointer), reader);
}

static bool settle(const struct area* a, const struct aotc_id_state* state, const struct row* row,
                   struct aotc_random_range* range) {
  uint32_t place = state->place, scans = 0;
  uint64_t through[kMaxSteps] = {0};
  *range = (struct aotc_random_range){place, state->size, AOTC_RANDOM_BYTES};
  switch (row->form) {
    case kBytes:
      return memcmp(a->memory + place, state->bytes, state->size) == 0;
    case kCountBig:
    case kCountLittle:
      return load32(a->memory + place) - counter_start(state, row->form) <= kMostCounted;
    case kSlice:
      return find_slice(a, state, &place) && memcmp(a->memory + place, state->bytes, state->size) == 0;
    case kMachine:
      return find_machine(a, &place) && place == state->place;
    case kPrefix:
      *range = (struct aotc_random_range){place, kPrefixLength, AOTC_RANDOM_TEXT};
      return find_prefix(a, state, &place) && place == range->address;
    case kSource:
      if (!aotc_go_is_source(a->instance, place) || !is_reached(a, row->path, 0, place, &scans, through)) return false;
      if (row->path->buffered) drop_buffers(a, through[0], through[1]);
      *range = (struct aotc_random_range){place + 16, AOTC_RANDOM_SOURCE_WORDS * sizeof(uint64_t), AOTC_RANDOM_SOURCE};
      return true;
    case kCount:
    case kNothing:
      break;
  }
  return false;
}

/* At the freeze more may look like one than when it was made: copies. */
static bool settle_count(const struct area* a, const struct aotc_id_state* state, struct aotc_renewed* renewed) {
  uint32_t place = state->place;
  if (renewed->sequence_count == AOTC_MAX_SEQUENCES || !find_count(a, state, &place) || place != state->place ||
      !aotc_go_snowflake_share(a->instance, place, &renewed->sequences[renewed->sequence_count]))
    return false;
  ++renewed->sequence_count;
  return true;
}

static bool settle_row(const struct area* a, const struct aotc_id_state* state, const struct row* row,
                       struct aotc_renewed* renewed) {
  if (row->form == kCount) return settle_count(a, state, renewed);
  if (renewed->range_count == AOTC_MAX_RANDOM_RANGES || !settle(a, state, row, &renewed->ranges[renewed->range_count]))
    return false;
  ++renewed->range_count;
  return true;
}

bool aotc_ids_settle(struct aotc_id_states* states, struct aotc_id_state* state, struct aotc_instance* instance,
                     const struct aotc_go_table* table, struct aotc_renewed* renewed) {
  struct area a;
  if (!find_area(states, instance, table, &a)) return false;
  if (!state->found) locate(&a, state);
  for (uint32_t i = 0; i < kRowCount && state->found; ++i)
    if (state->rows == 1u << i) return settle_row(&a, state, &kRows[i], renewed);
  return false;
}
