/* known_test.c - what the runtime has of Go's library in the processor's own instructions (core/known.h): published
 * examples, block by block beside what does many at once, and arguments of no program. The guest asks, as compiled code
 * does.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core/known.h"
#include "core/state.h"
#include "guest_instance.h"
#include "make_artifact.h"

enum { kSp = 1024, kKey = 4096, kCounter = 7168, kTo = 8192, kFrom = 8256, kLong = 12288, kTables = 16384 };
static const uint64_t kEnd = kMemoryPages * 65536;

/* FIPS 197, appendix C.1. */
static const uint32_t kWords[44] = {
    0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f, 0xd6aa74fd, 0xd2af72fa, 0xdaa678f1, 0xd6ab76fe, 0xb692cf0b,
    0x643dbdf1, 0xbe9bc500, 0x6830b3fe, 0xb6ff744e, 0xd2c2c9bf, 0x6c590cbf, 0x0469bf41, 0x47f7f7bc, 0x95353e03,
    0xf96c32bc, 0xfd058dfd, 0x3caaa3e8, 0xa99f9deb, 0x50f3af57, 0xadf622aa, 0x5e390f7d, 0xf7a69296, 0xa7553dc1,
    0x0aa31f6b, 0x14f9701a, 0xe35fe28c, 0x440adf4d, 0x4ea9c026, 0x47438735, 0xa41c65b9, 0xe016baf4, 0xaebf7ad2,
    0x549932d1, 0xf0855768, 0x1093ed9c, 0xbe2c974e, 0x13111d7f, 0xe3944a17, 0xf307a78b, 0x4d2b30c5};

static struct aotc_instance* g_instance;
static uint8_t* g_memory;
static uint32_t g_able;

#define ARGUMENT(i, value)                                              \
  do {                                                                  \
    uint64_t argument_ = (value);                                       \
    memcpy(g_memory + kSp + 8 + 8 * (i), &argument_, sizeof argument_); \
  } while (0)
#define KNOWN(function, sp) call_helper(g_instance, AOTC_HELPER_KNOWN, function, sp, 0, 0)

static void set_arguments(const uint64_t* values, int count) {
  for (int i = 0; i < count; ++i) ARGUMENT(i, values[i]);
}

/* Arguments that are refused, one at a time in place of the right ones. */
struct refused {
  int argument;
  uint64_t value;
};
static void check_refused(uint32_t function, const uint64_t* right, const struct refused* refused, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    ARGUMENT(refused[i].argument, refused[i].value);
    CHECK(KNOWN(function, kSp) == 0);
    ARGUMENT(refused[i].argument, right[refused[i].argument]);
  }
}
#define CHECK_REFUSED(function, right, refused) \
  check_refused(function, right, refused, sizeof(refused) / sizeof((refused)[0]))

static void set_key(uint64_t rounds) {
  memcpy(g_memory + kKey, &rounds, 8);
  memcpy(g_memory + kKey + 8, kWords, sizeof kWords);
}

static void test_aes(void) {
  static const uint8_t kCipher[16] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
                                      0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};
  set_key(10);
  for (uint32_t i = 0; i < 16; ++i) g_memory[kFrom + i] = (uint8_t)(i * 0x11);
  static const uint64_t kBlock[7] = {kKey, kTo, 16, 16, kFrom, 16, 16};
  set_arguments(kBlock, 7);
  CHECK(KNOWN(AOTC_KNOWN_AES_ENCRYPT, kSp) == g_able);
  CHECK(g_able == 0 || memcmp(g_memory + kTo, kCipher, 16) == 0);
  const struct refused refused[] = {{0, 0},  {0, kEnd - 480}, {0, UINT64_MAX}, {1, kEnd - 15},  {1, UINT64_MAX},
                                    {2, 15}, {2, 0},          {4, kEnd - 15},  {4, 1ull << 63}, {5, 15}};
  CHECK_REFUSED(AOTC_KNOWN_AES_ENCRYPT, kBlock, refused);
  CHECK_REFUSED(AOTC_KNOWN_AES_DECRYPT, kBlock, refused);
  for (uint64_t rounds = 0; rounds < 20; ++rounds) {
    memcpy(g_memory + kKey, &rounds, 8);
    CHECK(KNOWN(AOTC_KNOWN_AES_ENCRYPT, kSp) == (g_able && (rounds == 10 || rounds == 12 || rounds == 14)));
  }
  CHECK(KNOWN(AOTC_KNOWN_AES_ENCRYPT, (uint32_t)kEnd - 63) == 0 && KNOWN(AOTC_KNOWN_AES_ENCRYPT, 0xfffffff0) == 0);
  CHECK(KNOWN(AOTC_KNOWN_COUNT, kSp) == 0 && KNOWN(0xffffffff, kSp) == 0);
}

