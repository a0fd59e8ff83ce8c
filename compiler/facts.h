// facts.h - what is found out of a module, once, before any code is made. What of it matters for one function becomes
// part of that function's CompileUnit.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "compile.h"
#include "wasm/module.h"

namespace aotc {

// How much is done for a function. `Large` is for functions on which LLVM's better algorithms, which are not linear,
// would take minutes: tables written as code. Their locals stay in memory, see SsaBuilder::keep_in_memory. `Lean` is
// `Best` for modules that an optimizing compiler has made, as all but Go's: what that has done is not done again.
// `Plain` is `Best` without the passes on loops that take away what bounds an address, for functions of which
// check_fragment could not prove it. `Masked` masks each index where it is used and optimizes nothing, for those that
// are refused all the same.
enum class Effort : uint8_t { Quick, Best, Large, Lean, Plain, Masked };
inline constexpr size_t kEfforts = 6;
static_assert(static_cast<size_t>(Effort::Masked) + 1 == kEfforts);

// A function of Go's library that a helper does better; see known_functions.h. From Sha256 on they are resumable, with
// their arguments on Go's stack; after it, in the order of enum aotc_known.
enum class KnownFunction : uint8_t {
  MemEqual,    // memeqbody(p, q, n i64) i64
  MemCompare,  // memcmp(p, q, n i32) i32
  MemChr,      // memchr(p, byte, n i32) i32
  Sha256,      // sha256.blockGeneric(digest, data []byte)
  AesEncrypt,
  AesDecrypt,
  AesEncryptWords,
  AesDecryptWords,
  Crc32,
  IndexString,
  IndexBytes,
  CarrylessMultiply,
  Fma,
  Sha1,
  AesCount,
  GcmCount,
};
inline constexpr size_t kKnownFunctions = 16;
static_assert(static_cast<size_t>(KnownFunction::GcmCount) + 1 == kKnownFunctions);

struct FunctionPlan {
  Effort effort = Effort::Quick;  // the first that is tried
  bool inlines = false;           // takes small callees into itself
  std::optional<KnownFunction> known;
  bool never_returns = false;     // resumable, and can only unwind, such as runtime.morestack
  bool is_small_leaf = false;     // a few instructions without a call
  bool is_straight_leaf = false;  // a Go function of some more, without a branch either
  // Ascending: the values of PC_B with which it can be entered; empty when that is not known, and then every block can
  // be. See resume_points.h.
  std::vector<uint32_t> resume_points;
};

// How each wasm table is reached. A table that nothing can change at run time becomes, per function type used to call
// through it, an array of 32-bit offsets in rodata: entry i holds (code of function i) - (address of the array). An
// entry of another type, or null, leads to a trap fragment, so that the call needs no type check. Every other table
// lives in the instance as function references, and a call looks its target up in the array of function descriptors: 8
// bytes per function, {int32 (code) - (address of the array), uint32 type index}, imports included.
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

}  // namespace aotc
