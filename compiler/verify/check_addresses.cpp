// check_addresses.cpp - see check_addresses.h.
//
// An abstract interpretation of machine code. Each general register and each part of the stack frame holds a Value
// (known_value.h): an interval of numbers, or a pointer of a known kind with an interval behind it. Values are followed
// along all branches, joined where paths meet and widened where a loop keeps changing them. What is not known can be
// anything, and an access at anything is refused, so a gap in this file costs a compilation and not isolation.
//
// Proved of a fragment that passes, given that it is entered at its start and that what it calls keeps the same
// promises:
//
//   - an access through the base is at 0 .. AOTC_MEMORY_RESERVATION, or in a part of the instance's context that code
//   may
//     read, or, for a store, write: scratch slots and globals.
//   - an access relative to the stack pointer is in the function's own frame, and the stack pointer is back where it
//   was
//     when the function returns; so are the registers that our calling convention keeps.
//   - an access to the fragment's constants is inside them and no store; an access to tables of functions is a load at
//   or
//     behind the table's start.
//   - an access to a table that can change is to an entry whose index has been compared with the table's size.
//   - a jump leads to the start of an instruction of the fragment, directly or through one of its jump tables at an
//   index
//     inside it; a call leads to the start of a function, a helper, or what was read out of a table of functions.
//   - a helper gets the base as its first argument; catch_call gets what could be called.
//
// Not proved: that the index into a table of functions is inside it (its size is not part of a fragment), that the
// entry read is of the right type, and what the other arguments are.
#include "check_addresses.h"

#include <map>
#include <memory>
#include <optional>
#include <queue>

#include "address_rules.h"
#include "aotc/abi.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Endian.h"
#include "machine_state.h"
#include "operands.h"

namespace aotc {
namespace {

using namespace llvm;

constexpr const char* kPastEnd = "code runs past its end";
constexpr const char* kAnyJump = "jump can lead anywhere";

class Checker {
 public:
  Checker(const Fragment& fragment, ArrayRef<Step> steps, ArrayRef<Action> actions, const RegisterRoles& roles)
      : fragment_(fragment),
        steps_(steps),
        actions_(actions),
        roles_(roles),
        is_entry_(steps.size()),
        places_(steps.size()) {
    for (const Relocation& relocation : fragment.relocations)
      if (relocation.section == FragmentSection::Rodata) data_relocations_[relocation.offset] = &relocation;
  }

  AddressProblem run() {
    if (steps_.empty()) return {0, kPastEnd};
    find_entries();
    MachineState start;
    for (Register reg = 0; reg < kScratch; ++reg) start.define(reg, initial(reg));
    step_ = 0;
    arrive(0, start);
    while (!waiting_.empty() && !problem_.reason) {
      uint32_t at = waiting_.top();
      waiting_.pop();
      places_[at]->is_waiting = false;
      state_ = places_[at]->state;
      walk(at);
    }
    return problem_;
  }

 private:
  // Where paths meet.
  struct Place {
    MachineState state;
    unsigned visits = 0;
    bool is_waiting = false;
  };

  Value initial(Register reg) const {
    if (reg == roles_.base) return Value::pointer(ValueKind::Base);
    if (reg == roles_.stack_pointer) return Value::pointer(ValueKind::Stack);
    bool is_wanted = reg == roles_.return_address || (roles_.kept_by_all >> reg & 1);
    return is_wanted ? Value::pointer(ValueKind::Initial, reg) : Value::anything();
  }

  void fail(const char* reason) {
    if (!problem_.reason) problem_ = {step_, reason};
  }

  // --- Places ----------------------------------------------------------------------------------------------------

  void find_entries() {
    for (step_ = 0; step_ < steps_.size(); ++step_)
      for (const Action& action : actions_of(step_))
        if (action.kind == ActionKind::Jump || action.kind == ActionKind::Branch || action.kind == ActionKind::BranchIf)
          if (std::optional<uint32_t> target = step_at(action.constant)) is_entry_[*target] = true;
  }

  ArrayRef<Action> actions_of(uint32_t step) const {
    size_t end = step + 1 < steps_.size() ? steps_[step + 1].first_action : actions_.size();
    return actions_.slice(steps_[step].first_action, end - steps_[step].first_action);
  }