/* Blocks of a counter, of which `low` and `high` have the first, one by one. */
static void xor_counted(uint8_t* bytes, size_t n, uint64_t high, uint64_t low, bool narrow) {
  for (size_t at = 0; at < n; at += 16) {
    uint64_t words[2] = {__builtin_bswap64(high), __builtin_bswap64(low)};
    uint8_t key[16];
    aotc_aes_encrypt(g_memory + kKey + 8, 10, key, (const uint8_t*)words);
    for (size_t i = 0; i < 16 && at + i < n; ++i) bytes[at + i] ^= key[i];
    low = narrow ? (low & 0xffffffff00000000) | (uint32_t)(low + 1) : low + 1;
    high += !narrow && low == 0;
  }
}

static void fill_source(void) {
  for (uint32_t i = 0; i < 1024; ++i) g_memory[kLong + i] = (uint8_t)(i * 11 + i / 256);
}

static void test_aes_count(void) {
  set_key(10);
  for (uint64_t n = 0; n <= 128; n += 16)
    for (uint64_t low = UINT64_MAX - 9; low != 3; ++low) {
      fill_source();
      uint8_t expected[128];
      memcpy(expected, g_memory + kLong, n);
      if (g_able) xor_counted(expected, n, 77, low, false);
      uint64_t to = kLong + (low & 1 ? 0 : 5); /* Go lets them overlap as they like */
      const uint64_t arguments[9] = {kKey, to, n, n, kLong, n, n, low, 77};
      set_arguments(arguments, 9);
      CHECK(KNOWN(AOTC_KNOWN_AES_COUNT, kSp) == g_able);
      CHECK(g_able == 0 || memcmp(g_memory + to, expected, n) == 0);
    }
  static const uint64_t kRight[9] = {kKey, kTo, 32, 32, kLong, 32, 32, 1, 2};
  set_arguments(kRight, 9);
  const struct refused refused[] = {{0, 0},          {0, kEnd - 480}, {1, kEnd - 31}, {1, UINT64_MAX},
                                    {2, 31},         {2, 48},         {4, kEnd - 31}, {5, 16},
                                    {5, UINT64_MAX}, {0, kTables},    {4, 1ull << 63}};
  CHECK_REFUSED(AOTC_KNOWN_AES_COUNT, kRight, refused);
  ARGUMENT(2, 144); /* more than Go's buffer takes: its own panic */
  ARGUMENT(5, 144);
  CHECK(KNOWN(AOTC_KNOWN_AES_COUNT, kSp) == 0);
}

