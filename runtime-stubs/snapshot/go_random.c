/* go_random.c - finds and reseeds the random generators of a Go runtime in linear memory.
 *
 * Every clone of a snapshot would draw the same numbers, for math/rand, maps and the scheduler. crypto/rand asks the
 * host each time and needs nothing. The state belongs to the runtime's only thread, `m`, which every goroutine `g`
 * points at; the g is in a global.
 *
 *   Go 1.22 to 1.27   m.chacha8, 304 bytes, somewhere in m, followed by the state of cheaprand. It is recognised
 *                     beyond doubt: its buffer is what the block function makes of its own seed and counter.
 *   Go 1.21           m.fastrand, 8 bytes at m + 240; nothing to recognise, so only for exactly this version.
 *
 * Other versions are refused until somebody has looked: a wrong guess would write into a running program. Source:
 * internal/chacha8rand/chacha8.go and chacha8_generic.go, runtime/runtime2.go of Go 1.21 to 1.27.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "core/state.h"

enum {
  kGGlobal = 2,   /* wasm global index of g */
  kMOfG = 48,     /* offset of g.m */
  kMSize = 4096,  /* bytes of m that are searched */
  kFastrand = 240 /* offset of m.fastrand in Go 1.21 */
};

struct chacha8 {
  uint64_t buf[32];
  uint64_t seed[4];
  uint32_t i, n, c;
  uint32_t padding;
};

static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void quarter(uint32_t x[16], int a, int b, int c, int d) {
  x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 16);
  x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 12);
  x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 8);
  x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 7);
}

/* Four ChaCha8 blocks, interleaved by word; only the key is added back. */
static void block(const uint64_t seed[4], uint32_t counter, uint32_t out[64]) {
  static const uint32_t kConstants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (uint32_t lane = 0; lane < 4; ++lane) {
    uint32_t key[8], x[16] = {0};
    memcpy(key, seed, sizeof(key));
    memcpy(x, kConstants, sizeof(kConstants));
    memcpy(x + 4, key, sizeof(key));
    x[12] = counter + lane;
    for (int round = 0; round < 4; ++round) {
      for (int k = 0; k < 4; ++k) quarter(x, k, 4 + k, 8 + k, 12 + k);
      for (int k = 0; k < 4; ++k) quarter(x, k, 4 + (k + 1) % 4, 8 + (k + 2) % 4, 12 + (k + 3) % 4);
    }
    for (int k = 0; k < 8; ++k) x[4 + k] += key[k];
    for (int k = 0; k < 16; ++k) out[4 * k + (int)lane] = x[k];
  }
}

static bool is_chacha8(const void* at) {
  struct chacha8 state;
  memcpy(&state, at, sizeof(state));
  /* The counter steps by 4 and starts over at 16. */
  if (state.c > 12 || state.c % 4 != 0 || state.n < 28 || state.n > 32 || state.i > state.n) return false;
  uint32_t expected[64];
  block(state.seed, state.c, expected);
  return memcmp(expected, state.buf, sizeof(expected)) == 0;
}

static bool load_address(const struct aotc_instance* instance, uint64_t address, uint64_t* value) {
  const void* at = address > UINT32_MAX ? NULL : aotc_instance_memory_at(instance, (uint32_t)address, 8);
  if (at != NULL) memcpy(value, at, 8);
  return at != NULL && *value != 0 && *value <= UINT32_MAX;
}

/* Address of the runtime's m. */
static bool find_m(const struct aotc_instance* instance, uint64_t* m) {
  const struct aotc_header* h = instance->artifact->header;
  const struct aotc_global* globals = aotc_span_data(instance->artifact, &h->globals);
  for (uint32_t slot = 0; slot < h->globals.count; ++slot) {
    if (globals[slot].index != kGGlobal || globals[slot].type != AOTC_I64) continue;
    uint64_t g;
    memcpy(&g, aotc_base(instance) + AOTC_GLOBAL_OFFSET(slot), 8);
    return g <= UINT32_MAX && load_address(instance, g + kMOfG, m);
  }
  return false;
}