  std::optional<uint32_t> step_at(int64_t offset) const {
    auto found = std::lower_bound(steps_.begin(), steps_.end(), offset,
                                  [](const Step& step, int64_t wanted) { return int64_t{step.offset} < wanted; });
    if (found == steps_.end() || int64_t{found->offset} != offset) return std::nullopt;
    return static_cast<uint32_t>(found - steps_.begin());
  }

  // The current path goes on at `target`, an offset in text.
  void go_to(int64_t target, const MachineState& state) {
    std::optional<uint32_t> step = step_at(target);
    if (!step) return fail("jump leads between instructions");
    // Found by way of a jump table, in the middle of what may have been walked already: that walk has to stop here.
    if (!is_entry_[*step]) {
      is_entry_[*step] = true;
      for (uint32_t before = *step; before-- > 0;)
        if (places_[before]) {
          visit(before);
          break;
        }
    }
    arrive(*step, state);
  }

  void arrive(uint32_t step, const MachineState& state) {
    std::unique_ptr<Place>& place = places_[step];
    if (!place) {
      place = std::make_unique<Place>(Place{state});
    } else if (!place->state.merge(state, place->visits, renaming_)) {
      return;
    }
    ++place->visits;
    visit(step);
  }

  void visit(uint32_t step) {
    if (places_[step]->is_waiting) return;
    places_[step]->is_waiting = true;
    waiting_.push(step);
  }

  // From a place on until paths part or meet.
  void walk(uint32_t at) {
    for (step_ = at; !problem_.reason; ++step_) {
      if (step_ >= steps_.size()) {
        --step_;
        return fail(kPastEnd);
      }
      if (step_ != at && is_entry_[step_]) return arrive(step_, state_);
      bool goes_on = true;
      for (const Action& action : actions_of(step_)) {
        goes_on = act(action) && goes_on;
        if (problem_.reason) return;
      }
      if (!goes_on) return;
    }
  }

  // --- Instructions ----------------------------------------------------------------------------------------------

  // False when control does not go on behind the instruction.
  bool act(const Action& action) {
    switch (action.kind) {
      case ActionKind::Load:
        load(action);
        return true;
      case ActionKind::Store:
        store(action);
        return true;
      case ActionKind::Compare:
        compare(action);
        return true;
      case ActionKind::ForgetFlags:
        state_.forget_flags();
        return true;
      case ActionKind::Jump:
        go_to(action.constant, state_);
        return false;
      case ActionKind::Branch:
        return branch(state_.flags(), action);
      case ActionKind::BranchIf: {
        Side left = values_.side_of(action.first, action.narrow), right{kNoRegister, Value::exactly(0)};
        return branch({true, action.narrow, left, right}, action);
      }
      case ActionKind::JumpTo:
        jump_to(values_.of(action.first, false));
        return false;
      case ActionKind::Call:
        return call(action);
      case ActionKind::CallTo:
        return call_to(values_.of(action.first, false));
      case ActionKind::Return:
        leave(action);
        return false;
      case ActionKind::Stop:
        return false;
      case ActionKind::Refuse:
        fail(action.reason);
        return false;
      case ActionKind::Sum:
      case ActionKind::Difference:
      case ActionKind::Product:
      case ActionKind::And:
      case ActionKind::Or:
      case ActionKind::ShiftRight:
      case ActionKind::SignExtend:
      case ActionKind::Between:
      case ActionKind::Insert:
      case ActionKind::InsertAny:
      case ActionKind::Pick:
      case ActionKind::Forget:
      case ActionKind::ForgetPart:
      case ActionKind::Symbol:
      case ActionKind::Place:
      case ActionKind::PageOf:
        state_.define(action.to, values_.result_of(action));
        return true;
    }
    llvm_unreachable("action");
  }

  void compare(const Action& action) {
    Side left = values_.side_of(action.first, action.narrow);
    Side right = values_.side_of(action.second, action.narrow);
    if (action.second.reg == kNoRegister) right.value = Value::exactly(action.constant);
    state_.compare(left, right, action.narrow);
  }

  // --- Memory ----------------------------------------------------------------------------------------------------

