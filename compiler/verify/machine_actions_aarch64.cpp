// machine_actions_aarch64.cpp - see machine_actions.h.
//
// What an opcode is, arm_opcodes.cpp says. Writing a w register clears the upper half.
#include "arm_opcodes.h"
#include "llvm/Support/MathExtras.h"
#include "machine_actions.h"

namespace aotc {
namespace {

using namespace llvm;

constexpr Register kBase = 28, kFramePointer = 29, kLink = 30, kSp = 31;

// The architecture's numbering of conditions.
constexpr Condition kConditions[16] = {
    Condition::Equal,    Condition::NotEqual,     Condition::AboveOrEqual,   Condition::Below,
    Condition::Negative, Condition::NotNegative,  Condition::Other,          Condition::Other,
    Condition::Above,    Condition::BelowOrEqual, Condition::GreaterOrEqual, Condition::Less,
    Condition::Greater,  Condition::LessOrEqual,  Condition::Other,          Condition::Other};

// Bits of the immediate of and, orr: a run of ones, rotated, repeated.
uint64_t decode_logical(uint64_t encoded, unsigned width) {
  unsigned n = encoded >> 12 & 1, immr = encoded >> 6 & 63, imms = encoded & 63;
  int length = 31 - countl_zero(n << 6 | (~imms & 63));
  unsigned size = 1u << length, rotate = immr & (size - 1), ones = (imms & (size - 1)) + 1;
  uint64_t pattern = ones == 64 ? ~uint64_t{0} : (uint64_t{1} << ones) - 1;
  uint64_t mask = size == 64 ? ~uint64_t{0} : (uint64_t{1} << size) - 1;
  if (rotate) pattern = (pattern >> rotate | pattern << (size - rotate)) & mask;
  for (unsigned filled = size; filled < width; filled *= 2) pattern |= pattern << filled;
  return pattern;
}

int64_t low_bits(int64_t count) {
  return static_cast<int64_t>(maskTrailingOnes<uint64_t>(static_cast<unsigned>(count)));
}

class ArmTranslator final : public Translator {
 public:
  ArmTranslator(const MCInstrInfo& instructions, const MCRegisterInfo& registers)
      : instructions_(instructions),
        registers_(registers.getNumRegs(), {kNoRegister, false}),
        opcodes_(instructions.getNumOpcodes()) {
    for (unsigned i = 1; i < registers.getNumRegs(); ++i) {
      StringRef name = registers.getName(i);
      unsigned number = 0;
      if (name == "NZCV") flags_ = i;
      if (name == "SP" || name == "WSP") {
        registers_[i] = {kSp, name == "WSP"};
      } else if (name == "FP" || name == "LR") {
        registers_[i] = {name == "FP" ? kFramePointer : kLink, false};
      } else if ((name.starts_with("X") || name.starts_with("W")) && !name.drop_front().getAsInteger(10, number) &&
                 number < 31) {
        registers_[i] = {static_cast<Register>(number), name.starts_with("W")};
      }
    }
    for (unsigned i = 0; i < opcodes_.size(); ++i) opcodes_[i] = describe_arm_opcode(i, instructions, flags_);
  }

  const RegisterRoles& roles() const override {
    static constexpr uint64_t kKept = 1ull << kBase | 1ull << kFramePointer | 1ull << kSp;
    static constexpr RegisterRoles kRoles{.stack_pointer = kSp,
                                          .base = kBase,
                                          .return_address = kLink,
                                          .kept_by_helpers = kKept | 0x3ffull << 19,
                                          .kept_by_all = kKept,
                                          .helper_base = 0,
                                          .catch_target = 22};
    return kRoles;
  }

  void translate(const MCInst& instruction, uint32_t offset, uint32_t size, const Fragment& fragment,
                 uint32_t relocation, uint32_t patched, std::vector<Action>& actions) const override;

 private:
  class Emitter;
  struct RegisterInfo {
    Register reg;
    bool narrow;
  };

