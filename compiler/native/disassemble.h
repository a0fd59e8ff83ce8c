// disassemble.h - machine code as text, for dumps.
#pragma once

#include <string>

#include "compile.h"

namespace aotc {

std::string disassemble(llvm::ArrayRef<uint8_t> code, Architecture architecture);

}  // namespace aotc
