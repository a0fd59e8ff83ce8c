// compilation.h - all state of one compile. Each phase reads what earlier ones left and fills its own part.
#pragma once

#include <array>
#include <future>

#include "facts.h"
#include "llvm/ADT/DenseSet.h"
#include "native/fragment.h"

namespace aotc {

// What makes a module Go-shaped; see go_shape.h.
struct GoShape {
  bool recognised = false;
  std::string reason;           // why not, for `aotc dump --after=shape`
  uint32_t resumable_type = 0;  // canonical index of (i32)->i32
  int64_t resume_loop = -1;     // function index of the loop that restarts goroutines
  // Per import: table index of the resumable function that calls it for Go code, AOTC_NONE when there is none.
  std::vector<uint32_t> import_wrappers;
  llvm::DenseSet<uint32_t> never_returns;  // resumable functions that can only unwind, such as runtime.morestack
};

// Fragments that belong to no wasm function.
enum class ThunkKind : uint8_t {
  Import,    // preserve_none function that calls host import `index`
  Entry,     // void(void): calls function `index` with arguments from the scratch slots
  TrapNull,  // target of null entries in static tables
  TrapType,  // target of entries of another type
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
  TablePlan tables;
  std::vector<int32_t> global_slots;    // per wasm global: its slot in the context, -1 when it is folded into the code
  std::vector<FunctionPlan> functions;  // per defined function
  std::vector<Fragment> fragments;      // likewise
  std::vector<Thunk> thunks;            // imports, then entries, then traps
  std::vector<uint8_t> artifact;
  std::future<std::array<uint8_t, 32>> digest;  // SHA-256 of `wasm`

  explicit Compilation(llvm::ArrayRef<uint8_t> bytes, const CompileOptions& opts) : wasm(bytes), options(opts) {}

  // Whether a wasm function is of the resumable type and defined here; an import of the same type is not resumable.
  bool is_resumable(uint32_t function) const {
    return go.recognised && function >= module.import_count() && module.type_index(function) == go.resumable_type;
  }
  const FunctionPlan& plan_of(uint32_t function) const { return functions[function - module.import_count()]; }
};

// Runs the phases of compile.cpp up to and including the one whose result `last` shows.
llvm::Error run_phases(Compilation& c, DumpPhase last);

}  // namespace aotc
