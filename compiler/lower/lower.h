// lower.h - wasm functions to LLVM IR, one LLVM module per function.
#pragma once

#include <memory>
#include <vector>

#include "compile_unit.h"
#include "llvm/IR/Module.h"

namespace aotc {

// A function whose instructions are in the code: the function itself, or one that was inlined. The debug location of
// what can trap has as its line `line` + the index of the wasm instruction in that body.
struct LoweredBody {
  uint32_t function;  // of the unit
  uint32_t line;
};

// `ir` defines one function; everything it refers to is a declaration.
struct Lowered {
  std::unique_ptr<llvm::Module> ir;
  std::vector<LoweredBody> bodies;  // by line
};

// Fails only if an earlier phase is wrong about the function; the message does not name it.
llvm::Expected<Lowered> lower_function(const CompileUnit& unit, llvm::LLVMContext& context);
// Of all other kinds.
Lowered lower_thunk(const CompileUnit& unit, llvm::LLVMContext& context);

}  // namespace aotc