  const MCInstrInfo& instructions_;
  std::vector<RegisterInfo> registers_;
  std::vector<ArmOpcode> opcodes_;
  unsigned flags_ = 0;
};

class ArmTranslator::Emitter {
 public:
  Emitter(const ArmTranslator& translator, const MCInst& instruction, uint32_t offset, const Fragment& fragment,
          uint32_t relocation, std::vector<Action>& actions)
      : t_(translator),
        instruction_(instruction),
        opcode_(translator.opcodes_[instruction.getOpcode()]),
        offset_(offset),
        fragment_(fragment),
        relocation_(relocation),
        actions_(actions) {}

  void run() {
    if (opcode_.form >= ArmForm::Scaled && opcode_.form <= ArmForm::PairPost) return memory();
    if (opcode_.form >= ArmForm::Jump) return flow();
    if (opcode_.form == ArmForm::Refused) return refuse("instruction cannot be followed");
    if (!compute()) {
      const MCInstrDesc& description = t_.instructions_.get(instruction_.getOpcode());
      for (unsigned i = 0; i < description.getNumDefs(); ++i) forget(i);
    }
    if (opcode_.sets_flags && !compares_) add({.kind = ActionKind::ForgetFlags});
  }

 private:
  void add(const Action& action) { actions_.push_back(action); }
  void refuse(const char* reason) { add({.kind = ActionKind::Refuse, .reason = reason}); }
  const MCOperand& operand(unsigned i) const { return instruction_.getOperand(i); }
  int64_t immediate(unsigned i) const { return operand(i).isImm() ? operand(i).getImm() : 0; }
  const RegisterInfo& info(unsigned i) const { return t_.registers_[operand(i).isReg() ? operand(i).getReg() : 0]; }
  Register reg(unsigned i) const { return info(i).reg; }  // none for the zero register

  void forget(unsigned i) {
    if (reg(i) != kNoRegister) add({.kind = ActionKind::Forget, .to = reg(i), .narrow = info(i).narrow});
  }

  void move_base(unsigned base, int64_t by) {
    add({.kind = ActionKind::Sum, .to = reg(base), .first = {reg(base)}, .constant = by});
  }

  void access(unsigned value, Term base, Term index, int64_t constant) {
    Register to = opcode_.is_general ? reg(value) : kNoRegister;
    add({.kind = opcode_.is_load ? ActionKind::Load : ActionKind::Store,
         .to = to,
         .narrow = opcode_.narrow,
         .is_signed = opcode_.is_signed,
         .size = opcode_.size,
         .first = base,
         .second = index,
         .constant = constant});
  }

  void memory() {
    auto scale = static_cast<uint8_t>(Log2_32(opcode_.size));
    switch (opcode_.form) {
      case ArmForm::Scaled:
        if (relocation_ != kNoRelocation) {
          // The low bits of an address of which the base register holds the page.
          add({.kind = ActionKind::Symbol,
               .to = kScratch,
               .first = {reg(1)},
               .relocation = relocation_,
               .constant = fragment_.relocations[relocation_].addend});
          return access(0, {kScratch}, {}, 0);
        }
        return access(0, {reg(1)}, {}, immediate(2) << scale);
      case ArmForm::Unscaled:
        return access(0, {reg(1)}, {}, immediate(2));
      case ArmForm::PreIndexed:
        move_base(2, immediate(3));
        return access(1, {reg(2)}, {}, 0);
      case ArmForm::PostIndexed:
        // The register that is loaded is never the base.
        access(1, {reg(2)}, {}, 0);
        return move_base(2, immediate(3));
      case ArmForm::IndexedW:
      case ArmForm::IndexedX: {
        auto shift = static_cast<uint8_t>(immediate(4) ? scale : 0);
        bool is_signed = immediate(3) && opcode_.form == ArmForm::IndexedW;
        if (!is_signed) return access(0, {reg(1)}, {reg(2), shift, opcode_.form == ArmForm::IndexedW}, 0);
        add({.kind = ActionKind::SignExtend, .to = kScratch, .first = {reg(2)}, .constant = 32});
        return access(0, {reg(1)}, {kScratch, shift}, 0);
      }
      case ArmForm::Pair:
        return pair(0, {reg(2)}, immediate(3) << scale);
      case ArmForm::PairPre:
        move_base(3, immediate(4) << scale);
        return pair(1, {reg(3)}, 0);
      default:
        pair(1, {reg(3)}, 0);
        return move_base(3, immediate(4) << scale);
    }
  }

