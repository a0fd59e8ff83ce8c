/* vector16.h - 16-byte vectors for the byte-string helpers: SSE2 on x86-64, NEON on AArch64. Unaligned everywhere. */
#ifndef AOTC_VECTOR16_H
#define AOTC_VECTOR16_H

#include <stdint.h>

#if defined(__x86_64__)
#include <emmintrin.h>

typedef __m128i v16;
static inline v16 v16_load(const uint8_t* p) { return _mm_loadu_si128((const __m128i*)(const void*)p); }
static inline void v16_store(uint8_t* p, v16 v) { _mm_storeu_si128((__m128i*)(void*)p, v); }
static inline v16 v16_splat(uint8_t byte) { return _mm_set1_epi8((char)byte); }
static inline v16 v16_same(v16 a, v16 b) { return _mm_cmpeq_epi8(a, b); }
static inline v16 v16_and(v16 a, v16 b) { return _mm_and_si128(a, b); }
static inline v16 v16_or(v16 a, v16 b) { return _mm_or_si128(a, b); }
/* The mask of a comparison: kV16MaskBits bits per byte, lowest first, all ones where v16_same was true. */
enum { kV16MaskBits = 1 };
static const uint64_t kV16MaskAll = 0xffff;
static inline uint64_t v16_mask(v16 same) { return (uint32_t)_mm_movemask_epi8(same); }

#elif defined(__aarch64__)
#include <arm_neon.h>

typedef uint8x16_t v16;
static inline v16 v16_load(const uint8_t* p) { return vld1q_u8(p); }
static inline void v16_store(uint8_t* p, v16 v) { vst1q_u8(p, v); }
static inline v16 v16_splat(uint8_t byte) { return vdupq_n_u8(byte); }
enum { kV16MaskBits = 4 };
static const uint64_t kV16MaskAll = ~0ull;
static inline uint64_t v16_mask(v16 same) {
  return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(same), 4)), 0);
}
static inline v16 v16_same(v16 a, v16 b) { return vceqq_u8(a, b); }
static inline v16 v16_and(v16 a, v16 b) { return vandq_u8(a, b); }
static inline v16 v16_or(v16 a, v16 b) { return vorrq_u8(a, b); }
#endif

/* The mask's first `n` bytes, n < 16. */
static inline uint64_t v16_first(uint64_t mask, uint64_t n) { return mask & ((1ull << n * kV16MaskBits) - 1); }
static inline uint64_t v16_index(uint64_t mask) { return (uint64_t)__builtin_ctzll(mask) / kV16MaskBits; }

#endif
