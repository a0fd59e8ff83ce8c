// known_value.cpp - see known_value.h. Bounds are of 64 bits with sign; whatever passes them can be anything.
#include "known_value.h"

#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"

namespace aotc {

using namespace llvm;

Value Value::low() const {
  if (!is_number()) {
    Value result = low_half();
    result.equals = equals, result.equals_low = true;
    return result;
  }
  Value result = *this;
  if (fits_low_half()) {
    result.hi = std::min<int64_t>(hi, low_most);
  } else {
    result.lo = 0, result.hi = low_most, result.hint = 0;
  }
  if (result.lo > result.hi) result.lo = 0;
  result.low_most = UINT32_MAX;
  if (!fits_low_half()) result.from = 0, result.equals_low = true;
  return result;
}

Value Value::as_number() const {
  if (kind != ValueKind::Entry) return *this;
  if (size == 4) return between(INT32_MIN, INT32_MAX);
  return between(0, (int64_t{1} << (8 * size)) - 1);
}

Value join(const Value& a, const Value& b) {
  if (a.kind != b.kind || a.symbol != b.symbol || a.size != b.size) {
    if (a.kind == ValueKind::Entry || b.kind == ValueKind::Entry) {
      Value left = a.as_number(), right = b.as_number();
      if (left.is_number() && right.is_number()) return join(left, right);
    }
    return Value::anything();
  }
  bool same = a.tag == b.tag && a.id == b.id;
  if (!same && !a.is_number()) return Value::anything();
  Value result = a;
  result.equals = result.from = 0;
  if (!same) result.tag = Value::Tag::None, result.id = 0;
  result.low_most = std::max(a.low_most, b.low_most);
  result.byte_most = std::max(a.byte_most, b.byte_most);
  result.zeros = std::min(a.zeros, b.zeros);
  result.lo = std::min(a.lo, b.lo);
  result.hi = std::max(a.hi, b.hi);
  result.hint = std::max(a.hint, b.hint);
  bool is_place = a.kind == ValueKind::Stack || a.kind == ValueKind::Page;
  return is_place && !result.is_exact() ? Value::anything() : result;
}

Value sum(const Value& a, const Value& b) {
  Value result;
  bool overflows =
      !a.is_number() || !b.is_number() || AddOverflow(a.lo, b.lo, result.lo) || AddOverflow(a.hi, b.hi, result.hi);
  return overflows ? Value::anything() : result;
}

Value difference(const Value& a, const Value& b) {
  Value result;
  bool overflows =
      !a.is_number() || !b.is_number() || SubOverflow(a.lo, b.hi, result.lo) || SubOverflow(a.hi, b.lo, result.hi);
  return overflows ? Value::anything() : result;
}

Value product(const Value& a, const Value& b) {
  Value result;
  bool has_sign = !a.is_number() || !b.is_number() || a.lo < 0 || b.lo < 0;
  return has_sign || MulOverflow(a.lo, b.lo, result.lo) || MulOverflow(a.hi, b.hi, result.hi) ? Value::anything()
                                                                                              : result;
}

Value conjunction(const Value& a, const Value& b) {
  int64_t most = Value::kMost;
  bool has_sign = true;
  for (const Value* value : {&a, &b}) {
    if (!value->is_number() || value->lo < 0) continue;
    most = std::min(most, value->hi);
    has_sign = false;
  }
  return has_sign ? Value::anything() : Value::between(0, most);
}

Value disjunction(const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number() || a.lo < 0 || b.lo < 0) return Value::anything();
  // Exclusive or not, these are the bits of the other.
  if (a.is_exact() && a.lo == 0) return Value::between(b.lo, b.hi);
  if (b.is_exact() && b.lo == 0) return Value::between(a.lo, a.hi);
  auto most = static_cast<uint64_t>(a.hi | b.hi);
  if (most >> 62) return Value::between(0, Value::kMost);
  return Value::between(0, static_cast<int64_t>(NextPowerOf2(most) - 1));
}

Value shifted_left(const Value& a, unsigned count) {
  if (count == 0) return a;
  if (count > 62) return Value::anything();
  Value result, factor = Value::exactly(int64_t{1} << count);
  bool overflows = !a.is_number() || MulOverflow(a.lo, factor.lo, result.lo) || MulOverflow(a.hi, factor.hi, result.hi);
  return overflows ? Value::anything() : result;
}

Value shifted_right(const Value& a, unsigned count, unsigned width) {
  if (count == 0) return a;
  if (a.is_number() && a.lo >= 0) return Value::between(a.lo >> count, a.hi >> count);
  return Value::between(0, static_cast<int64_t>((width == 64 ? UINT64_MAX : UINT32_MAX) >> count));
}

Value sign_extended(const Value& a, unsigned width) {
  int64_t most = static_cast<int64_t>(maxUIntN(width - 1));
  if (a.is_number() && a.lo >= -most - 1 && a.hi <= most) return Value::between(a.lo, a.hi);
  if (width == 32) {
    Value low = a.low();
    if (low.hi <= most) return Value::between(low.lo, low.hi);
    if (low.lo > most) return Value::between(low.lo - UINT32_MAX - 1, low.hi - UINT32_MAX - 1);
  }
  return Value::between(-most - 1, most);
}

