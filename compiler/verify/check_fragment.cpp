// check_fragment.cpp - decodes a fragment's text with LLVM's disassembler and refuses instructions it must not hold.
//
// The sandbox rests on the base register never changing after entry, and on each address being made of it and of no
// more than fits the reservation. That is code generation's promise; this is the check that it was kept, made on the
// bytes themselves, so that a bug in LLVM or a wrong record in a cache costs a compilation and not the tenants'
// isolation. Here instructions are decoded, once, and those refused that no fragment has; what the others do to
// addresses, as a translator says (machine_actions.h), is proved by check_addresses.
//
// A verdict per opcode is worked out once per architecture from LLVM's own descriptions, by elimination:
//
//   1. Whatever LLVM says has unmodelled side effects is refused, unless it is on the short list below. That flag is on
//      every instruction that traps to a kernel, touches a system register, a segment or the extended state, does I/O,
//      transfers far, or is a bare prefix; LLVM relies on it not to move or delete them. New ones are refused by
//      default.
//   2. The few that lack the flag but can change privileged or segment state are refused by name.
//   3. x86-64: an instruction that defines a segment register is refused; so is a memory operand relative to FS.
//   4. AArch64: whether the base is defined depends on operands, so the definitions of each instruction (write-back
//      included, it is one) are compared with x28 and every register that overlaps it.
//
// A deny list alone lost: it has to be right for each of 19,000 opcodes, and silently ages. A list of all opcodes that
// code generation emits lost as well: it differs per pass list and CPU baseline.
//
// A relocation is patched after this check, so it may only change an immediate: on AArch64 the instruction has to be of
// the relocation's kind; on x86-64 the field has to lie in one instruction, behind its first byte, and where a constant
// is put there, it has to be all of one operand: the instruction is decoded once more with another number in it.
#include "check_fragment.h"

#include <algorithm>
#include <memory>

#include "aotc/abi.h"
#include "check_addresses.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCAsmInfo.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCDisassembler/MCDisassembler.h"
#include "llvm/MC/MCInst.h"
#include "llvm/MC/MCInstPrinter.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCRegisterInfo.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/MCTargetOptions.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"

namespace aotc {
namespace {

using namespace llvm;

// Unmodelled side effects that are harmless: traps, divisions (they may fault), returns, barriers, and vector
// instructions whose flag is an oversight. A trailing '*' stands for any suffix.
constexpr StringLiteral kAllowedX86[] = {
    "DIV8*", "DIV16*",      "DIV32*",    "DIV64*",      "ENDBR64",   "IDIV8*",   "IDIV16*",    "IDIV32*", "IDIV64*",
    "INT3",  "JMP64r*",     "LFENCE",    "MFENCE",      "PAUSE",     "RET64",    "RETI64",     "SFENCE",  "TRAP",
    "UD1*",  "VCOMPRESSP*", "VEXPANDP*", "VPCOMPRESS*", "VPEXPAND*", "VZEROALL", "VZEROUPPER",
};
constexpr StringLiteral kRefusedX86[] = {"POPF*", "URDMSR*", "UWRMSR*"};

constexpr StringLiteral kAllowedArm[] = {"BRK",     "DMB",    "HINT",   "PRFMl", "PRFMroW",
                                         "PRFMroX", "PRFMui", "PRFUMi", "RET",   "SMOVvi*"};

bool matches(StringRef name, ArrayRef<StringLiteral> patterns) {
  return any_of(patterns, [&](StringRef pattern) {
    return pattern.consume_back("*") ? name.starts_with(pattern) : name == pattern;
  });
}

// What is known about an opcode before its operands are seen.
enum class Verdict : uint8_t {
  Refuse,
  Allow,
  CheckDefinitions,  // allowed if no definition overlaps the base register
  CheckHint,         // allowed for hints without effect
};

struct OpcodeRule {
  Verdict verdict = Verdict::Refuse;
  int8_t segment_operand = -1;  // index of the segment register of a memory operand
  RelocationKind relocation{};  // AArch64: the kind that may patch it, when can_relocate
  bool can_relocate = false;
};

// Everything that all threads share; read-only once built.
class Rules {
 public:
  explicit Rules(Architecture architecture);

  Architecture architecture;
  std::string triple;
  const Target* target = nullptr;
  std::unique_ptr<MCRegisterInfo> registers;
  std::unique_ptr<MCAsmInfo> assembler;
  std::unique_ptr<MCInstrInfo> instructions;
  std::unique_ptr<MCSubtargetInfo> subtarget;
  std::unique_ptr<Translator> translator;
  std::vector<OpcodeRule> opcodes;
  std::vector<bool> is_base;  // AArch64, per register: overlaps x28
  unsigned fs = 0;

