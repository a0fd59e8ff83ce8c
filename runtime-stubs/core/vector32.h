/* vector32.h - long copies and fills, 32 bytes at a time, where the processor has AVX2. Stores are aligned: those that
 * are not are what a copy waits for. The microcode (rep movsb) is nowhere much better, and on AMD's Zen takes twenty
 * times as long when the two places are not aligned alike. */
#ifndef AOTC_VECTOR32_H
#define AOTC_VECTOR32_H

#include <stdbool.h>
#include <stdint.h>

#include "entry.h"

/* From here on they are worth the call. */
enum { kV32From = 256 };

#if defined(__x86_64__)
#include <immintrin.h>

#define V32 static __attribute__((target("avx2"), noinline)) AOTC_HELPER_SECTION
#define V32_INLINE static inline __attribute__((target("avx2"), always_inline))

static inline bool has_v32(void) { return __builtin_cpu_supports("avx2"); }
V32_INLINE __m256i v32_load(const uint8_t* p) { return _mm256_loadu_si256((const __m256i*)(const void*)p); }
V32_INLINE void v32_store(uint8_t* p, __m256i v) { _mm256_storeu_si256((__m256i*)(void*)p, v); }

struct v32_edge {
  __m256i a, b, c, d;
};
V32_INLINE struct v32_edge v32_load_edge(const uint8_t* p) {
  return (struct v32_edge){v32_load(p), v32_load(p + 32), v32_load(p + 64), v32_load(p + 96)};
}
V32_INLINE void v32_store_edge(uint8_t* p, struct v32_edge v) {
  v32_store(p, v.a), v32_store(p + 32, v.b), v32_store(p + 64, v.c), v32_store(p + 96, v.d);
}

/* For to <= from, or no overlap. Both edges are loaded before anything can overwrite them. */
V32 void v32_copy_up(uint8_t* to, const uint8_t* from, uint64_t n) {
  __m256i first = v32_load(from);
  struct v32_edge last = v32_load_edge(from + n - sizeof last);
  for (uint64_t at = -(uintptr_t)to & 31; n - at > sizeof last; at += sizeof last)
    v32_store_edge(to + at, v32_load_edge(from + at));
  v32_store(to, first), v32_store_edge(to + n - sizeof last, last);
}

/* For to >= from. */
V32 void v32_copy_down(uint8_t* to, const uint8_t* from, uint64_t n) {
  struct v32_edge first = v32_load_edge(from);
  __m256i last = v32_load(from + n - sizeof last);
  for (uint64_t left = n - (((uintptr_t)to + n) & 31); left > sizeof first; left -= sizeof first)
    v32_store_edge(to + left - sizeof first, v32_load_edge(from + left - sizeof first));
  v32_store_edge(to, first), v32_store(to + n - sizeof last, last);
}

V32 void v32_fill(uint8_t* to, uint8_t byte, uint64_t n) {
  __m256i v = _mm256_set1_epi8((char)byte);
  struct v32_edge all = {v, v, v, v};
  for (uint64_t at = -(uintptr_t)to & 31; n - at > sizeof all; at += sizeof all) v32_store_edge(to + at, all);
  v32_store(to, v), v32_store_edge(to + n - sizeof all, all);
}

#else
static inline bool has_v32(void) { return false; }
static inline void v32_copy_up(uint8_t* to, const uint8_t* from, uint64_t n) { (void)to, (void)from, (void)n; }
static inline void v32_copy_down(uint8_t* to, const uint8_t* from, uint64_t n) { (void)to, (void)from, (void)n; }
static inline void v32_fill(uint8_t* to, uint8_t byte, uint64_t n) { (void)to, (void)byte, (void)n; }
#endif

#endif