Condition negated(Condition condition) {
  switch (condition) {
    case Condition::Other:
      return Condition::Other;
    case Condition::Equal:
      return Condition::NotEqual;
    case Condition::NotEqual:
      return Condition::Equal;
    case Condition::Below:
      return Condition::AboveOrEqual;
    case Condition::AboveOrEqual:
      return Condition::Below;
    case Condition::BelowOrEqual:
      return Condition::Above;
    case Condition::Above:
      return Condition::BelowOrEqual;
    case Condition::Less:
      return Condition::GreaterOrEqual;
    case Condition::GreaterOrEqual:
      return Condition::Less;
    case Condition::LessOrEqual:
      return Condition::Greater;
    case Condition::Greater:
      return Condition::LessOrEqual;
    case Condition::Negative:
      return Condition::NotNegative;
    case Condition::NotNegative:
      return Condition::Negative;
  }
  llvm_unreachable("condition");
}

Condition mirrored(Condition condition) {
  switch (condition) {
    case Condition::Below:
      return Condition::Above;
    case Condition::AboveOrEqual:
      return Condition::BelowOrEqual;
    case Condition::BelowOrEqual:
      return Condition::AboveOrEqual;
    case Condition::Above:
      return Condition::Below;
    case Condition::Less:
      return Condition::Greater;
    case Condition::GreaterOrEqual:
      return Condition::LessOrEqual;
    case Condition::LessOrEqual:
      return Condition::GreaterOrEqual;
    case Condition::Greater:
      return Condition::Less;
    case Condition::Negative:
    case Condition::NotNegative:
      return Condition::Other;
    default:
      return condition;
  }
}

namespace {

// Conditions with a sign of numbers of 32 bits, in terms of those without.
Condition without_sign(Condition condition, Value& range, const Value& other) {
  if (condition < Condition::Less || other.hi > INT32_MAX)
    return condition < Condition::Less ? condition : Condition::Other;
  if (condition == Condition::Greater || condition == Condition::GreaterOrEqual) {
    range.hi = std::min<int64_t>(range.hi, INT32_MAX);
    return condition == Condition::Greater ? Condition::Above : Condition::AboveOrEqual;
  }
  if (range.hi > INT32_MAX) return Condition::Other;
  return condition == Condition::Less ? Condition::Below : Condition::BelowOrEqual;
}

bool at_most(Value& range, int64_t most) {
  range.hi = std::min(range.hi, most);
  if (most > 0 && most <= UINT32_MAX) range.hint = static_cast<uint32_t>(most);
  return range.lo <= range.hi;
}

bool at_least(Value& range, int64_t least) {
  range.lo = std::max(range.lo, least);
  return range.lo <= range.hi;
}

}  // namespace

bool restrict(Value& range, Condition condition, const Value& other, bool narrow) {
  if (condition >= Condition::Negative) {
    if (!other.is_exact() || other.lo != 0) return true;
    condition = condition == Condition::Negative ? Condition::Less : Condition::GreaterOrEqual;
  }
  // The upper half of numbers without sign.
  if (narrow && condition == Condition::Less && other.is_exact() && other.lo == 0 && range.lo >= 0)
    return at_least(range, int64_t{1} << 31);
  if (narrow) condition = without_sign(condition, range, other);
  switch (condition) {
    case Condition::Other:
      return range.lo <= range.hi;
    case Condition::Equal:
      return at_least(range, other.lo) && at_most(range, other.hi);
    case Condition::NotEqual:
      if (!other.is_exact()) return true;
      if (range.lo == other.lo && range.lo < Value::kMost) ++range.lo;
      if (range.hi == other.hi && range.hi > Value::kLeast) --range.hi;
      if (range.lo >= 0 && other.lo > range.lo && other.lo <= UINT32_MAX)
        range.hint = static_cast<uint32_t>(other.lo - 1);
      return range.lo <= range.hi;
    case Condition::Below:
    case Condition::BelowOrEqual:
      // As numbers without sign, negative ones are the largest.
      if (other.lo < 0) return true;
      if (condition == Condition::Below && other.hi == 0) return false;
      if (range.hi < 0) return false;
      return at_least(range, 0) && at_most(range, other.hi - (condition == Condition::Below));
    case Condition::Above:
    case Condition::AboveOrEqual:
      if (other.hi < 0) return at_least(range, other.lo + (condition == Condition::Above)) && at_most(range, -1);
      if (other.lo < 0 || range.lo < 0 || other.lo == Value::kMost) return range.lo <= range.hi;
      return at_least(range, other.lo + (condition == Condition::Above));
    case Condition::Less:
      return other.hi != Value::kLeast && at_most(range, other.hi - 1);
    case Condition::LessOrEqual:
      return at_most(range, other.hi);
    case Condition::Greater:
      return other.lo != Value::kMost && at_least(range, other.lo + 1);
    case Condition::GreaterOrEqual:
      return at_least(range, other.lo);
    default:
      llvm_unreachable("condition");
  }
  llvm_unreachable("condition");
}

}  // namespace aotc
