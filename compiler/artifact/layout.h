// layout.h - where code and constants lie: offsets from the start of text and of rodata, before these have a place in
// the file.
#pragma once

#include "compilation.h"

namespace aotc {

// A fragment and its place: all functions in wasm order, then all thunks.
struct Unit {
  const Fragment* fragment;
  uint64_t text = 0;    // offset from the start of text
  uint64_t rodata = 0;  // offset from the start of rodata
};

inline constexpr uint64_t kSectionAlign = 64;

class Layout {
 public:
  explicit Layout(const Compilation& c);
  llvm::Error lay_out_text();
  llvm::Error lay_out_rodata();

  // The unit that is the code of a wasm function; -1 for an import without thunk.
  int64_t function_unit(uint32_t function) const;
  // Offset in text of a wasm function's entry thunk; AOTC_NONE when there is none, or no function.
  uint32_t entry_code(int64_t function) const;
  // Of a function that a fragment names, or null.
  const FunctionBody* body_of(const Fragment& fragment, uint32_t symbol) const;
  // "function 412 (runtime.mallocgc)" or "thunk aotc.entry._start".
  std::string unit_name(size_t unit) const;
  llvm::Error error(const std::string& message) const;

  const Compilation& c;
  const bool is_arm;
  std::vector<Unit> units;
  int64_t trap_null_unit = -1;
  int64_t trap_type_unit = -1;
  uint64_t text_size = 0;
  uint64_t text_padding = 0;  // offset in text of trap instructions that belong to no function
  uint64_t rodata_size = 0;
  uint64_t rodata_align = kSectionAlign;
  std::vector<uint64_t> static_tables;  // offsets in rodata
  uint64_t function_refs = 0;           // offset in rodata

 private:
  std::vector<int64_t> import_units_;
  llvm::DenseMap<uint32_t, size_t> entry_units_;  // wasm function to the unit of its entry thunk
};

}  // namespace aotc
