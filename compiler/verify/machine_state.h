// machine_state.h - what check_addresses knows of registers, flags and the stack frame at one place of the code.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "known_value.h"
#include "llvm/ADT/SmallVector.h"
#include "machine_actions.h"

namespace aotc {

// Of a register or a memory operand that was compared.
struct Side {
  Register reg = kNoRegister;  // that still holds it
  Value value;
  bool is_whole = true;  // and not the low half of something larger
};

struct Flags {
  bool known = false, narrow = false;
  Side left, right;
};

// Part of the frame that holds something known.
struct Slot {
  int64_t offset;  // from the stack pointer at entry
  uint8_t size;    // 4 or 8 bytes
  Value value;
};

// Numbers of equal values of one state in terms of another, during a merge. Kept from one merge to the next, as there
// are many, of hundreds of values.
class Renaming {
 public:
  void begin() { ++merge_; }
  // Whether `from` can stand for `to`: nowhere else in this merge it stands for something else.
  bool agrees(uint32_t from, uint32_t to);

 private:
  struct Other {
    uint64_t merge = 0;
    uint32_t number = 0;
  };
  std::vector<Other> others_;  // by `from`
  uint64_t merge_ = 0;
};

class MachineState {
 public:
  const Value& operator[](Register reg) const { return registers_[reg]; }

  // `reg` holds something new.
  void define(Register reg, const Value& value);
  // What `reg` holds, for a copy of it: the two are known to be equal from here on.
  const Value& copied(Register reg);

  // What is known of the low `bits` of values that equal `equals`, or null.
  const Value* low_bits_of(uint32_t equals, uint8_t bits) const;

  void compare(const Side& left, const Side& right, bool narrow);
  void forget_flags() { flags_.known = false; }
  const Flags& flags() const { return flags_; }
  // What holds when a comparison has come out as the condition says; false when it cannot.
  bool conclude(const Flags& flags, Condition condition);

  // What `size` bytes of the frame hold, or null.
  const Value* load(int64_t offset, uint8_t size);
  void store(int64_t offset, uint8_t size, const Value* value);
  void forget_slots_below(int64_t offset);

  // Entries that a table is known to have. Tables never shrink, so this holds from where it is found on, calls or not.
  uint32_t entries_of(uint32_t table) const;

  // Makes this one true also where `other` holds, and says whether that changed anything. `visits` is how often that
  // was done before: intervals that still grow are widened, so that loops come to an end.
  bool merge(const MachineState& other, unsigned visits, Renaming& renaming);

 private:
  bool conclude_side(const Side& side, Condition condition, const Side& other, bool narrow);
  static Value source_of(const Value& value, const Value& range);
  static bool narrow_down(Value& value, const Value& range, bool low);
  static bool relate(Value& value, const Value& range, bool is_whole);
  static bool derive(Value& value, const Value& range, bool is_whole);
  void has_at_least(uint32_t table, uint32_t entries);

  Value registers_[kRegisters];
  uint64_t known_ = 0;  // registers of which something may be known, as a set; the others are Value::is_unknown()
  Flags flags_;
  std::vector<Slot> slots_;                                            // ascending, none overlaps another
  llvm::SmallVector<std::pair<uint32_t, uint32_t>, 2> table_entries_;  // table, entries that it has at least
  uint32_t last_equals_ = 0;
};

}  // namespace aotc
