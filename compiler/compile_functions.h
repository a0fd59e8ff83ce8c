// compile_functions.h - every function and thunk to a fragment, on all cores.
#pragma once

#include "compilation.h"

namespace aotc {

// Fills c.fragments and the fragments of c.thunks. The result does not depend on the number of threads.
llvm::Error compile_functions(Compilation& c);

// A function with more instructions than this gets the quick tier's pipeline even at tier best: LLVM's better algorithms
// are not linear, and such functions (tables written as code) gain nothing from them.
inline constexpr size_t kLargestOptimised = 50'000;
Tier tier_for(const Compilation& c, uint32_t defined_index);

}  // namespace aotc
