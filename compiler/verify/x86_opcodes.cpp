// x86_opcodes.cpp - see x86_opcodes.h.
//
// Opcodes are told by LLVM's names for them, such as ADD64ri8: what is done, the width, the operands. An opcode that is
// not in the tables can still access memory where its address operand says, and only there: whatever has another
// address is refused. LLVM does not say how many bytes are accessed; where that cannot be told, 255 is more than any
// instruction that it lets through accesses.
#include "x86_opcodes.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringExtras.h"

namespace aotc {
namespace {

using namespace llvm;

struct NamedForm {
  StringLiteral name;
  X86Form form;
};
constexpr NamedForm kForms[] = {
    {"MOV", X86Form::Move},
    {"ADD", X86Form::Add},
    {"SUB", X86Form::Subtract},
    {"AND", X86Form::And},
    {"OR", X86Form::Or},
    {"XOR", X86Form::Xor},
    {"SHL", X86Form::ShiftLeft},
    {"SHR", X86Form::ShiftRight},
    {"INC", X86Form::Increment},
    {"DEC", X86Form::Decrement},
    {"CMP", X86Form::Compare},
    {"TEST", X86Form::Test},
    {"CMOV", X86Form::ConditionalMove},
    {"POPCNT", X86Form::CountBits},
    {"LZCNT", X86Form::CountBits},
    {"TZCNT", X86Form::CountBits},
    {"MOVZX", X86Form::MoveZeroExtended},
    {"MOVSX", X86Form::MoveSignExtended},
};
constexpr NamedForm kWholeNames[] = {
    {"LEA64r", X86Form::Lea},         {"LEA64_32r", X86Form::Lea},  {"LEA32r", X86Form::Lea},
    {"PUSH64r", X86Form::Push},       {"PUSH64rmr", X86Form::Push}, {"POP64r", X86Form::Pop},
    {"POP64rmr", X86Form::Pop},       {"JMP_1", X86Form::Jump},     {"JMP_4", X86Form::Jump},
    {"JCC_1", X86Form::Branch},       {"JCC_4", X86Form::Branch},   {"JMP64r", X86Form::JumpTo},
    {"JMP64r_NT", X86Form::JumpTo},   {"JMP64m", X86Form::JumpTo},  {"JMP64m_NT", X86Form::JumpTo},
    {"CALL64pcrel32", X86Form::Call}, {"CALL64r", X86Form::CallTo}, {"CALL64m", X86Form::CallTo},
    {"RET64", X86Form::Return},       {"SETCCr", X86Form::SetFlag}, {"TRAP", X86Form::Trap},
    {"INT3", X86Form::Trap},
};

// What an operand says is not, or not only, where they access memory.
constexpr StringLiteral kOddAddresses[] = {"MASKMOV", "VMASKMOVDQU", "MMX_MASKMOV", "CLZERO", "XLAT",
                                           "MOVDIR",  "ENQCMD",      "TILE",        "BND",    "MONITOR"};
// With a bit's number in a register they go on as far as that says.
constexpr StringLiteral kBitStrings[] = {"BT", "BTC", "BTR", "BTS"};

struct MemorySize {
  StringLiteral verb;
  uint8_t bytes;
};
// Verbs without the V of AVX; the first that fits counts. Those that have no vector register among their operands are
// told by their width.
constexpr MemorySize kMemorySizes[] = {
    {"CVTSS2SD", 4},    {"CVTTSS2", 4},     {"CVTSS2", 4},      {"CVTSD2", 8},   {"CVTTSD2", 8},  {"CVTSI642", 8},
    {"CVTSI2", 4},      {"CVTUSI642", 8},   {"CVTUSI2", 4},     {"MOVDI2", 4},   {"MOVPDI2", 4},  {"MOVQI2", 8},
    {"MOVPQI2", 8},     {"MOV64to", 8},     {"MOVLP", 8},       {"MOVHP", 8},    {"SETCC", 1},    {"PBROADCASTB", 1},
    {"PBROADCASTW", 2}, {"PBROADCASTD", 4}, {"PBROADCASTQ", 8}, {"CVTDQ2PD", 8}, {"CVTPS2PD", 8},
};

uint8_t memory_size(StringRef name, const MCInstrDesc& description, const MCRegisterInfo& registers) {
  StringRef verb = name.take_until([](char c) { return isLower(c); });
  bool is_packed = verb.starts_with("P") || verb.starts_with("VP");
  verb.consume_front("V");
  verb.consume_back("Z");
  for (const MemorySize& size : kMemorySizes)
    if (verb.starts_with(size.verb) || name.starts_with(size.verb)) return size.bytes;
  if (!is_packed && verb.ends_with("SS")) return 4;
  if (!is_packed && verb.ends_with("SD")) return 8;
  if (verb == "MOVDDUP") return 8;
  if (name.contains("rmb")) {  // one element, which is broadcast
    StringRef packed = verb.rsplit('Z').first;
    if (packed.ends_with("PD") || packed.ends_with("Q")) return 8;
    if (packed.ends_with("PS") || packed.ends_with("D")) return 4;
  }
  uint8_t largest = 0;
  for (const MCOperandInfo& operand : description.operands()) {
    if (operand.OperandType != MCOI::OPERAND_REGISTER || operand.RegClass < 0 || operand.isLookupPtrRegClass())
      continue;
    StringRef kind = registers.getRegClassName(&registers.getRegClass(operand.RegClass));
    uint8_t bytes = kind.starts_with("VR512")   ? 64
                    : kind.starts_with("VR256") ? 32
                    : kind.starts_with("VR128") ? 16
                                                : 0;
    largest = std::max(largest, bytes);
  }
  return largest ? largest : 255;
}

int8_t find_memory_operand(const MCInstrDesc& description) {
  auto is_memory = [&](unsigned i) { return description.operands()[i].OperandType == MCOI::OPERAND_MEMORY; };
  for (unsigned i = 0; i + 5 <= description.getNumOperands(); ++i)
    if (all_of(seq(i, i + 5), is_memory)) return static_cast<int8_t>(i);
  return -1;
}

bool has_odd_address(StringRef verb, StringRef suffix) {
  // A bit's number that is an immediate is taken modulo the width.
  if (is_contained(kBitStrings, verb)) return suffix == "mr";
  return any_of(kOddAddresses, [&](StringRef odd) { return verb.starts_with(odd); });
}

}  // namespace

X86Opcode describe_x86_opcode(unsigned number, const MCInstrInfo& instructions, const MCRegisterInfo& registers) {
  const MCInstrDesc& description = instructions.get(number);
  StringRef name = instructions.getName(number);
  X86Opcode opcode;
  opcode.loads = description.mayLoad();
  opcode.stores = description.mayStore();
  auto defines = [&](StringRef reg) {
    return any_of(description.implicit_defs(), [&](MCPhysReg defined) { return reg == registers.getName(defined); });
  };
  opcode.defines_flags = defines("EFLAGS");
  opcode.memory_at = find_memory_operand(description);
  opcode.register_behind = (name.starts_with("VBLENDV") || name.starts_with("VPBLENDVB")) && name.ends_with("rmr");

  size_t digits = std::min(name.find_first_of("0123456789"), name.size());
  StringRef verb = name.take_front(digits), rest = name.drop_front(digits);
  StringRef width = rest.take_while(isDigit);
  opcode.suffix = rest.drop_front(width.size());
  bool has_width = width == "8" || width == "16" || width == "32" || width == "64";
  if (has_width) width.getAsInteger(10, opcode.bits);
  opcode.memory_size = memory_size(name, description, registers);
  if (has_width && opcode.memory_size == 255 && (opcode.suffix.starts_with("r") || opcode.suffix.starts_with("m")))
    opcode.memory_size = opcode.bits / 8;

  auto* whole = find_if(kWholeNames, [&](const NamedForm& form) { return form.name == name; });
  if (whole != std::end(kWholeNames)) {
    opcode.form = whole->form;
    // LLVM does not take its operand for one of memory.
    if (whole->form == X86Form::Lea) opcode.bits = name == "LEA64r" ? 64 : 32, opcode.memory_at = 1;
  } else if (name.starts_with("UD1")) {
    opcode.form = X86Form::Trap;
  } else if (name.starts_with("NOOP")) {
    opcode.form = X86Form::Nop;
  } else if (description.isBranch() || description.isCall() || description.isReturn() || description.isTerminator()) {
    opcode.form = X86Form::Refused;
  } else if (defines("RSP") || defines("ESP") || ((opcode.loads || opcode.stores) && opcode.memory_at < 0)) {
    opcode.form = X86Form::Refused;
  } else if (has_odd_address(verb, opcode.suffix)) {
    opcode.form = X86Form::Refused;
  } else if (has_width) {
    auto* found = find_if(kForms, [&](const NamedForm& form) { return form.name == verb; });
    if (found != std::end(kForms)) opcode.form = found->form;
    // The second width is the one of the source.
    if (opcode.form == X86Form::MoveZeroExtended || opcode.form == X86Form::MoveSignExtended) {
      unsigned from = 0;
      bool known =
          !opcode.suffix.drop_front(std::min<size_t>(2, opcode.suffix.size())).getAsInteger(10, from) && from <= 32;
      opcode.memory_size = static_cast<uint8_t>(from / 8);
      if (!known) opcode.form = X86Form::Other, opcode.memory_size = 255;
    }
  }
  return opcode;
}

}  // namespace aotc
