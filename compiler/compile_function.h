// compile_function.h - one function, or one thunk, to a fragment. There is no other way in which code is made.
#pragma once

#include "lower/lower.h"
#include "native/codegen.h"

namespace aotc {

// What code is made of.
struct Body {
  uint32_t function = 0;         // as an index of the module's own functions
  const Thunk* thunk = nullptr;  // if not null, it is meant
};

// LLVM's state for each effort, made when it is first wanted. One per thread.
class CodeGenerators {
 public:
  CodeGenerator& get(const Facts& facts, Effort effort);
  size_t runs() const;  // of code generation

 private:
  std::unique_ptr<CodeGenerator> generators_[kEfforts];
};

struct Compiled {
  Fragment fragment;
  Effort effort;  // with which it was accepted
};

// What is tried first; thunks have no plan.
Effort planned_effort(const Body& body, const Facts& facts);

// Lowers, verifies, optimises, emits and checks. Code that is not proved is made again with less effort, in the end
// with every index masked. Depends on nothing but the body, its inlined callees and the facts. The message does not
// name the function.
llvm::Expected<Compiled> compile_function(const Body& body, const Facts& facts, CodeGenerators& generators);

// The same for several bodies for which the same effort is planned, in one run of code generation. Each result is what
// compile_function makes of that body: it does not depend on the others.
std::vector<llvm::Expected<Compiled>> compile_batch(llvm::ArrayRef<Body> bodies, const Facts& facts,
                                                    CodeGenerators& generators);

// Its way up to code generation, for dump.
llvm::Expected<Lowered> lower_body(const Body& body, const Facts& facts, llvm::LLVMContext& context);

}  // namespace aotc
