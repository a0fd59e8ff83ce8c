// codegen.cpp - LLVM IR of one function to a fragment.
//
// The code generation pipeline is built once per thread and run for one small module after another: building it costs
// about as much as compiling a small function. Its end is LLVM's own ELF writer into a memory buffer, which read_object
// takes apart. Just before the assembly printer a pass of ours looks at the finished machine code: it notes the frame
// size and puts a label on every instruction that can trap.
#include "codegen.h"

#include "base_register.h"
#include "llvm/CodeGen/MachineFrameInfo.h"
#include "llvm/CodeGen/MachineFunction.h"
#include "llvm/CodeGen/MachineFunctionPass.h"
#include "llvm/CodeGen/MachineJumpTableInfo.h"
#include "llvm/CodeGen/MachineModuleInfo.h"
#include "llvm/CodeGen/Passes.h"
#include "llvm/CodeGen/TargetPassConfig.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/OptBisect.h"
#include "llvm/MC/MCContext.h"
#include "llvm/Support/raw_ostream.h"
#include "needless_passes.h"
#include "read_object.h"
#include "target.h"

namespace aotc {

using namespace llvm;

namespace {

// Contexts keep every constant and type they have ever seen.
constexpr unsigned kFunctionsPerContext = 256;

// Machine code to (frame size, labelled trap sites). Where an instruction is from is the line of its debug location.
class CollectTrapSites : public MachineFunctionPass {
 public:
  static char ID;
  explicit CollectTrapSites(MachineNotes& notes) : MachineFunctionPass(ID), notes_(notes) {}

  StringRef getPassName() const override { return "collect trap sites"; }
  void getAnalysisUsage(AnalysisUsage& usage) const override {
    usage.setPreservesAll();
    MachineFunctionPass::getAnalysisUsage(usage);
  }

  bool runOnMachineFunction(MachineFunction& function) override {
    notes_.frame_size = static_cast<uint32_t>(function.getFrameInfo().getStackSize());
    for (MachineBasicBlock& block : function) {
      for (MachineInstr& instruction : block) {
        if (instruction.isMetaInstruction() || !instruction.getDebugLoc() || instruction.getDebugLoc().getLine() == 0)
          continue;
        std::string name = trap_site_symbol(notes_.lines.size());
        instruction.setPreInstrSymbol(function, function.getContext().getOrCreateSymbol(name));
        notes_.lines.push_back(instruction.getDebugLoc().getLine());
      }
    }
    return false;
  }

 private:
  MachineNotes& notes_;
};

char CollectTrapSites::ID = 0;

// Once the code is written. A machine function that is freed looks for each of its blocks in all entries of its jump
// tables: of 60,000 blocks in a million, for half a minute.
class ForgetJumpTables : public MachineFunctionPass {
 public:
  static char ID;
  ForgetJumpTables() : MachineFunctionPass(ID) {}

  StringRef getPassName() const override { return "forget jump tables"; }

  bool runOnMachineFunction(MachineFunction& function) override {
    MachineJumpTableInfo* tables = function.getJumpTableInfo();
    for (unsigned i = 0; tables && i < tables->getJumpTables().size(); ++i) tables->RemoveJumpTable(i);
    return false;
  }
};

char ForgetJumpTables::ID = 0;

// Loop strength reduction makes an address of its own out of an index: it is in range as the loop ends when something
// else has been counted, which machine code does not say.
class NoStrengthReduction : public OptPassGate {
 public:
  bool shouldRunPass(StringRef pass, StringRef) override { return pass != "Loop Strength Reduction"; }
  bool isEnabled() const override { return true; }
};

CodeGenOptLevel code_generation_level(Effort effort) {
  switch (effort) {
    case Effort::Quick:
      return CodeGenOptLevel::None;
    case Effort::Best:
    case Effort::Plain:
      return CodeGenOptLevel::Default;
    case Effort::Large:
    case Effort::Masked:
      return CodeGenOptLevel::None;
  }
  llvm_unreachable("effort");
}

}  // namespace

struct CodeGenerator::State {
  State(Architecture arch, StringRef cpu, Effort effort)
      : architecture(arch),
        effort(effort),
        machine(create_target_machine(arch, cpu, code_generation_level(effort))),
        optimizer(*machine, effort),
        stream(object) {
    machine->setGlobalISel(false);
  }

  void build_pipeline() {
    pipeline = std::make_unique<legacy::PassManager>();
    auto* info = new MachineModuleInfoWrapperPass(machine.get());
    NeededPasses needed(*pipeline);
    TargetPassConfig* config = machine->createPassConfig(needed);
    config->setDisableVerify(true);
    pipeline->add(config);
    pipeline->add(info);
    bool failed = config->addISelPasses();
    // Which has switched it on at level 0. It does not know preserve_none, and on AArch64 takes it for the C
    // convention.
    machine->setFastISel(false);
    config->addMachinePasses();
    config->setInitialized();
    pipeline->add(new CollectTrapSites(notes));
    failed = failed || machine->addAsmPrinter(*pipeline, stream, nullptr, CodeGenFileType::ObjectFile,
                                              info->getMMI().getContext());
    assert(!failed && "target without code generation");
    (void)failed;
    pipeline->add(new ForgetJumpTables);
    pipeline->add(createFreeMachineFunctionPass());
  }

  Architecture architecture;
  Effort effort;
  NoStrengthReduction no_strength_reduction;
  std::unique_ptr<LLVMTargetMachine> machine;
  Optimizer optimizer;
  SmallVector<char, 0> object;
  raw_svector_ostream stream;
  MachineNotes notes;
  std::unique_ptr<LLVMContext> context;
  std::unique_ptr<legacy::PassManager> pipeline;  // tied to the context
  unsigned functions = 0;
};

CodeGenerator::CodeGenerator(Architecture architecture, StringRef cpu, Effort effort)
    : state_(std::make_unique<State>(architecture, cpu, effort)) {}

CodeGenerator::~CodeGenerator() {
  if (state_) state_->pipeline.reset();
}

LLVMContext& CodeGenerator::context() {
  if (!state_->context || ++state_->functions % kFunctionsPerContext == 0) {
    state_->pipeline.reset();
    state_->context = std::make_unique<LLVMContext>();
    state_->context->setDiscardValueNames(true);
    if (state_->effort == Effort::Plain) state_->context->setOptPassGate(state_->no_strength_reduction);
    state_->build_pipeline();
  }
  return *state_->context;
}

void CodeGenerator::optimize(llvm::Module& module) { state_->optimizer.run(module); }

Expected<Fragment> CodeGenerator::generate(Lowered& lowered) {
  llvm::Module& module = *lowered.ir;
  if (state_->effort == Effort::Masked) mask_at_each_access(module);
  if (state_->architecture == Architecture::AArch64) rewrite_base_accesses(module);
  state_->object.clear();
  state_->notes = MachineNotes();
  state_->pipeline->run(module);
  return read_object(state_->object, state_->architecture, state_->notes, lowered.bodies);
}

}  // namespace aotc