static void test_gcm_count(void) {
  set_key(10);
  for (uint64_t n = 0; n <= 400; ++n) {
    fill_source();
    uint64_t high = 0x0123456789abcdef, low = 0xfedcba9800000000 | (uint32_t)(n * 7 - 10);
    uint64_t counter[2] = {__builtin_bswap64(high), __builtin_bswap64(low)};
    memcpy(g_memory + kCounter, counter, 16);
    uint8_t expected[400];
    memcpy(expected, g_memory + kLong, n);
    if (g_able) xor_counted(expected, n, high, low, true);
    uint64_t to = n & 1 ? kLong : kTo;
    const uint64_t arguments[8] = {kKey, to, n + 3, n + 3, kLong, n, n, kCounter};
    set_arguments(arguments, 8);
    g_memory[to + n] = 99;
    CHECK(KNOWN(AOTC_KNOWN_GCM_COUNT, kSp) == g_able);
    if (g_able == 0) continue;
    memcpy(counter, g_memory + kCounter, 16);
    CHECK(memcmp(g_memory + to, expected, n) == 0 && g_memory[to + n] == 99);
    CHECK(__builtin_bswap64(counter[0]) == high && __builtin_bswap64(counter[1]) >> 32 == low >> 32);
    CHECK((uint32_t)__builtin_bswap64(counter[1]) == (uint32_t)(low + (n + 15) / 16));
  }
  static const uint64_t kRight[8] = {kKey, kTo, 32, 32, kLong, 32, 32, kCounter};
  set_arguments(kRight, 8);
  const struct refused refused[] = {{0, 0},          {0, kEnd - 480}, {1, kEnd - 31},    {1, kLong + 1},
                                    {1, kLong - 31}, {1, kKey},       {1, kKey - 31},    {1, kCounter - 1},
                                    {2, 31},         {4, kEnd - 31},  {4, kCounter},     {5, kEnd},
                                    {5, UINT64_MAX}, {7, 0},          {7, kEnd - 15},    {7, kKey + 480},
                                    {7, kTo + 31},   {7, UINT64_MAX}, {1, kCounter + 15}};
  CHECK_REFUSED(AOTC_KNOWN_GCM_COUNT, kRight, refused);
}

static void test_crc32(void) {
  uint32_t tables[8][256];
  for (uint32_t i = 0; i < 256; ++i) {
    tables[0][i] = i;
    for (int bit = 0; bit < 8; ++bit) tables[0][i] = tables[0][i] >> 1 ^ (tables[0][i] & 1 ? 0xedb88320 : 0);
  }
  for (int t = 1; t < 8; ++t)
    for (uint32_t i = 0; i < 256; ++i) tables[t][i] = tables[0][tables[t - 1][i] & 255] ^ tables[t - 1][i] >> 8;
  memcpy(g_memory + kTables, tables, sizeof tables);
  memcpy(g_memory + kFrom, "123456789", 9);
  static const uint64_t kCrc[5] = {0, kTables, kFrom, 9, 9};
  set_arguments(kCrc, 5);
  uint32_t sum = 0;
  CHECK(KNOWN(AOTC_KNOWN_CRC32, kSp) == g_able);
  memcpy(&sum, g_memory + kSp + 8 + 40, 4);
  CHECK(g_able == 0 || sum == 0xcbf43926);
  ARGUMENT(3, kEnd); /* too long */
  CHECK(KNOWN(AOTC_KNOWN_CRC32, kSp) == 0);
  ARGUMENT(3, 9);
  ARGUMENT(1, kEnd - 100); /* no tables there */
  CHECK(KNOWN(AOTC_KNOWN_CRC32, kSp) == 0);
}