  // The first register of a pair may be the base, so the second one goes first; no flow of values is between them.
  void pair(unsigned value, Term base, int64_t constant) {
    bool first_last = opcode_.is_load && reg(value) == base.reg;
    for (int i = 0; i < 2; ++i) {
      unsigned which = first_last ? 1 - i : i;
      access(value + which, base, {}, constant + which * opcode_.size);
    }
  }

  void flow() {
    auto target = [&](unsigned i) { return static_cast<int64_t>(offset_) + immediate(i) * 4; };
    if (relocation_ != kNoRelocation && opcode_.form != ArmForm::Call) return refuse("jump can lead anywhere");
    auto branch_if = [&](Condition condition, unsigned at) {
      add({.kind = ActionKind::BranchIf,
           .narrow = opcode_.narrow,
           .condition = condition,
           .first = {reg(0)},
           .constant = target(at)});
    };
    // Bit 31 of a w register and bit 63 of an x register are signs.
    auto on_bit = [&](Condition condition) {
      branch_if(immediate(1) == (opcode_.narrow ? 31 : 63) ? condition : Condition::Other, 2);
    };
    switch (opcode_.form) {
      case ArmForm::Jump:
        return add({.kind = ActionKind::Jump, .constant = target(0)});
      case ArmForm::BranchFlags:
        return add({.kind = ActionKind::Branch, .condition = kConditions[immediate(0) & 15], .constant = target(1)});
      case ArmForm::BranchZero:
        return branch_if(Condition::Equal, 1);
      case ArmForm::BranchNotZero:
        return branch_if(Condition::NotEqual, 1);
      case ArmForm::BranchBitZero:
        return on_bit(Condition::GreaterOrEqual);
      case ArmForm::BranchBitNotZero:
        return on_bit(Condition::Less);
      case ArmForm::Call: {
        // Relative to the relocation's symbol, if there is one, or to text.
        int64_t to = relocation_ == kNoRelocation ? target(0) : fragment_.relocations[relocation_].addend;
        return add({.kind = ActionKind::Call, .relocation = relocation_, .constant = to});
      }
      case ArmForm::CallTo:
        return add({.kind = ActionKind::CallTo, .first = {reg(0)}});
      case ArmForm::JumpTo:
        return add({.kind = ActionKind::JumpTo, .first = {reg(0)}});
      case ArmForm::Return:
        return add({.kind = ActionKind::Return, .first = {reg(0)}});
      case ArmForm::Nop:
        return;
      default:
        return add({.kind = ActionKind::Stop});
    }
  }

  bool define(ActionKind kind, Term first, Term second, int64_t constant) {
    add({.kind = kind, .to = reg(0), .narrow = opcode_.narrow, .first = first, .second = second, .constant = constant});
    return true;
  }

  void compare(Term first, Term second, int64_t constant) {
    compares_ = true;
    add({.kind = ActionKind::Compare,
         .narrow = opcode_.narrow,
         .first = first,
         .second = second,
         .constant = constant});
  }

  // The shift of a second register: type in bits 6 and 7, amount below.
  bool shifted(unsigned i, unsigned by, Term& term) {
    constexpr int64_t kLeft = 0, kRight = 1;
    auto amount = static_cast<uint8_t>(immediate(by) & 63);
    term = {reg(i), amount};
    if (immediate(by) >> 6 == kLeft) return true;
    if (immediate(by) >> 6 != kRight) return false;
    add({.kind = ActionKind::ShiftRight,
         .to = kScratch,
         .narrow = opcode_.narrow,
         .first = {reg(i)},
         .constant = amount});
    term = {kScratch};
    return true;
  }

  // False when nothing is known of the result.
  bool compute() { return sum() || bits() || move(); }

