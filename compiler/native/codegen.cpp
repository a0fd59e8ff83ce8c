// codegen.cpp - LLVM IR of functions to fragments.
//
// The code generation pipeline is built once per thread and run for one small batch of functions after another:
// building it costs about as much as compiling a small function, and beginning and ending an object file as much as a
// third of one. Each function of a batch is an LLVM module of its own, passes through the whole pipeline alone, and has
// a section of its own, so that its code does not depend on what else is in the batch. The end is LLVM's own ELF writer
// into a memory buffer, which read_object takes apart. Around the assembly printer two passes of ours look at the
// finished machine code: they note the frame size, put a label on every instruction that can trap, and labels around
// the constants.
#include "codegen.h"

#include "base_register.h"
#include "fast_selection.h"
#include "llvm/CodeGen/AsmPrinter.h"
#include "llvm/CodeGen/MachineConstantPool.h"
#include "llvm/CodeGen/MachineFrameInfo.h"
#include "llvm/CodeGen/MachineFunction.h"
#include "llvm/CodeGen/MachineFunctionPass.h"
#include "llvm/CodeGen/MachineJumpTableInfo.h"
#include "llvm/CodeGen/MachineModuleInfo.h"
#include "llvm/CodeGen/Passes.h"
#include "llvm/CodeGen/TargetPassConfig.h"
#include "llvm/CodeGen/TargetRegisterInfo.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCStreamer.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetLoweringObjectFile.h"
#include "needless_passes.h"
#include "read_object.h"
#include "target.h"

namespace aotc {

using namespace llvm;

namespace {

// Contexts keep every constant and type they have ever seen.
constexpr size_t kFunctionsPerContext = 256;

// What the passes around the assembly printer share.
struct Printed {
  const TargetMachine& machine;
  MCStreamer* streamer = nullptr;
  std::vector<MachineNotes> notes = {};
  size_t sites = 0;
  SmallVector<MCSection*, 2> constants = {};  // of the function that is printed
};

void label_constants(Printed& printed, char edge, size_t part) {
  std::string name = constants_symbol(edge, printed.notes.size() - 1, part);
  printed.streamer->emitLabel(printed.streamer->getContext().getOrCreateSymbol(name));
}

// Machine code to notes and labels. Where an instruction is from is the line of its debug location.
class BeforePrinting : public MachineFunctionPass {
 public:
  static char ID;
  explicit BeforePrinting(Printed& printed) : MachineFunctionPass(ID), printed_(printed) {}

  StringRef getPassName() const override { return "note and label what is printed"; }
  void getAnalysisUsage(AnalysisUsage& usage) const override {
    usage.setPreservesAll();
    MachineFunctionPass::getAnalysisUsage(usage);
  }

  bool runOnMachineFunction(MachineFunction& function) override {
    MachineNotes& notes = printed_.notes.emplace_back();
    notes.symbol = function.getName();
    notes.frame_size = static_cast<uint32_t>(function.getFrameInfo().getStackSize());
    notes.first_site = printed_.sites;
    for (MachineBasicBlock& block : function) {
      for (MachineInstr& instruction : block) {
        if (instruction.isMetaInstruction() || !instruction.getDebugLoc() || instruction.getDebugLoc().getLine() == 0)
          continue;
        std::string name = trap_site_symbol(printed_.sites++);
        instruction.setPreInstrSymbol(function, function.getContext().getOrCreateSymbol(name));
        notes.lines.push_back(instruction.getDebugLoc().getLine());
      }
    }
    const TargetRegisterInfo& registers = *function.getSubtarget().getRegisterInfo();
    for (MachineBasicBlock& block : function)
      for (MachineInstr& instruction : block) {
        if (printed_.machine.getTargetTriple().isX86()) {
          keep_symbols_absolute(instruction, registers);
        } else {
          make_in_one_register(instruction, registers);
        }
      }
    begin_constants(function, notes);
    return false;
  }

 private:
  // Where a symbol of a unit is an address by itself, LLVM has it relative to the code, since that is a byte shorter.
  static void keep_symbols_absolute(MachineInstr& instruction, const TargetRegisterInfo& registers) {
    for (unsigned at = 0; at + 3 < instruction.getNumOperands(); ++at) {
      MachineOperand& base = instruction.getOperand(at);
      bool is_relative = base.isReg() && base.getReg() && StringRef(registers.getName(base.getReg())) == "RIP";
      if (is_relative && is_symbol(instruction.getOperand(at + 3))) base.setReg(0);
    }
  }

