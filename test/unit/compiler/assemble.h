// assemble.h - machine code from assembly text, through LLVM's own assembler.
#pragma once

#include <string>
#include <vector>

#include "compile.h"

namespace aotc {

// Empty when the text does not assemble; the messages go to stderr. AT&T syntax on x86-64, all features known.
std::vector<uint8_t> assemble(Architecture architecture, const std::string& text);

}  // namespace aotc
