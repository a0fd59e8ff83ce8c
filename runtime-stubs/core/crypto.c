/* crypto.c - AES, CRC-32 and some arithmetic in the processor's own instructions; see known.h.
 *
 * Sources: FIPS 197 (rounds; the decryption keys are those of its equivalent inverse cipher, as Go's are),
 * NIST SP 800-38A and 38D (counters), and for CRC-32 folding by carry-less multiplication: a remainder does not change
 * when a word is multiplied by x^n mod P instead of being shifted by n.
 *
 * Runs on the guest's stack; see helpers.c.
 */
#include <stddef.h>

#include "entry.h"
#include "known.h"

#define IN_SECTION AOTC_HELPER_SECTION
enum { kBlock = 16, kMostKeys = 15, kSideBySide = 8 };
#define EACH(i) _Pragma("GCC unroll 8") for (int i = 0; i < kSideBySide; ++i)

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#define TARGET __attribute__((target("aes,pclmul,ssse3")))
#define INLINE TARGET static inline __attribute__((always_inline))

typedef __m128i block;

bool aotc_has_crypto(void) {
  unsigned a, b, c, d;
  /* SSSE3, PCLMULQDQ and AES */
  return __get_cpuid(1, &a, &b, &c, &d) && c >> 9 & 1 && c >> 1 & 1 && c >> 25 & 1;
}

INLINE block load(const uint8_t* p) { return _mm_loadu_si128((const __m128i*)(const void*)p); }
INLINE void store(uint8_t* p, block v) { _mm_storeu_si128((__m128i*)(void*)p, v); }
INLINE block xor2(block a, block b) { return _mm_xor_si128(a, b); }
INLINE block swap_words(block v) { return _mm_shuffle_epi8(v, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203)); }
/* All rounds together: XOR with the first key, rounds with those between, a last one without its mixing. */
INLINE block encrypt(block v, const block* keys, uint64_t rounds) {
  v = xor2(v, keys[0]);
  for (uint64_t i = 1; i < rounds; ++i) v = _mm_aesenc_si128(v, keys[i]);
  return _mm_aesenclast_si128(v, keys[rounds]);
}
/* Blocks that do not wait for each other. */
INLINE void encrypt_each(block v[kSideBySide], const block* keys, uint64_t rounds) {
  EACH(i) v[i] = xor2(v[i], keys[0]);
  for (uint64_t round = 1; round < rounds; ++round) EACH(i) v[i] = _mm_aesenc_si128(v[i], keys[round]);
  EACH(i) v[i] = _mm_aesenclast_si128(v[i], keys[rounds]);
}
INLINE block decrypt(block v, const block* keys, uint64_t rounds) {
  v = xor2(v, keys[0]);
  for (uint64_t i = 1; i < rounds; ++i) v = _mm_aesdec_si128(v, keys[i]);
  return _mm_aesdeclast_si128(v, keys[rounds]);
}
INLINE uint64_t low_word(block v) { return (uint64_t)_mm_cvtsi128_si64(v); }
static inline __attribute__((always_inline)) bool has_fma(void) { return __builtin_cpu_supports("fma"); }
#define FMA_TARGET __attribute__((target("fma")))
INLINE block of_words(uint64_t low, uint64_t high) { return _mm_set_epi64x((long long)high, (long long)low); }
/* Carry-less products of the low and of the high words. */
INLINE block multiply_low(block a, block b) { return _mm_clmulepi64_si128(a, b, 0x00); }
INLINE block multiply_high(block a, block b) { return _mm_clmulepi64_si128(a, b, 0x11); }

#elif defined(__aarch64__)
#include <arm_neon.h>
#include <sys/auxv.h>
#define TARGET __attribute__((target("arch=armv8-a+crypto")))
#define INLINE TARGET static inline __attribute__((always_inline))

typedef uint8x16_t block;

bool aotc_has_crypto(void) { return (getauxval(AT_HWCAP) >> 3 & 3) == 3; /* AES and PMULL */ }

