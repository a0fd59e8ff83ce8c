// machine_state.cpp - see machine_state.h.
//
// A copy and its original get a common number (Value::equals), so that what a branch says of one is known of the other.
// New numbers are never ones that are in use, hence whatever defines a register anew takes it out of its set. Where
// states meet, a set keeps those of its members that are equal on both ways.
#include "machine_state.h"

#include <algorithm>

#include "llvm/Support/ErrorHandling.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr unsigned kVisitsExactly = 2;  // before intervals are widened
constexpr unsigned kVisitsAtAll = 16;   // before no more is known than whether it can be an address
// A sum of 32 bits and of one more constant that lowering folds into addresses stays in memory.
constexpr int64_t kAddress = int64_t{UINT32_MAX} + (int64_t{1} << 31);

uint64_t bit(Register reg) { return uint64_t{1} << reg; }
constexpr uint64_t kMachines = (uint64_t{1} << kScratch) - 1;  // all registers but the scratch one

int64_t next_bound(const Value& value, unsigned visits) {
  if (value.hint >= value.hi && visits < kVisitsAtAll / 2) return value.hint;
  for (int64_t bound : {int64_t{UINT8_MAX}, int64_t{UINT16_MAX}, int64_t{INT32_MAX}, int64_t{UINT32_MAX}, kAddress})
    if (value.hi <= bound) return bound;
  return Value::kMost;
}

void widen(const Value& before, Value& after, unsigned visits) {
  if (visits < kVisitsExactly || after.kind == ValueKind::Stack || after.kind == ValueKind::Initial) return;
  if (visits >= kVisitsAtAll) {
    bool is_address = after.is_number() && after.lo >= 0 && after.hi <= kAddress;
    after = is_address ? Value::between(0, after.hi <= UINT32_MAX ? UINT32_MAX : kAddress) : Value::anything();
    return;
  }
  if (after.low_most > before.low_most) after.low_most = UINT32_MAX;
  if (after.lo < before.lo) after.lo = after.lo >= 0 ? 0 : Value::kLeast;
  if (after.hi > before.hi) after.hi = next_bound(after, visits);
}

// Whether anything changed.
bool merge_value(Value& into, const Value& with, unsigned visits, Renaming& renaming) {
  if (into.is_unknown()) return false;
  bool changed = false;
  // Where it is no more than 32 bits, the whole is its low half.
  bool fits = into.equals_low == with.equals_low || (into.equals_low ? with : into).fits_low_half();
  if (!into.says_the_same(with)) {
    Value both = join(into, with);
    if (!both.says_the_same(into)) widen(into, both, visits);
    changed = !both.says_the_same(into);
    both.equals = into.equals, both.equals_low = into.equals_low, both.hint = into.hint;
    both.from = into.from, both.how = into.how, both.by = into.by;
    into = both;
  }
  into.hint = std::max(into.hint, with.hint);
  if (into.equals != 0) {
    if (!fits || !renaming.agrees(into.equals, with.equals)) into.equals = 0, changed = true;
    if (with.equals_low && !into.equals_low) into.equals_low = changed = true;
  }
  if (into.from != 0) {
    bool same = into.how == with.how && into.by == with.by;
    if (!same || !renaming.agrees(into.from, with.from)) into.from = 0, changed = true;
  }
  return changed;
}

}  // namespace

bool Renaming::agrees(uint32_t from, uint32_t to) {
  if (from == 0 || to == 0) return false;
  if (from >= others_.size()) others_.resize(std::max(size_t{from} + 1, 2 * others_.size()));
  Other& other = others_[from];
  if (other.merge != merge_) other = {merge_, to};
  return other.number == to;
}

void MachineState::define(Register reg, const Value& value) {
  if (reg == kNoRegister) return;
  registers_[reg] = value;
  known_ = value.is_unknown() ? known_ & ~bit(reg) : known_ | bit(reg);
  if (flags_.left.reg == reg) flags_.left.reg = kNoRegister;
  if (flags_.right.reg == reg) flags_.right.reg = kNoRegister;
}

const Value& MachineState::copied(Register reg) {
  if (registers_[reg].equals == 0) registers_[reg].equals = ++last_equals_;
  known_ |= bit(reg);
  return registers_[reg];
}

const Value* MachineState::low_bits_of(uint32_t equals, uint8_t bits) const {
  if (equals == 0) return nullptr;
  for (uint64_t left = known_; left != 0; left &= left - 1) {
    const Value& value = registers_[countr_zero(left)];
    if (value.from == equals && value.how == Value::How::LowBits && value.by == bits && value.is_number())
      return &value;
  }
  return nullptr;
}

