// wide_multiply.h - find 64x64->128-bit multiplications that wasm could only spell with 32-bit halves.
//
// wasm has no such instruction, so Go's bits.Mul64 (hashing, big numbers, float formatting, elliptic curves) becomes
// four multiplications and a chain of additions. Its upper half, with x = x1:x0 and y = y1:y0 in halves of 32 bits, is
//   t = x1 * y0 + (x0 * y0 >> 32);  hi = x1 * y1 + (t >> 32) + ((t & 0xffffffff) + x0 * y1 >> 32)
// which equals the upper half of the exact product for all x and y. Source of the form: math/bits, Mul64.
//
// Go's RSA adds two words on the way, which never carries out of 128 bits: x * y + z + c, with
//   w0 = x0 * y0 + z0 + c0;  w1 = x0 * y1 + z1 + (w0 >> 32);  w2 = x1 * y0 + c1 + (w1 & 0xffffffff)
// has the lower half w2 << 32 | w0 & 0xffffffff and the upper half x1 * y1 + (w2 >> 32) + (w1 >> 32), in which no sum
// exceeds 64 bits. Source of the form: crypto/internal/fips140/bigmod, addMulVVWWasm.
#pragma once

#include "llvm/IR/PassManager.h"

namespace aotc {

struct WideMultiplyPass : llvm::PassInfoMixin<WideMultiplyPass> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace aotc
