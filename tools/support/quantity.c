/* quantity.c - see quantity.h. */
#include "support/quantity.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

__extension__ typedef unsigned __int128 wide;

struct unit {
  const char* name;
  uint64_t factor;
};

/* The smallest first. Those of an earlier name and the same factor are how a value is shown. */
static const struct unit kCounts[] = {{"", 1}, {NULL, 0}};
static const struct unit kSizes[] = {{"", 1},
                                     {"B", 1},
                                     {"K", 1ull << 10},
                                     {"KB", 1ull << 10},
                                     {"KiB", 1ull << 10},
                                     {"M", 1ull << 20},
                                     {"MB", 1ull << 20},
                                     {"MiB", 1ull << 20},
                                     {"G", 1ull << 30},
                                     {"GB", 1ull << 30},
                                     {"GiB", 1ull << 30},
                                     {"T", 1ull << 40},
                                     {"TB", 1ull << 40},
                                     {"TiB", 1ull << 40},
                                     {NULL, 0}};
static const struct unit kDurations[] = {
    {"ns", 1},          {"us", 1000},         {"ms", 1000000},       {"s", 1000000000},
    {"m", 60000000000}, {"h", 3600000000000}, {"d", 86400000000000}, {NULL, 0}};
static const struct unit kSeconds[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0}};
static const struct unit kPercents[] = {{"%", 1000}, {"", 1000}, {NULL, 0}};

static const struct {
  const char* expected;
  const struct unit* units;
  bool any_case;
} kKinds[] = {
    [AOTC_COUNT] = {"a whole number", kCounts, false},
    [AOTC_SIZE] = {"a number of bytes, or one with K, M, G or T", kSizes, true},
    [AOTC_DURATION] = {"a number with ns, us, ms, s, m, h or d", kDurations, false},
    [AOTC_SECONDS] = {"a number with s, m, h or d", kSeconds, false},
    [AOTC_PERCENT] = {"a percentage like 5 or 0.5", kPercents, false},
};

static size_t digits_in(const char* text) { return strspn(text, "0123456789"); }

static const struct unit* unit_called(const char* name, enum aotc_quantity_kind kind) {
  for (const struct unit* unit = kKinds[kind].units; unit->name != NULL; ++unit)
    if ((kKinds[kind].any_case ? strcasecmp : strcmp)(name, unit->name) == 0) return unit;
  return NULL;
}

/* `most` and more when there are too many digits. */
static wide whole_part(const char* text, size_t digits, uint64_t factor, uint64_t most) {
  wide value = 0;
  for (size_t i = 0; i < digits && value <= most; ++i) value = value * 10 + (unsigned)(text[i] - '0');
  return value > most ? value : value * factor;
}

/* Digits that cannot matter are not looked at. */
static wide fraction_part(const char* text, size_t digits, uint64_t factor) {
  wide value = 0, scale = 1;
  for (size_t i = 0; i < digits && i < 18; ++i, scale *= 10) value = value * 10 + (unsigned)(text[i] - '0');
  return (value * factor + scale / 2) / scale;
}

bool aotc_read_quantity(const char* text, enum aotc_quantity_kind kind, uint64_t least, uint64_t most, uint64_t* value,
                        char expected[AOTC_QUANTITY_TEXT]) {
  const size_t whole = digits_in(text);
  const bool divided = text[whole] == '.';
  const char* fraction = text + whole + 1;
  const size_t part = divided ? digits_in(fraction) : 0;
  const struct unit* unit = unit_called(divided ? fraction + part : text + whole, kind);
  if (whole == 0 || unit == NULL || (divided && (part == 0 || unit->factor == 1))) {
    snprintf(expected, AOTC_QUANTITY_TEXT, "expected %s", kKinds[kind].expected);
    return false;
  }
  wide number = whole_part(text, whole, unit->factor, most);
  if (divided) number += fraction_part(fraction, part, unit->factor);
  if (number < least || number > most) {
    char from[AOTC_QUANTITY_TEXT], to[AOTC_QUANTITY_TEXT];
    aotc_show_quantity(kind, least, from);
    aotc_show_quantity(kind, most, to);
    snprintf(expected, AOTC_QUANTITY_TEXT, "must be from %.40s to %.40s", from, to);
    return false;
  }
  *value = (uint64_t)number;
  return true;
}

void aotc_show_quantity(enum aotc_quantity_kind kind, uint64_t value, char text[AOTC_QUANTITY_TEXT]) {
  const struct unit *units = kKinds[kind].units, *shown = units;
  for (const struct unit* unit = units; unit->name != NULL; ++unit)
    if (unit->factor > shown->factor && value >= unit->factor && value % unit->factor == 0) shown = unit;
  int size = snprintf(text, AOTC_QUANTITY_TEXT, "%llu", (unsigned long long)(value / shown->factor));
  if (value % shown->factor != 0) { /* of a percentage alone, whose smallest unit is not 1 */
    size += snprintf(text + size, AOTC_QUANTITY_TEXT - (size_t)size, ".%03u", (unsigned)(value % shown->factor));
    while (text[size - 1] == '0') --size;
  }
  snprintf(text + size, AOTC_QUANTITY_TEXT - (size_t)size, "%s", shown->name);
}
