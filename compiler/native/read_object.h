// read_object.h - take LLVM's ELF object of one function apart into a fragment.
#pragma once

#include "compile.h"
#include "fragment.h"
#include "lower/lower.h"

namespace aotc {

// What only the machine code knows, noted before it is printed.
struct MachineNotes {
  uint32_t frame_size = 0;
  std::vector<uint32_t> lines;  // trap site i is labelled trap_site_symbol(i)
};

inline std::string trap_site_symbol(size_t index) { return "T" + std::to_string(index); }

// Fails when the object holds something that a fragment has no place for: a symbol of the C library, an unknown
// relocation, writable data.
llvm::Expected<Fragment> read_object(llvm::ArrayRef<char> bytes, Architecture architecture, const MachineNotes& notes,
                                     llvm::ArrayRef<LoweredBody> bodies);

}  // namespace aotc
