// disassemble.cpp - see disassemble.h.
#include "disassemble.h"

#include "fmt/format.h"
#include "llvm/MC/MCAsmInfo.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCDisassembler/MCDisassembler.h"
#include "llvm/MC/MCInstPrinter.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/raw_ostream.h"
#include "target.h"

namespace aotc {

using namespace llvm;

std::string disassemble(ArrayRef<uint8_t> code, Architecture architecture) {
  std::unique_ptr<LLVMTargetMachine> machine = create_target_machine(architecture, "");
  const Target& target = machine->getTarget();
  MCContext context(machine->getTargetTriple(), machine->getMCAsmInfo(), machine->getMCRegisterInfo(),
                    machine->getMCSubtargetInfo());
  std::unique_ptr<MCDisassembler> decoder(target.createMCDisassembler(*machine->getMCSubtargetInfo(), context));
  std::unique_ptr<MCInstPrinter> printer(
      target.createMCInstPrinter(machine->getTargetTriple(), 0, *machine->getMCAsmInfo(), *machine->getMCInstrInfo(),
                                 *machine->getMCRegisterInfo()));
  std::string out;
  raw_string_ostream stream(out);
  for (uint64_t at = 0; at < code.size();) {
    MCInst instruction;
    uint64_t size = 0;
    stream << fmt::format("  {:6x}:", at);
    if (decoder->getInstruction(instruction, size, code.slice(at), at, nulls()) == MCDisassembler::Success) {
      printer->printInst(&instruction, at, "", *machine->getMCSubtargetInfo(), stream);
    } else {
      stream << "\t(bad)";
      size = std::max<uint64_t>(size, 1);
    }
    stream << "\n";
    at += size;
  }
  return out;
}

}  // namespace aotc
