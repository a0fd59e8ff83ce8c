// fragment.h - the native code of one function, before it has an address.
//
// A fragment is position independent: bytes, and relocations against symbols named by kind and ordinal. It holds no
// pointer and no name of another function, so that a fragment can be stored and linked into another module.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace aotc {

enum class SymbolKind : uint8_t {
  Function,     // ordinal: wasm function index; imports stand for their host-call thunk
  StaticTable,  // ordinal: index into TablePlan::static_tables
  FunctionRefs, // the array of function descriptors, see TablePlan
  Text,         // start of this fragment's own text
  Rodata,       // start of this fragment's own rodata
};

// The value stored is S + A - P unless noted; S the symbol, A the addend, P the address of the patched bytes.
enum class RelocationKind : uint8_t {
  Pc32,            // 32 bits, range-checked signed
  Pc64,
  ArmCall26,       // bl, b: (S + A - P) >> 2 in 26 bits
  ArmAdrpPage21,   // adrp: Page(S + A) - Page(P)
  ArmAddLow12,     // add: (S + A) & 0xfff
  ArmLoad8Low12,   // ldr/str with the offset scaled by 1, 2, 4, 8, 16
  ArmLoad16Low12,
  ArmLoad32Low12,
  ArmLoad64Low12,
  ArmLoad128Low12,
};

enum class FragmentSection : uint8_t { Text, Rodata };

struct Relocation {
  uint32_t offset;  // of the patched bytes in `section`
  FragmentSection section;
  RelocationKind kind;
  SymbolKind symbol;
  uint32_t ordinal;
  int64_t addend;
};

struct TrapSite {
  uint32_t offset;       // of the trap instruction in text
  uint32_t wasm_offset;  // in the module
};

struct Fragment {
  std::vector<uint8_t> text;
  std::vector<uint8_t> rodata;
  uint32_t text_align = 16;
  uint32_t rodata_align = 1;
  uint32_t frame_size = 0;  // bytes below the return address
  std::vector<Relocation> relocations;
  std::vector<TrapSite> trap_sites;  // ascending
  std::vector<uint8_t> cfi;          // DWARF call frame instructions of the FDE, after the CIE's initial ones
};

}  // namespace aotc
