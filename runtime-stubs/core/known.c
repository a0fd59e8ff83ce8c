/* known.c - what compiled code asks before it runs a function of Go's library that the runtime does better
 * (AOTC_HELPER_KNOWN).
 *
 * Go's native ports have these in assembly; for wasm Go compiles the portable text, which takes five to fifty times as
 * long. The compiler recognises the text (compiler/go/known_functions.h); the arguments lie on Go's stack, from 8 bytes
 * above the stack pointer on, and the results behind them. Nothing in there is to be believed: whatever is not wholly
 * in memory, or would make Go's function panic, is left to that function.
 *
 * Runs on the guest's stack; see helpers.c.
 */
#include "known.h"

#include "entry.h"
#include "state.h"
#include "vector16.h"

#define IN_SECTION AOTC_HELPER_SECTION
#define INLINE static inline __attribute__((always_inline))

struct slice {
  uint64_t data, size, capacity;
};
struct string {
  uint64_t data, size;
};

INLINE uint8_t* in_memory(uint8_t* base, uint64_t address, uint64_t size) {
  uint64_t end = *(const volatile uint64_t*)(const void*)(base + AOTC_TAIL_MEMORY_SIZE);
  return address <= end && size <= end - address ? base + address : NULL;
}
/* Null is Go's nil pointer panic. */
INLINE uint8_t* pointee(uint8_t* base, uint64_t address, uint64_t size) {
  return address == 0 ? NULL : in_memory(base, address, size);
}
#define ARGUMENTS(type)                                                              \
  const uint8_t* arguments = in_memory(base, (uint64_t)sp + 8, sizeof(struct type)); \
  struct type a;                                                                     \
  if (arguments == NULL) return 0;                                                   \
  __builtin_memcpy(&a, arguments, sizeof a)
#define RESULT(type, field, value)                                                                      \
  do {                                                                                                  \
    __typeof__(a.field) result_ = (value);                                                              \
    __builtin_memcpy(base + sp + 8 + __builtin_offsetof(struct type, field), &result_, sizeof result_); \
  } while (0)

enum { kBlock = 16, kMostRounds = 14, kWords = 60 * 4 };

/* --- AES (crypto/internal/fips140/aes, and crypto/aes up to Go 1.23) */
struct expanded_key { /* blockExpanded */
  uint64_t rounds;
  uint8_t encrypt[kWords], decrypt[kWords];
};
struct block_arguments {
  uint64_t key;
  struct slice to, from;
};
struct words_arguments {
  struct slice words, to, from;
};

INLINE bool is_rounds(uint64_t rounds) { return rounds == 10 || rounds == 12 || rounds == kMostRounds; }

INLINE uint32_t one_block(uint8_t* base, const uint8_t* words, uint64_t rounds, const struct slice* to,
                          const struct slice* from, bool encrypts) {
  uint8_t *target = in_memory(base, to->data, kBlock), *source = in_memory(base, from->data, kBlock);
  if (!is_rounds(rounds) || to->size < kBlock || from->size < kBlock || target == NULL || source == NULL) return 0;
  return encrypts ? aotc_aes_encrypt(words, rounds, target, source) : aotc_aes_decrypt(words, rounds, target, source);
}

INLINE uint32_t block(uint8_t* base, uint32_t sp, bool encrypts) {
  ARGUMENTS(block_arguments);
  const struct expanded_key* key = (const void*)pointee(base, a.key, sizeof *key);
  if (key == NULL) return 0;
  return one_block(base, encrypts ? key->encrypt : key->decrypt, key->rounds, &a.to, &a.from, encrypts);
}

INLINE uint32_t words_block(uint8_t* base, uint32_t sp, bool encrypts) {
  ARGUMENTS(words_arguments);
  if (a.words.size > kWords / 4 || a.words.size % 4 != 0) return 0;
  const uint8_t* words = in_memory(base, a.words.data, a.words.size * 4);
  return words == NULL ? 0 : one_block(base, words, a.words.size / 4 - 1, &a.to, &a.from, encrypts);
}

/* Whether [p, p + n) and [q, q + m) have nothing in common. */
INLINE bool are_apart(const uint8_t* p, uint64_t n, const uint8_t* q, uint64_t m) { return p + n <= q || q + m <= p; }

/* --- blocks of AES-CTR, a few at a time (crypto/internal/fips140/aes) */
struct count_arguments {
  uint64_t key;
  struct slice to, from;
  uint64_t low, high;
};

INLINE uint32_t aes_count(uint8_t* base, uint32_t sp) {
  ARGUMENTS(count_arguments);
  enum { kMostBytes = 8 * kBlock };
  const struct expanded_key* key = (const void*)pointee(base, a.key, sizeof *key);
  if (a.from.size != a.to.size || a.from.size % kBlock != 0 || a.from.size > kMostBytes) return 0;
  uint8_t *to = in_memory(base, a.to.data, a.to.size), *from = in_memory(base, a.from.data, a.from.size);
  if (key == NULL || to == NULL || from == NULL || !is_rounds(key->rounds)) return 0;
  struct aotc_aes_counter counter = {a.high, a.low, 128};
  aotc_aes_count(key->encrypt, key->rounds, &counter, to, from, a.from.size);
  return 1;
}

