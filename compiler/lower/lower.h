// lower.h - wasm functions to LLVM IR, one LLVM module per function.
#pragma once

#include <memory>

#include "compilation.h"
#include "llvm/IR/Module.h"

namespace aotc {

// The returned module defines one function, named function_symbol(import count + defined_index); everything it refers to
// is a declaration. Fails only if an earlier phase is wrong about the function; the message does not name it.
llvm::Expected<std::unique_ptr<llvm::Module>> lower_function(const Compilation& c, uint32_t defined_index, llvm::LLVMContext& context);
std::unique_ptr<llvm::Module> lower_thunk(const Compilation& c, const Thunk& thunk, llvm::LLVMContext& context);

}  // namespace aotc
