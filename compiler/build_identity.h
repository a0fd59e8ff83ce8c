// build_identity.h - which compiler this is, exactly: whatever is kept of what it made is another's when a bit of it,
// of its options or of LLVM has changed. Programs of one build that hold the compiler agree.
#pragma once

#include "llvm/ADT/StringRef.h"

namespace aotc {

// Hexadecimal: SHA-256 over the compiler's object code and the library that reads modules for it (CMakeLists.txt), then
// the build id of the LLVM that is loaded, which another one can replace without our being built again.
llvm::StringRef build_identity();

}  // namespace aotc
