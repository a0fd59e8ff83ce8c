// x86_opcodes.h - what machine_actions_x86_64 has to know of an opcode, worked out once from LLVM's name and
// description.
#pragma once

#include <cstdint>

#include "llvm/ADT/StringRef.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCRegisterInfo.h"

namespace aotc {

enum class X86Form : uint8_t {
  Other,
  Refused,  // touches memory, or leads elsewhere, in a way that is not known
  Nop,
  Move,
  MoveZeroExtended,
  MoveSignExtended,
  Lea,
  Add,
  Subtract,
  And,
  Or,
  Xor,
  ShiftLeft,
  ShiftRight,
  Increment,
  Decrement,
  ConditionalMove,
  CountBits,
  SetFlag,
  Compare,
  Test,
  Push,
  Pop,
  Jump,
  Branch,
  JumpTo,
  Call,
  CallTo,
  Return,
  Trap,
};

struct X86Opcode {
  X86Form form = X86Form::Other;
  uint8_t bits = 0;           // operand width where the form has one
  int8_t memory_at = -1;      // first of the five operands of an address
  uint8_t memory_size = 255;  // bytes; more than there are when not known
  bool loads = false, stores = false, defines_flags = false;
  bool register_behind = false;  // a byte behind the address names its last register
  llvm::StringRef suffix;        // what the operands are: rr, ri8, mi
};

X86Opcode describe_x86_opcode(unsigned opcode, const llvm::MCInstrInfo& instructions,
                              const llvm::MCRegisterInfo& registers);

}  // namespace aotc
