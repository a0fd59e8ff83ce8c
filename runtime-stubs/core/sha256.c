/* sha256.c - SHA-256's compression function with the processor's own instructions, in place of Go's portable one.
 *
 * Go's native ports have it in assembly; for wasm Go compiles the portable code, which takes five times as long.
 * Compiled code asks this helper first and runs Go's own code when the answer is 0: the processor lacks the
 * instructions, or the operands are not ones for which both do the same. Rounds and message schedule: FIPS 180-4,
 * section 6.2.2.
 *
 * Runs on the guest's stack; see helpers.c.
 */
#include "sha256.h"

#include <sys/auxv.h>

#include "state.h"

enum { kBlock = 64, kBlocksPerPiece = 4096 };

static const uint32_t kRounds[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#define SHA_TARGET __attribute__((target("sha,sse4.1")))

bool aotc_has_sha256(void) {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && c >> 19 & 1 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && b >> 29 & 1;
}

/* The instructions take the state as two vectors; lanes from the lowest: {f e b a} and {h g d c}. */
SHA_TARGET static AOTC_HELPER_SECTION void compress(uint8_t* state, const uint8_t* data, uint64_t blocks) {
  const __m128i swap_bytes = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i*)(const void*)state), 0xb1);         /* b a d c */
  __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i*)(const void*)(state + 16)), 0x1b); /* h g f e */
  __m128i feba = _mm_alignr_epi8(low, high, 8), hgdc = _mm_blend_epi16(high, low, 0xf0);
  for (; blocks > 0; --blocks, data += kBlock) {
    __m128i w[4], feba_before = feba, hgdc_before = hgdc;
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      __m128i next;
      if (i < 4) {
        next = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i*)(const void*)(data + 16 * i)), swap_bytes);
      } else {
        __m128i before = w[(i - 1) & 3];
        next =
            _mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]), _mm_alignr_epi8(before, w[(i + 2) & 3], 4));
        next = _mm_sha256msg2_epu32(next, before);
      }
      w[i & 3] = next;
      __m128i wk = _mm_add_epi32(next, _mm_load_si128((const __m128i*)(const void*)(kRounds + 4 * i)));
      hgdc = _mm_sha256rnds2_epu32(hgdc, feba, wk);
      feba = _mm_sha256rnds2_epu32(feba, hgdc, _mm_shuffle_epi32(wk, 0x0e));
    }
    feba = _mm_add_epi32(feba, feba_before), hgdc = _mm_add_epi32(hgdc, hgdc_before);
  }
  __m128i abef = _mm_shuffle_epi32(feba, 0x1b), cdgh = _mm_shuffle_epi32(hgdc, 0x1b); /* a b e f, c d g h */
  _mm_storeu_si128((__m128i*)(void*)state, _mm_unpacklo_epi64(abef, cdgh));
  _mm_storeu_si128((__m128i*)(void*)(state + 16), _mm_unpackhi_epi64(abef, cdgh));
}

#elif defined(__aarch64__)
#include <arm_neon.h>
#define SHA_TARGET __attribute__((target("arch=armv8-a+crypto")))

bool aotc_has_sha256(void) { return (getauxval(AT_HWCAP) >> 5 & 3) == 3; /* and SHA-1 */ }

SHA_TARGET static AOTC_HELPER_SECTION void compress(uint8_t* state, const uint8_t* data, uint64_t blocks) {
  uint32x4_t abcd = vreinterpretq_u32_u8(vld1q_u8(state)), efgh = vreinterpretq_u32_u8(vld1q_u8(state + 16));
  for (; blocks > 0; --blocks, data += kBlock) {
    uint32x4_t w[4], abcd_before = abcd, efgh_before = efgh;
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      uint32x4_t next =
          i < 4 ? vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data + 16 * i)))
                : vsha256su1q_u32(vsha256su0q_u32(w[i & 3], w[(i + 1) & 3]), w[(i + 2) & 3], w[(i - 1) & 3]);
      w[i & 3] = next;
      uint32x4_t wk = vaddq_u32(next, vld1q_u32(kRounds + 4 * i)), abcd_in = abcd;
      abcd = vsha256hq_u32(abcd, efgh, wk);
      efgh = vsha256h2q_u32(efgh, abcd_in, wk);
    }
    abcd = vaddq_u32(abcd, abcd_before), efgh = vaddq_u32(efgh, efgh_before);
  }
  vst1q_u8(state, vreinterpretq_u8_u32(abcd)), vst1q_u8(state + 16, vreinterpretq_u8_u32(efgh));
}
#endif

static inline bool in_memory(const uint8_t* base, uint64_t address, uint64_t size) {
  uint64_t end = *(const volatile uint64_t*)(const void*)(base + AOTC_TAIL_MEMORY_SIZE);
  return address <= end && size <= end - address;
}

AOTC_HELPER_SECTION uint32_t aotc_sha256_helper(uint8_t* base, uint64_t state, uint64_t data, uint64_t size) {
  /* A null state is Go's nil pointer panic. */
  if (state == 0 || !in_memory(base, state, 32) || !in_memory(base, data, size)) return 0;
  for (uint64_t blocks = size / kBlock, at = 0; at < blocks;) {
    if (aotc_instance_of(base)->deadline_hit) aotc_raise(base, AOTC_TRAP_DEADLINE, __builtin_frame_address(0));
    uint64_t piece = blocks - at < kBlocksPerPiece ? blocks - at : kBlocksPerPiece;
    compress(base + state, base + data + at * kBlock, piece);
    at += piece;
  }
  return 1;
}

AOTC_HELPER_SECTION uint32_t aotc_no_sha256_helper(uint8_t* base, uint64_t state, uint64_t data, uint64_t size) {
  (void)base, (void)state, (void)data, (void)size;
  return 0;
}
