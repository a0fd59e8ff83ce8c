// lower.h - wasm functions to LLVM IR, one LLVM module per function.
#pragma once

#include <memory>

#include "compilation.h"
#include "llvm/IR/Module.h"

namespace aotc {

// The returned module defines one function, named function_symbol(import count + defined_index); everything it refers to
// is a declaration. Cannot fail: the module has been validated.
std::unique_ptr<llvm::Module> lower_function(const Compilation& c, uint32_t defined_index, llvm::LLVMContext& context);
std::unique_ptr<llvm::Module> lower_thunk(const Compilation& c, const Thunk& thunk, llvm::LLVMContext& context);

}  // namespace aotc
