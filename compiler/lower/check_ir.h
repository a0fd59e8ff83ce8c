// check_ir.h - the IR of one fragment is well-formed.
#pragma once

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

namespace aotc {

// LLVM's passes trust the IR they get: what breaks its rules makes them write where they should not. Lowering is meant
// to make nothing else from a valid module, but the modules are strangers', so this is asked for every one. The message
// is the first line of what LLVM's verifier has to say.
llvm::Error check_ir(const llvm::Module& module);

}  // namespace aotc
