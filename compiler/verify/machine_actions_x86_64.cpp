// machine_actions_x86_64.cpp - see machine_actions.h.
//
// Writing 32 bits of a register clears the others, writing fewer leaves them.
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MathExtras.h"
#include "machine_actions.h"
#include "x86_opcodes.h"

namespace aotc {
namespace {

using namespace llvm;

struct RegisterInfo {
  Register reg = kNoRegister;
  uint8_t bits = 0;
  bool is_high = false;  // bits 8 to 15, such as ah
};

constexpr StringLiteral kNames64[] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                      "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
constexpr Register kRax = 0, kRbx = 3, kRsp = 4, kRbp = 5, kRdi = 7;

// LLVM's numbering of conditions is the processor's.
constexpr Condition kConditions[16] = {
    Condition::Other,    Condition::Other,          Condition::Below,        Condition::AboveOrEqual,
    Condition::Equal,    Condition::NotEqual,       Condition::BelowOrEqual, Condition::Above,
    Condition::Negative, Condition::NotNegative,    Condition::Other,        Condition::Other,
    Condition::Less,     Condition::GreaterOrEqual, Condition::LessOrEqual,  Condition::Greater};

class X86Translator final : public Translator {
 public:
  X86Translator(const MCInstrInfo& instructions, const MCRegisterInfo& registers)
      : instructions_(instructions), registers_(registers.getNumRegs()), opcodes_(instructions.getNumOpcodes()) {
    for (unsigned i = 1; i < registers.getNumRegs(); ++i) {
      StringRef name = registers.getName(i);
      if (name == "GS") gs_ = i;
      if (name == "RIP") rip_ = i;
      if (name == "RIZ") riz_ = i;
      auto found = find(kNames64, name);
      if (found == std::end(kNames64)) continue;
      auto number = static_cast<Register>(found - std::begin(kNames64));
      for (MCPhysReg part : registers.subregs_inclusive(i))
        registers_[part] = register_info(number, registers.getName(part));
    }
    for (unsigned i = 0; i < opcodes_.size(); ++i) opcodes_[i] = describe_x86_opcode(i, instructions, registers);
  }

  const RegisterRoles& roles() const override {
    static constexpr uint64_t kKept = 1u << kRsp | 1u << kRbp;
    static constexpr RegisterRoles kRoles{.stack_pointer = kRsp,
                                          .base = kNoRegister,
                                          .return_address = kNoRegister,
                                          .kept_by_helpers = kKept | 1u << kRbx | 0xfu << 12,
                                          .kept_by_all = kKept,
                                          .helper_base = kRdi,
                                          .catch_target = 14};
    return kRoles;
  }

  void translate(const MCInst& instruction, uint32_t offset, uint32_t size, const Fragment& fragment,
                 uint32_t relocation, uint32_t patched, std::vector<Action>& actions) const override;

 private:
  class Emitter;

  static RegisterInfo register_info(Register number, StringRef name) {
    if (is_contained(kNames64, name)) return {number, 64};
    if (name.starts_with("E") || name.ends_with("D")) return {number, 32};
    return {number, 16, name.ends_with("H")};  // or 8
  }

  const MCInstrInfo& instructions_;
  std::vector<RegisterInfo> registers_;
  std::vector<X86Opcode> opcodes_;
  unsigned gs_ = 0, rip_ = 0, riz_ = 0;
};

// Writes the actions of one instruction.
class X86Translator::Emitter {
 public:
  Emitter(const X86Translator& translator, const MCInst& instruction, uint32_t offset, uint32_t size,
          const Fragment& fragment, uint32_t relocation, uint32_t patched, std::vector<Action>& actions)
      : t_(translator),
        instruction_(instruction),
        opcode_(translator.opcodes_[instruction.getOpcode()]),
        end_(offset + size),
        fragment_(fragment),
        relocation_(relocation),
        patched_(patched),
        actions_(actions) {}