static void test_sha1(void) {
  /* FIPS 180-4's example, "abc"; before and behind it stands what is no block. */
  static const uint32_t kStart[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  static const uint32_t kDigest[5] = {0xa9993e36, 0x4706816a, 0xba3e2571, 0x7850c26c, 0x9cd0d89d};
  memset(g_memory + kFrom, 0, 64);
  memcpy(g_memory + kFrom, "abc\x80", 4);
  g_memory[kFrom + 63] = 24;
  static const uint64_t kSha1[4] = {kKey, kFrom, 127, 127};
  set_arguments(kSha1, 4);
  memcpy(g_memory + kKey, kStart, sizeof kStart);
  CHECK(KNOWN(AOTC_KNOWN_SHA1, kSp) == aotc_has_sha1);
  CHECK(!aotc_has_sha1 || memcmp(g_memory + kKey, kDigest, sizeof kDigest) == 0);
  ARGUMENT(2, kEnd - kFrom + 1); /* too long */
  CHECK(KNOWN(AOTC_KNOWN_SHA1, kSp) == 0);
  ARGUMENT(2, 64);
  ARGUMENT(0, kEnd - 19); /* no digest there */
  CHECK(KNOWN(AOTC_KNOWN_SHA1, kSp) == 0);
}

static void test_index(void) {
  /* A text of 90 bytes that nearly is what is wanted at each place; the machine's own instructions are enough. */
  memset(g_memory + kFrom, 'a', 100);
  g_memory[kFrom + 90] = 'b';
  static const uint64_t kIndex[8] = {0, kFrom, 100, kFrom + 80, 11};
  set_arguments(kIndex, 5);
  CHECK(KNOWN(AOTC_KNOWN_INDEX_STRING, kSp) == 1 && g_memory[kSp + 8 + 40] == 80);
  static const uint64_t kIndexBytes[8] = {0, kFrom, 100, 100, kFrom + 91, 9, 9};
  set_arguments(kIndexBytes, 7);
  CHECK(KNOWN(AOTC_KNOWN_INDEX_BYTES, kSp) == 1 && g_memory[kSp + 8 + 56] == 0);
  ARGUMENT(5, 101); /* longer than the text */
  CHECK(KNOWN(AOTC_KNOWN_INDEX_BYTES, kSp) == 0);
}

static void test_arithmetic(void) {
  ARGUMENT(0, 0xd0000000bull); /* (x^3 + x + 1) * (x^3 + x^2 + 1) */
  CHECK(KNOWN(AOTC_KNOWN_CARRYLESS_MULTIPLY, kSp) == g_able);
  CHECK(g_able == 0 || g_memory[kSp + 8 + 8] == 0x7f);
  double fused[3] = {1 + 0x1p-30, 1 + 0x1p-30, -1}, result = 0;
  memcpy(g_memory + kSp + 8, fused, sizeof fused);
  if (KNOWN(AOTC_KNOWN_FMA, kSp) == 1) memcpy(&result, g_memory + kSp + 8 + 24, 8);
#if defined(__x86_64__)
  g_able = g_able && __builtin_cpu_supports("fma");
#endif
  CHECK(g_able == 0 || result == 0x1p-29 + 0x1p-60);
}

/* Whatever lies there: 0 or 1, and no fault. */
static void test_hostile(int rounds) {
  uint64_t state = 88172645463325252ull;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < 9; ++i) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      static const uint64_t kLikely[] = {0,   1,       2,     16,    32,         44,         60,        kKey,
                                         kTo, kTables, kLong, 65536, 1ull << 32, 1ull << 63, UINT64_MAX};
      uint64_t likely = kLikely[(state >> 20) % 15];
      ARGUMENT(i, state >> 61 == 0 ? state : state >> 62 == 1 ? kEnd - likely : likely);
    }
    uint32_t which = (uint32_t)(state >> 33) % (AOTC_KNOWN_COUNT + 1);
    uint32_t sp = state >> 40 & 7 ? kSp : (uint32_t)(kEnd - (state >> 44 & 127));
    CHECK(KNOWN(which, sp) <= 1);
  }
}

int main(int argc, char** argv) {
  struct aotc_artifact* artifact = load_guest();
  g_instance = create_guest(artifact, NULL);
  g_memory = aotc_instance_memory(g_instance);
  g_able = aotc_has_crypto();
  test_aes();
  test_aes_count();
  test_gcm_count();
  test_crc32();
  test_sha1();
  test_index();
  test_arithmetic();
  test_hostile(argc > 1 ? atoi(argv[1]) : 100000);
  aotc_instance_destroy(g_instance);
  aotc_unload(artifact);
  return g_failures != 0;
}