  bool sum() {
    Term second;
    switch (opcode_.form) {
      case ArmForm::AddImmediate:
        if (relocation_ != kNoRelocation) {
          add({.kind = ActionKind::Symbol,
               .to = reg(0),
               .first = {reg(1)},
               .relocation = relocation_,
               .constant = fragment_.relocations[relocation_].addend});
          return true;
        }
        // cmn: the flags are those of a comparison with the negative.
        if (opcode_.sets_flags && immediate(2) != 0) {
          int64_t constant = -(immediate(2) << immediate(3));
          compare({reg(1)}, {}, opcode_.narrow ? constant & UINT32_MAX : constant);
        }
        if (reg(0) == kNoRegister) return true;
        return define(ActionKind::Sum, {reg(1)}, {}, immediate(2) << immediate(3));
      case ArmForm::SubtractImmediate: {
        int64_t constant = immediate(2) << immediate(3);
        if (opcode_.sets_flags) compare({reg(1)}, {}, constant);
        if (reg(0) == kNoRegister) return true;
        return define(ActionKind::Sum, {reg(1)}, {}, -constant);
      }
      case ArmForm::AddShifted:
        return shifted(2, 3, second) && define(ActionKind::Sum, {reg(1)}, second, 0);
      case ArmForm::SubtractShifted:
        if (!shifted(2, 3, second)) return false;
        if (opcode_.sets_flags && second.shift == 0) compare({reg(1)}, second, 0);
        if (reg(0) == kNoRegister) return true;
        return define(ActionKind::Difference, {reg(1)}, second, 0);
      case ArmForm::AddExtended: {
        // Of 8, 16, 32 or 64 bits, then the same with sign.
        auto width = int64_t{8} << (immediate(3) >> 3 & 3);
        auto shift = static_cast<uint8_t>(immediate(3) & 7);
        bool is_signed = immediate(3) >> 5 & 1;
        if (width == 64 || (width == 32 && !is_signed))
          return define(ActionKind::Sum, {reg(1)}, {reg(2), shift, width == 32}, 0);
        if (is_signed) {
          add({.kind = ActionKind::SignExtend, .to = kScratch, .first = {reg(2)}, .constant = width});
        } else {
          add({.kind = ActionKind::And, .to = kScratch, .first = {reg(2)}, .constant = (int64_t{1} << width) - 1});
        }
        return define(ActionKind::Sum, {reg(1)}, {kScratch, shift}, 0);
      }
      case ArmForm::MultiplyAdd:
        add({.kind = ActionKind::Product, .to = kScratch, .first = {reg(1), 0, true}, .second = {reg(2), 0, true}});
        return define(ActionKind::Sum, {kScratch}, {reg(3)}, 0);
      default:
        return false;
    }
  }

  bool bits() {
    Term second;
    switch (opcode_.form) {
      case ArmForm::AndShifted:
        return shifted(2, 3, second) && define(ActionKind::And, {reg(1)}, second, 0);
      case ArmForm::OrShifted:
        if (!shifted(2, 3, second)) return false;
        // A move.
        if (reg(1) == kNoRegister) return define(ActionKind::Sum, {}, second, 0);
        return define(ActionKind::Or, {reg(1)}, second, 0);
      case ArmForm::AndImmediate:
      case ArmForm::OrImmediate: {
        uint64_t bits = decode_logical(static_cast<uint64_t>(immediate(2)), opcode_.narrow ? 32 : 64);
        if (opcode_.narrow) bits &= UINT32_MAX;
        return define(opcode_.form == ArmForm::AndImmediate ? ActionKind::And : ActionKind::Or, {reg(1)}, {},
                      static_cast<int64_t>(bits));
      }
      case ArmForm::BitField:
        return bit_field();
      case ArmForm::SignedBitField:
        // The low bits with their sign; shifts keep nothing.
        if (immediate(2) != 0) return false;
        return define(ActionKind::SignExtend, {reg(1)}, {}, immediate(3) + 1);
      case ArmForm::InsertField: {
        // Bits below `top` become others, the rest stays as it is.
        int64_t top = immediate(4) + 1 - immediate(3);
        if (immediate(4) < immediate(3)) top += opcode_.narrow ? 32 : 64;
        if (top > 62) return false;
        add({.kind = ActionKind::Between, .to = kScratch, .constant = low_bits(top)});
        return define(ActionKind::Or, {reg(1)}, {kScratch}, 0);
      }
      case ArmForm::CountLeading:
        return define(ActionKind::Between, {}, {}, opcode_.narrow ? 32 : 64);
      default:
        return false;
    }
  }