  // A symbol's upper half is made in the register to which the lower one is added, so that the two can become movz and
  // movk (read_object.cpp). Copies that LLVM has left out since have parted them.
  static void make_in_one_register(MachineInstr& lower, const TargetRegisterInfo& registers) {
    if (lower.getNumOperands() < 3 || !lower.getOperand(1).isReg() || !is_symbol(lower.getOperand(2))) return;
    Register to = lower.getOperand(0).getReg(), from = lower.getOperand(1).getReg();
    if (to == from || !lower.getOperand(1).isKill()) return;
    for (auto before = std::next(lower.getReverseIterator()); before != lower.getParent()->rend(); ++before) {
      if (before->getNumOperands() >= 2 && is_symbol(before->getOperand(1)) && before->getOperand(0).getReg() == from) {
        before->getOperand(0).setReg(to);
        lower.getOperand(1).setReg(to);
        return;
      }
      if (before->readsRegister(to, &registers) || before->modifiesRegister(to, &registers) ||
          before->readsRegister(from, &registers) || before->modifiesRegister(from, &registers))
        return;
    }
  }

  static bool is_symbol(const MachineOperand& operand) {
    return operand.isGlobal() && operand.getGlobal()->isAbsoluteSymbolRef();
  }

  // The printer puts each into the section that the target has for it, those of one section together.
  void begin_constants(MachineFunction& function, MachineNotes& notes) {
    printed_.constants.clear();
    const DataLayout& layout = function.getDataLayout();
    for (const MachineConstantPoolEntry& entry : function.getConstantPool()->getConstants()) {
      Align align = entry.getAlign();
      const Constant* constant = entry.isMachineConstantPoolEntry() ? nullptr : entry.Val.ConstVal;
      MCSection* section = printed_.machine.getObjFileLowering()->getSectionForConstant(
          layout, entry.getSectionKind(&layout), constant, align);
      auto known = find(printed_.constants, section);
      auto part = static_cast<size_t>(known - printed_.constants.begin());
      if (known == printed_.constants.end()) {
        printed_.constants.push_back(section);
        notes.constant_aligns.push_back(1);
        printed_.streamer->switchSection(section);
        printed_.streamer->emitValueToAlignment(Align(64));  // more than any constant's
        label_constants(printed_, 'C', part);
      }
      notes.constant_aligns[part] = std::max(notes.constant_aligns[part], static_cast<uint32_t>(align.value()));
    }
  }

  Printed& printed_;
};

char BeforePrinting::ID = 0;

// Ends what BeforePrinting has begun. And a machine function that is freed looks for each of its blocks in all entries
// of its jump tables, of 60,000 blocks in a million for half a minute; it has to forget them.
class AfterPrinting : public MachineFunctionPass {
 public:
  static char ID;
  explicit AfterPrinting(Printed& printed) : MachineFunctionPass(ID), printed_(printed) {}

  StringRef getPassName() const override { return "end constants, forget jump tables"; }

  bool runOnMachineFunction(MachineFunction& function) override {
    for (size_t part = 0; part < printed_.constants.size(); ++part) {
      printed_.streamer->switchSection(printed_.constants[part]);
      label_constants(printed_, 'D', part);
    }
    MachineJumpTableInfo* tables = function.getJumpTableInfo();
    for (unsigned i = 0; tables && i < tables->getJumpTables().size(); ++i) tables->RemoveJumpTable(i);
    return false;
  }

 private:
  Printed& printed_;
};

char AfterPrinting::ID = 0;

CodeGenOptLevel code_generation_level(Effort effort) {
  switch (effort) {
    case Effort::Quick:
      return CodeGenOptLevel::None;
    case Effort::Best:
    case Effort::Lean:
    case Effort::Plain:
      return CodeGenOptLevel::Default;
    case Effort::Large:
    case Effort::Masked:
      return CodeGenOptLevel::None;
  }
  llvm_unreachable("effort");
}

void move_tables(llvm::Module& from, llvm::Module& to) {
  for (GlobalVariable& table : make_early_inc_range(from.globals())) {
    if (table.isDeclaration()) continue;
    table.setUnnamedAddr(GlobalValue::UnnamedAddr::None);  // else it shares a section of those that can be merged
    table.removeFromParent();
    to.insertGlobalVariable(&table);
  }
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
    unit = std::make_unique<llvm::Module>("unit", *context);
    unit->setTargetTriple(target_triple(architecture));
    unit->setDataLayout(target_data_layout(architecture));
    pipeline = std::make_unique<legacy::FunctionPassManager>(unit.get());
    auto* info = new MachineModuleInfoWrapperPass(machine.get());
    NeededPasses needed(*pipeline, effort == Effort::Best);
    TargetPassConfig* config = machine->createPassConfig(needed);
    config->setDisableVerify(true);
    pipeline->add(config);
    pipeline->add(info);
    bool failed = config->addISelPasses();
    if (selects_fast()) pipeline->add(fast_selection.create_finish());
    config->addMachinePasses();
    config->setInitialized();
    pipeline->add(new BeforePrinting(printed));
    auto streamer =
        machine->createMCStreamer(stream, nullptr, CodeGenFileType::ObjectFile, info->getMMI().getContext());
    assert(!failed && streamer && "target without code generation");
    (void)failed;
    printed.streamer = streamer->get();
    pipeline->add(machine->getTarget().createAsmPrinter(*machine, std::move(*streamer)));
    pipeline->add(new AfterPrinting(printed));
    pipeline->add(createFreeMachineFunctionPass());
  }

