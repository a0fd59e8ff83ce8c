// check_imports.h - whether the hosts of this project have what a module imports, so that a program for another
// platform is refused when it is compiled, by the platform's name, rather than when somebody runs it.
#pragma once

#include "llvm/Support/Error.h"
#include "module.h"

namespace aotc {

// Names the first import that no host has: where it is, and whose interface it belongs to.
llvm::Error check_imports(const Module& module, const std::string& module_name);

// Whose import that is ("Fastly Compute"), or null for one that is not known.
const char* interface_owner(llvm::StringRef module, llvm::StringRef field);

}  // namespace aotc
