// compile_functions.h - every function and thunk to a fragment, on all cores.
#pragma once

#include "compilation.h"

namespace aotc {

// Fills c.fragments and the fragments of c.thunks. The result does not depend on the number of threads.
llvm::Error compile_functions(Compilation& c);

}  // namespace aotc
