// machine_actions_aarch64.cpp - see machine_actions.h.
//
// Opcodes are told by LLVM's names for them. Loads and stores are the long table: a name is a verb and an addressing mode,
// LDRX and ui, and only what is in the table may touch memory. Writing a w register clears the upper half.
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MathExtras.h"
#include "machine_actions.h"

namespace aotc {
namespace {

using namespace llvm;

enum class Form : uint8_t {
  Other,
  Refused,
  // Loads and stores, by addressing mode.
  Scaled,       // register, base, immediate in units of the size
  Unscaled,     // register, base, immediate in bytes
  PreIndexed,   // base, register, base, immediate in bytes
  PostIndexed,
  IndexedW,     // register, base, w register, signed, shifted by the size
  IndexedX,
  Pair,         // two registers, base, immediate in units of the size
  PairPre,      // base, two registers, base, immediate
  PairPost,
  // Registers.
  AddImmediate,
  SubtractImmediate,
  AddShifted,   // and subtract, ands and so on of two registers, the second shifted
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

struct Opcode {
  Form form = Form::Other;
  bool narrow = false;
  bool is_load = false, is_store = false;
  bool is_signed = false;      // load
  bool is_general = false;     // what is loaded or stored is a general register
  bool sets_flags = false;     // adds, subs
  uint8_t size = 0;            // bytes of each register that is loaded or stored
};

constexpr Register kBase = 28, kFramePointer = 29, kLink = 30, kSp = 31;

struct NamedForm {
  StringLiteral name;
  Form form;
};
constexpr NamedForm kForms[] = {
    {"ADDWri", Form::AddImmediate},      {"ADDXri", Form::AddImmediate},      {"ADDSWri", Form::AddImmediate},
    {"ADDSXri", Form::AddImmediate},     {"SUBWri", Form::SubtractImmediate}, {"SUBXri", Form::SubtractImmediate},
    {"SUBSWri", Form::SubtractImmediate}, {"SUBSXri", Form::SubtractImmediate},
    {"ADDWrs", Form::AddShifted},        {"ADDXrs", Form::AddShifted},        {"SUBWrs", Form::SubtractShifted},
    {"SUBXrs", Form::SubtractShifted},   {"SUBSWrs", Form::SubtractShifted},  {"SUBSXrs", Form::SubtractShifted},
    {"ANDWrs", Form::AndShifted},        {"ANDXrs", Form::AndShifted},        {"ORRWrs", Form::OrShifted},
    {"ORRXrs", Form::OrShifted},         {"EORWrs", Form::OrShifted},         {"EORXrs", Form::OrShifted},
    {"ADDXrx", Form::AddExtended},       {"ADDXrx64", Form::AddExtended},     {"ADDWrx", Form::AddExtended},
    {"UMADDLrrr", Form::MultiplyAdd},
    {"ANDWri", Form::AndImmediate},      {"ANDXri", Form::AndImmediate},      {"ORRWri", Form::OrImmediate},
    {"ORRXri", Form::OrImmediate},       {"UBFMWri", Form::BitField},         {"UBFMXri", Form::BitField},
    {"SBFMWri", Form::SignedBitField},   {"SBFMXri", Form::SignedBitField},
    {"BFMWri", Form::InsertField},       {"BFMXri", Form::InsertField},
    {"MOVZWi", Form::MoveZero},          {"MOVZXi", Form::MoveZero},          {"MOVNWi", Form::MoveNot},
    {"MOVNXi", Form::MoveNot},           {"MOVKWi", Form::MoveKeep},          {"MOVKXi", Form::MoveKeep},
    {"CSELWr", Form::Select},            {"CSELXr", Form::Select},            {"CLZWr", Form::CountLeading},
    {"CLZXr", Form::CountLeading},       {"ADR", Form::Adr},                  {"ADRP", Form::Adrp},
    {"B", Form::Jump},                   {"Bcc", Form::BranchFlags},          {"CBZW", Form::BranchZero},
    {"CBZX", Form::BranchZero},          {"CBNZW", Form::BranchNotZero},      {"CBNZX", Form::BranchNotZero},
    {"TBZW", Form::BranchBitZero},       {"TBZX", Form::BranchBitZero},       {"TBNZW", Form::BranchBitNotZero},
    {"TBNZX", Form::BranchBitNotZero},   {"BL", Form::Call},                  {"BLR", Form::CallTo},
    {"BR", Form::JumpTo},                {"RET", Form::Return},               {"BRK", Form::Trap},
    {"PRFMl", Form::Nop},           {"PRFMui", Form::Nop},          {"PRFUMi", Form::Nop},
    {"HINT", Form::Nop},                 {"DMB", Form::Nop},                  {"PRFMroW", Form::Nop},         {"PRFMroX", Form::Nop},
};

// What follows LDR, STR, LDUR or STUR.
struct Loaded {
  StringLiteral name;
  uint8_t size;
  bool is_general, is_signed;
};
constexpr Loaded kLoaded[] = {
    {"BB", 1, true, false},  {"HH", 2, true, false},  {"W", 4, true, false},   {"X", 8, true, false},
    {"SBW", 1, true, true},  {"SBX", 1, true, true},  {"SHW", 2, true, true},  {"SHX", 2, true, true},
    {"SW", 4, true, true},   {"B", 1, false, false},  {"H", 2, false, false},  {"S", 4, false, false},
    {"D", 8, false, false},  {"Q", 16, false, false},
};
struct Mode {
  StringLiteral name;
  Form form;
};
constexpr Mode kModes[] = {{"ui", Form::Scaled},        {"i", Form::Unscaled},   {"pre", Form::PreIndexed},
                           {"post", Form::PostIndexed}, {"roW", Form::IndexedW}, {"roX", Form::IndexedX}};
constexpr Mode kPairModes[] = {{"i", Form::Pair}, {"pre", Form::PairPre}, {"post", Form::PairPost}};

// The architecture's numbering of conditions.
constexpr Condition kConditions[16] = {Condition::Equal,          Condition::NotEqual, Condition::AboveOrEqual, Condition::Below,
                                       Condition::Negative,       Condition::NotNegative, Condition::Other,     Condition::Other,
                                       Condition::Above,          Condition::BelowOrEqual, Condition::GreaterOrEqual, Condition::Less,
                                       Condition::Greater,        Condition::LessOrEqual, Condition::Other,     Condition::Other};

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

int64_t low_bits(int64_t count) { return static_cast<int64_t>(maskTrailingOnes<uint64_t>(static_cast<unsigned>(count))); }

class ArmTranslator final : public Translator {
 public:
  ArmTranslator(const MCInstrInfo& instructions, const MCRegisterInfo& registers)
      : instructions_(instructions), registers_(registers.getNumRegs(), {kNoRegister, false}), opcodes_(instructions.getNumOpcodes()) {
    for (unsigned i = 1; i < registers.getNumRegs(); ++i) {
      StringRef name = registers.getName(i);
      unsigned number = 0;
      if (name == "NZCV") flags_ = i;
      if (name == "SP" || name == "WSP") {
        registers_[i] = {kSp, name == "WSP"};
      } else if (name == "FP" || name == "LR") {
        registers_[i] = {name == "FP" ? kFramePointer : kLink, false};
      } else if ((name.starts_with("X") || name.starts_with("W")) && !name.drop_front().getAsInteger(10, number) && number < 31) {
        registers_[i] = {static_cast<Register>(number), name.starts_with("W")};
      }
    }
    for (unsigned i = 0; i < opcodes_.size(); ++i) opcodes_[i] = describe(i);
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

  void translate(const MCInst& instruction, uint32_t offset, uint32_t size, const Fragment& fragment, uint32_t relocation,
                 std::vector<Action>& actions) const override;

 private:
  class Emitter;
  struct RegisterInfo {
    Register reg;
    bool narrow;
  };

  Opcode describe(unsigned number) const;

  const MCInstrInfo& instructions_;
  std::vector<RegisterInfo> registers_;
  std::vector<Opcode> opcodes_;
  unsigned flags_ = 0;
};

Opcode ArmTranslator::describe(unsigned number) const {
  const MCInstrDesc& description = instructions_.get(number);
  StringRef name = instructions_.getName(number);
  Opcode opcode;
  opcode.sets_flags = is_contained(description.implicit_defs(), flags_);
  if (auto* found = find_if(kForms, [&](const NamedForm& form) { return form.name == name; }); found != std::end(kForms)) {
    opcode.form = found->form;
    opcode.narrow = name.contains('W');
    return opcode;
  }
  bool is_load = name.starts_with("LD");
  auto match = [&](StringRef verb, ArrayRef<Mode> modes) {
    StringRef tail = name;
    if (!tail.consume_front(verb)) return false;
    for (const Loaded& loaded : kLoaded)
      for (const Mode& mode : modes)
        if (tail.starts_with(loaded.name) && tail.drop_front(loaded.name.size()) == mode.name) {
          opcode = {.form = mode.form, .narrow = loaded.name == "W" || loaded.name.ends_with("BW") || loaded.name.ends_with("HW"),
                    .is_load = is_load, .is_store = !is_load, .is_signed = loaded.is_signed, .is_general = loaded.is_general,
                    .size = loaded.size};
          return true;
        }
    return false;
  };
  if (match("LDR", kModes) || match("STR", kModes) || match("LDUR", kModes) || match("STUR", kModes) ||
      match("LDP", kPairModes) || match("STP", kPairModes))
    return opcode;
  if (description.mayLoad() || description.mayStore() || description.isBranch() || description.isCall() ||
      description.isReturn() || description.isTerminator())
    opcode.form = Form::Refused;
  return opcode;
}

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
    if (opcode_.form >= Form::Scaled && opcode_.form <= Form::PairPost) return memory();
    if (opcode_.form >= Form::Jump) return flow();
    if (opcode_.form == Form::Refused) return refuse("instruction cannot be followed");
    bool compares = false;
    if (!compute(compares)) {
      const MCInstrDesc& description = t_.instructions_.get(instruction_.getOpcode());
      for (unsigned i = 0; i < description.getNumDefs(); ++i) forget(i);
    }
    if (opcode_.sets_flags && !compares) add({.kind = ActionKind::ForgetFlags});
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
    add({.kind = opcode_.is_load ? ActionKind::Load : ActionKind::Store, .to = to, .narrow = opcode_.narrow,
         .is_signed = opcode_.is_signed, .size = opcode_.size, .first = base, .second = index, .constant = constant});
  }

