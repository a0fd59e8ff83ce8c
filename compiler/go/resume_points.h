// resume_points.h - where a Go function can be entered in the middle.
//
// PC_B, the parameter of every Go function, can name any of its basic blocks, and the table at the function's entry
// leads to all of them. Taken literally, every block has a second predecessor and no loop is a loop. But a running
// program only ever enters a function at 0 or at an address that something has put on a goroutine's stack:
//   - the return address of a call, a constant in the code: function << 16 | PC_B; calls that panic are left out, and
//     calls of functions that call nobody, or only to panic,
//   - the call of runtime.deferreturn, to which a recovered panic returns: it is in Go's function table,
//   - runtime.goexit at 1, the return address of a goroutine's first function.
// The table keeps these and traps (AOTC_TRAP_RESUME) on others. Without Go's function table nothing is pruned.
#pragma once

#include "facts.h"
#include "pclntab.h"

namespace aotc {

// Per defined function, ascending: the values of PC_B with which it can be entered. Empty lists where that is not
// known.
std::vector<std::vector<uint32_t>> find_resume_points(const Module& module, const TablePlan& tables,
                                                      const std::vector<GoFunction>& functions);

}  // namespace aotc
