/* quantity.h - counts, sizes and durations as people write them in options: the same in all programs.
 *
 *   quantity = digits, [ ".", digits ], unit ;           a fraction only of what can be divided
 *   unit     = ""                                        a count
 *            | "" | "K" | "M" | "G" | "T"                a size, in bytes; powers of 1024, also as "KB" and "KiB", in
 *                                                        either case. A rate is the size that a second has
 *            | "ns" | "us" | "ms" | "s" | "m" | "h" | "d"  a duration, in nanoseconds; AOTC_SECONDS: from "s" on, in
 * seconds
 *            | "" | "%"                                  a percentage, in thousandths of one
 *
 * Nothing else that strtod would take is a number here, and what is out of range is refused with the range. libc only.
 */
#ifndef AOTC_SUPPORT_QUANTITY_H
#define AOTC_SUPPORT_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum aotc_quantity_kind { AOTC_COUNT, AOTC_SIZE, AOTC_DURATION, AOTC_SECONDS, AOTC_PERCENT };

enum { AOTC_QUANTITY_TEXT = 128 };

/* True with the value, rounded, from `least` to `most`; false with what was expected. */
bool aotc_read_quantity(const char* text, enum aotc_quantity_kind kind, uint64_t least, uint64_t most, uint64_t* value,
                        char expected[AOTC_QUANTITY_TEXT]);
/* As it could have been written: 65536 is "64K". */
void aotc_show_quantity(enum aotc_quantity_kind kind, uint64_t value, char text[AOTC_QUANTITY_TEXT]);

#ifdef __cplusplus
}
#endif

#endif
