// optimize.cpp - see optimize.h.
//
// LLVM's -O1 is built for whole C modules; a fragment is one function in SSA form already, so there is nothing to promote
// and nothing to inline. Loop-idiom is left out: it would make memset and memcpy calls on the base's address space, which
// have no lowering.
#include "optimize.h"

#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/IPO/AlwaysInliner.h"
#include "wide_multiply.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr char kQuick[] = "simplifycfg,early-cse,adce";
constexpr char kBest[] =
    "simplifycfg,early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>,wide-multiply,gvn,dse,simplifycfg,loop-simplify,loop-rotate,loop-mssa(licm),"
    "instcombine<no-verify-fixpoint>,simplifycfg,adce";

}  // namespace

struct Optimizer::State {
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager sccs;
  ModuleAnalysisManager modules;
  ModulePassManager inliner;
  FunctionPassManager passes;
};

Optimizer::Optimizer(TargetMachine& machine, Effort effort) : state_(std::make_unique<State>()) {
  PassBuilder builder(&machine);
  builder.registerPipelineParsingCallback([](StringRef name, FunctionPassManager& passes, ArrayRef<PassBuilder::PipelineElement>) {
    if (name != "wide-multiply") return false;
    passes.addPass(WideMultiplyPass());
    return true;
  });
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
  // Merging blocks takes time in the square of their number.
  const char* passes = effort == Effort::Best ? kBest : effort == Effort::Quick ? kQuick : "";
  if (*passes) cantFail(builder.parsePassPipeline(state_->passes, passes));
}

Optimizer::~Optimizer() = default;

void Optimizer::run(llvm::Module& module) {
  state_->inliner.run(module, state_->modules);
  for (Function& function : module)
    if (!function.isDeclaration()) state_->passes.run(function, state_->functions);
  state_->functions.clear();
  state_->loops.clear();
  state_->modules.clear();
}

}  // namespace aotc
