// wide_multiply.h - find 64x64->128-bit multiplications that wasm could only spell with 32-bit halves.
//
// wasm has no such instruction, so Go's bits.Mul64 (hashing, big numbers, float formatting, elliptic curves) becomes
// four multiplications and a chain of additions. Its upper half, with x = x1:x0 and y = y1:y0 in halves of 32 bits, is
//   t = x1 * y0 + (x0 * y0 >> 32);  hi = x1 * y1 + (t >> 32) + ((t & 0xffffffff) + x0 * y1 >> 32)
// which equals the upper half of the exact product for all x and y. Source of the form: math/bits, Mul64.
#pragma once

#include "llvm/IR/PassManager.h"

namespace aotc {

struct WideMultiplyPass : llvm::PassInfoMixin<WideMultiplyPass> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace aotc
