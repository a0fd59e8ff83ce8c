// optimize.cpp - see optimize.h.
//
// Tier best takes the passes of LLVM's -O1: those of -O2 take longer and make no kernel faster (`benchmarks/run speed`
// and `benchmarks/run compile` tell), nor do SLP vectorisation, GVN, or telling alias analysis which frame slots
// nothing else can reach. There are two changes. Our carry-chain precedes the peephole passes, which would
// change what it looks for, and our wide-multiply follows them. And no block is
// executed speculatively to save a branch: Go's compiler has already chosen its selects, and LLVM's turn a predicted
// branch of a byte loop into a dependency of each iteration on the last (speed's JSON kernel). Modules that are not
// Go's come from compilers that have run those passes themselves: of them one round of peepholes and one of
// loop-invariant code are left, for what translation adds; zstd and SQLite are as fast and take two thirds of the time.
// Tier quick only removes what translation leaves behind. Inlining is decided in lowering. No library function is
// known, so that no pass makes a memset or memcpy on the base's address space, which have no lowering.
#include "optimize.h"

#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/IPO/AlwaysInliner.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"
#include "lower/carry_chain.h"
#include "lower/count_bytes.h"
#include "lower/frame_slots.h"
#include "lower/wide_multiply.h"

namespace aotc {

using namespace llvm;

struct Optimizer::State {
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager sccs;
  ModuleAnalysisManager modules;
  ModulePassManager inliner;
  FunctionPassManager passes;
};

namespace {

// "simplify", "frame-slots", "carry-chain", "count-bytes" and "wide-multiply" are ours.
constexpr StringLiteral kBest =
    "sroa<modify-cfg>,early-cse<memssa>,simplify,frame-slots,sroa<modify-cfg>,carry-chain,instcombine<no-verify-"
    "fixpoint>,wide-multiply,simplify,reassociate,"
    "loop-mssa(loop-instsimplify,loop-simplifycfg,licm<no-allowspeculation>,loop-rotate,licm,simple-loop-unswitch<"
    "trivial>),"
    "simplify,instcombine<no-verify-fixpoint>,wide-multiply,"
    "loop(loop-idiom,indvars,loop-deletion,loop-unroll-full),count-bytes,sroa<modify-cfg>,"
    "sccp,bdce,instcombine<no-verify-fixpoint>,wide-multiply,adce,simplify,instcombine<no-verify-fixpoint>";

constexpr StringLiteral kLean =
    "simplify,early-cse<memssa>,instcombine<no-verify-fixpoint>,wide-multiply,loop-mssa(licm<no-allowspeculation>),"
    "count-bytes,"
    "adce,"
    "simplify";

std::string without_indvars(StringRef passes) {
  constexpr StringLiteral kPass = "indvars,";
  size_t at = passes.find(kPass);
  return (passes.take_front(at) + passes.drop_front(at + kPass.size())).str();
}

bool add_our_pass(StringRef name, FunctionPassManager& passes, ArrayRef<PassBuilder::PipelineElement>) {
  if (name == "wide-multiply") {
    passes.addPass(WideMultiplyPass());
  } else if (name == "frame-slots") {
    passes.addPass(FrameSlotsPass());
  } else if (name == "carry-chain") {
    passes.addPass(CarryChainPass());
  } else if (name == "count-bytes") {
    passes.addPass(CountBytesPass());
  } else if (name == "simplify") {
    passes.addPass(SimplifyCFGPass(SimplifyCFGOptions().convertSwitchRangeToICmp(true).speculateBlocks(false)));
  } else {
    return false;
  }
  return true;
}

}  // namespace

Optimizer::Optimizer(TargetMachine& machine, Effort effort) : state_(std::make_unique<State>()) {
  PassBuilder builder(&machine);
  builder.registerPipelineParsingCallback(add_our_pass);
  // No library function exists where this code runs.
  TargetLibraryInfoImpl library(machine.getTargetTriple());
  library.disableAllFunctions();
  state_->functions.registerPass([library] { return TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(state_->modules);
  builder.registerCGSCCAnalyses(state_->sccs);
  builder.registerFunctionAnalyses(state_->functions);
  builder.registerLoopAnalyses(state_->loops);
  builder.crossRegisterProxies(state_->loops, state_->functions, state_->sccs, state_->modules);
  state_->inliner.addPass(AlwaysInlinerPass());
  switch (effort) {
    case Effort::Best:
      cantFail(builder.parsePassPipeline(state_->passes, kBest));
      break;
    case Effort::Lean:
      cantFail(builder.parsePassPipeline(state_->passes, kLean));
      break;
    case Effort::Plain:
      cantFail(builder.parsePassPipeline(state_->passes, without_indvars(kBest)));
      break;
    case Effort::Quick:
      cantFail(builder.parsePassPipeline(state_->passes, "simplifycfg,early-cse,adce"));
      break;
    case Effort::Masked:
      break;
    case Effort::Large:
      break;  // merging blocks takes time in the square of their number
  }
}

Optimizer::~Optimizer() = default;

void Optimizer::run(llvm::Module& module) {
  // Most have no callee that is to be inlined.
  if (any_of(module, [](const Function& function) { return function.hasFnAttribute(Attribute::AlwaysInline); }))
    state_->inliner.run(module, state_->modules);
  for (Function& function : module)
    if (!function.isDeclaration()) state_->passes.run(function, state_->functions);
  state_->functions.clear();
  state_->loops.clear();
  state_->modules.clear();
}

}  // namespace aotc
