// base_register.h - address space 256 on AArch64.
//
// Lowered code reaches linear memory and the instance context through address space 256 on both targets. x86-64 has it
// natively: it is GS. For AArch64 every such access becomes base + address, base read from x28, after optimisation, so
// that the optimiser sees the same code for both targets.
#pragma once

#include "llvm/IR/Module.h"

namespace aotc {

void rewrite_base_accesses(llvm::Module& module);

// Makes each index 32 bits wide anew, right before its access, so that machine code shows what bounds it.
void mask_at_each_access(llvm::Module& module);

}  // namespace aotc