/* --- AES-GCM (crypto/internal/fips140/aes/gcm) */
enum { kCryptPiece = 1 << 20 };
struct gcm_count_arguments {
  uint64_t key;
  struct slice to, from;
  uint64_t counter;
};

INLINE uint32_t gcm_count(uint8_t* base, uint32_t sp) {
  ARGUMENTS(gcm_count_arguments);
  const struct expanded_key* key = (const void*)pointee(base, a.key, sizeof *key);
  uint8_t* at = pointee(base, a.counter, kBlock);
  uint64_t n = a.from.size;
  uint8_t *to = in_memory(base, a.to.data, n), *from = in_memory(base, a.from.data, n);
  if (key == NULL || at == NULL || to == NULL || from == NULL || a.to.size < n || !is_rounds(key->rounds)) return 0;
  if (!(to == from || are_apart(to, n, from, n)) || !are_apart(to, n, at, kBlock) || !are_apart(from, n, at, kBlock) ||
      !are_apart(to, n, (const uint8_t*)key, sizeof *key) || !are_apart(at, kBlock, (const uint8_t*)key, sizeof *key))
    return 0;
  struct aotc_aes_counter counter = {.bits = 32};
  __builtin_memcpy(&counter, at, kBlock);
  counter.high = __builtin_bswap64(counter.high), counter.low = __builtin_bswap64(counter.low);
  while (n > 0) {
    if (aotc_instance_of(base)->deadline_hit) aotc_raise(base, AOTC_TRAP_DEADLINE, __builtin_frame_address(0));
    uint64_t piece = n < kCryptPiece ? n : kCryptPiece;
    aotc_aes_count(key->encrypt, key->rounds, &counter, to, from, piece);
    to += piece, from += piece, n -= piece;
  }
  counter.high = __builtin_bswap64(counter.high), counter.low = __builtin_bswap64(counter.low);
  __builtin_memcpy(at, &counter, kBlock);
  return 1;
}

/* --- CRC-32 (hash/crc32) */
struct crc32_arguments {
  uint64_t crc; /* the low half */
  uint64_t tables;
  struct slice bytes;
  uint32_t result;
};

INLINE uint32_t crc32(uint8_t* base, uint32_t sp) {
  ARGUMENTS(crc32_arguments);
  enum { kTables = 8 * 256 * 4, kPiece = 1 << 20 };
  const uint8_t *tables = pointee(base, a.tables, kTables), *bytes = in_memory(base, a.bytes.data, a.bytes.size);
  if (tables == NULL || bytes == NULL) return 0;
  uint32_t crc = (uint32_t)a.crc;
  for (uint64_t n = a.bytes.size; n > 0;) {
    if (aotc_instance_of(base)->deadline_hit) aotc_raise(base, AOTC_TRAP_DEADLINE, __builtin_frame_address(0));
    uint64_t piece = n < kPiece ? n : kPiece;
    if (!aotc_crc32(&crc, (const uint32_t*)(const void*)tables, bytes, piece)) return 0;
    bytes += piece, n -= piece;
  }
  RESULT(crc32_arguments, result, crc);
  return 1;
}

/* --- SHA-1 (crypto/sha1) */
struct sha1_arguments {
  uint64_t digest;
  struct slice bytes;
};

bool aotc_has_sha1;

INLINE uint32_t sha1(uint8_t* base, uint32_t sp) {
  ARGUMENTS(sha1_arguments);
  enum { kState = 20, kChunk = 64, kPiece = 4096 };
  uint8_t *digest = pointee(base, a.digest, kState), *bytes = in_memory(base, a.bytes.data, a.bytes.size);
  if (!aotc_has_sha1 || digest == NULL || bytes == NULL) return 0;
  uint8_t state[kState]; /* Go's function writes its digest at the end, too */
  __builtin_memcpy(state, digest, sizeof state);
  for (uint64_t left = a.bytes.size / kChunk; left > 0;) {
    if (aotc_instance_of(base)->deadline_hit) aotc_raise(base, AOTC_TRAP_DEADLINE, __builtin_frame_address(0));
    uint64_t piece = left < kPiece ? left : kPiece;
    aotc_sha1(state, bytes, piece);
    bytes += piece * kChunk, left -= piece;
  }
  __builtin_memcpy(digest, state, sizeof state);
  return 1;
}

/* --- products of polynomials over two elements (crypto/internal/fips140/aes/gcm) */
struct multiply_arguments {
  uint32_t x, y;
  uint64_t result;
};

INLINE uint32_t carryless_multiply(uint8_t* base, uint32_t sp) {
  ARGUMENTS(multiply_arguments);
  RESULT(multiply_arguments, result, aotc_carryless_multiply(a.x, a.y));
  return 1;
}

