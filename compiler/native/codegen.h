// codegen.h - LLVM IR of functions to fragments: optimise, select, encode, take apart.
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

  // A context for the functions that are lowered next; a fresh one from time to time, so that its memory does not grow
  // without bound.
  llvm::LLVMContext& begin(size_t functions);
  void optimize(llvm::Module& module);
  // In one run of code generation; one result each, the same as if it were run alone. All are of the context that
  // begin() has given last.
  std::vector<llvm::Expected<Fragment>> generate(llvm::MutableArrayRef<Lowered> batch);
  size_t runs() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aotc
