// needless_passes.cpp - see needless_passes.h.
//
// A pass is listed when it starts from something that lowering never makes and that no pass makes of it. A name that
// LLVM has given up costs time, not correctness; test/unit/compiler/needless_passes_test.cpp finds it.
#include "needless_passes.h"

#include "llvm/Pass.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr StringLiteral kNeedless[] = {
    // Garbage collection, exceptions, statepoints.
    "Lower Garbage Collection Instructions",
    "Shadow Stack GC Lowering",
    "Analyze Machine Code For Garbage Collection",
    "Fixup Statepoint Caller Saved",
    "StackMap Liveness Analysis",
    "Exception handling preparation",
    "Contiguously Lay Out Funclets",
    "Prepare callbr",
    "Expand indirectbr instructions",
    // Thread-local variables, and globals of one's own.
    "TLS Variable Hoist",
    "Local Dynamic TLS Access Clean-up",
    "AArch64 Local Dynamic TLS Access Clean-up",
    "X86 PIC Global Base Reg Initialization",
    "Merge internal globals",
    "AArch64 Promote Constant",
    "AArch64 Globals Tagging",
    // Library functions: there are none.
    "Merge contiguous icmps into a memcmp",
    "Expand memcmp() to load/stores",
    "Partially inline calls to library functions",
    "Replace intrinsics with calls to vector library",
    // Atomics, wide integers, vectors, tiles.
    "Expand Atomic instructions",
    "Expand large div/rem",
    "Expand large fp convert",
    "Expand vector predication intrinsics",
    "Expand reduction intrinsics",
    "Scalarize Masked Memory Intrinsics",
    "Interleaved Access Pass",
    "Interleaved Load Combine Pass",
    "Complex Deinterleaving Pass",
    "X86 Partial Reduction",
    "SME ABI Pass",
    "Lower AMX intrinsics",
    "Lower AMX type for load/store",
    "Tile Register Pre-configure",
    "Fast Tile Register Preconfigure",
    "Fast Tile Register Configure",
    "X86 Lower Tile Copy",
    // Registers that no processor of ours has, or that wasm's numbers are not kept in.
    "Init Undef Pass",
    "X86 FP Stackifier",
    "X86 insert wait instruction",
    // Intrinsics that ask what is constant. Scheduling that the models of our baselines switch off.
    "Lower constant intrinsics",
    "Post RA top-down list latency scheduler",
    // Notes for those who train an allocator.
    "Register Allocation Pass Scoring",
    // Debug information: locations are on instructions, and there are no variables.
    "Live DEBUG_VALUE analysis",
    "Remove Redundant DEBUG_VALUE analysis",
    "Stack Frame Layout Analysis",
    // Instrumentation.
    "Instrument function entry/exit with calls to e.g. mcount() (post inlining)",
    "Insert fentry calls",
    "Insert XRay ops",
    "Implement the 'patchable-function' attribute",
    "Insert KCFI indirect call checks",
    "Machine Sanitizer Binary Metadata",
    "Pseudo Probe Inserter",
    "X86 Discriminate Memory Operands",
    "X86 Insert Cache Prefetches",
    // Hardening that is off, and remedies for processors that are not meant.
    "Safe Stack instrumentation pass",
    "X86 speculative load hardening",
    "X86 Load Value Injection (LVI) Load Hardening",
    "X86 Load Value Injection (LVI) Ret-Hardening",
    "X86 Speculative Execution Side Effect Suppression",
    "X86 Indirect Thunks",
    "X86 Return Thunks",
    "X86 Indirect Branch Tracking",
    "X86 Windows Fixup Buffer Security Check",
    "X86 Atom pad short functions",
    "AArch64 Stack Tagging",
    "AArch64 Stack Tagging PreRA",
    "AArch64 speculation hardening pass",
    "AArch64 sls hardening pass",
    "AArch64 Pointer Authentication",
    "AArch64 Branch Targets",
    "Falkor HW Prefetch Fix",
    "Falkor HW Prefetch Fix Late Phase",
    "Workaround A53 erratum 835769 pass",
    // Frames of variable size.
    "Argument Stack Rebase",
    "X86 DynAlloca Expander",
    // What looks at a module: similar code in its functions, intrinsics that would have to become calls or loops.
    "Machine Outliner",
    "Pre-ISel Intrinsic Lowering",
};

constexpr StringLiteral kStrengthReduction[] = {
    "Canonicalize Freeze Instructions in Loops",
    "Loop Strength Reduction",
};

}  // namespace

ArrayRef<StringLiteral> needless_passes() { return kNeedless; }

ArrayRef<StringLiteral> strength_reduction_passes() { return kStrengthReduction; }

NeededPasses::NeededPasses(legacy::PassManagerBase& manager, bool reduces_strength) : manager_(manager) {
  for (StringRef name : kNeedless) needless_.insert(name);
  if (!reduces_strength)
    for (StringRef name : kStrengthReduction) needless_.insert(name);
}

void NeededPasses::add(Pass* pass) {
  if (needless_.contains(pass->getPassName())) {
    delete pass;
  } else {
    manager_.add(pass);
  }
}

}  // namespace aotc
