// compilation.h - all state of one compile. Each phase reads what earlier ones left and fills its own part.
#pragma once

#include <optional>

#include "compile.h"
#include "native/fragment.h"
#include "wasm/module.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace aotc {

// A function of Go's library that a helper does better; see known_functions.h.
enum class KnownFunction : uint8_t {
  MemEqual,    // memeqbody(p, q, n i64) i64
  MemCompare,  // memcmp(p, q, n i32) i32
  MemChr,      // memchr(p, byte, n i32) i32
  Sha256,      // sha256.blockGeneric(digest, data []byte), a resumable function
};

// What makes a module Go-shaped; see go_shape.h.
struct GoShape {
  bool recognised = false;
  std::string reason;          // why not, for `aotc dump --after=shape`
  uint32_t resumable_type = 0; // canonical index of (i32)->i32
  int64_t resume_loop = -1;    // function index of the loop that restarts goroutines
  // Per import: table index of the resumable function that calls it for Go code, AOTC_NONE when there is none.
  std::vector<uint32_t> import_wrappers;
  // Per defined function, ascending: the values of PC_B with which it can be entered. Empty when that is not known, and then
  // every block of a function can be. See resume_points.h.
  std::vector<std::vector<uint32_t>> resume_points;
  llvm::DenseSet<uint32_t> never_returns;  // resumable functions that can only unwind, such as runtime.morestack
};

// How each wasm table is reached. A table that nothing can change at run time becomes, per function type used to call
// through it, an array of 32-bit offsets in rodata: entry i holds (code of function i) - (address of the array). An entry
// of another type, or null, leads to a trap fragment, so that the call needs no type check. Every other table lives in the
// instance as function references, and a call looks its target up in the array of function descriptors: 8 bytes per
// function, {int32 (code) - (address of the array), uint32 type index}, imports included.
struct StaticTable {
  uint32_t table;
  uint32_t type;
};

struct TablePlan {
  std::vector<StaticTable> static_tables;
  std::vector<int32_t> descriptor;  // per wasm table: index of its struct aotc_table, or -1 when it is static
  std::vector<std::vector<uint32_t>> contents;  // per static wasm table: function index + 1, 0 for null; `min` entries
  bool needs_function_refs = false;

  // Index into static_tables, or -1.
  int find(uint32_t table, uint32_t type) const {
    for (size_t i = 0; i < static_tables.size(); ++i)
      if (static_tables[i].table == table && static_tables[i].type == type) return static_cast<int>(i);
    return -1;
  }
};

// Fragments that belong to no wasm function.
enum class ThunkKind : uint8_t {
  Import,     // preserve_none function that calls host import `index`
  Entry,      // void(void): calls function `index` with arguments from the scratch slots
  TrapNull,   // target of null entries in static tables
  TrapType,   // target of entries of another type
};

struct Thunk {
  ThunkKind kind;
  uint32_t index = 0;
  std::string name;  // of its symbol: aotc.import.fd_write, aotc.entry._start
  Fragment fragment;
};

struct Compilation {
  llvm::ArrayRef<uint8_t> wasm;
  const CompileOptions& options;
  CompileStats stats;

  Module module;
  GoShape go;
  llvm::DenseMap<uint32_t, KnownFunction> known;  // by defined function
  TablePlan tables;
  std::vector<int32_t> global_slots;  // per wasm global: its slot in the context, -1 when it is folded into the code
  std::vector<Fragment> fragments;    // per defined function, in wasm order
  std::vector<Thunk> thunks;          // imports, then entries, then traps
  std::vector<uint8_t> artifact;

  explicit Compilation(llvm::ArrayRef<uint8_t> bytes, const CompileOptions& opts) : wasm(bytes), options(opts) {}

  // The code of a wasm function: its own fragment, or the import's thunk. Null for an import that nothing refers to.
  const Fragment* fragment_of(uint32_t function) const {
    if (function >= module.import_count()) return &fragments[function - module.import_count()];
    for (const Thunk& thunk : thunks)
      if (thunk.kind == ThunkKind::Import && thunk.index == function) return &thunk.fragment;
    return nullptr;
  }
};

// Runs the phases of compile.cpp up to and including the one whose result `last` shows.
llvm::Error run_phases(Compilation& c, DumpPhase last);

}  // namespace aotc