  void run() {
    narrow_ = opcode_.bits == 32;
    bool compares = false;
    if (relocation_ != kNoRelocation && !can_be_relocated()) return refuse("relocation of an immediate");
    if (patched_ != 0) {
      bool is_target =
          opcode_.form == X86Form::Jump || opcode_.form == X86Form::Branch || opcode_.form == X86Form::Call;
      if (is_target) return refuse("relocation of an immediate");
      add({.kind = ActionKind::Between, .to = kPatched, .constant = INT32_MAX});
    }
    size_t first = actions_.size();
    switch (opcode_.form) {
      case X86Form::Refused:
        return refuse("instruction cannot be followed");
      case X86Form::Nop:
        return;
      case X86Form::Push:
        add({.kind = ActionKind::Sum, .to = kRsp, .first = {kRsp}, .constant = -8});
        add({.kind = ActionKind::Store, .to = reg(0), .size = 8, .first = {kRsp}});
        return;
      case X86Form::Pop:
        add({.kind = ActionKind::Load, .to = reg(0), .size = 8, .first = {kRsp}});
        add({.kind = ActionKind::Sum, .to = kRsp, .first = {kRsp}, .constant = 8});
        return;
      case X86Form::Jump:
        add({.kind = ActionKind::Jump, .constant = end_ + immediate(0)});
        return;
      case X86Form::Branch:
        add({.kind = ActionKind::Branch, .condition = kConditions[immediate(1) & 15], .constant = end_ + immediate(0)});
        return;
      case X86Form::Call:
        add({.kind = ActionKind::Call, .relocation = relocation_, .constant = relative_target()});
        return;
      case X86Form::JumpTo:
      case X86Form::CallTo: {
        Register target = kScratch;
        if (opcode_.memory_at >= 0) {
          access(ActionKind::Load, kScratch, 8);
        } else {
          target = reg(0);
        }
        add({.kind = opcode_.form == X86Form::CallTo ? ActionKind::CallTo : ActionKind::JumpTo, .first = {target}});
        return;
      }
      case X86Form::Return:
        add({.kind = ActionKind::Return});
        return;
      case X86Form::Trap:
        add({.kind = ActionKind::Stop});
        return;
      case X86Form::Compare:
      case X86Form::Test:
        compares = compare();
        break;
      case X86Form::Subtract:
        compares = compare_operands();
        if (!compute()) other();
        break;
      case X86Form::SetFlag:
        add({.kind = ActionKind::ForgetPart, .to = reg(0), .constant = info(0).is_high ? 0 : 1});
        return;
      default:
        if (!compute()) {
          actions_.resize(first);
          other();
        }
    }
    if (opcode_.defines_flags && !compares) add({.kind = ActionKind::ForgetFlags});
  }

 private:
  void add(const Action& action) { actions_.push_back(action); }
  void refuse(const char* reason) { add({.kind = ActionKind::Refuse, .reason = reason}); }
  const MCOperand& operand(unsigned i) const { return instruction_.getOperand(i); }
  int64_t immediate(unsigned i) const { return operand(i).isImm() ? operand(i).getImm() : 0; }
  const RegisterInfo& info(unsigned i) const { return t_.registers_[operand(i).isReg() ? operand(i).getReg() : 0]; }
  Register reg(unsigned i) const { return info(i).reg; }

  // What is patched is where a call leads, or a displacement that is relative to the code; only an immediate comes
  // behind it.
  bool can_be_relocated() const {
    int64_t behind = end_ - fragment_.relocations[relocation_].offset - 4;
    if (opcode_.form == X86Form::Call) return behind == 0;
    if (opcode_.memory_at < 0 || operand(static_cast<unsigned>(opcode_.memory_at)).getReg() != t_.rip_) return false;
    if (opcode_.register_behind) return behind == 1;
    unsigned last = instruction_.getNumOperands() - 1;
    if (last < static_cast<unsigned>(opcode_.memory_at) + 5 || !operand(last).isImm()) return behind == 0;
    bool is_long = opcode_.bits >= 16 && (opcode_.suffix.ends_with("mi") || opcode_.suffix.ends_with("mi32"));
    return behind == (!is_long ? 1 : opcode_.bits == 16 ? 2 : 4);
  }

