// arm_opcodes.cpp - see arm_opcodes.h.
//
// Opcodes are told by LLVM's names for them. Loads and stores are the long table: a name is a verb and an addressing
// mode, LDRX and ui, and only what is in the table may touch memory.
#include "arm_opcodes.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

namespace aotc {
namespace {

using namespace llvm;

struct NamedForm {
  StringLiteral name;
  ArmForm form;
};
constexpr NamedForm kForms[] = {
    {"ADDWri", ArmForm::AddImmediate},
    {"ADDXri", ArmForm::AddImmediate},
    {"ADDSWri", ArmForm::AddImmediate},
    {"ADDSXri", ArmForm::AddImmediate},
    {"SUBWri", ArmForm::SubtractImmediate},
    {"SUBXri", ArmForm::SubtractImmediate},
    {"SUBSWri", ArmForm::SubtractImmediate},
    {"SUBSXri", ArmForm::SubtractImmediate},
    {"ADDWrs", ArmForm::AddShifted},
    {"ADDXrs", ArmForm::AddShifted},
    {"SUBWrs", ArmForm::SubtractShifted},
    {"SUBXrs", ArmForm::SubtractShifted},
    {"SUBSWrs", ArmForm::SubtractShifted},
    {"SUBSXrs", ArmForm::SubtractShifted},
    {"ANDWrs", ArmForm::AndShifted},
    {"ANDXrs", ArmForm::AndShifted},
    {"ORRWrs", ArmForm::OrShifted},
    {"ORRXrs", ArmForm::OrShifted},
    {"EORWrs", ArmForm::OrShifted},
    {"EORXrs", ArmForm::OrShifted},
    {"ADDXrx", ArmForm::AddExtended},
    {"ADDXrx64", ArmForm::AddExtended},
    {"ADDWrx", ArmForm::AddExtended},
    {"UMADDLrrr", ArmForm::MultiplyAdd},
    {"ANDWri", ArmForm::AndImmediate},
    {"ANDXri", ArmForm::AndImmediate},
    {"ORRWri", ArmForm::OrImmediate},
    {"ORRXri", ArmForm::OrImmediate},
    {"UBFMWri", ArmForm::BitField},
    {"UBFMXri", ArmForm::BitField},
    {"SBFMWri", ArmForm::SignedBitField},
    {"SBFMXri", ArmForm::SignedBitField},
    {"BFMWri", ArmForm::InsertField},
    {"BFMXri", ArmForm::InsertField},
    {"MOVZWi", ArmForm::MoveZero},
    {"MOVZXi", ArmForm::MoveZero},
    {"MOVNWi", ArmForm::MoveNot},
    {"MOVNXi", ArmForm::MoveNot},
    {"MOVKWi", ArmForm::MoveKeep},
    {"MOVKXi", ArmForm::MoveKeep},
    {"CSELWr", ArmForm::Select},
    {"CSELXr", ArmForm::Select},
    {"CLZWr", ArmForm::CountLeading},
    {"CLZXr", ArmForm::CountLeading},
    {"ADR", ArmForm::Adr},
    {"ADRP", ArmForm::Adrp},
    {"B", ArmForm::Jump},
    {"Bcc", ArmForm::BranchFlags},
    {"CBZW", ArmForm::BranchZero},
    {"CBZX", ArmForm::BranchZero},
    {"CBNZW", ArmForm::BranchNotZero},
    {"CBNZX", ArmForm::BranchNotZero},
    {"TBZW", ArmForm::BranchBitZero},
    {"TBZX", ArmForm::BranchBitZero},
    {"TBNZW", ArmForm::BranchBitNotZero},
    {"TBNZX", ArmForm::BranchBitNotZero},
    {"BL", ArmForm::Call},
    {"BLR", ArmForm::CallTo},
    {"BR", ArmForm::JumpTo},
    {"RET", ArmForm::Return},
    {"BRK", ArmForm::Trap},
    {"PRFMl", ArmForm::Nop},
    {"PRFMui", ArmForm::Nop},
    {"PRFUMi", ArmForm::Nop},
    {"HINT", ArmForm::Nop},
    {"DMB", ArmForm::Nop},
    {"PRFMroW", ArmForm::Nop},
    {"PRFMroX", ArmForm::Nop},
};

// What follows LDR, STR, LDUR or STUR.
struct Loaded {
  StringLiteral name;
  uint8_t size;
  bool is_general, is_signed;
};
constexpr Loaded kLoaded[] = {
    {"BB", 1, true, false}, {"HH", 2, true, false},  {"W", 4, true, false},  {"X", 8, true, false},
    {"SBW", 1, true, true}, {"SBX", 1, true, true},  {"SHW", 2, true, true}, {"SHX", 2, true, true},
    {"SW", 4, true, true},  {"B", 1, false, false},  {"H", 2, false, false}, {"S", 4, false, false},
    {"D", 8, false, false}, {"Q", 16, false, false},
};
struct Mode {
  StringLiteral name;
  ArmForm form;
};
constexpr Mode kModes[] = {{"ui", ArmForm::Scaled},        {"i", ArmForm::Unscaled},   {"pre", ArmForm::PreIndexed},
                           {"post", ArmForm::PostIndexed}, {"roW", ArmForm::IndexedW}, {"roX", ArmForm::IndexedX}};
constexpr Mode kPairModes[] = {{"i", ArmForm::Pair}, {"pre", ArmForm::PairPre}, {"post", ArmForm::PairPost}};

}  // namespace

ArmOpcode describe_arm_opcode(unsigned number, const MCInstrInfo& instructions, unsigned flags) {
  const MCInstrDesc& description = instructions.get(number);
  StringRef name = instructions.getName(number);
  ArmOpcode opcode;
  opcode.sets_flags = is_contained(description.implicit_defs(), flags);
  if (auto* found = find_if(kForms, [&](const NamedForm& form) { return form.name == name; });
      found != std::end(kForms)) {
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
          opcode = {.form = mode.form,
                    .narrow = loaded.name == "W" || loaded.name.ends_with("BW") || loaded.name.ends_with("HW"),
                    .is_load = is_load,
                    .is_store = !is_load,
                    .is_signed = loaded.is_signed,
                    .is_general = loaded.is_general,
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
    opcode.form = ArmForm::Refused;
  return opcode;
}

}  // namespace aotc
