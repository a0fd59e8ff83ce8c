// arm_opcodes.h - what machine_actions_aarch64 has to know of an opcode, worked out once from LLVM's name and
// description.
#pragma once

#include <cstdint>

#include "llvm/MC/MCInstrInfo.h"

namespace aotc {

enum class ArmForm : uint8_t {
  Other,
  Refused,
  // Loads and stores, by addressing mode.
  Scaled,      // register, base, immediate in units of the size
  Unscaled,    // register, base, immediate in bytes
  PreIndexed,  // base, register, base, immediate in bytes
  PostIndexed,
  IndexedW,  // register, base, w register, signed, shifted by the size
  IndexedX,
  Pair,     // two registers, base, immediate in units of the size
  PairPre,  // base, two registers, base, immediate
  PairPost,
  // Registers.
  AddImmediate,
  SubtractImmediate,
  AddShifted,  // and subtract, ands and so on of two registers, the second shifted
  SubtractShifted,
  AndShifted,
  OrShifted,
  AddExtended,
  MultiplyAdd,  // umaddl
  AndImmediate,
  OrImmediate,
  BitField,     // ubfm: lsl, lsr, ubfx, ubfiz
  InsertField,  // bfm: bfi, bfxil
  SignedBitField,
  MoveZero,
  MoveNot,
  MoveKeep,
  Select,
  CountLeading,
  Adr,
  Adrp,
  // Flow.
  Jump,
  BranchFlags,
  BranchZero,
  BranchNotZero,
  BranchBitZero,
  BranchBitNotZero,
  Call,
  CallTo,
  JumpTo,
  Return,
  Trap,
  Nop,  // for what is looked at here
};

struct ArmOpcode {
  ArmForm form = ArmForm::Other;
  bool narrow = false;
  bool is_load = false, is_store = false;
  bool is_signed = false;   // load
  bool is_general = false;  // what is loaded or stored is a general register
  bool sets_flags = false;  // adds, subs
  uint8_t size = 0;         // bytes of each register that is loaded or stored
};

// `flags` is LLVM's number of the flags' register.
ArmOpcode describe_arm_opcode(unsigned number, const llvm::MCInstrInfo& instructions, unsigned flags);

}  // namespace aotc