  // Whether that operand is a constant that is not known, which kPatched holds.
  bool is_patched(unsigned i) const { return patched_ >> i & 1; }

  // Relative to the relocation's symbol, if there is one, or to text.
  int64_t relative_target() const {
    if (relocation_ == kNoRelocation) return end_ + immediate(0);
    const Relocation& relocation = fragment_.relocations[relocation_];
    return relocation.addend + end_ - relocation.offset;
  }

  // Computes the address of the memory operand; the terms and the constant of `action` become it.
  void set_address(Action& action) {
    unsigned at = static_cast<unsigned>(opcode_.memory_at);
    unsigned base = operand(at).getReg(), index = operand(at + 2).getReg();
    action.through_segment = operand(at + 4).getReg() == t_.gs_;
    action.constant = immediate(at + 3);
    if (base == t_.rip_) {
      if (relocation_ == kNoRelocation || is_patched(at + 3) || index != 0) return refuse("address can be anything");
      add({.kind = ActionKind::Symbol, .to = kScratch, .relocation = relocation_, .constant = relative_target()});
      action.first = {kScratch};
      action.constant = 0;
      return;
    }
    auto scale = static_cast<uint8_t>(Log2_64(static_cast<uint64_t>(operand(at + 1).getImm())));
    Term first, second;
    bool is_narrow = false;
    for (auto [number, term, shift] : {std::tuple{base, &first, uint8_t{0}}, std::tuple{index, &second, scale}}) {
      if (number == 0 || number == t_.riz_) continue;
      const RegisterInfo& found = t_.registers_[number];
      if (found.bits == 32) is_narrow = true;
      if (found.reg == kNoRegister) {  // a vector, or a register that stands for 0 in another encoding
        add({.kind = ActionKind::Forget, .to = kScratch});
        *term = {kScratch, shift};
      } else {
        *term = {found.reg, shift};
      }
    }
    if (is_narrow) {
      add({.kind = ActionKind::Sum,
           .to = kScratch,
           .narrow = true,
           .first = first,
           .second = second,
           .constant = action.constant});
      first = {kScratch}, second = {};
      action.constant = 0;
    }
    if (is_patched(at + 3)) {
      if (first.reg != kNoRegister && second.reg != kNoRegister) {
        add({.kind = ActionKind::Sum, .to = kScratch, .first = first, .second = second});
        first = {kScratch}, second = {};
      }
      (first.reg == kNoRegister ? first : second) = {kPatched};
      if (is_narrow) {
        add({.kind = ActionKind::Sum, .to = kScratch, .narrow = true, .first = first, .second = second});
        first = {kScratch}, second = {};
      }
    }
    action.first = first, action.second = second;
  }

  void access(ActionKind kind, Register to, uint8_t size, bool is_signed = false) {
    Action action{.kind = kind, .to = to, .narrow = narrow_, .is_signed = is_signed, .size = size};
    set_address(action);
    add(action);
  }

  void forget(const RegisterInfo& info) {
    if (info.reg == kNoRegister) return;
    add({.kind = info.bits >= 32 ? ActionKind::Forget : ActionKind::ForgetPart,
         .to = info.reg,
         .narrow = info.bits == 32});
  }

  // Everything that is defined holds anything.
  void other() {
    if (opcode_.memory_at >= 0 && opcode_.loads) access(ActionKind::Load, kNoRegister, opcode_.memory_size);
    if (opcode_.memory_at >= 0 && opcode_.stores) access(ActionKind::Store, kNoRegister, opcode_.memory_size);
    const MCInstrDesc& description = t_.instructions_.get(instruction_.getOpcode());
    for (unsigned i = 0; i < description.getNumDefs(); ++i) forget(info(i));
    for (MCPhysReg defined : description.implicit_defs()) forget(t_.registers_[defined]);
  }