 private:
  OpcodeRule rule_x86(unsigned opcode) const;
  OpcodeRule rule_arm(unsigned opcode) const;
};

unsigned find_register(const MCRegisterInfo& registers, StringRef name) {
  for (unsigned i = 1; i < registers.getNumRegs(); ++i)
    if (name == registers.getName(i)) return i;
  report_fatal_error("register not known to LLVM");
}

Rules::Rules(Architecture a) : architecture(a) {
  if (a == Architecture::X86_64) {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86Disassembler();
    triple = "x86_64-unknown-linux-gnu";
  } else {
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64Disassembler();
    triple = "aarch64-unknown-linux-gnu";
  }
  std::string error;
  target = TargetRegistry::lookupTarget(triple, error);
  if (!target) report_fatal_error(Twine(error));
  registers.reset(target->createMCRegInfo(triple));
  assembler.reset(target->createMCAsmInfo(*registers, triple, MCTargetOptions()));
  instructions.reset(target->createMCInstrInfo());
  // What AArch64's highest baseline lacks does not decode, and is therefore refused. x86-64's decoder knows everything.
  subtarget.reset(target->createMCSubtargetInfo(triple, "generic", a == Architecture::AArch64 ? "+v8.2a" : ""));

  is_base.resize(registers->getNumRegs());
  if (a == Architecture::X86_64) {
    fs = find_register(*registers, "FS");
  } else {
    for (MCRegAliasIterator alias(find_register(*registers, "X28"), registers.get(), /*IncludeSelf=*/true);
         alias.isValid(); ++alias)
      is_base[*alias] = true;
  }
  translator = a == Architecture::X86_64 ? create_x86_translator(*instructions, *registers)
                                         : create_arm_translator(*instructions, *registers);
  opcodes.resize(instructions->getNumOpcodes());
  for (unsigned i = 0; i < opcodes.size(); ++i) opcodes[i] = a == Architecture::X86_64 ? rule_x86(i) : rule_arm(i);
}

OpcodeRule Rules::rule_x86(unsigned opcode) const {
  const MCInstrDesc& description = instructions->get(opcode);
  StringRef name = instructions->getName(opcode);
  OpcodeRule rule;
  if (description.hasUnmodeledSideEffects() && !matches(name, kAllowedX86)) return rule;
  if (matches(name, kRefusedX86)) return rule;

  auto is_segment_class = [&](const MCOperandInfo& operand) {
    return operand.OperandType == MCOI::OPERAND_REGISTER && operand.RegClass >= 0 &&
           StringRef(registers->getRegClassName(&registers->getRegClass(operand.RegClass))) == "SEGMENT_REG";
  };
  for (unsigned i = 0; i < description.getNumDefs(); ++i)
    if (is_segment_class(description.operands()[i])) return rule;
  for (MCPhysReg defined : description.implicit_defs())
    if (StringRef(registers->getName(defined)).size() == 2 && StringRef(registers->getName(defined))[1] == 'S' &&
        StringRef("CDEFGS").contains(registers->getName(defined)[0]))
      return rule;
  for (unsigned i = description.getNumDefs(); i < description.getNumOperands(); ++i) {
    const MCOperandInfo& operand = description.operands()[i];
    bool is_segment = operand.RegClass >= 0 && !operand.isLookupPtrRegClass() &&
                      StringRef(registers->getRegClassName(&registers->getRegClass(operand.RegClass))) == "SEGMENT_REG";
    if (is_segment) rule.segment_operand = static_cast<int8_t>(i);
  }
  rule.verdict = Verdict::Allow;
  return rule;
}

OpcodeRule Rules::rule_arm(unsigned opcode) const {
  const MCInstrDesc& description = instructions->get(opcode);
  StringRef name = instructions->getName(opcode);
  OpcodeRule rule;
  if (description.hasUnmodeledSideEffects() && !matches(name, kAllowedArm)) return rule;
  for (MCPhysReg defined : description.implicit_defs())
    if (is_base[defined]) return rule;
  rule.verdict = name == "HINT" ? Verdict::CheckHint : Verdict::CheckDefinitions;

  struct Relocatable {
    StringLiteral name;
    RelocationKind kind;
  };
  static constexpr Relocatable kRelocatable[] = {
      {"B", RelocationKind::ArmCall26},
      {"BL", RelocationKind::ArmCall26},
      {"ADRP", RelocationKind::ArmAdrpPage21},
      {"ADDXri", RelocationKind::ArmAddLow12},
      {"LDRBui", RelocationKind::ArmLoad8Low12},
      {"LDRBBui", RelocationKind::ArmLoad8Low12},
      {"LDRSBWui", RelocationKind::ArmLoad8Low12},
      {"LDRSBXui", RelocationKind::ArmLoad8Low12},
      {"LDRHui", RelocationKind::ArmLoad16Low12},
      {"LDRHHui", RelocationKind::ArmLoad16Low12},
      {"LDRSHWui", RelocationKind::ArmLoad16Low12},
      {"LDRSHXui", RelocationKind::ArmLoad16Low12},
      {"LDRSui", RelocationKind::ArmLoad32Low12},
      {"LDRWui", RelocationKind::ArmLoad32Low12},
      {"LDRSWui", RelocationKind::ArmLoad32Low12},
      {"LDRDui", RelocationKind::ArmLoad64Low12},
      {"LDRXui", RelocationKind::ArmLoad64Low12},
      {"LDRQui", RelocationKind::ArmLoad128Low12},
      {"MOVZXi", RelocationKind::ArmMovHigh16},
      {"MOVKXi", RelocationKind::ArmMovLow16},
  };
  for (const Relocatable& entry : kRelocatable)
    if (name == entry.name) {
      rule.can_relocate = true;
      rule.relocation = entry.kind;
    }
  return rule;
}

const Rules& rules_for(Architecture architecture) {
  if (architecture == Architecture::X86_64) {
    static const Rules rules(Architecture::X86_64);
    return rules;
  }
  static const Rules rules(Architecture::AArch64);
  return rules;
}

// A thread's disassembler; LLVM's are not thread-safe.
struct Decoder {
  explicit Decoder(const Rules& rules)
      : context(Triple(rules.triple), rules.assembler.get(), rules.registers.get(), rules.subtarget.get()),
        disassembler(rules.target->createMCDisassembler(*rules.subtarget, context)) {}

