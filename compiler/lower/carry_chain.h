// carry_chain.h - find additions and subtractions with carry, which wasm cannot spell.
//
// Go's bits.Add64 and bits.Sub64 (big numbers, elliptic curves, checksums) work the carry out of the operands' bits:
//   sum = x + y + c;   carry  = ((x & y) | ((x | y) & ~sum)) >> 63
//   diff = x - y - b;  borrow = ((~x & y) | (~(x ^ y) & diff)) >> 63
// For a carry in of 0 or 1 these are what a processor's addition with carry sets, and only then is the text replaced.
// Source of the form: math/bits.
#pragma once

#include "llvm/IR/PassManager.h"

namespace aotc {

struct CarryChainPass : llvm::PassInfoMixin<CarryChainPass> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace aotc