/* --- fused multiplication and addition (math) */
struct fma_arguments {
  double x, y, z, result;
};

INLINE uint32_t fma_of(uint8_t* base, uint32_t sp) {
  ARGUMENTS(fma_arguments);
  double result;
  if (!aotc_fma(a.x, a.y, a.z, &result)) return 0;
  RESULT(fma_arguments, result, result);
  return 1;
}

/* --- the first place of a text in another (internal/bytealg.IndexRabinKarp) */
struct index_string_arguments {
  uint64_t dictionary;
  struct string text, wanted;
  int64_t result;
};
struct index_bytes_arguments {
  uint64_t dictionary;
  struct slice text, wanted;
  int64_t result;
};

/* The place, -1, or -2 after so many near misses that Go's way, which takes the same time for all, is the better one.
 */
static IN_SECTION int64_t find(uint8_t* base, const uint8_t* text, uint64_t size, const uint8_t* wanted, uint64_t n,
                               const void* frame) {
  enum { kPiece = 1 << 20, kFreeMisses = 1024 };
  v16 first = v16_splat(wanted[0]), last = v16_splat(wanted[n - 1]);
  uint64_t places = size - n + 1, misses = 0, at = 0;
  while (at < places) {
    if (aotc_instance_of(base)->deadline_hit) aotc_raise(base, AOTC_TRAP_DEADLINE, frame);
    uint64_t end = places - at < kPiece ? places : at + kPiece;
    while (at < end) {
      uint64_t candidates;
      if (places - at >= 16) {
        v16 both = v16_and(v16_same(v16_load(text + at), first), v16_same(v16_load(text + at + n - 1), last));
        candidates = v16_mask(both);
      } else {
        candidates = text[at] == wanted[0] && text[at + n - 1] == wanted[n - 1];
      }
      while (candidates != 0) {
        uint64_t place = at + v16_index(candidates), same = 1;
        while (same < n - 1 && text[place + same] == wanted[same]) ++same;
        if (same >= n - 1) return (int64_t)place;
        misses += same;
        candidates &= candidates - 1;
#if defined(__aarch64__)
        candidates &= ~(0xfull << (place - at) * kV16MaskBits); /* four bits for each */
#endif
      }
      if (misses > kFreeMisses + 4 * at) return -2;
      at += places - at >= 16 ? 16 : 1;
    }
  }
  return -1;
}

INLINE int64_t find_in_memory(uint8_t* base, uint64_t text, uint64_t size, uint64_t wanted, uint64_t n) {
  if (n < 2 || n > size || in_memory(base, text, size) == NULL || in_memory(base, wanted, n) == NULL) return -2;
  return find(base, base + text, size, base + wanted, n, __builtin_frame_address(0));
}

INLINE uint32_t index_string(uint8_t* base, uint32_t sp) {
  ARGUMENTS(index_string_arguments);
  int64_t place = find_in_memory(base, a.text.data, a.text.size, a.wanted.data, a.wanted.size);
  if (place == -2) return 0;
  RESULT(index_string_arguments, result, place);
  return 1;
}

INLINE uint32_t index_bytes(uint8_t* base, uint32_t sp) {
  ARGUMENTS(index_bytes_arguments);
  int64_t place = find_in_memory(base, a.text.data, a.text.size, a.wanted.data, a.wanted.size);
  if (place == -2) return 0;
  RESULT(index_bytes_arguments, result, place);
  return 1;
}

IN_SECTION uint32_t aotc_portable_known_helper(uint8_t* base, uint32_t function, uint32_t sp) {
  if (function == AOTC_KNOWN_INDEX_STRING) return index_string(base, sp);
  if (function == AOTC_KNOWN_INDEX_BYTES) return index_bytes(base, sp);
  return 0;
}

IN_SECTION uint32_t aotc_known_helper(uint8_t* base, uint32_t function, uint32_t sp) {
  if (function == AOTC_KNOWN_AES_ENCRYPT) return block(base, sp, true);
  if (function == AOTC_KNOWN_AES_DECRYPT) return block(base, sp, false);
  if (function == AOTC_KNOWN_CRC32) return crc32(base, sp);
  if (function == AOTC_KNOWN_AES_ENCRYPT_WORDS) return words_block(base, sp, true);
  if (function == AOTC_KNOWN_AES_DECRYPT_WORDS) return words_block(base, sp, false);
  if (function == AOTC_KNOWN_CARRYLESS_MULTIPLY) return carryless_multiply(base, sp);
  if (function == AOTC_KNOWN_FMA) return fma_of(base, sp);
  if (function == AOTC_KNOWN_SHA1) return sha1(base, sp);
  if (function == AOTC_KNOWN_AES_COUNT) return aes_count(base, sp);
  if (function == AOTC_KNOWN_GCM_COUNT) return gcm_count(base, sp);
  return aotc_portable_known_helper(base, function, sp);
}

IN_SECTION uint32_t aotc_no_known_helper(uint8_t* base, uint32_t function, uint32_t sp) {
  (void)base, (void)function, (void)sp;
  return 0;
}
