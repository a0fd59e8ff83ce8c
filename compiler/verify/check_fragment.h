// check_fragment.h - the second line of defence: no fragment may touch the base register, reach the kernel or leave its
// memory.
#pragma once

#include "compile.h"
#include "native/fragment.h"

namespace aotc {

// Disassembles `fragment.text` and fails when an instruction does not decode, writes the base register (x86-64:
// wrgsbase, swapgs, mov/pop to a segment register; AArch64: any definition of x28), enters the kernel or is otherwise
// privileged, accesses memory at an address, or goes on at a place, that is not proved to be its own
// (check_addresses.cpp says what that is), or when the frame is larger than AOTC_MAX_FRAME. Decoder state is per
// thread.
llvm::Error check_fragment(const Fragment& fragment, Architecture architecture);

}  // namespace aotc
