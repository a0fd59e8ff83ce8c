// codegen.h - LLVM IR of one function to a fragment: optimise, select, encode, take apart.
#pragma once

#include <memory>

#include "lower/lower.h"
#include "optimize.h"

namespace aotc {

// One per thread; holds what is expensive to build. Fragments do not depend on what was compiled before.
class CodeGenerator {
 public:
  CodeGenerator(Architecture architecture, llvm::StringRef cpu, Effort effort);
  ~CodeGenerator();

  // A context for the next function; fresh from time to time, so that its memory does not grow without bound.
  llvm::LLVMContext& context();
  void optimize(llvm::Module& module);
  llvm::Expected<Fragment> generate(Lowered& lowered);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aotc