  // False when the instruction is none whose result says something.
  bool compute() {
    StringRef operands = opcode_.suffix;
    bool is_rr = operands == "rr" || operands == "rr_REV";
    bool is_ri = operands == "ri" || operands == "ri8" || operands == "ri32";
    if (opcode_.bits < 32) return false;
    auto define = [&](ActionKind kind, Term first, Term second, int64_t constant, Register to) {
      add({.kind = kind, .to = to, .narrow = narrow_, .first = first, .second = second, .constant = constant});
      return true;
    };
    // dst, src, src or immediate; the short forms have rax alone.
    auto binary = [&](ActionKind kind, int sign = 1) {
      if (is_rr) return define(kind, {reg(1)}, {reg(2)}, 0, reg(0));
      if (is_patched(is_ri ? 2 : 0)) {
        if (sign < 0) kind = ActionKind::Difference;
        return is_ri ? define(kind, {reg(1)}, {kPatched}, 0, reg(0)) : define(kind, {kRax}, {kPatched}, 0, kRax);
      }
      if (is_ri) return define(kind, {reg(1)}, {}, sign * immediate(2), reg(0));
      if (operands == "i32") return define(kind, {kRax}, {}, sign * immediate(0), kRax);
      return false;
    };
    switch (opcode_.form) {
      case X86Form::Move:
        if (is_rr) return define(ActionKind::Sum, {reg(1)}, {}, 0, reg(0));
        if (is_ri && is_patched(1)) return define(ActionKind::Sum, {kPatched}, {}, 0, reg(0));
        if (is_ri) {
          int64_t value = immediate(1);
          return define(ActionKind::Sum, {}, {}, narrow_ ? value & UINT32_MAX : value, reg(0));
        }
        if (operands == "rm") return access(ActionKind::Load, reg(0), opcode_.memory_size), true;
        if (operands == "mr") return access(ActionKind::Store, reg(5), opcode_.memory_size), true;
        return false;
      case X86Form::MoveZeroExtended:
        if (opcode_.memory_at >= 0) return access(ActionKind::Load, reg(0), opcode_.memory_size), true;
        if (info(1).is_high) return define(ActionKind::Between, {}, {}, UINT8_MAX, reg(0));
        return define(ActionKind::And, {reg(1)}, {}, (int64_t{1} << (opcode_.memory_size * 8)) - 1, reg(0));
      case X86Form::MoveSignExtended:
        if (opcode_.memory_at >= 0) return access(ActionKind::Load, reg(0), opcode_.memory_size, true), true;
        if (info(1).is_high) return false;
        return define(ActionKind::SignExtend, {reg(1)}, {}, opcode_.memory_size * 8, reg(0));
      case X86Form::Lea: {
        Action action{.kind = ActionKind::Sum, .to = reg(0), .narrow = narrow_};
        set_address(action);
        action.through_segment = false;
        add(action);
        return true;
      }
      case X86Form::Add:
        return binary(ActionKind::Sum);
      case X86Form::Subtract:
        return is_rr ? binary(ActionKind::Difference) : binary(ActionKind::Sum, -1);
      case X86Form::And:
        return binary(ActionKind::And);
      case X86Form::Xor:
        if (is_rr && reg(1) == reg(2)) return define(ActionKind::Sum, {}, {}, 0, reg(0));
        [[fallthrough]];
      case X86Form::Or:
        return binary(ActionKind::Or);
      case X86Form::Increment:
        if (operands != "r") return false;
        return define(ActionKind::Sum, {reg(1)}, {}, 1, reg(0));
      case X86Form::Decrement:
        if (operands != "r") return false;
        return define(ActionKind::Sum, {reg(1)}, {}, -1, reg(0));
      case X86Form::ShiftLeft:
      case X86Form::ShiftRight: {
        if (operands != "ri" && operands != "r1") return false;
        auto count = static_cast<uint8_t>(operands == "r1" ? 1 : immediate(2) & (narrow_ ? 31 : 63));
        if (opcode_.form == X86Form::ShiftLeft) return define(ActionKind::Sum, {reg(1), count}, {}, 0, reg(0));
        return define(ActionKind::ShiftRight, {reg(1)}, {}, count, reg(0));
      }
      case X86Form::ConditionalMove:
        if (!is_rr) return false;
        return define(ActionKind::Pick, {reg(1)}, {reg(2)}, 0, reg(0));
      case X86Form::CountBits:
        if (opcode_.memory_at >= 0) access(ActionKind::Load, kNoRegister, opcode_.memory_size);
        return define(ActionKind::Between, {}, {}, opcode_.bits, reg(0));
      default:
        return false;
    }
  }

