// relocation.h - the arithmetic of one relocation.
#pragma once

#include "fragment.h"
#include "llvm/ADT/ArrayRef.h"

namespace aotc {

// How many bytes a relocation patches.
uint32_t relocation_size(RelocationKind kind);

// Patches the bytes at `at`, whose address is `place`, with symbol + addend in `target`. Returns null, or why the value
// does not fit. `at` must have relocation_size(kind) bytes.
const char* apply_relocation(RelocationKind kind, uint8_t* at, uint64_t place, uint64_t target);

}  // namespace aotc
