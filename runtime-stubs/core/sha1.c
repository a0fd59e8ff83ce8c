/* sha1.c - SHA-1's compression function with the processor's own instructions; see sha256.c, whose processors have
 * both, and known.c. Rounds and message schedule: FIPS 180-4, section 6.1.2.
 *
 * Runs on the guest's stack; see helpers.c.
 */
#include "entry.h"
#include "known.h"

enum { kBlock = 64 };

#if defined(__x86_64__)
#include <immintrin.h>
#define SHA_TARGET __attribute__((target("sha,sse4.1")))

/* Four rounds at a time; the highest lane is a's, and e's. */
#define TWENTY_ROUNDS(function)                                                                                  \
  _Pragma("GCC unroll 5") for (int i = 5 * (function); i < 5 * (function) + 5; ++i) {                            \
    if (i < 4)                                                                                                   \
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i*)(const void*)(data + 16 * i)), reverse_bytes);     \
    else                                                                                                         \
      w[i & 3] = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(w[i & 3], w[(i + 1) & 3]), w[(i + 2) & 3]), \
                                    w[(i + 3) & 3]);                                                             \
    __m128i with_e = i == 0 ? _mm_add_epi32(e, w[0]) : _mm_sha1nexte_epu32(abcd_4_before, w[i & 3]);             \
    abcd_4_before = abcd;                                                                                        \
    abcd = _mm_sha1rnds4_epu32(abcd, with_e, function);                                                          \
  }

SHA_TARGET AOTC_HELPER_SECTION void aotc_sha1(uint8_t* state, const uint8_t* data, uint64_t blocks) {
  const __m128i reverse_bytes = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  uint32_t last;
  __builtin_memcpy(&last, state + 16, sizeof last);
  __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i*)(const void*)state), 0x1b);
  __m128i e = _mm_set_epi32((int)last, 0, 0, 0);
  for (; blocks > 0; --blocks, data += kBlock) {
    __m128i w[4], abcd_4_before = abcd, abcd_before = abcd;
    TWENTY_ROUNDS(0)
    TWENTY_ROUNDS(1)
    TWENTY_ROUNDS(2)
    TWENTY_ROUNDS(3)
    abcd = _mm_add_epi32(abcd, abcd_before), e = _mm_sha1nexte_epu32(abcd_4_before, e);
  }
  _mm_storeu_si128((__m128i*)(void*)state, _mm_shuffle_epi32(abcd, 0x1b));
  last = (uint32_t)_mm_extract_epi32(e, 3);
  __builtin_memcpy(state + 16, &last, sizeof last);
}

#elif defined(__aarch64__)
#include <arm_neon.h>
#define SHA_TARGET __attribute__((target("arch=armv8-a+crypto")))

SHA_TARGET AOTC_HELPER_SECTION void aotc_sha1(uint8_t* state, const uint8_t* data, uint64_t blocks) {
  uint32_t e;
  __builtin_memcpy(&e, state + 16, sizeof e);
  uint32x4_t abcd = vreinterpretq_u32_u8(vld1q_u8(state));
  for (; blocks > 0; --blocks, data += kBlock) {
    uint32x4_t w[4], abcd_before = abcd;
    uint32_t e_before = e;
#pragma GCC unroll 20
    for (int i = 0; i < 20; ++i) {
      w[i & 3] = i < 4 ? vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data + 16 * i)))
                       : vsha1su1q_u32(vsha1su0q_u32(w[i & 3], w[(i + 1) & 3], w[(i + 2) & 3]), w[(i + 3) & 3]);
      uint32_t constant = i < 5 ? 0x5a827999 : i < 10 ? 0x6ed9eba1 : i < 15 ? 0x8f1bbcdc : 0xca62c1d6;
      uint32x4_t wk = vaddq_u32(w[i & 3], vdupq_n_u32(constant));
      uint32_t e_in = e;
      e = vsha1h_u32(vgetq_lane_u32(abcd, 0));
      abcd = i < 5               ? vsha1cq_u32(abcd, e_in, wk)
             : i >= 10 && i < 15 ? vsha1mq_u32(abcd, e_in, wk)
                                 : vsha1pq_u32(abcd, e_in, wk);
    }
    abcd = vaddq_u32(abcd, abcd_before), e += e_before;
  }
  vst1q_u8(state, vreinterpretq_u8_u32(abcd));
  __builtin_memcpy(state + 16, &e, sizeof e);
}
#endif
