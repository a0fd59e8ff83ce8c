// count_bytes.h - loops that count the bytes of which something holds take many bytes at a time.
//
//   for _, b := range text { if b == wanted { n++ } }
// is internal/bytealg.Count as Go compiles it for wasm, inlined into bytes.Count, strings.Count, Split and Replace; its
// native ports have vector instructions for it. Any comparison with a byte that stays the same is taken, of a text that
// does not reach over the end of the 32-bit address space. Such a loop stores nothing: that an access is out of bounds
// is found earlier, but nobody can tell.
#pragma once

#include "llvm/IR/PassManager.h"

namespace aotc {

struct CountBytesPass : llvm::PassInfoMixin<CountBytesPass> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace aotc
