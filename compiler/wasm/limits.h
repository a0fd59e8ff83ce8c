// limits.h - the constants of limits.def.
#pragma once

#include <cstdint>

#include "aotc/abi.h"

namespace aotc {

#define LIMIT(name, value, what) constexpr uint64_t name = value;
#include "limits.def"
#undef LIMIT

// These are what native code and runtime agree on.
static_assert(kMaxTables == AOTC_MAX_TABLES && kMaxMutableGlobals == AOTC_MAX_GLOBALS && kMaxFrame == AOTC_MAX_FRAME);
// What Instr::block_type holds; what fits the scratch slots (abi.h).
static_assert(kMaxBlockType == INT16_MAX);

}  // namespace aotc
