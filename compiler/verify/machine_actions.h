// machine_actions.h - machine instructions in the terms of check_addresses: what they do to addresses, and nothing
// else.
//
// An instruction becomes one to four *actions* on general registers, memory and the flow of control. Whatever a
// translator does not know becomes less knowledge: a register that it writes holds anything. What touches memory or
// leads elsewhere in a way that it does not know is refused.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "known_value.h"
#include "llvm/MC/MCInst.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCRegisterInfo.h"
#include "native/fragment.h"

namespace aotc {

// A general register by the target's own number; the three below are not the machine's.
using Register = uint8_t;
inline constexpr Register kScratch = 32;  // holds something during one instruction
inline constexpr Register kPatched = 33;  // likewise: the constant that a relocation puts there, 0 .. 2^31 - 1
inline constexpr Register kNoRegister = 34;
inline constexpr unsigned kRegisters = 34;

// What is special about some of an architecture's registers.
struct RegisterRoles {
  Register stack_pointer;
  Register base;             // kNoRegister when it is no general one
  Register return_address;   // kNoRegister when it is on the stack
  uint64_t kept_by_helpers;  // by C's convention, as a set
  uint64_t kept_by_all;      // by ours
  Register helper_base;      // first argument of helpers: the base
  Register catch_target;     // argument of catch_call that it jumps to
};

// The value of a register, or of its low 32 bits alone, shifted to the left. Nothing is 0.
struct Term {
  Register reg = kNoRegister;
  uint8_t shift = 0;
  bool low_half = false;
};

enum class ActionKind : uint8_t {
  // Registers. "Narrow" ones are done on low halves, and the upper half of the result is 0.
  Sum,         // to = first + second + constant
  Difference,  // to = first - second
  Product,     // to = first * second
  And,         // to = first & second, or & constant when there is no second
  Or,          // to = first | second | constant, or ^
  ShiftRight,  // to = first >> constant, without sign
  SignExtend,  // to = the low `constant` bits of first, with sign
  Between,     // to = 0 .. constant
  Insert,      // to = first with 16 bits, from second.shift on, replaced by the constant
  InsertAny,   // to = first with its low 16 bits replaced by others
  Pick,        // to = first or second
  Forget,      // to = anything
  ForgetPart,  // to = anything in its low 16 bits, as it was above; the low byte is at most the constant, if there is
               // one
  Symbol,      // to = address of the relocation's symbol + constant
  Place,       // to = address of text + constant
  PageOf,      // to = address of the relocation's symbol, rounded down to a page
  // Memory, at first + second + constant, or that behind the base, if it is a segment.
  Load,   // to = `size` bytes, zero-extended, or sign-extended to 64 bits; kNoRegister: anywhere
  Store,  // `size` bytes of `to`; kNoRegister: of anything
  // Flags, of what compares first with second + constant.
  Compare,
  ForgetFlags,
  // Flow of control. The target is the constant, an offset in text.
  Jump,
  Branch,    // if the flags say so
  BranchIf,  // if first compares so with 0; leaves the flags
  JumpTo,    // first
  Call,      // the relocation's symbol + constant, or text + constant
  CallTo,    // first
  Return,    // to first; kNoRegister: to what is on the stack
  Stop,      // traps
  Refuse,    // `reason`
};

inline constexpr uint32_t kNoRelocation = ~0u;

struct Action {
  ActionKind kind;
  Register to = kNoRegister;
  bool narrow = false;
  bool is_signed = false;
  bool through_segment = false;
  uint8_t size = 0;
  Condition condition = Condition::Other;
  Term first = {}, second = {};
  uint32_t relocation = kNoRelocation;  // index into Fragment::relocations
  int64_t constant = 0;
  const char* reason = nullptr;
};

// Of one architecture; read-only once built.
class Translator {
 public:
  virtual ~Translator() = default;
  // Appends the actions of the instruction at `offset`. `relocation` is the index of the one that patches it, if any.
  // On x86-64 those of constants are not meant; `patched` is a set of operands, of those that they patch.
  virtual void translate(const llvm::MCInst& instruction, uint32_t offset, uint32_t size, const Fragment& fragment,
                         uint32_t relocation, uint32_t patched, std::vector<Action>& actions) const = 0;
  virtual const RegisterRoles& roles() const = 0;
};

std::unique_ptr<Translator> create_x86_translator(const llvm::MCInstrInfo& instructions,
                                                  const llvm::MCRegisterInfo& registers);
std::unique_ptr<Translator> create_arm_translator(const llvm::MCInstrInfo& instructions,
                                                  const llvm::MCRegisterInfo& registers);

}  // namespace aotc