// --- Comparisons ---------------------------------------------------------------------------------------------------

void MachineState::compare(const Side& left, const Side& right, bool narrow) { flags_ = {true, narrow, left, right}; }

bool MachineState::conclude(const Flags& flags, Condition condition) {
  if (!flags.known || condition == Condition::Other) return true;
  const Flags known = flags;  // which may be our own
  return conclude_side(known.left, condition, known.right, known.narrow) &&
         conclude_side(known.right, mirrored(condition), known.left, known.narrow);
}

bool MachineState::conclude_side(const Side& side, Condition condition, const Side& other, bool narrow) {
  if (!side.value.is_number() || !other.value.is_number()) return true;
  Value range = side.value;
  if (!restrict(range, condition, other.value, narrow)) return false;
  // The least that the size of a table can be.
  bool is_size = side.value.tag == Value::Tag::SizeOf;
  bool is_part = side.value.tag == Value::Tag::ShiftedSizeOf && side.value.from != 0 && side.value.by < 32;
  int64_t least = range.lo <= UINT32_MAX ? range.lo << (is_part ? side.value.by : 0) : 0;
  if ((is_size || is_part) && side.value.fits_low_half() && least > 0 && least <= UINT32_MAX)
    has_at_least(side.value.id, static_cast<uint32_t>(least));
  bool is_index = condition == Condition::Below && other.value.tag == Value::Tag::SizeOf && narrow;

  if (side.reg != kNoRegister) {
    known_ |= bit(side.reg);
    if (!narrow_down(registers_[side.reg], range, !side.is_whole)) return false;
  }
  if (side.reg != kNoRegister && is_index) registers_[side.reg].tag_index(other.value.id);
  // The others that it is related to.
  bool is_whole = side.is_whole && !side.value.equals_low;
  const Value source = side.is_whole ? source_of(side.value, range) : Value::anything();
  bool is_source_whole = side.value.how != Value::How::LowShifted;
  if (side.value.equals == 0 && source.is_anything()) return true;
  auto update = [&](Value& value) {
    if (value.equals == 0 && value.from == 0) return true;
    if (value.equals != 0 && value.equals == side.value.equals) {
      if (is_index) value.tag_index(other.value.id);
      return relate(value, range, is_whole);
    }
    if (!source.is_anything() && value.equals == side.value.from) return relate(value, source, is_source_whole);
    return value.from == 0 || value.from != side.value.equals || derive(value, range, is_whole);
  };
  for (uint64_t left = known_ & kMachines; left != 0; left &= left - 1) {
    auto reg = static_cast<Register>(countr_zero(left));
    if (reg != side.reg && !update(registers_[reg])) return false;
  }
  for (Slot& slot : slots_)
    if (!update(slot.value)) return false;
  return true;
}

// Where what `value` is made from has to be, or its low half, for the value to be in `range`.
Value MachineState::source_of(const Value& value, const Value& range) {
  if (value.from == 0) return Value::anything();
  switch (value.how) {
    case Value::How::Shifted:
    case Value::How::LowShifted: {
      // As numbers without sign, which are those of the interval if the largest has none.
      if (value.by > 62) return Value::anything();
      int64_t gone = (int64_t{1} << value.by) - 1;
      int64_t most = (value.how == Value::How::Shifted ? Value::kMost : int64_t{UINT32_MAX}) >> value.by;
      if (range.lo < 0 || range.hi > most) return Value::anything();
      Value source = Value::between(range.lo << value.by, range.hi << value.by | gone);
      int64_t hint = int64_t{range.hint} <= most ? int64_t{range.hint} << value.by | gone : 0;
      if (range.hint != 0 && hint <= UINT32_MAX) source.hint = static_cast<uint32_t>(hint);
      return source;
    }
    case Value::How::LowBits:
      return Value::anything();
    case Value::How::Plus:
      return difference(range, Value::exactly(value.by));
  }
  llvm_unreachable("how");
}

// The value, or its low half alone, is in `range`.
bool MachineState::narrow_down(Value& value, const Value& range, bool low) {
  if (!value.is_number()) return true;
  if (range.hint != 0) value.hint = range.hint;
  if (!low || value.fits_low_half()) return value.intersect(range);
  value.low_most = static_cast<uint32_t>(std::min<int64_t>(value.low_most, range.hi));
  return true;
}

// `range` is known of what the value is equal to, as a whole or of the low half.
bool MachineState::relate(Value& value, const Value& range, bool is_whole) {
  if (value.equals_low && is_whole) return !range.fits_low_half() || narrow_down(value, range, false);
  return narrow_down(value, range, !value.equals_low && !is_whole);
}