  void compare_with(Action& action, unsigned i) {
    if (is_patched(i)) {
      action.second = {kPatched};
    } else {
      action.constant = narrow_ ? immediate(i) & UINT32_MAX : immediate(i);
    }
  }

  // Whether something is known of what is compared.
  bool compare() {
    StringRef operands = opcode_.suffix;
    Action action{.kind = ActionKind::Compare, .narrow = narrow_};
    if (opcode_.memory_at >= 0) access(ActionKind::Load, kScratch, opcode_.memory_size);
    if (opcode_.bits < 32) return false;
    if (opcode_.form == X86Form::Test) {
      if (operands != "rr" || reg(0) != reg(1)) return false;
      action.first = {reg(0)};
    } else if (operands == "rr" || operands == "rr_REV") {
      action.first = {reg(0)}, action.second = {reg(1)};
    } else if (operands.starts_with("ri")) {
      action.first = {reg(0)}, compare_with(action, 1);
    } else if (operands == "i32") {
      action.first = {kRax}, compare_with(action, 0);
    } else if (operands == "rm") {
      action.first = {reg(0)}, action.second = {kScratch};
    } else if (operands == "mr") {
      action.first = {kScratch}, action.second = {reg(5)};
    } else if (operands.starts_with("mi")) {
      action.first = {kScratch}, compare_with(action, 5);
    } else {
      return false;
    }
    add(action);
    return true;
  }

  // Of a subtraction, whose result goes to its first operand, which may be compared as well.
  bool compare_operands() {
    StringRef operands = opcode_.suffix;
    if (opcode_.bits < 32) return false;
    Action action{.kind = ActionKind::Compare, .narrow = narrow_};
    if (operands == "rr" || operands == "rr_REV") {
      action.first = {reg(1)}, action.second = {reg(2)};
    } else if (operands == "ri" || operands == "ri8" || operands == "ri32") {
      action.first = {reg(1)}, compare_with(action, 2);
    } else if (operands == "i32") {
      action.first = {kRax}, compare_with(action, 0);
    } else {
      return false;
    }
    add(action);
    return true;
  }

  const X86Translator& t_;
  const MCInst& instruction_;
  const X86Opcode& opcode_;
  const int64_t end_;
  const Fragment& fragment_;
  const uint32_t relocation_;
  const uint32_t patched_;
  std::vector<Action>& actions_;
  bool narrow_ = false;
};

void X86Translator::translate(const MCInst& instruction, uint32_t offset, uint32_t size, const Fragment& fragment,
                              uint32_t relocation, uint32_t patched, std::vector<Action>& actions) const {
  Emitter(*this, instruction, offset, size, fragment, relocation, patched, actions).run();
}

}  // namespace

std::unique_ptr<Translator> create_x86_translator(const MCInstrInfo& instructions, const MCRegisterInfo& registers) {
  return std::make_unique<X86Translator>(instructions, registers);
}

}  // namespace aotc
