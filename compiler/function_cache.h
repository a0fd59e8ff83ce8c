// function_cache.h - where functions that have been compiled before are kept, as the compiler sees it.
//
// A record is what one function was made of and what was made of it:
//
//   record ::= size-of-unit:u32 unit fragment
//
// The unit is all that lowering, optimising and emitting could read (compile_unit.h); its hash is the record's key. The
// hash is not one that nobody can collide, so whoever takes a record compares the unit, and whoever keeps one works out
// its key himself.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "llvm/ADT/ArrayRef.h"

namespace aotc {

using FunctionKey = std::array<uint8_t, 16>;
using FunctionRecord = std::vector<uint8_t>;

// Larger ones are not kept.
constexpr size_t kMostRecord = 32 << 20;

FunctionKey function_key(llvm::ArrayRef<uint8_t> unit);

// Nothing if it is too short for what it says.
std::optional<llvm::ArrayRef<uint8_t>> unit_of_record(llvm::ArrayRef<uint8_t> record);

// Used by one thread at a time. No call fails: what cannot be had is compiled, what cannot be kept is forgotten.
class FunctionCache {
 public:
  virtual ~FunctionCache() = default;
  // These will be asked for, in such calls and this order: whoever has to go far for them can be under way. Their units
  // have so many bytes together; compiling them takes time in proportion to that.
  virtual void expect(llvm::ArrayRef<FunctionKey>, uint64_t /*bytes*/) {}
  // One record per key, in their order; empty where there is none.
  virtual std::vector<FunctionRecord> get(llvm::ArrayRef<FunctionKey> keys) = 0;
  virtual void put(llvm::ArrayRef<FunctionRecord> records) = 0;
};

}  // namespace aotc