INLINE block load(const uint8_t* p) { return vld1q_u8(p); }
INLINE void store(uint8_t* p, block v) { vst1q_u8(p, v); }
INLINE block xor2(block a, block b) { return veorq_u8(a, b); }
INLINE block swap_words(block v) { return vrev32q_u8(v); }
INLINE block encrypt(block v, const block* keys, uint64_t rounds) {
  for (uint64_t i = 0; i + 1 < rounds; ++i) v = vaesmcq_u8(vaeseq_u8(v, keys[i]));
  return xor2(vaeseq_u8(v, keys[rounds - 1]), keys[rounds]);
}
INLINE void encrypt_each(block v[kSideBySide], const block* keys, uint64_t rounds) {
  for (uint64_t round = 0; round + 1 < rounds; ++round) EACH(i) v[i] = vaesmcq_u8(vaeseq_u8(v[i], keys[round]));
  EACH(i) v[i] = xor2(vaeseq_u8(v[i], keys[rounds - 1]), keys[rounds]);
}
INLINE block decrypt(block v, const block* keys, uint64_t rounds) {
  for (uint64_t i = 0; i + 1 < rounds; ++i) v = vaesimcq_u8(vaesdq_u8(v, keys[i]));
  return xor2(vaesdq_u8(v, keys[rounds - 1]), keys[rounds]);
}
static inline __attribute__((always_inline)) bool has_fma(void) { return true; }
#define FMA_TARGET
INLINE block of_words(uint64_t low, uint64_t high) {
  return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(low), vcreate_u64(high)));
}
INLINE uint64_t low_word(block v) { return vgetq_lane_u64(vreinterpretq_u64_u8(v), 0); }
INLINE uint64_t high_word(block v) { return vgetq_lane_u64(vreinterpretq_u64_u8(v), 1); }
INLINE block multiply(uint64_t a, uint64_t b) { return vreinterpretq_u8_p128(vmull_p64((poly64_t)a, (poly64_t)b)); }
INLINE block multiply_low(block a, block b) { return multiply(low_word(a), low_word(b)); }
INLINE block multiply_high(block a, block b) { return multiply(high_word(a), high_word(b)); }
#endif

INLINE void load_keys(block* keys, const uint8_t* words, uint64_t rounds) {
  for (uint64_t i = 0; i <= rounds; ++i) keys[i] = swap_words(load(words + kBlock * i));
}

TARGET IN_SECTION uint32_t aotc_aes_encrypt(const uint8_t* words, uint64_t rounds, uint8_t* to, const uint8_t* from) {
  block keys[kMostKeys];
  load_keys(keys, words, rounds);
  store(to, encrypt(load(from), keys, rounds));
  return 1;
}

TARGET IN_SECTION uint32_t aotc_aes_decrypt(const uint8_t* words, uint64_t rounds, uint8_t* to, const uint8_t* from) {
  block keys[kMostKeys];
  load_keys(keys, words, rounds);
  store(to, decrypt(load(from), keys, rounds));
  return 1;
}

INLINE block next_counter(struct aotc_aes_counter* counter) {
  block v = of_words(__builtin_bswap64(counter->high), __builtin_bswap64(counter->low));
  uint64_t next = counter->low + 1;
  if (counter->bits == 32)
    next = (counter->low & ~(uint64_t)UINT32_MAX) | (uint32_t)next;
  else
    counter->high += next == 0;
  counter->low = next;
  return v;
}

TARGET IN_SECTION void aotc_aes_count(const uint8_t* words, uint64_t rounds, struct aotc_aes_counter* counter,
                                      uint8_t* to, const uint8_t* from, uint64_t size) {
  block keys[kMostKeys], v[kSideBySide];
  load_keys(keys, words, rounds);
  for (; size >= sizeof v; size -= sizeof v, to += sizeof v, from += sizeof v) {
    EACH(i) v[i] = next_counter(counter);
    encrypt_each(v, keys, rounds);
    EACH(i) v[i] = xor2(v[i], load(from + kBlock * i));
    EACH(i) store(to + kBlock * i, v[i]);
  }
  if (size == 0) return;
  struct aotc_aes_counter ahead = *counter;
  EACH(i) v[i] = next_counter(&ahead);
  for (uint64_t used = 0; used < size; used += kBlock) next_counter(counter);
  encrypt_each(v, keys, rounds);
  uint8_t left[sizeof v];
  EACH(i) store(left + kBlock * i, v[i]);
  for (uint64_t i = 0; i < size; ++i) left[i] ^= from[i];
  for (uint64_t i = 0; i < size; ++i) to[i] = left[i];
}

