// frame_slots.h - give the locals that a Go function keeps in its frame back to the register allocator.
//
// Go's compiler spills to its own stack in linear memory, where LLVM has to leave every store: nobody tells it that the
// frame ends with the function. In a function that calls nobody who comes back, what lies below the stack pointer it
// was given is its own: no other function runs, no stack is scanned or moved meanwhile, and nobody looks at it
// afterwards. Unless an address of the frame gets away, its slots become variables. Elliptic curves and hashes, whose
// bodies have hundreds of locals, are such functions.
#pragma once

#include "llvm/IR/PassManager.h"

namespace aotc {

// Of functions whose first parameter is Go's stack pointer and that nobody can enter but at the beginning: what they
// have left in their frame they do not find again. When one panics, Go's runtime wants to know of its frame only the
// return address and the arguments of that call, which are stored beside it; the spilled pointers of a caller it would
// want to find, so what is inlined does not call anybody.
inline constexpr llvm::StringLiteral kFrameEndsAttribute = "aotc-frame-ends";

// To be followed by sroa.
struct FrameSlotsPass : llvm::PassInfoMixin<FrameSlotsPass> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace aotc
