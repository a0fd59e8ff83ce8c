// fragment.h - the native code of one function, before it has an address.
//
// A fragment is position independent, and independent of the module: bytes, relocations against symbols of its own
// list, and places in wasm code as instructions of a function's body. Only that list says what a symbol is: in a unit
// (compile_unit.h) when the fragment has been made, in one module when it has been bound to it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace aotc {

enum class SymbolKind : uint8_t {
  Function,      // index: wasm function index, or of the unit; imports stand for their host-call thunk
  StaticTable,   // index into TablePlan::static_tables, or of the unit
  FunctionRefs,  // the array of function descriptors, see TablePlan
  Text,          // start of this fragment's own text
  Rodata,        // start of this fragment's own rodata
  Constant,      // index: the value, or the number of the symbol in the unit
};
inline constexpr size_t kSymbolKinds = 6;
static_assert(static_cast<size_t>(SymbolKind::Constant) + 1 == kSymbolKinds);

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
  // Of constants alone; S + A is in 0 .. 2^31 - 1.
  Abs32,
  ArmMovHigh16,  // movz, lsl #16: (S + A) >> 16
  ArmMovLow16,   // movk: (S + A) & 0xffff
};
inline constexpr size_t kRelocationKinds = 13;
static_assert(static_cast<size_t>(RelocationKind::ArmMovLow16) + 1 == kRelocationKinds);
inline bool is_of_constant(RelocationKind kind) { return kind >= RelocationKind::Abs32; }

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
  uint32_t instruction;  // of that function's body
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