TARGET IN_SECTION uint64_t aotc_carryless_multiply(uint32_t x, uint32_t y) {
  return low_word(multiply_low(of_words(x, 0), of_words(y, 0)));
}

/* Go's own way has its say about what is not a normal number. */
FMA_TARGET static IN_SECTION uint32_t multiply_add(double x, double y, double z, double* result) {
  *result = __builtin_fma(x, y, z);
  double size = __builtin_fabs(*result);
  return size >= 0x1p-1021 && size <= 0x1.fffffffffffffp1023 && z != 0;
}

IN_SECTION uint32_t aotc_fma(double x, double y, double z, double* result) {
  return has_fma() ? multiply_add(x, y, z, result) : 0;
}

/* A polynomial, with x^n mod P for what a word is moved by when 64 and when 16 bytes are folded; bits in reverse order.
 */
struct polynomial {
  uint32_t reversed, other; /* the tables' entries [0][128] and [7][255] */
  uint64_t by_64[2], by_16[2];
};
static const struct polynomial kPolynomials[] = {
    {0xedb88320, 0x264b06e6, {0x154442bd4, 0x1c6e41596}, {0x1751997d0, 0x0ccaa009e}}, /* IEEE */
    {0x82f63b78, 0x1f1530a5, {0x0740eef02, 0x09e4addf8}, {0x0f20c0dfe, 0x14cd00bd6}}, /* Castagnoli */
};

/* Go's own way, for what is short. */
static inline __attribute__((always_inline)) uint32_t by_tables(uint32_t crc, const uint32_t* t, const uint8_t* p,
                                                                uint64_t n) {
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word;
    __builtin_memcpy(&word, p, 8);
    word ^= crc;
    crc = t[7 * 256 + (word & 255)] ^ t[6 * 256 + (word >> 8 & 255)] ^ t[5 * 256 + (word >> 16 & 255)] ^
          t[4 * 256 + (word >> 24 & 255)] ^ t[3 * 256 + (word >> 32 & 255)] ^ t[2 * 256 + (word >> 40 & 255)] ^
          t[256 + (word >> 48 & 255)] ^ t[word >> 56];
  }
  for (; n > 0; --n) crc = t[(uint8_t)crc ^ *p++] ^ crc >> 8;
  return crc;
}

INLINE block fold(block v, block by, block next) { return xor2(xor2(multiply_low(v, by), multiply_high(v, by)), next); }

TARGET IN_SECTION uint32_t aotc_crc32(uint32_t* result, const uint32_t* tables, const uint8_t* bytes, uint64_t n) {
  const struct polynomial* p = NULL;
  for (size_t i = 0; i < sizeof kPolynomials / sizeof *kPolynomials; ++i)
    if (tables[128] == kPolynomials[i].reversed && tables[7 * 256 + 255] == kPolynomials[i].other) p = &kPolynomials[i];
  if (p == NULL) return 0;
  uint32_t crc = ~*result;
  if (n >= 128) {
    block v[4], by = of_words(p->by_64[0], p->by_64[1]);
    for (int i = 0; i < 4; ++i) v[i] = load(bytes + kBlock * i);
    v[0] = xor2(v[0], of_words(crc, 0));
    for (bytes += 64, n -= 64; n >= 64; bytes += 64, n -= 64)
      for (int i = 0; i < 4; ++i) v[i] = fold(v[i], by, load(bytes + kBlock * i));
    by = of_words(p->by_16[0], p->by_16[1]);
    block all = v[0];
    for (int i = 1; i < 4; ++i) all = fold(all, by, v[i]);
    for (; n >= kBlock; bytes += kBlock, n -= kBlock) all = fold(all, by, load(bytes));
    uint8_t left[kBlock];
    store(left, all);
    crc = by_tables(0, tables, left, kBlock);
  }
  *result = ~by_tables(crc, tables, bytes, n);
  return 1;
}
