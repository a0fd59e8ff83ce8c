// compile_unit.h - one function with all that compiling it may read, and nothing that says which module it is from.
//
// Lowering, optimising and emitting see a unit and nothing else, so equal units make equal code, and a unit's bytes
// (encode_unit) are the key under which code is kept. What differs between two programs that contain the same function
// is left out of it: functions, types, globals and tables are numbered in the order in which they are met, small
// callees lie in it with their bodies, and in Go's modules constants that are likely to be addresses or numbers of
// functions are symbols, to which the linker gives a value. What the unit's numbers stand for in one module is in its
// UnitBinding.
//
// Code is right for every value of its symbols, so it does not matter for what an instruction uses one. A constant is
// taken for a symbol by the instruction behind it and by its value alone, not by where a module's data lie, or the same
// function would be another one in a larger program.
#pragma once

#include <string>

#include "compilation.h"

namespace aotc {

enum class UnitKind : uint8_t {
  Function,  // the code of functions[0]
  Import,    // preserve_none function that calls host import `import`, whose type functions[0] has
  Entry,     // void(void): calls functions[0] with arguments from the scratch slots
  TrapNull,
  TrapType,
};
inline constexpr size_t kUnitKinds = 5;

// Values that a symbol may have: small enough for a 32-bit immediate that is extended with its sign, also with an
// offset added to it.
inline constexpr uint64_t kLeastConstant = 4096, kMostConstant = (uint64_t{1} << 31) - (1u << 25);

// How many calls deep callees are inlined.
inline constexpr unsigned kDeepestInlined = 3;

struct UnitFunction {
  uint32_t type = 0;
  bool is_import = false;
  bool is_resumable = false;
  bool never_returns = false;
  std::optional<KnownFunction> known;
  std::vector<uint32_t> resume_points;
  FunctionBody body;  // no code: it cannot be inlined
};

struct UnitGlobal {
  ValueType type = ValueType::I32;
  int32_t slot = -1;  // -1: it is `init`
  uint64_t init = 0;
};

struct UnitTable {
  int32_t descriptor = -1;  // -1: static
  uint32_t max = 0;
  uint32_t size = 0;  // of a static one; if `size_is_symbol`, the number of a symbol
  bool size_is_symbol = false;
};

struct UnitStaticTable {
  uint32_t table = 0, type = 0;
  bool operator==(const UnitStaticTable& other) const = default;
};

struct CompileUnit {
  UnitKind kind = UnitKind::Function;
  Architecture architecture = Architecture::X86_64;
  std::string cpu;                // also when it is the default
  Effort effort = Effort::Quick;  // the first that is tried
  bool is_go = false;
  uint32_t resumable_type = 0;
  uint32_t import = 0;
  std::vector<FuncType> types;
  // Of blocks, numbered by themselves: Instr::block_type has no room for every type.
  std::vector<FuncType> block_types;
  std::vector<uint32_t> type_ids;  // per type: what calls through tables that can change compare, 0 if none does
  std::vector<UnitFunction> functions;
  std::vector<UnitGlobal> globals;  // Go's stack pointer first
  std::vector<UnitTable> tables;
  std::vector<UnitStaticTable> static_tables;
  uint32_t symbols = 0;  // how many constants are none; I32Symbol and I64Symbol refer to them

  // Index into static_tables, or -1.
  int find_static_table(uint32_t table, uint32_t type) const;
};

// What a unit's numbers stand for.
struct UnitBinding {
  std::vector<uint32_t> functions;      // of the module
  std::vector<uint32_t> static_tables;  // of TablePlan
  std::vector<uint32_t> symbols;        // values, none twice
};

// Constants stay what they are if not `symbolic`.
void make_unit(const Compilation& c, uint32_t defined_index, bool symbolic, CompileUnit& unit, UnitBinding& binding);
void make_unit(const Compilation& c, const Thunk& thunk, CompileUnit& unit, UnitBinding& binding);

// Begins with what this compiler is, so that no other takes it for one of its own.
std::vector<uint8_t> encode_unit(const CompileUnit& unit);

// Nothing if it is not the bytes of a unit, or those of another compiler. Its numbers and instructions are what
// somebody has written: for who compiles it in a process that may be taken over.
std::optional<CompileUnit> decode_unit(llvm::ArrayRef<uint8_t> bytes);

}  // namespace aotc
