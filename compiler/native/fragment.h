// fragment.h - the native code of one function, before it has an address.
//
// A fragment is position independent, and independent of the module: bytes, relocations against symbols of its own
// list, and places in wasm code relative to a function's body. Only that list says what a symbol is in this module, so
// the same body makes the same fragment elsewhere, with another list.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace aotc {

enum class SymbolKind : uint8_t {
  Function,      // index: wasm function index; imports stand for their host-call thunk
  StaticTable,   // index into TablePlan::static_tables
  FunctionRefs,  // the array of function descriptors, see TablePlan
  Text,          // start of this fragment's own text
  Rodata,        // start of this fragment's own rodata
};
inline constexpr size_t kSymbolKinds = 5;
static_assert(static_cast<size_t>(SymbolKind::Rodata) + 1 == kSymbolKinds);

struct Symbol {
  SymbolKind kind;
  uint32_t index = 0;
  bool operator==(const Symbol& other) const = default;
};

// The value stored is S + A - P unless noted; S the symbol, A the addend, P the address of the patched bytes.
enum class RelocationKind : uint8_t {
  Pc32,  // 32 bits, range-checked signed
  Pc64,
  ArmCall26,      // bl, b: (S + A - P) >> 2 in 26 bits
  ArmAdrpPage21,  // adrp: Page(S + A) - Page(P)
  ArmAddLow12,    // add: (S + A) & 0xfff
  ArmLoad8Low12,  // ldr/str with the offset scaled by 1, 2, 4, 8, 16
  ArmLoad16Low12,
  ArmLoad32Low12,
  ArmLoad64Low12,
  ArmLoad128Low12,
};
inline constexpr size_t kRelocationKinds = 10;
static_assert(static_cast<size_t>(RelocationKind::ArmLoad128Low12) + 1 == kRelocationKinds);

enum class FragmentSection : uint8_t { Text, Rodata };

struct Relocation {
  uint32_t offset;  // of the patched bytes in `section`
  FragmentSection section;
  RelocationKind kind;
  uint32_t symbol;  // index into Fragment::symbols
  int64_t addend;
};

struct TrapSite {
  uint32_t offset;       // of the trap instruction in text
  uint32_t symbol;       // the function that traps: the fragment's own, or one that was inlined
  uint32_t wasm_offset;  // of the wasm instruction from the start of that function's body
};

struct Fragment {
  std::vector<uint8_t> text;
  std::vector<uint8_t> rodata;
  uint32_t text_align = 16;
  uint32_t rodata_align = 1;
  uint32_t frame_size = 0;      // bytes below the return address
  std::vector<Symbol> symbols;  // each once, in the order in which they are used
  std::vector<Relocation> relocations;
  std::vector<TrapSite> trap_sites;  // ascending
  std::vector<uint8_t> cfi;          // DWARF call frame instructions of the FDE, after the CIE's initial ones

  const Symbol& symbol_of(const Relocation& relocation) const { return symbols[relocation.symbol]; }
};

}  // namespace aotc