  bool move() {
    switch (opcode_.form) {
      case ArmForm::MoveZero:
        if (relocation_ != kNoRelocation) {
          if (immediate(2) != 16) return refuse("relocation does not fit the instruction"), true;
          return define(ActionKind::Between, {}, {}, int64_t{0x7fff} << 16);
        }
        return define(ActionKind::Sum, {}, {},
                      static_cast<int64_t>(static_cast<uint64_t>(immediate(1)) << immediate(2)));
      case ArmForm::MoveNot: {
        uint64_t value = ~(static_cast<uint64_t>(immediate(1)) << immediate(2));
        return define(ActionKind::Sum, {}, {}, static_cast<int64_t>(opcode_.narrow ? value & UINT32_MAX : value));
      }
      case ArmForm::MoveKeep:
        if (relocation_ != kNoRelocation) {
          if (immediate(3) != 0) return refuse("relocation does not fit the instruction"), true;
          return define(ActionKind::InsertAny, {reg(1)}, {}, 0);
        }
        return define(ActionKind::Insert, {reg(1)}, {Register{kNoRegister}, static_cast<uint8_t>(immediate(3))},
                      immediate(2));
      case ArmForm::Select:
        return define(ActionKind::Pick, {reg(1)}, {reg(2)}, 0);
      case ArmForm::Adr:
        if (relocation_ != kNoRelocation) return false;
        add({.kind = ActionKind::Place, .to = reg(0), .constant = static_cast<int64_t>(offset_) + immediate(1)});
        return true;
      case ArmForm::Adrp:
        if (relocation_ == kNoRelocation) return false;
        add({.kind = ActionKind::PageOf, .to = reg(0), .relocation = relocation_});
        return true;
      default:
        return false;
    }
  }

  bool bit_field() {
    int64_t right = immediate(2), last = immediate(3);
    unsigned width = opcode_.narrow ? 32 : 64;
    auto define = [&](ActionKind kind, Term first, int64_t constant, Register to, bool narrow) {
      add({.kind = kind, .to = to, .narrow = narrow, .first = first, .constant = constant});
    };
    if (last == width - 1 && right != 0)
      return define(ActionKind::ShiftRight, {reg(1)}, right, reg(0), opcode_.narrow), true;
    if (last >= right) {  // bits right to last, moved to the bottom
      define(ActionKind::ShiftRight, {reg(1)}, right, kScratch, opcode_.narrow);
      int64_t bits = last - right + 1;
      define(ActionKind::And, {kScratch}, low_bits(bits), reg(0), opcode_.narrow);
      return true;
    }
    // Bits 0 to last, moved up.
    auto up = static_cast<uint8_t>(width - right);
    define(ActionKind::And, {reg(1)}, low_bits(last + 1), kScratch, opcode_.narrow);
    define(ActionKind::Sum, {kScratch, up}, 0, reg(0), opcode_.narrow);
    return true;
  }

  const ArmTranslator& t_;
  const MCInst& instruction_;
  const ArmOpcode& opcode_;
  const uint32_t offset_;
  const Fragment& fragment_;
  const uint32_t relocation_;
  std::vector<Action>& actions_;
  bool compares_ = false;
};

void ArmTranslator::translate(const MCInst& instruction, uint32_t offset, uint32_t, const Fragment& fragment,
                              uint32_t relocation, uint32_t, std::vector<Action>& actions) const {
  Emitter(*this, instruction, offset, fragment, relocation, actions).run();
}

}  // namespace

std::unique_ptr<Translator> create_arm_translator(const MCInstrInfo& instructions, const MCRegisterInfo& registers) {
  return std::make_unique<ArmTranslator>(instructions, registers);
}

}  // namespace aotc
