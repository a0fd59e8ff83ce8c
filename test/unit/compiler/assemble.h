// assemble.h - machine code from assembly text, through LLVM's own assembler, and symbols for it.
#pragma once

#include <string>
#include <vector>

#include "compile.h"
#include "native/fragment.h"

namespace aotc {

// Empty when the text does not assemble; the messages go to stderr. AT&T syntax on x86-64, all features known.
std::vector<uint8_t> assemble(Architecture architecture, const std::string& text);

// One symbol of each kind, and its place there.
inline std::vector<Symbol> one_of_each() {
  return {{SymbolKind::Function, 7}, {SymbolKind::StaticTable}, {SymbolKind::FunctionRefs},
          {SymbolKind::Text},        {SymbolKind::Rodata},      {SymbolKind::Constant}};
}
inline uint32_t ordinal(SymbolKind kind) { return static_cast<uint32_t>(kind); }

}  // namespace aotc