// Likewise of what the value is made from.
bool MachineState::derive(Value& value, const Value& range, bool is_whole) {
  if (!value.is_number()) return true;
  switch (value.how) {
    case Value::How::Shifted:
      if (!is_whole || range.lo < 0) return true;
      break;
    case Value::How::LowShifted:
      if (is_whole && !range.fits_low_half()) return true;
      break;
    case Value::How::LowBits:
      return true;
    case Value::How::Plus:
      return !is_whole || value.intersect(sum(range, Value::exactly(value.by)));
  }
  return value.intersect(shifted_right(range, static_cast<unsigned>(value.by), 64));
}

uint32_t MachineState::entries_of(uint32_t table) const {
  for (auto [known, entries] : table_entries_)
    if (known == table) return entries;
  return 0;
}

void MachineState::has_at_least(uint32_t table, uint32_t entries) {
  for (auto& [known, before] : table_entries_)
    if (known == table) {
      before = std::max(before, entries);
      return;
    }
  table_entries_.emplace_back(table, entries);
}

// --- The frame -----------------------------------------------------------------------------------------------------

const Value* MachineState::load(int64_t offset, uint8_t size) {
  auto found = std::lower_bound(slots_.begin(), slots_.end(), offset,
                                [](const Slot& slot, int64_t at) { return slot.offset < at; });
  if (found == slots_.end() || found->offset != offset || found->size < size || size < 4) return nullptr;
  if (found->value.equals == 0) found->value.equals = ++last_equals_;
  return &found->value;
}

void MachineState::store(int64_t offset, uint8_t size, const Value* value) {
  auto place = std::lower_bound(slots_.begin(), slots_.end(), offset,
                                [](const Slot& slot, int64_t at) { return slot.offset + slot.size <= at; });
  auto end = place;
  while (end != slots_.end() && end->offset < offset + size) ++end;
  if (value && (size == 4 || (size == 8 && !value->is_anything()))) {
    Slot slot{offset, size, size == 4 ? value->low() : *value};
    if (place == end) {
      slots_.insert(place, slot);
      return;
    }
    *place++ = slot;
  }
  slots_.erase(place, end);
}

void MachineState::forget_slots_below(int64_t offset) {
  auto end = std::lower_bound(slots_.begin(), slots_.end(), offset,
                              [](const Slot& slot, int64_t at) { return slot.offset < at; });
  slots_.erase(slots_.begin(), end);
}

// --- Where paths meet ----------------------------------------------------------------------------------------------

bool MachineState::merge(const MachineState& other, unsigned visits, Renaming& renaming) {
  bool changed = false;
  renaming.begin();
  for (uint64_t left = known_ & kMachines; left != 0; left &= left - 1) {
    auto reg = static_cast<Register>(countr_zero(left));
    changed |= merge_value(registers_[reg], other.registers_[reg], visits, renaming);
    if (registers_[reg].is_unknown()) known_ &= ~bit(reg);
  }

  size_t kept = 0;
  auto theirs = other.slots_.begin();
  for (Slot& slot : slots_) {
    while (theirs != other.slots_.end() && theirs->offset < slot.offset) ++theirs;
    bool is_both = theirs != other.slots_.end() && theirs->offset == slot.offset && theirs->size == slot.size;
    if (is_both) changed |= merge_value(slot.value, theirs->value, visits, renaming);
    if (is_both && !slot.value.is_anything()) {
      slots_[kept++] = slot;
    } else {
      changed = true;
    }
  }
  slots_.resize(kept);

  if (flags_.known) {
    auto is_same = [&](const Side& ours, const Side& their) {
      const Value &a = ours.value, &b = their.value;
      return ours.reg == their.reg && ours.is_whole == their.is_whole && a.says_the_same(b) &&
             a.equals_low == b.equals_low && (a.equals == 0 || renaming.agrees(a.equals, b.equals)) &&
             (a.from == 0 || (a.how == b.how && a.by == b.by && renaming.agrees(a.from, b.from)));
    };
    bool same = other.flags_.known && flags_.narrow == other.flags_.narrow && is_same(flags_.left, other.flags_.left) &&
                is_same(flags_.right, other.flags_.right);
    flags_.known = same;
    changed |= !same;
  }
  auto loses = [&](const auto& entry) { return other.entries_of(entry.first) < entry.second; };
  size_t before = table_entries_.size();
  erase_if(table_entries_, loses);
  last_equals_ = std::max(last_equals_, other.last_equals_);
  return changed || table_entries_.size() != before;
}

}  // namespace aotc
