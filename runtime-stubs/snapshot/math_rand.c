/* math_rand.c - recognises the generator that math/rand.NewSource has made of a seed.
 *
 *   source = i64 tap, i64 feed, u64 vec[607]
 *
 * `vec` is a stream of numbers that the seed gives, each xor one of a table in the program's own memory; a draw lowers
 * tap and feed by one, modulo 607, and adds vec[tap] to vec[feed]. So a source is recognised beyond doubt: xor the
 * seed's stream, what no draw has changed must be a part of that memory. Source: math/rand/rng.go of Go 1.21 to 1.27.
 */
#define _GNU_SOURCE
#include <string.h>

#include "core/state.h"

enum {
  kLength = AOTC_RANDOM_SOURCE_WORDS,
  kApart = kLength - 273, /* feed - tap */
  kFewest = 8,            /* numbers that no draw has changed */
  kMaxCandidates = 16
};

static uint32_t next(uint32_t x) { return (uint32_t)((uint64_t)x * 48271 % INT32_MAX); }

/* What is xored to vec[kApart] and on. */
static void make_stream(uint64_t seed, uint64_t stream[kLength - kApart]) {
  int64_t rest = (int64_t)seed % INT32_MAX;
  uint32_t x = rest == 0 ? 89482311 : (uint32_t)(rest < 0 ? rest + INT32_MAX : rest);
  for (int i = 0; i < 20; ++i) x = next(x);
  for (int i = 0; i < kLength; ++i) {
    uint32_t first = next(x), second = next(first);
    x = next(second);
    if (i >= kApart) stream[i - kApart] = (uint64_t)first << 40 ^ (uint64_t)second << 20 ^ x;
  }
}

bool aotc_go_is_source(const struct aotc_instance* instance, uint64_t address) {
  uint64_t at[2];
  const void* bytes =
      address > UINT32_MAX ? NULL : aotc_instance_memory_at(instance, (uint32_t)address, sizeof(at) + 8 * kLength);
  if (bytes == NULL) return false;
  memcpy(at, bytes, sizeof(at));
  return at[0] < kLength && at[1] < kLength && (at[1] + kLength - at[0]) % kLength == kApart;
}

/* How many numbers from vec[kApart] on no draw has changed. */
static uint64_t unchanged(uint64_t tap) {
  uint64_t draws = (kLength - tap) % kLength;
  return kLength - (draws < kApart ? kApart : draws);
}

/* Small numbers and addresses are no such thing: spares a search for most of what is none. */
static bool looks_random(const uint64_t* numbers) {
  for (int i = 0; i < kFewest; ++i)
    if (numbers[i] >> 40 == 0) return false;
  return true;
}

bool aotc_go_source_find(const struct aotc_instance* instance, uint64_t seed, uint32_t* address) {
  uint64_t stream[kLength - kApart], table[kLength - kApart];
  const uint8_t* memory = aotc_base(instance);
  uint64_t size = aotc_tail(instance)->memory_size;
  make_stream(seed, stream);
  int candidates = 0;
  for (uint64_t at = 0; at + 16 + sizeof(uint64_t) * kLength <= size; at += 8) {
    uint64_t tap;
    memcpy(&tap, memory + at, sizeof(tap));
    if (tap >= kLength || !aotc_go_is_source(instance, at)) continue;
    uint64_t count = unchanged(tap);
    memcpy(table, memory + at + 16 + 8 * kApart, sizeof(table));
    if (count < kFewest || !looks_random(table)) continue;
    for (uint64_t i = 0; i < count; ++i) table[i] ^= stream[i];
    if (memmem(memory, size, table, count * sizeof(table[0])) != NULL) {
      *address = (uint32_t)at;
      return true;
    }
    if (++candidates == kMaxCandidates) return false;
  }
  return false;
}
