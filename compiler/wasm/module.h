// module.h - a decoded, validated wasm module. read_module fills it; recognise_go gives some functions a type, Go's
// table names.
//
// Function bodies are flat arrays of 16-byte instructions with the block structure already matched up, so later phases
// walk them by index and never decode LEB128 again. Everything in here has passed validation: indices are in range,
// operand types agree, blocks nest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "llvm/ADT/ArrayRef.h"

namespace aotc {

// Encodings of the WebAssembly binary format.
enum class ValueType : uint8_t { I32 = 0x7f, I64 = 0x7e, F32 = 0x7d, F64 = 0x7c, V128 = 0x7b, FuncRef = 0x70 };

enum class Op : uint16_t {
#define AOTC_OP(code, name, text) name = code,
#include "opcodes.def"
#undef AOTC_OP
  // No module has these: constants of a CompileUnit whose value is not part of it.
  I32Symbol = 0xff00,
  I64Symbol,
};

// The text-format name, e.g. "i32.add".
const char* op_text(Op op);

struct FuncType {
  std::vector<ValueType> params;
  std::vector<ValueType> results;
  bool operator==(const FuncType& other) const = default;
};

// One instruction. What `imm` holds depends on `op`:
//   i32.const i64.const f32.const f64.const   the bits, zero-extended (i32.const: 32 bits)
//   I32Symbol I64Symbol                       the number of the symbol
//   local.* global.* call ref.func            the index
//   call_indirect                             type index | table index << 32
//   br br_if                                  the relative depth
//   br_table                                  index of the first target in FunctionBody::br_targets | count << 32; the
//                                             default is the last of the `count` targets
//   block loop if else                        instruction index of the matching end (if: of its else when it has one)
//   loads and stores                          the offset
//   memory.init data.drop elem.drop           the segment
//   table.get/set/size/grow/fill              the table
//   table.init                                segment | table << 32
//   table.copy                                destination table | source table << 32
struct Instr {
  Op op;
  // block, loop, if: index into Module::types when >= 0, else -1 for no operands and results, or -(ValueType) - 2 for
  // one result. (0x7f fits: int16_t.)
  int16_t block_type = -1;
  uint32_t offset = 0;  // bytes from the start of the module
  uint64_t imm = 0;

  uint32_t low() const { return static_cast<uint32_t>(imm); }
  uint32_t high() const { return static_cast<uint32_t>(imm >> 32); }
};
static_assert(sizeof(Instr) == 16);

struct FunctionBody {
  std::vector<ValueType> locals;  // parameters first
  std::vector<Instr> code;        // ends with the function's own `end`
  std::vector<uint32_t> br_targets;
  uint32_t offset = 0;  // of the body in the module
  uint32_t size = 0;    // bytes of the body
};

struct Import {
  std::string module;
  std::string field;
  uint32_t type;        // index into types
  uint32_t offset = 0;  // of `module` in the module's bytes
};

struct DefinedFunction {
  uint32_t type;  // index into types
  FunctionBody body;
};

struct Export {
  std::string name;
  uint8_t kind;  // 0 function, 1 table, 2 memory, 3 global
  uint32_t index;
};

struct Global {
  ValueType type;
  bool is_mutable;
  uint64_t init[2] = {0, 0};  // bits; a ref.func initialiser is index + 1
};

struct Table {
  uint32_t min;
  uint32_t max;  // 0xffffffff: none given
};

enum class SegmentMode : uint8_t { Active, Passive, Declared };

struct ElemSegment {
  SegmentMode mode;
  uint32_t table = 0;
  uint32_t address = 0;
  std::vector<uint32_t> entries;  // function index + 1, 0 for null
};

struct DataSegment {
  SegmentMode mode;
  uint32_t address = 0;
  llvm::ArrayRef<uint8_t> bytes;  // points into the module's bytes
};

struct Module {
  std::vector<FuncType> types;  // canonical: no two are equal (but see go_shape.h); all type indices refer to these
  std::vector<Import> imports;  // functions only; other kinds of import are refused
  std::vector<DefinedFunction> functions;
  std::vector<Export> exports;
  std::vector<Global> globals;
  std::vector<Table> tables;
  std::vector<ElemSegment> elems;
  std::vector<DataSegment> datas;
  std::vector<std::string> names;  // one per function, imports first; empty when unknown
  bool has_memory = false;
  uint32_t memory_min = 0;      // wasm pages
  uint32_t memory_max = 65536;  // wasm pages
  int64_t start = -1;           // function index, or -1

  uint32_t import_count() const { return static_cast<uint32_t>(imports.size()); }
  uint32_t function_count() const { return static_cast<uint32_t>(imports.size() + functions.size()); }
  uint32_t type_index(uint32_t function) const {
    return function < imports.size() ? imports[function].type : functions[function - imports.size()].type;
  }
  const FuncType& type_of(uint32_t function) const { return types[type_index(function)]; }
  // "runtime.mallocgc", or "function 412" when it has no name.
  std::string display_name(uint32_t function) const;
  // "function 412 (runtime.mallocgc)", or "function 412".
  std::string full_name(uint32_t function) const;
};

}  // namespace aotc
