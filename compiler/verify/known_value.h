// known_value.h - what check_addresses knows of a register: an interval of numbers, or of places behind a pointer.
#pragma once

#include <algorithm>
#include <cstdint>

#include "native/fragment.h"

namespace aotc {

enum class ValueKind : uint8_t {
  Number,      // a 64-bit number, as a signed one in lo..hi
  Base,        // the base register + lo..hi
  Stack,       // the stack pointer at entry + lo (= hi)
  Data,        // address of symbol `symbol`, `id` + lo..hi, in steps of `size` from lo on
  Page,        // that address (lo = hi), rounded down
  Entry,       // `size` bytes loaded from Data: lo..hi is from where
  JumpTarget,  // `symbol` + id + such an entry, or + 4 times one of 1 or 2 bytes
  CallTarget,  // address out of a table of functions
  Helper,      // address of helper `id`
  Table,       // aotc_table::entries of table descriptor `id`, + lo..hi
  TableEntry,  // such an entry, below aotc_table::size
  Initial,     // what register `id` held at entry
};

struct Value {
  static constexpr int64_t kLeast = INT64_MIN, kMost = INT64_MAX;
  // How the low half relates to the size of table `id`: it, below it, or made from it as `how` says.
  enum class Tag : uint8_t { None, SizeOf, BelowSizeOf, ShiftedSizeOf };

  // Shifted right by `by`, as a whole or the low half; the low `by` bits; or with `by` added.
  enum class How : uint8_t { Shifted, LowShifted, LowBits, Plus };

  ValueKind kind = ValueKind::Number;
  Tag tag = Tag::None;
  SymbolKind symbol{};
  uint8_t size = 0;
  uint32_t id = 0;
  uint32_t low_most = UINT32_MAX;  // of a number's low half; of no interest where the interval says more
  uint8_t byte_most = UINT8_MAX;   // likewise, of its low byte
  uint8_t zeros = 0;               // low bits that are known to be 0
  bool equals_low = false;
  uint32_t equals =
      0;  // values with the same one are equal, or equal to the low half of the others if `equals_low`; 0: to none
  uint32_t from = 0;  // not 0: it is made from the value that has this as its `equals`, as `how` says
  How how = How::Shifted;
  int32_t by = 0;
  uint32_t hint = 0;  // if not 0: where a loop's test that it has passed will stop it, so that intervals grow to there
  int64_t lo = kLeast, hi = kMost;

  static Value anything() { return {}; }
  static Value between(int64_t lo, int64_t hi) { return {.lo = lo, .hi = hi}; }
  static Value exactly(int64_t number) { return between(number, number); }
  static Value low_half() { return between(0, UINT32_MAX); }
  static Value pointer(ValueKind kind, uint32_t id = 0) { return {.kind = kind, .id = id, .lo = 0, .hi = 0}; }

  bool is_number() const { return kind == ValueKind::Number; }
  bool is_exact() const { return lo == hi; }
  bool fits_low_half() const { return is_number() && lo >= 0 && hi <= UINT32_MAX; }
  bool is_anything() const {
    return lo == kLeast && hi == kMost && kind == ValueKind::Number && tag == Tag::None && low_most == UINT32_MAX &&
           byte_most == UINT8_MAX && zeros == 0;
  }
  // Nothing at all.
  bool is_unknown() const { return lo == kLeast && hi == kMost && equals == 0 && from == 0 && is_anything(); }
  // Makes it one of lo..hi as well; false when there is none.
  bool intersect(const Value& range) {
    lo = std::max(lo, range.lo);
    hi = std::min(hi, range.hi);
    return lo <= hi;
  }
  // The low half is below the size of that table.
  void tag_index(uint32_t table) {
    if (is_number() && tag != Tag::SizeOf) tag = Tag::BelowSizeOf, id = table;
  }
  // Apart from how it relates to other values.
  bool says_the_same(const Value& other) const {
    return lo == other.lo && hi == other.hi && kind == other.kind && tag == other.tag && symbol == other.symbol &&
           size == other.size && id == other.id && low_most == other.low_most && byte_most == other.byte_most &&
           zeros == other.zeros;
  }

  // The low half as a number of its own.
  Value low() const;
  // An entry of a table that is used as a number.
  Value as_number() const;
};

// The smallest that includes both. It is not related to other values.
Value join(const Value& a, const Value& b);

// Of 64-bit numbers; anything where they overflow.
Value sum(const Value& a, const Value& b);
Value difference(const Value& a, const Value& b);
Value product(const Value& a, const Value& b);
Value conjunction(const Value& a, const Value& b);
Value disjunction(const Value& a, const Value& b);  // also of exclusive ones
Value shifted_left(const Value& a, unsigned count);
Value shifted_right(const Value& a, unsigned count, unsigned width);
// Bits 0 to width - 1 with their sign.
Value sign_extended(const Value& a, unsigned width);

enum class Condition : uint8_t {
  Other,  // nothing is concluded from it
  Equal,
  NotEqual,
  Below,
  AboveOrEqual,
  BelowOrEqual,
  Above,  // unsigned up to here
  Less,
  GreaterOrEqual,
  LessOrEqual,
  Greater,
  Negative,  // what has been compared with 0
  NotNegative,
};

Condition negated(Condition condition);
// The same with left and right exchanged.
Condition mirrored(Condition condition);
// Makes the number `range` one for which `condition` holds towards `other`; false when there is none. If `narrow`, both
// are low halves, which conditions with a sign see as numbers of 32 bits.
bool restrict(Value& range, Condition condition, const Value& other, bool narrow);

}  // namespace aotc
