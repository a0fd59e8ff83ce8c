// operands.cpp - see operands.h.
#include "operands.h"

#include "address_rules.h"

namespace aotc {
namespace {

using namespace llvm;

Value narrowed(const Value& value, bool narrow) { return narrow ? value.low() : value; }

Value moved(const Value& place, int64_t constant) {
  return constant == 0 ? place : place_behind(place, Value::exactly(constant), 0);
}

bool is_move(const Action& action) {
  return action.first.reg != kNoRegister && action.first.shift == 0 && action.second.reg == kNoRegister &&
         action.constant != 0;
}

bool is_copy(const Action& action) {
  bool one = (action.first.reg == kNoRegister) != (action.second.reg == kNoRegister);
  return action.kind == ActionKind::Sum && one && action.first.shift == 0 && action.second.shift == 0 &&
         action.constant == 0;
}

Value made_from(const Value& source, Value value, Value::How how, int64_t by) {
  value.equals = 0, value.equals_low = false;
  value.from = source.equals, value.how = how, value.by = static_cast<int32_t>(by);
  return value;
}

// What goes past 32 bits, and is not wanted there.
Value wrapped(const Value& value) {
  constexpr int64_t kAll = int64_t{1} << 32;
  bool is_one_turn = value.is_number() && value.lo >> 32 == value.hi >> 32;
  return is_one_turn ? Value::between(value.lo & (kAll - 1), value.hi & (kAll - 1)) : Value::low_half();
}

Value part_forgotten(const Value& before, uint8_t byte_most) {
  if (before.fits_low_half() && before.hi <= UINT8_MAX) return Value::between(0, byte_most ? byte_most : UINT16_MAX);
  Value value = before.fits_low_half() ? Value::low_half() : Value::anything();
  if (byte_most) value.byte_most = byte_most;
  return value;
}

Value inserted(const Value& value, const Action& action) {
  if (!value.is_number() || !value.is_exact()) return Value::anything();
  uint64_t mask = uint64_t{0xffff} << action.second.shift;
  auto bits = static_cast<uint64_t>(action.constant) << action.second.shift;
  return Value::exactly(static_cast<int64_t>((static_cast<uint64_t>(value.lo) & ~mask) | bits));
}

}  // namespace

Value Operands::of(const Term& term, bool narrow) const {
  if (term.reg == kNoRegister) return Value::exactly(0);
  Value value = narrowed(state_[term.reg], narrow || term.low_half);
  return term.shift == 0 ? value : shifted_left(value.as_number(), term.shift);
}

Value Operands::sum_of(const Action& action) const {
  int64_t constant = action.narrow ? static_cast<int32_t>(action.constant) : action.constant;
  Value first = of(action.first, action.narrow), second = of(action.second, action.narrow);
  if (!action.narrow) {
    if (action.first.reg != kNoRegister && action.first.shift == 0 && !first.is_number())
      if (Value place = place_of(first, action.second); !place.is_anything()) return moved(place, constant);
    if (action.second.reg != kNoRegister && action.second.shift == 0 && !second.is_number())
      if (Value place = place_of(second, action.first); !place.is_anything()) return moved(place, constant);
  }
  return sum(sum(first.as_number(), second.as_number()), Value::exactly(constant));
}

Value Operands::place_of(const Value& pointer, const Term& term) const {
  if (term.reg == kNoRegister) return pointer;
  return place_behind(pointer, narrowed(state_[term.reg], term.low_half), term.shift);
}

// The value of an action's first operand, as one that others are made from.
Value Operands::source_of(const Action& action) {
  if (action.first.reg == kNoRegister) return Value::exactly(0);
  return narrowed(state_.copied(action.first.reg), action.narrow).as_number();
}

Value Operands::shifted(const Action& action) {
  Value source = source_of(action);
  Value value = shifted_right(source, static_cast<unsigned>(action.constant), action.narrow ? 32 : 64);
  value = made_from(source, value, source.equals_low ? Value::How::LowShifted : Value::How::Shifted, action.constant);
  if (source.tag == Value::Tag::SizeOf && source.fits_low_half())
    value.tag = Value::Tag::ShiftedSizeOf, value.id = source.id;
  return value;
}

// A register with a constant added.
Value Operands::moved_by(const Action& action) {
  Value source = source_of(action), value = sum_of(action);
  bool is_whole = !action.narrow && !action.first.low_half && !source.equals_low && value.is_number();
  if (!is_whole || action.constant != static_cast<int32_t>(action.constant)) return value;
  return made_from(source, value, Value::How::Plus, action.constant);
}

// Of bytes and half words, what is known is kept for another who extends the same.
Value Operands::masked(const Action& action, Value value) {
  bool is_part = action.second.reg == kNoRegister && (action.constant == UINT8_MAX || action.constant == UINT16_MAX);
  if (!is_part) {
    if (action.second.reg == kNoRegister && action.constant != 0)
      value.zeros = static_cast<uint8_t>(std::min(llvm::countr_zero(static_cast<uint64_t>(action.constant)), 3));
    return value;
  }
  uint8_t bits = action.constant == UINT8_MAX ? 8 : 16;
  Value source = source_of(action);
  if (bits == 8) value.hi = std::min<int64_t>(value.hi, source.byte_most);
  if (const Value* known = state_.low_bits_of(source.equals, bits)) value.lo = known->lo, value.hi = known->hi;
  return made_from(source, value, Value::How::LowBits, bits);
}

Value Operands::sign_extended(const Action& action) {
  auto bits = static_cast<uint8_t>(action.constant);
  Value source = source_of(action);
  const Value* known = state_.low_bits_of(source.equals, bits);
  return aotc::sign_extended(known ? *known : source, bits);
}

Value Operands::symbol_of(const Action& action) const {
  const Symbol& symbol = fragment_.symbol_of(fragment_.relocations[action.relocation]);
  bool is_function = symbol.kind == SymbolKind::Function && action.constant == 0;
  Value address{
      .kind = ValueKind::Data, .symbol = symbol.kind, .id = symbol.index, .lo = action.constant, .hi = action.constant};
  if (is_function) address = Value::pointer(ValueKind::CallTarget);
  bool known = true;
  if (action.first.reg != kNoRegister) {
    const Value& page = state_[action.first.reg];
    known = page.kind == ValueKind::Page && page.symbol == symbol.kind && page.id == symbol.index &&
            page.lo == action.constant;
  }
  return known ? address : Value::anything();
}

Side Operands::side_of(const Term& term, bool narrow) {
  if (term.reg == kNoRegister) return {kNoRegister, Value::exactly(0)};
  const Value& whole = state_.copied(term.reg);
  return {term.reg >= kScratch ? kNoRegister : term.reg, narrowed(whole, narrow).as_number(),
          !narrow || whole.fits_low_half()};
}

Value Operands::result_of(const Action& action) {
  auto first = [&] { return of(action.first, action.narrow).as_number(); };
  auto second = [&] {
    return action.second.reg == kNoRegister ? Value::exactly(action.constant)
                                            : of(action.second, action.narrow).as_number();
  };
  auto fitting = [&](const Value& value) { return action.narrow && !value.fits_low_half() ? wrapped(value) : value; };
  switch (action.kind) {
    case ActionKind::Sum: {
      if (is_move(action)) return fitting(moved_by(action));
      if (!is_copy(action)) return fitting(sum_of(action));
      const Term& term = action.first.reg == kNoRegister ? action.second : action.first;
      return fitting(narrowed(state_.copied(term.reg), action.narrow || term.low_half));
    }
    case ActionKind::Difference:
      return fitting(difference(first(), second()));
    case ActionKind::Product:
      return fitting(product(first(), second()));
    case ActionKind::And:
      return fitting(masked(action, conjunction(first(), second())));
    case ActionKind::Or:
      return fitting(disjunction(first(), second()));
    case ActionKind::ShiftRight:
      return fitting(shifted(action));
    case ActionKind::SignExtend:
      return fitting(sign_extended(action));
    case ActionKind::Between:
      return fitting(Value::between(0, action.constant));
    case ActionKind::Insert:
      return fitting(inserted(first(), action));
    case ActionKind::InsertAny: {
      Value before = first();
      bool is_known = before.is_number() && before.lo >= 0;
      return fitting(is_known ? Value::between(before.lo & ~int64_t{0xffff}, before.hi | 0xffff) : Value::anything());
    }
    case ActionKind::Pick:
      return fitting(join(of(action.first, action.narrow), of(action.second, action.narrow)));
    case ActionKind::Forget:
      return fitting(Value::anything());
    case ActionKind::ForgetPart:
      return fitting(part_forgotten(state_[action.to], static_cast<uint8_t>(action.constant)));
    case ActionKind::Symbol:
      return symbol_of(action);
    case ActionKind::Place:
      return fitting(
          {.kind = ValueKind::Data, .symbol = SymbolKind::Text, .lo = action.constant, .hi = action.constant});
    case ActionKind::PageOf: {
      const Relocation& r = fragment_.relocations[action.relocation];
      const Symbol& symbol = fragment_.symbol_of(r);
      return fitting(
          {.kind = ValueKind::Page, .symbol = symbol.kind, .id = symbol.index, .lo = r.addend, .hi = r.addend});
    }
    default:
      llvm_unreachable("action without result");
  }
}

}  // namespace aotc
