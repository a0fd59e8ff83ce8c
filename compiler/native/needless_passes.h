// needless_passes.h - code generation without the passes that have nothing to do here.
//
// LLVM puts some 190 passes behind each other for x86-64, and a third of them are for what no function of ours has:
// garbage collection, exceptions, thread-local variables, tiles, instrumentation, hardening that is off. Each of them
// visits every function, and many make LLVM compute dominators and frequencies once more: of what a small function
// costs that is a fourth. The code is the same to the byte.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/LegacyPassManager.h"

namespace aotc {

// LLVM's names of the passes that are left out, on whichever target they are.
llvm::ArrayRef<llvm::StringLiteral> needless_passes();
llvm::ArrayRef<llvm::StringLiteral> strength_reduction_passes();

// Hands on to a pass manager what is needed.
class NeededPasses : public llvm::legacy::PassManagerBase {
 public:
  // Strength reduction makes addresses of their own of a loop's indices: they are in range as the loop ends when
  // something else has been counted, which machine code does not say.
  NeededPasses(llvm::legacy::PassManagerBase& manager, bool reduces_strength);
  void add(llvm::Pass* pass) override;

 private:
  llvm::legacy::PassManagerBase& manager_;
  llvm::StringSet<> needless_;
};

}  // namespace aotc
