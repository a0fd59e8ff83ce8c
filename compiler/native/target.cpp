// target.cpp - see target.h.
#include "target.h"

#include "aotc/artifact_format.h"
#include "cpu_baseline.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/TargetSelect.h"

namespace aotc {

using namespace llvm;

namespace {

// What LLVM offers no other way to say.
template <typename Value>
void set_option(StringRef name, Value value) {
  auto* option = cl::getRegisteredOptions().lookup(name);
  if (option == nullptr) report_fatal_error("LLVM has no " + name + " any more");
  static_cast<cl::opt<Value>*>(option)->setValue(value);
}

void initialize_targets() {
  static const bool done = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    LLVMInitializeX86Disassembler();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    LLVMInitializeAArch64AsmParser();
    LLVMInitializeAArch64Disassembler();
    // A cmov whose operand is in memory would become a branch around the load, which then cannot trap when the other
    // operand is taken.
    set_option("x86-cmov-converter-force-mem-operand", false);
    // Tiles would be allocated in a run of their own, for each function.
    set_option("x86-tile-ra", false);
    // The scheduler compares every access of a block with every other, until there are so many; half of a thousand
    // times a thousand took seconds for two functions of Go's P-521.
    set_option("dag-maps-huge-region", 250u);
    return true;
  }();
  (void)done;
}

}  // namespace

const char* target_triple(Architecture architecture) {
  return architecture == Architecture::X86_64 ? "x86_64-unknown-linux-gnu" : "aarch64-unknown-linux-gnu";
}

const DataLayout& target_data_layout(Architecture architecture) {
  static const DataLayout x86("e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128");
  static const DataLayout arm("e-m:e-i8:8:32-i16:16:32-i64:64-i128:128-n32:64-S128-Fn32");
  return architecture == Architecture::X86_64 ? x86 : arm;
}

std::unique_ptr<LLVMTargetMachine> create_target_machine(Architecture architecture, StringRef cpu,
                                                         CodeGenOptLevel level) {
  initialize_targets();
  std::string error;
  const Target* target = TargetRegistry::lookupTarget(target_triple(architecture), error);
  const CpuBaseline& baseline = *find_cpu_baseline(architecture, cpu);
  TargetOptions options;
  options.EmulatedTLS = false;
  options.UniqueSectionNames = false;
  // An object may hold several functions, each with tables.
  options.FunctionSections = true;
  options.DataSections = true;
  options.TrapUnreachable = false;
  // The base register must not be allocated.
  std::string features = baseline.llvm_features;
  if (architecture == Architecture::AArch64) features += ",+reserve-x28";
  std::unique_ptr<TargetMachine> machine(target->createTargetMachine(
      target_triple(architecture), baseline.llvm_cpu, features, options, Reloc::PIC_, CodeModel::Small, level));
  return std::unique_ptr<LLVMTargetMachine>(static_cast<LLVMTargetMachine*>(machine.release()));
}

bool rounds_floats(Architecture architecture, StringRef cpu) {
  return architecture != Architecture::X86_64 || find_cpu_baseline(architecture, cpu)->features >> AOTC_X86_SSE41 & 1;
}

void set_definition_attributes(Function& function, Architecture architecture) {
  function.setUWTableKind(UWTableKind::Sync);
  // Backtraces follow the frame records; x86-64 does without, its frames have a fixed size and the return address on
  // top.
  if (architecture == Architecture::AArch64) function.addFnAttr("frame-pointer", "all");
  // Keeps LLVM from copying a Go string's pointer and length as one vector: the caller has just stored them one by one,
  // and a load that spans two stores waits for both to leave the store buffer. A fifth of a map lookup's time
  // (`benchmarks/run speed map` with and without this).
  function.addFnAttr(Attribute::NoImplicitFloat);
  // Without it, speed of hot loops depends on the sizes of the functions before: by 20 % (`benchmarks/run speed`,
  // likewise).
  function.setAlignment(Align(64));
  function.addFnAttr("no-builtins");
  function.addFnAttr("no-stack-arg-probe");
  // Backtraces need frames of a fixed size; a vector is spilled unaligned.
  function.addFnAttr("no-realign-stack");
}

}  // namespace aotc