  MCContext context;
  std::unique_ptr<MCDisassembler> disassembler;
};

Decoder& decoder_for(const Rules& rules) {
  thread_local std::unique_ptr<Decoder> decoders[2];
  std::unique_ptr<Decoder>& decoder = decoders[rules.architecture == Architecture::AArch64];
  if (!decoder) decoder = std::make_unique<Decoder>(rules);
  return *decoder;
}

std::string print(const Rules& rules, const MCInst& instruction) {
  std::unique_ptr<MCInstPrinter> printer(rules.target->createMCInstPrinter(Triple(rules.triple), 0, *rules.assembler,
                                                                           *rules.instructions, *rules.registers));
  std::string text;
  raw_string_ostream out(text);
  printer->printInst(&instruction, 0, "", *rules.subtarget, out);
  std::replace(text.begin(), text.end(), '\t', ' ');
  return StringRef(text).trim().str();
}

// Null, or why the instruction is refused.
const char* check_instruction(const Rules& rules, const OpcodeRule& rule, const MCInst& instruction) {
  switch (rule.verdict) {
    case Verdict::Refuse:
      return "instruction is not allowed";
    case Verdict::Allow:
      if (rule.segment_operand >= 0 && instruction.getOperand(rule.segment_operand).getReg() == rules.fs)
        return "access relative to fs";
      return nullptr;
    case Verdict::CheckHint: {
      // nop, yield and bti; the others wait, sign pointers or are not known.
      int64_t hint = instruction.getOperand(0).getImm();
      return hint <= 1 || (hint >= 32 && hint <= 38 && hint % 2 == 0) ? nullptr : "instruction is not allowed";
    }
    case Verdict::CheckDefinitions: {
      unsigned defs = rules.instructions->get(instruction.getOpcode()).getNumDefs();
      for (unsigned i = 0; i < defs; ++i)
        if (const MCOperand& operand = instruction.getOperand(i); operand.isReg() && rules.is_base[operand.getReg()])
          return "writes the base register";
      return nullptr;
    }
  }
  return "instruction is not allowed";
}

// Null, or why the relocation must not patch this instruction.
const char* check_relocation(const Rules& rules, const OpcodeRule& rule, const Relocation& relocation, uint64_t start,
                             uint64_t end) {
  if (rules.architecture == Architecture::AArch64)
    return relocation.offset == start && rule.can_relocate && rule.relocation == relocation.kind
               ? nullptr
               : "relocation does not fit the instruction";
  bool is_known = relocation.kind == RelocationKind::Pc32 || relocation.kind == RelocationKind::Abs32;
  return is_known && relocation.offset > start && relocation.offset + 4 <= end
             ? nullptr
             : "relocation does not fit the instruction";
}

// Which operand of an instruction at `start` the four bytes at `field` are, as a set; none if they are not all of one.
uint32_t find_patched(const MCDisassembler& disassembler, const MCInst& instruction, ArrayRef<uint8_t> bytes,
                      uint64_t start, uint64_t field) {
  constexpr uint32_t kOther = 0x10203040;
  SmallVector<uint8_t, 16> patched(bytes.begin(), bytes.end());
  if (support::endian::read32le(&patched[field]) != 0) return 0;
  support::endian::write32le(&patched[field], kOther);
  MCInst other;
  uint64_t size = 0;
  auto status = disassembler.getInstruction(other, size, patched, start, nulls());
  if (status != MCDisassembler::Success || size != bytes.size() || other.getOpcode() != instruction.getOpcode() ||
      other.getNumOperands() != instruction.getNumOperands())
    return 0;
  uint32_t found = 0;
  for (unsigned i = 0; i < other.getNumOperands(); ++i) {
    const MCOperand &before = instruction.getOperand(i), &after = other.getOperand(i);
    if (before.isReg() && after.isReg() && before.getReg() == after.getReg()) continue;
    if (!before.isImm() || !after.isImm()) return 0;
    if (before.getImm() == after.getImm()) continue;
    if (found != 0 || before.getImm() != 0 || after.getImm() != kOther) return 0;
    found = 1u << i;
  }
  return found;
}

}  // namespace

llvm::Error check_fragment(const Fragment& fragment, Architecture architecture) {
  auto error = [&](const std::string& message) { return createStringError(inconvertibleErrorCode(), message); };
  if (fragment.frame_size > AOTC_MAX_FRAME)
    return error("stack frame of " + std::to_string(fragment.frame_size) + " bytes is too large");

  std::vector<const Relocation*> relocations;
  for (const Relocation& relocation : fragment.relocations) {
    if (relocation.symbol >= fragment.symbols.size())
      return error("relocation against a symbol that the fragment has not got");
    if ((fragment.symbol_of(relocation).kind == SymbolKind::Constant) != is_of_constant(relocation.kind))
      return error("relocation does not fit the symbol");
    if (relocation.section == FragmentSection::Text) relocations.push_back(&relocation);
  }
  std::sort(relocations.begin(), relocations.end(),
            [](const Relocation* a, const Relocation* b) { return a->offset < b->offset; });
  auto next_relocation = relocations.begin();

  const Rules& rules = rules_for(architecture);
  MCDisassembler& disassembler = *decoder_for(rules).disassembler;
  ArrayRef<uint8_t> text = fragment.text;
  MCInst instruction;
  thread_local std::vector<Step> steps;
  thread_local std::vector<Action> actions;
  steps.clear();
  actions.clear();
  auto at = [&](const char* problem, uint64_t start) {
    return error(std::string(problem) + ": " + print(rules, instruction) + " at 0x" + utohexstr(start, true));
  };
  for (uint64_t start = 0; start < text.size();) {
    uint64_t size = 0;
    instruction.clear();
    auto status = disassembler.getInstruction(instruction, size, text.drop_front(start), start, nulls());
    if (status != MCDisassembler::Success || size == 0 || size > text.size() - start)
      return error("cannot decode the instruction at 0x" + utohexstr(start, true));
    const OpcodeRule& rule = rules.opcodes[instruction.getOpcode()];
    const char* problem = check_instruction(rules, rule, instruction);
    uint32_t relocation = kNoRelocation;
    uint32_t patched = 0;
    for (; !problem && next_relocation != relocations.end() && (*next_relocation)->offset < start + size;
         ++next_relocation) {
      problem = check_relocation(rules, rule, **next_relocation, start, start + size);
      if (!problem && (*next_relocation)->kind == RelocationKind::Abs32) {
        uint32_t operand =
            find_patched(disassembler, instruction, text.slice(start, size), start, (*next_relocation)->offset - start);
        if (operand == 0 || (patched & operand)) problem = "relocation does not fit the instruction";
        patched |= operand;
        continue;
      }
      if (!problem && relocation != kNoRelocation) problem = "more than one relocation";
      relocation = static_cast<uint32_t>(*next_relocation - fragment.relocations.data());
    }
    if (problem) return at(problem, start);
    steps.push_back({static_cast<uint32_t>(start), static_cast<uint32_t>(actions.size())});
    rules.translator->translate(instruction, static_cast<uint32_t>(start), static_cast<uint32_t>(size), fragment,
                                relocation, patched, actions);
    start += size;
  }
  if (next_relocation != relocations.end()) return error("relocation outside the code");
  AddressProblem problem = check_addresses(fragment, steps, actions, rules.translator->roles());
  if (!problem.reason) return Error::success();
  if (steps.empty()) return error(problem.reason);
  instruction.clear();
  uint64_t size = 0, start = problem.step < steps.size() ? steps[problem.step].offset : 0;
  disassembler.getInstruction(instruction, size, text.drop_front(start), start, nulls());
  return at(problem.reason, start);
}

}  // namespace aotc
