/* known.h - functions of Go's library that the runtime has in the processor's own instructions; see known.c.
 *
 * Each returns 1 when it has done all that Go's function does, and 0 when it has done nothing: the processor cannot, or
 * the operands are such that Go's own code has to say what happens. Pointers are those of the host. */
#ifndef AOTC_KNOWN_H
#define AOTC_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

/* AES and carry-less multiplication. */
bool aotc_has_crypto(void);

/* `words`: 4 * (rounds + 1) words of an expanded key as Go keeps them, each a big-endian word in the machine's order.
 * Blocks have 16 bytes and may overlap. */
uint32_t aotc_aes_encrypt(const uint8_t* words, uint64_t rounds, uint8_t* to, const uint8_t* from);
uint32_t aotc_aes_decrypt(const uint8_t* words, uint64_t rounds, uint8_t* to, const uint8_t* from);

/* Counts in the last `bits` bits of {high, low}, 32 or 128; encrypted counts are added to `size` bytes, of which `from`
 * and `to` overlap wholly, not at all, or are 128 at most. Afterwards the counter is the next one. */
struct aotc_aes_counter {
  uint64_t high, low;
  uint32_t bits;
};
void aotc_aes_count(const uint8_t* words, uint64_t rounds, struct aotc_aes_counter* counter, uint8_t* to,
                    const uint8_t* from, uint64_t size);

/* `tables`: Go's eight tables of 256 words; 0 unless they are IEEE's or Castagnoli's. */
uint32_t aotc_crc32(uint32_t* crc, const uint32_t* tables, const uint8_t* bytes, uint64_t n);

/* `state`: five words. With aotc_has_sha1, which is where aotc_has_sha256() is, and asked once. */
extern bool aotc_has_sha1;
void aotc_sha1(uint8_t* state, const uint8_t* data, uint64_t blocks);

uint64_t aotc_carryless_multiply(uint32_t x, uint32_t y);

/* x * y + z, rounded once; 0 unless that is a normal number. */
uint32_t aotc_fma(double x, double y, double z, double* result);

/* AOTC_HELPER_KNOWN; with aotc_has_crypto(), without, and while memory is guarded. */
uint32_t aotc_known_helper(uint8_t* base, uint32_t function, uint32_t sp);
uint32_t aotc_portable_known_helper(uint8_t* base, uint32_t function, uint32_t sp);
uint32_t aotc_no_known_helper(uint8_t* base, uint32_t function, uint32_t sp);

#endif