  void memory() {
    auto scale = static_cast<uint8_t>(Log2_32(opcode_.size));
    switch (opcode_.form) {
      case Form::Scaled:
        if (relocation_ != kNoRelocation) {
          // The low bits of an address of which the base register holds the page.
          add({.kind = ActionKind::Symbol, .to = kScratch, .first = {reg(1)}, .relocation = relocation_,
               .constant = fragment_.relocations[relocation_].addend});
          return access(0, {kScratch}, {}, 0);
        }
        return access(0, {reg(1)}, {}, immediate(2) << scale);
      case Form::Unscaled: return access(0, {reg(1)}, {}, immediate(2));
      case Form::PreIndexed:
        move_base(2, immediate(3));
        return access(1, {reg(2)}, {}, 0);
      case Form::PostIndexed:
        // The register that is loaded is never the base.
        access(1, {reg(2)}, {}, 0);
        return move_base(2, immediate(3));
      case Form::IndexedW:
      case Form::IndexedX: {
        auto shift = static_cast<uint8_t>(immediate(4) ? scale : 0);
        bool is_signed = immediate(3) && opcode_.form == Form::IndexedW;
        if (!is_signed) return access(0, {reg(1)}, {reg(2), shift, opcode_.form == Form::IndexedW}, 0);
        add({.kind = ActionKind::SignExtend, .to = kScratch, .first = {reg(2)}, .constant = 32});
        return access(0, {reg(1)}, {kScratch, shift}, 0);
      }
      case Form::Pair: return pair(0, {reg(2)}, immediate(3) << scale);
      case Form::PairPre:
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
    if (relocation_ != kNoRelocation && opcode_.form != Form::Call) return refuse("jump can lead anywhere");
    auto branch_if = [&](Condition condition, unsigned at) {
      add({.kind = ActionKind::BranchIf, .narrow = opcode_.narrow, .condition = condition, .first = {reg(0)}, .constant = target(at)});
    };
    // Bit 31 of a w register and bit 63 of an x register are signs.
    auto on_bit = [&](Condition condition) {
      branch_if(immediate(1) == (opcode_.narrow ? 31 : 63) ? condition : Condition::Other, 2);
    };
    switch (opcode_.form) {
      case Form::Jump: return add({.kind = ActionKind::Jump, .constant = target(0)});
      case Form::BranchFlags:
        return add({.kind = ActionKind::Branch, .condition = kConditions[immediate(0) & 15], .constant = target(1)});
      case Form::BranchZero: return branch_if(Condition::Equal, 1);
      case Form::BranchNotZero: return branch_if(Condition::NotEqual, 1);
      case Form::BranchBitZero: return on_bit(Condition::GreaterOrEqual);
      case Form::BranchBitNotZero: return on_bit(Condition::Less);
      case Form::Call: {
        // Relative to the relocation's symbol, if there is one, or to text.
        int64_t to = relocation_ == kNoRelocation ? target(0) : fragment_.relocations[relocation_].addend;
        return add({.kind = ActionKind::Call, .relocation = relocation_, .constant = to});
      }
      case Form::CallTo: return add({.kind = ActionKind::CallTo, .first = {reg(0)}});
      case Form::JumpTo: return add({.kind = ActionKind::JumpTo, .first = {reg(0)}});
      case Form::Return: return add({.kind = ActionKind::Return, .first = {reg(0)}});
      case Form::Nop: return;
      default: return add({.kind = ActionKind::Stop});
    }
  }

  // False when nothing is known of the result.
  bool compute(bool& compares) {
    auto define = [&](ActionKind kind, Term first, Term second, int64_t constant) {
      add({.kind = kind, .to = reg(0), .narrow = opcode_.narrow, .first = first, .second = second, .constant = constant});
      return true;
    };
    auto compare = [&](Term first, Term second, int64_t constant) {
      compares = true;
      add({.kind = ActionKind::Compare, .narrow = opcode_.narrow, .first = first, .second = second, .constant = constant});
    };
    // The shift of a second register: type in bits 6 and 7, amount below.
    auto shifted = [&](unsigned i, unsigned by, Term& term) {
      constexpr int64_t kLeft = 0, kRight = 1;
      auto amount = static_cast<uint8_t>(immediate(by) & 63);
      term = {reg(i), amount};
      if (immediate(by) >> 6 == kLeft) return true;
      if (immediate(by) >> 6 != kRight) return false;
      add({.kind = ActionKind::ShiftRight, .to = kScratch, .narrow = opcode_.narrow, .first = {reg(i)}, .constant = amount});
      term = {kScratch};
      return true;
    };
    Term second;
    switch (opcode_.form) {
      case Form::AddImmediate:
        if (relocation_ != kNoRelocation) {
          add({.kind = ActionKind::Symbol, .to = reg(0), .first = {reg(1)}, .relocation = relocation_,
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
      case Form::SubtractImmediate: {
        int64_t constant = immediate(2) << immediate(3);
        if (opcode_.sets_flags) compare({reg(1)}, {}, constant);
        if (reg(0) == kNoRegister) return true;
        return define(ActionKind::Sum, {reg(1)}, {}, -constant);
      }
      case Form::AddShifted: return shifted(2, 3, second) && define(ActionKind::Sum, {reg(1)}, second, 0);
      case Form::SubtractShifted:
        if (!shifted(2, 3, second)) return false;
        if (opcode_.sets_flags && second.shift == 0) compare({reg(1)}, second, 0);
        if (reg(0) == kNoRegister) return true;
        return define(ActionKind::Difference, {reg(1)}, second, 0);
      case Form::AndShifted: return shifted(2, 3, second) && define(ActionKind::And, {reg(1)}, second, 0);
      case Form::OrShifted:
        if (!shifted(2, 3, second)) return false;
        // A move.
        if (reg(1) == kNoRegister) return define(ActionKind::Sum, {}, second, 0);
        return define(ActionKind::Or, {reg(1)}, second, 0);
      case Form::AddExtended: {
        // Of 8, 16, 32 or 64 bits, then the same with sign.
        auto width = int64_t{8} << (immediate(3) >> 3 & 3);
        auto shift = static_cast<uint8_t>(immediate(3) & 7);
        bool is_signed = immediate(3) >> 5 & 1;
        if (width == 64 || (width == 32 && !is_signed)) return define(ActionKind::Sum, {reg(1)}, {reg(2), shift, width == 32}, 0);
        if (is_signed) {
          add({.kind = ActionKind::SignExtend, .to = kScratch, .first = {reg(2)}, .constant = width});
        } else {
          add({.kind = ActionKind::And, .to = kScratch, .first = {reg(2)}, .constant = (int64_t{1} << width) - 1});
        }
        return define(ActionKind::Sum, {reg(1)}, {kScratch, shift}, 0);
      }
      case Form::MultiplyAdd:
        add({.kind = ActionKind::Product, .to = kScratch, .first = {reg(1), 0, true}, .second = {reg(2), 0, true}});
        return define(ActionKind::Sum, {kScratch}, {reg(3)}, 0);
      case Form::AndImmediate:
      case Form::OrImmediate: {
        uint64_t bits = decode_logical(static_cast<uint64_t>(immediate(2)), opcode_.narrow ? 32 : 64);
        if (opcode_.narrow) bits &= UINT32_MAX;
        return define(opcode_.form == Form::AndImmediate ? ActionKind::And : ActionKind::Or, {reg(1)}, {}, static_cast<int64_t>(bits));
      }
      case Form::BitField: return bit_field();
      case Form::SignedBitField:
        // The low bits with their sign; shifts keep nothing.
        if (immediate(2) != 0) return false;
        return define(ActionKind::SignExtend, {reg(1)}, {}, immediate(3) + 1);
      case Form::InsertField: {
        // Bits below `top` become others, the rest stays as it is.
        int64_t top = immediate(4) + 1 - immediate(3);
        if (immediate(4) < immediate(3)) top += opcode_.narrow ? 32 : 64;
        if (top > 62) return false;
        add({.kind = ActionKind::Between, .to = kScratch, .constant = low_bits(top)});
        return define(ActionKind::Or, {reg(1)}, {kScratch}, 0);
      }
      case Form::MoveZero:
        return define(ActionKind::Sum, {}, {}, static_cast<int64_t>(static_cast<uint64_t>(immediate(1)) << immediate(2)));
      case Form::MoveNot: {
        uint64_t value = ~(static_cast<uint64_t>(immediate(1)) << immediate(2));
        return define(ActionKind::Sum, {}, {}, static_cast<int64_t>(opcode_.narrow ? value & UINT32_MAX : value));
      }
      case Form::MoveKeep:
        return define(ActionKind::Insert, {reg(1)}, {Register{kNoRegister}, static_cast<uint8_t>(immediate(3))}, immediate(2));
      case Form::Select: return define(ActionKind::Pick, {reg(1)}, {reg(2)}, 0);
      case Form::CountLeading: return define(ActionKind::Between, {}, {}, opcode_.narrow ? 32 : 64);
      case Form::Adr:
        if (relocation_ != kNoRelocation) return false;
        add({.kind = ActionKind::Place, .to = reg(0), .constant = static_cast<int64_t>(offset_) + immediate(1)});
        return true;
      case Form::Adrp:
        if (relocation_ == kNoRelocation) return false;
        add({.kind = ActionKind::PageOf, .to = reg(0), .relocation = relocation_});
        return true;
      default: return false;
    }
  }

  bool bit_field() {
    int64_t right = immediate(2), last = immediate(3);
    unsigned width = opcode_.narrow ? 32 : 64;
    auto define = [&](ActionKind kind, Term first, int64_t constant, Register to, bool narrow) {
      add({.kind = kind, .to = to, .narrow = narrow, .first = first, .constant = constant});
    };
    if (last == width - 1 && right != 0) return define(ActionKind::ShiftRight, {reg(1)}, right, reg(0), opcode_.narrow), true;
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
  const Opcode& opcode_;
  const uint32_t offset_;
  const Fragment& fragment_;
  const uint32_t relocation_;
  std::vector<Action>& actions_;
};

void ArmTranslator::translate(const MCInst& instruction, uint32_t offset, uint32_t, const Fragment& fragment,
                              uint32_t relocation, std::vector<Action>& actions) const {
  Emitter(*this, instruction, offset, fragment, relocation, actions).run();
}

}  // namespace

std::unique_ptr<Translator> create_arm_translator(const MCInstrInfo& instructions, const MCRegisterInfo& registers) {
  return std::make_unique<ArmTranslator>(instructions, registers);
}

}  // namespace aotc