/* Length of the "go1.26.6" at `text`, 0 when it is no version. */
static size_t version_length(const uint8_t* text, size_t left) {
  size_t n = 4;
  while (n < left && n < 24 &&
         ((text[n] >= '0' && text[n] <= '9') || text[n] == '.' || (text[n] >= 'a' && text[n] <= 'z')))
    ++n;
  return n >= 6 && n < 24 ? n : 0;
}

/* runtime.buildVersion survives stripping: a string "go1.26.6" that a string header in memory, {address, length},
 * points at. Returns the minor version, 0 when there is none. */
static unsigned go_version(const struct aotc_instance* instance, char version[32]) {
  const uint8_t* memory = aotc_base(instance);
  uint64_t size = aotc_tail(instance)->memory_size;
  version[0] = 0;
  const uint8_t* at = memory;
  /* A hostile module can hold the text any number of times. */
  for (int tries = 0; tries < 64; ++tries, ++at) {
    at = memmem(at, size - (uint64_t)(at - memory), "go1.", 4);
    if (at == NULL) return 0;
    uint64_t header[2] = {(uint64_t)(at - memory), version_length(at, size - (uint64_t)(at - memory))};
    unsigned minor = 0;
    if (header[1] == 0 || memmem(memory, size, header, sizeof(header)) == NULL) continue;
    memcpy(version, at + 2, header[1] - 2);
    version[header[1] - 2] = 0;
    if (sscanf(version, "1.%u", &minor) == 1) return minor;
  }
  return 0;
}

enum aotc_status aotc_go_random_find(const struct aotc_instance* instance, struct aotc_snapshot* s, char version[32],
                                     struct aotc_error* error) {
  unsigned minor = go_version(instance, version);
  char shown[32];
  aotc_printable(version, shown, sizeof(shown));
  if (minor < 21 || minor > 27)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "the runtime's random generators are known for Go 1.21 to 1.27%s%s",
                     minor == 0 ? "" : ", this is ", shown);
  uint64_t m;
  if (!find_m(instance, &m))
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "Go %s, but its runtime's m was not found", shown);
  if (minor == 21) {
    s->fast_rand = m + kFastrand;
    s->fast_rand_size = 8;
    return AOTC_OK;
  }
  for (uint64_t at = m; at < m + kMSize; at += 8) {
    const void* bytes = aotc_instance_memory_at(instance, (uint32_t)at, sizeof(struct chacha8) + 16);
    if (bytes == NULL) break;
    if (!is_chacha8(bytes)) continue;
    s->chacha8 = at;
    s->fast_rand = at + sizeof(struct chacha8);
    /* Until Go 1.26 a u64; since then a u32, padding, a u64. */
    uint32_t padding;
    memcpy(&padding, (const uint8_t*)bytes + sizeof(struct chacha8) + 4, sizeof(padding));
    if ((padding == 0) != (minor >= 27)) continue;
    s->fast_rand_size = minor >= 27 ? 16 : 8;
    return AOTC_OK;
  }
  return aotc_fail(error, AOTC_ERROR_ARGUMENT, "Go %s, but its random generator was not found", shown);
}

/* A system call for many seeds: it costs more than all else that a thaw does. What was handed out is forgotten. */
static bool draw(void* out, size_t size) {
  static _Thread_local struct {
    uint8_t bytes[4096];
    size_t left;
  } pool;
  if (pool.left < size) {
    ssize_t got;
    do got = getrandom(pool.bytes, sizeof(pool.bytes), 0);
    while (got < 0 && errno == EINTR);
    if (got != sizeof(pool.bytes)) return false;
    pool.left = sizeof(pool.bytes);
  }
  pool.left -= size;
  memcpy(out, pool.bytes + pool.left, size);
  explicit_bzero(pool.bytes + pool.left, size);
  return true;
}

