// compile_function.h - one unit to a fragment. There is no other way in which code is made.
#pragma once

#include <array>

#include "compile_unit.h"
#include "lower/lower.h"
#include "native/codegen.h"

namespace aotc {

// What is done to a unit, as far as the time is told that it takes.
enum class Stage : uint8_t { Lower, Optimize, Emit, Prove };
inline constexpr size_t kStages = 4;
inline constexpr const char* kStageNames[kStages] = {"lower", "optimise", "emit", "prove"};
using StageSeconds = std::array<double, kStages>;

// LLVM's state for each effort, made when it is first wanted. One per thread.
class CodeGenerators {
 public:
  CodeGenerator& get(const CompileUnit& unit, Effort effort);
  size_t runs() const;  // of code generation

  StageSeconds seconds{};  // of the thread's processor time, so far

 private:
  std::unique_ptr<CodeGenerator> generators_[kEfforts];
};

struct Compiled {
  Fragment fragment;
  Effort effort;  // with which it was accepted
};

// Lowers, verifies, optimises, emits and checks. Code that is not proved is made again with less effort, in the end
// with every index masked. Depends on nothing but the unit. The message does not name the function.
llvm::Expected<Compiled> compile_function(const CompileUnit& unit, CodeGenerators& generators);

// The same for several of the same effort, target and processor, in one run of code generation. Each result is what
// compile_function makes of that unit: it does not depend on the others.
std::vector<llvm::Expected<Compiled>> compile_batch(llvm::ArrayRef<const CompileUnit*> units,
                                                    CodeGenerators& generators);

// Its way up to code generation, for dump.
llvm::Expected<Lowered> lower_unit(const CompileUnit& unit, llvm::LLVMContext& context);

// Makes the fragment's symbols those of the module. False, and the fragment is of no use, if a symbol's value does not
// fit where it is wanted.
bool bind(Fragment& fragment, const UnitBinding& binding);

}  // namespace aotc