  Value address_of(const Action& action) const {
    Action wide = action;
    wide.narrow = false;
    Value address = values_.sum_of(wide);
    if (!action.through_segment) return address;
    if (!address.is_number()) return Value::anything();
    return {.kind = ValueKind::Base, .lo = address.lo, .hi = address.hi};
  }

  bool may_access(const Value& at, const Action& action) {
    uint32_t entries = at.kind == ValueKind::Table ? state_.entries_of(at.id) : 0;
    const char* reason = refuse_access(at, action.size, action.kind == ActionKind::Store, fragment_, entries);
    if (reason) fail(reason);
    return !reason;
  }

  // Whether what is loaded may be part of an address: where it is from has to be known, each step between entries
  // included.
  static bool is_entry(const Value& at, const Action& action) {
    bool is_aligned = at.is_exact() || (at.size != 0 && at.size % action.size == 0);
    bool is_offset = action.size == 4 ? action.is_signed && !action.narrow : action.size < 4 && !action.is_signed;
    return at.kind == ValueKind::Data && is_aligned && is_offset;
  }

  void load(const Action& action) {
    Value at = address_of(action);
    if (!may_access(at, action)) return;
    Value value = Value::anything();
    if (action.size < 8) {
      int64_t most = (int64_t{1} << (8 * action.size - action.is_signed)) - 1;
      value = Value::between(action.is_signed ? -most - 1 : 0, most);
    }
    const Value* slot = at.kind == ValueKind::Stack && !action.is_signed ? state_.load(at.lo, action.size) : nullptr;
    if (slot) {
      value = action.size < 8 ? slot->low() : *slot;
    } else if (at.kind == ValueKind::Base && at.is_exact() && !action.is_signed) {
      value = context_value(at.lo, action.size, value);
    } else if (is_entry(at, action)) {
      value = {
          .kind = ValueKind::Entry, .symbol = at.symbol, .size = action.size, .id = at.id, .lo = at.lo, .hi = at.hi};
    } else if (at.kind == ValueKind::Data && at.symbol == SymbolKind::Rodata && !action.is_signed) {
      value = constants(at, action.size, value);
    }
    // A signed load of a w register leaves the upper half 0.
    bool wraps = action.narrow && action.is_signed;
    state_.define(action.to, wraps ? Value::low_half() : value);
  }

  // The constants that are there, or `otherwise`.
  Value constants(const Value& at, uint8_t size, const Value& otherwise) const {
    constexpr int64_t kMostBytes = 1024;
    if ((size != 4 && size != 8) || !(at.is_exact() || at.size == size) || at.hi - at.lo > kMostBytes) return otherwise;
    auto relocated = data_relocations_.lower_bound(static_cast<uint32_t>(std::max<int64_t>(0, at.lo - 7)));
    if (relocated != data_relocations_.end() && relocated->first < at.hi + size) return otherwise;
    Value all = Value::between(Value::kMost, Value::kLeast);
    for (int64_t entry = at.lo; entry <= at.hi; entry += size) {
      const uint8_t* bytes = fragment_.rodata.data() + entry;
      auto number =
          static_cast<int64_t>(size == 8 ? support::endian::read64le(bytes) : support::endian::read32le(bytes));
      all.lo = std::min(all.lo, number), all.hi = std::max(all.hi, number);
    }
    return all;
  }

  void store(const Action& action) {
    Value at = address_of(action);
    if (!may_access(at, action) || at.kind != ValueKind::Stack) return;
    state_.store(at.lo, action.size, action.to == kNoRegister ? nullptr : &state_.copied(action.to));
  }

  // --- Flow ------------------------------------------------------------------------------------------------------

  // Whether control can go on behind it.
  bool branch(const Flags& flags, const Action& action) {
    const Flags known = flags;
    if (!known.known || action.condition == Condition::Other) {
      go_to(action.constant, state_);
      return true;
    }
    MachineState taken = state_;
    if (taken.conclude(known, action.condition)) go_to(action.constant, taken);
    return state_.conclude(known, negated(action.condition));
  }

  void jump_to(const Value& target) {
    if (target.kind != ValueKind::JumpTarget) return fail(kAnyJump);
    for (int64_t entry = target.lo; entry <= target.hi && !problem_.reason; entry += target.size) {
      std::optional<int64_t> to = read_jump_table(target, entry);
      if (!to) return fail(kAnyJump);
      go_to(*to, state_);
    }
  }

