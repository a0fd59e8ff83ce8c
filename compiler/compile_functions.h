// compile_functions.h - every function and thunk to a fragment, on all cores.
#pragma once

#include "native/codegen.h"
#include "compilation.h"

namespace aotc {

// Fills c.fragments and the fragments of c.thunks. The result does not depend on the number of threads.
llvm::Error compile_functions(Compilation& c);

// Functions with more instructions than this, or with so many locals and blocks that SSA form could need this many phis (each
// local may be live into each block), get Effort::Large whatever the tier.
inline constexpr size_t kLargeInstructions = 50'000;
inline constexpr size_t kLargePhis = 1'000'000;
Effort effort_for(const Compilation& c, uint32_t defined_index);

}  // namespace aotc