static bool draw_text(uint8_t* at, size_t size) {
  static const char kLetters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  if (!draw(at, size)) return false;
  for (size_t i = 0; i < size; ++i) at[i] = (uint8_t)kLetters[at[i] % (sizeof(kLetters) - 1)];
  return true;
}

/* The stream of SplitMix64 from a new seed. math/rand makes the state of 31 bits; the system, or ChaCha8, would take
 * longer for as many bytes than all else that a thaw does. */
static bool draw_source(uint8_t* at, size_t size) {
  uint64_t seed;
  if (!draw(&seed, sizeof(seed))) return false;
  for (; size >= sizeof(seed); at += sizeof(seed), size -= sizeof(seed)) {
    uint64_t z = seed += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    z ^= z >> 31;
    memcpy(at, &z, sizeof(z));
  }
  return true;
}

static bool fill(uint8_t* at, const struct aotc_random_range* range) {
  if (range->kind == AOTC_RANDOM_TEXT) return draw_text(at, range->size);
  return range->kind == AOTC_RANDOM_SOURCE ? draw_source(at, range->size) : draw(at, range->size);
}

static bool is_range(const struct aotc_random_range* range) {
  return range->kind == AOTC_RANDOM_SOURCE ? range->size == AOTC_RANDOM_SOURCE_WORDS * sizeof(uint64_t)
                                           : range->kind <= AOTC_RANDOM_TEXT && range->size <= AOTC_MAX_RANDOM_RANGE;
}

/* What the program drew and did not use, and what its identifiers are made of. */
static enum aotc_status fill_ranges(struct aotc_instance* instance, const struct aotc_snapshot* s,
                                    struct aotc_error* error) {
  const struct aotc_random_range* ranges = aotc_snapshot_data(s, &s->redrawn);
  for (uint32_t i = 0; i < s->redrawn.count; ++i) {
    void* at = is_range(&ranges[i]) ? aotc_instance_memory_at(instance, ranges[i].address, ranges[i].size) : NULL;
    if (at == NULL)
      return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: random bytes outside memory",
                       instance->artifact->name);
    if (!fill(at, &ranges[i])) return aotc_fail(error, AOTC_ERROR_IO, "cannot get random bytes: %s", strerror(errno));
  }
  return AOTC_OK;
}

enum aotc_status aotc_go_random_seed(struct aotc_instance* instance, const struct aotc_snapshot* s,
                                     struct aotc_error* error) {
  struct {
    uint64_t seed[4];
    uint64_t fast[2];
  } fresh;
  enum aotc_status status = fill_ranges(instance, s, error);
  if (status != AOTC_OK || (s->chacha8 == 0 && s->fast_rand == 0)) return status;
  if (!draw(&fresh, sizeof(fresh)))
    return aotc_fail(error, AOTC_ERROR_IO, "cannot get random bytes: %s", strerror(errno));
  if (s->chacha8 != 0) {
    uint8_t* at = s->chacha8 > UINT32_MAX
                      ? NULL
                      : aotc_instance_memory_at(instance, (uint32_t)s->chacha8, sizeof(struct chacha8));
    if (at == NULL)
      return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: random state outside memory",
                       instance->artifact->name);
    /* An empty buffer: the next draw computes a block of the new seed. */
    struct chacha8 state;
    memcpy(&state, at, sizeof(state));
    memcpy(state.seed, fresh.seed, sizeof(state.seed));
    state.c = 0;
    state.n = 32;
    state.i = state.n;
    memcpy(at, &state, sizeof(state));
  }
  if (s->fast_rand != 0) {
    uint8_t* at = s->fast_rand > UINT32_MAX || s->fast_rand_size > sizeof(fresh.fast)
                      ? NULL
                      : aotc_instance_memory_at(instance, (uint32_t)s->fast_rand, s->fast_rand_size);
    if (at == NULL)
      return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: random state outside memory",
                       instance->artifact->name);
    memcpy(at, fresh.fast, s->fast_rand_size);
  }
  return AOTC_OK;
}
