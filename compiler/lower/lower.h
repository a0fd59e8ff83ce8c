// lower.h - wasm functions to LLVM IR, one LLVM module per function.
#pragma once

#include <memory>
#include <vector>

#include "compilation.h"
#include "llvm/IR/Module.h"

namespace aotc {

// A function whose instructions are in the code: the function itself, or one that was inlined. The debug location of
// what can trap has as its line `line` + the offset of the wasm instruction from the start of that body, so that it is
// the same wherever the bodies lie in their modules.
struct LoweredBody {
  uint32_t function;
  uint32_t line;
};

// `ir` defines one function, named function_symbol(index); everything it refers to is a declaration.
struct Lowered {
  std::unique_ptr<llvm::Module> ir;
  std::vector<LoweredBody> bodies;  // by line
};

// Fails only if an earlier phase is wrong about the function; the message does not name it.
llvm::Expected<Lowered> lower_function(const Facts& facts, uint32_t defined_index, llvm::LLVMContext& context);
Lowered lower_thunk(const Facts& facts, const Thunk& thunk, llvm::LLVMContext& context);

}  // namespace aotc
