/* sha256.h - the helper that replaces Go's portable SHA-256; see sha256.c. */
#ifndef AOTC_SHA256_H
#define AOTC_SHA256_H

#include <stdbool.h>
#include <stdint.h>

bool aotc_has_sha256(void); /* and SHA-1 */

/* `state`: address of 8 words of 32 bits; `data`: `size` bytes, of which whole blocks of 64 count. 1 when done, 0 when
 * nothing was done. */
uint32_t aotc_sha256_helper(uint8_t* base, uint64_t state, uint64_t data, uint64_t size);
uint32_t aotc_no_sha256_helper(uint8_t* base, uint64_t state, uint64_t data, uint64_t size);

#endif
