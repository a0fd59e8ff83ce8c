// go_shape.h - recognise modules built by the Go toolchain by what they do, not by what they are called.
#pragma once

#include "compilation.h"

namespace aotc {

// Fills c.go. A module is Go-shaped when
//   - global 0 is a mutable, unexported i32: it can live in a register (Go's stack pointer),
//   - a type (i32)->i32 exists and every defined function of that type returns a constant 0 or 1, or what a call of
//   such
//     a function returned: its result means "unwinding" and can become a jump; exported functions that return something
//     else get a type of their own, so that a call through a table, which Go never makes, traps,
//   - no import can be reached through a table (imports return other things),
//   - a ()->() function calls that type through a table in a loop: the loop that restarts goroutines,
//   - most functions have that type.
// The first three are what the special treatment needs to be correct; the others keep it away from modules that are not
// Go's and would only lose exact traps on unused loads.
void recognise_go(Compilation& c);

// After plan_tables(): finds the wrapper of each import, where a frozen program goes on. It is the shortest resumable
// function that calls the import, since wasm-opt may inline the wrapper elsewhere. Nothing for other modules than Go's.
void find_import_wrappers(Compilation& c);

}  // namespace aotc