  // On AArch64 FastISel takes preserve_none for the C convention.
  bool selects_fast() const { return effort == Effort::Quick && architecture == Architecture::X86_64; }

  Architecture architecture;
  Effort effort;
  std::unique_ptr<LLVMTargetMachine> machine;
  Optimizer optimizer;
  SmallVector<char, 0> object;
  raw_svector_ostream stream;
  Printed printed{*machine};
  FastSelection fast_selection;
  std::unique_ptr<LLVMContext> context;
  // Tied to the context. The unit holds no function, only what there is once per object file.
  std::unique_ptr<llvm::Module> unit;
  std::unique_ptr<legacy::FunctionPassManager> pipeline;
  size_t functions = 0;  // since the context was made
  size_t runs = 0;
};

CodeGenerator::CodeGenerator(Architecture architecture, StringRef cpu, Effort effort)
    : state_(std::make_unique<State>(architecture, cpu, effort)) {}

CodeGenerator::~CodeGenerator() {
  if (state_) state_->pipeline.reset();
}

LLVMContext& CodeGenerator::begin(size_t functions) {
  state_->functions += functions;
  if (!state_->context || state_->functions > kFunctionsPerContext) {
    state_->pipeline.reset();
    state_->unit.reset();
    state_->context = std::make_unique<LLVMContext>();
    state_->context->setDiscardValueNames(true);
    state_->build_pipeline();
    state_->functions = functions;
  }
  return *state_->context;
}

void CodeGenerator::optimize(llvm::Module& module) { state_->optimizer.run(module); }

std::vector<Expected<Fragment>> CodeGenerator::generate(MutableArrayRef<Lowered> batch) {
  if (batch.empty()) return {};
  state_->object.clear();
  state_->printed.notes.clear();
  state_->printed.sites = 0;
  ++state_->runs;
  std::vector<ArrayRef<LoweredBody>> bodies;
  SmallVector<bool> unfinished;
  state_->pipeline->doInitialization();
  for (Lowered& lowered : batch) {
    bodies.emplace_back(lowered.bodies);
    if (state_->effort == Effort::Masked) mask_at_each_access(*lowered.ir);
    if (state_->architecture == Architecture::AArch64) rewrite_base_accesses(*lowered.ir);
    for (Function& function : *lowered.ir) {
      if (function.isDeclaration()) continue;
      // Each is the first of its own unit.
      function.setName("unit" + Twine(bodies.size()));
      state_->machine->setFastISel(state_->selects_fast() && state_->fast_selection.prepare(function));
      state_->pipeline->run(function);
      unfinished.push_back(state_->fast_selection.failed());
    }
    assert(state_->printed.notes.size() == bodies.size() && "one function each");
    // Code generation for AArch64 makes tables of switches. What is in the unit is printed when it is finished.
    move_tables(*lowered.ir, *state_->unit);
  }
  state_->pipeline->doFinalization();
  move_tables(*state_->unit, *batch.front().ir);  // to go with the code that uses them
  std::vector<Expected<Fragment>> fragments =
      read_object(state_->object, state_->architecture, state_->printed.notes, bodies);
  for (size_t i = 0; i < fragments.size(); ++i) {
    if (!unfinished[i] || !fragments[i]) continue;
    fragments[i] = createStringError(inconvertibleErrorCode(), "an access could not be selected");
  }
  return fragments;
}

size_t CodeGenerator::runs() const { return state_->runs; }

}  // namespace aotc