  // Where the entry at that place of rodata leads.
  std::optional<int64_t> read_jump_table(const Value& target, int64_t entry) const {
    if (entry < 0 || entry > static_cast<int64_t>(fragment_.rodata.size()) - target.size) return std::nullopt;
    auto found = data_relocations_.lower_bound(static_cast<uint32_t>(entry));
    bool is_relocated = found != data_relocations_.end() && found->first < entry + target.size;
    if (target.symbol == SymbolKind::Rodata) {
      if (!is_relocated || found->first != entry) return std::nullopt;
      const Relocation& r = *found->second;
      bool fits = r.kind == RelocationKind::Pc32 && fragment_.symbol_of(r).kind == SymbolKind::Text;
      return fits ? std::optional<int64_t>(r.addend - entry + target.id) : std::nullopt;
    }
    if (is_relocated) return std::nullopt;
    const uint8_t* bytes = fragment_.rodata.data() + entry;
    switch (target.size) {
      case 1:
        return int64_t{target.id} + 4 * int64_t{*bytes};
      case 2:
        return int64_t{target.id} + 4 * int64_t{support::endian::read16le(bytes)};
      default:
        return int64_t{target.id} + static_cast<int32_t>(support::endian::read32le(bytes));
    }
  }

  bool call(const Action& action) {
    bool is_own = action.relocation == kNoRelocation;
    SymbolKind symbol = is_own ? SymbolKind::Text : fragment_.symbol_of(fragment_.relocations[action.relocation]).kind;
    if ((symbol != SymbolKind::Function && symbol != SymbolKind::Text) || action.constant != 0)
      fail("call can lead anywhere");
    after_call(roles_.kept_by_all);
    return true;
  }

  bool call_to(const Value& target) {
    if (target.kind != ValueKind::Helper) {
      if (target.kind != ValueKind::CallTarget) fail("call can lead anywhere");
      after_call(roles_.kept_by_all);
      return true;
    }
    if (target.id == AOTC_HELPER_UNWIND) return false;
    bool catches = target.id == AOTC_HELPER_CATCH_CALL;
    const Value& base = state_[roles_.helper_base];
    if (catches ? state_[roles_.catch_target].kind != ValueKind::CallTarget
                : !base.says_the_same(Value::pointer(ValueKind::Base)))
      fail("helper gets a wrong argument");
    after_call(catches ? roles_.kept_by_all : roles_.kept_by_helpers);
    return true;
  }

  void after_call(uint64_t kept) {
    for (Register reg = 0; reg < kRegisters; ++reg)
      if (reg == kScratch || !(kept >> reg & 1)) state_.define(reg, Value::anything());
    state_.forget_flags();
    // The callee's frame and, on x86-64, its return address lie below the stack pointer.
    const Value& stack = state_[roles_.stack_pointer];
    if (stack.kind != ValueKind::Stack || stack.lo > 0 || stack.lo < -int64_t{fragment_.frame_size} - 8)
      return fail("stack pointer is outside the frame");
    state_.forget_slots_below(stack.lo);
  }

  // Everything is where it was at entry.
  void leave(const Action& action) {
    if (action.first.reg != kNoRegister && action.first.reg != roles_.return_address)
      return fail("return can lead anywhere");
    for (Register reg = 0; reg < kScratch; ++reg)
      if (Value before = initial(reg); !before.is_anything() && !state_[reg].says_the_same(before))
        return fail("return with another value in a register that is kept");
  }

  const Fragment& fragment_;
  const ArrayRef<Step> steps_;
  const ArrayRef<Action> actions_;
  const RegisterRoles& roles_;
  std::map<uint32_t, const Relocation*> data_relocations_;
  std::vector<bool> is_entry_;
  std::vector<std::unique_ptr<Place>> places_;
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> waiting_;  // in the order of the code
  MachineState state_;
  Renaming renaming_;
  Operands values_{fragment_, state_};
  uint32_t step_ = 0;
  AddressProblem problem_{0, nullptr};
};

}  // namespace

AddressProblem check_addresses(const Fragment& fragment, const std::vector<Step>& steps,
                               const std::vector<Action>& actions, const RegisterRoles& roles) {
  return Checker(fragment, steps, actions, roles).run();
}

}  // namespace aotc
