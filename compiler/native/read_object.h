// read_object.h - take LLVM's ELF object of one or several functions apart into fragments.
#pragma once

#include "compile.h"
#include "fragment.h"
#include "lower/lower.h"

namespace aotc {

// What only the machine code of one function knows, noted while it is printed.
struct MachineNotes {
  std::string symbol;  // of the function, which is alone in its section
  uint32_t frame_size = 0;
  size_t first_site = 0;
  std::vector<uint32_t> lines;  // trap site i is labelled trap_site_symbol(first_site + i)
  // The function's constants, in sections that it shares with others: part i lies between two labels,
  // constants_symbol('C', n, i) and constants_symbol('D', n, i), if the function is the nth.
  std::vector<uint32_t> constant_aligns;
};

inline std::string trap_site_symbol(size_t index) { return "T" + std::to_string(index); }
inline std::string constants_symbol(char edge, size_t function, size_t part) {
  return edge + std::to_string(function) + "_" + std::to_string(part);
}

// One result per function of `notes`; `bodies` are those of its Lowered. Fails for a function when the object holds
// something of it that a fragment has no place for: a symbol of the C library, an unknown relocation, writable data.
std::vector<llvm::Expected<Fragment>> read_object(llvm::ArrayRef<char> bytes, Architecture architecture,
                                                  llvm::ArrayRef<MachineNotes> notes,
                                                  llvm::ArrayRef<llvm::ArrayRef<LoweredBody>> bodies);

}  // namespace aotc
