// known_functions.h - functions of Go's library for which the runtime has something better than Go's code for wasm.
//
// Go's native ports write these in assembly; its wasm port has byte loops and portable code. They are recognised by
// what they are, not by what they are called: by a fingerprint of the whole body, in which only what the linker fills
// in (functions called, addresses) is left out, and the table of constants that SHA-256 reads must be the right one.
// Code of a Go version that is not known here runs as it is. Compiled code asks the helper first and falls back to Go's
// own body, so that operands out of bounds, wrap-around and panics stay Go's (lower_known.cpp).
#pragma once

#include "compilation.h"

namespace aotc {

// Fills c.known.
void find_known_functions(Compilation& c);

// What `dump --after=read` shows of a body: to be added to the table when a Go version changes it.
uint64_t fingerprint(const Module& module, const DefinedFunction& function);

const char* known_function_name(KnownFunction known);

}  // namespace aotc
