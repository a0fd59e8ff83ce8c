// known_functions.h - functions of Go's library for which the runtime has something better than Go's code for wasm.
//
// Go's native ports write these in assembly; its wasm port has byte loops and portable code. They are recognised by
// what they are, not by what they are called: type, locals and the whole body have to be Go's, and the table of
// constants that SHA-256 reads has to be the right one. Code of a Go version that is not known here runs as it is.
// Compiled code asks the helper first and goes on with Go's own body if it may not answer, so that operands out of
// bounds, wrap-around and panics stay Go's (lower_known.cpp).
#pragma once

#include "facts.h"
#include "llvm/ADT/DenseSet.h"
#include "wasm/module.h"

namespace aotc {

class KnownFunctions {
 public:
  // `never_returns`: functions that can only unwind, see go_shape.h.
  KnownFunctions(const Module& module, const llvm::DenseSet<uint32_t>& never_returns);

  // `is_resumable`: of Go's type, see go_shape.h.
  std::optional<KnownFunction> find(uint32_t defined_index, bool is_resumable) const;

  // 64 hexadecimal digits that stand for a function's type, locals and body, and those of the functions it calls: what
  // known_functions.def holds and `dump --after=shape --function` shows. See known_functions.cpp for what they leave
  // out.
  std::string fingerprint(uint32_t defined_index) const;

 private:
  friend class Description;
  const Module& module_;
  const llvm::DenseSet<uint32_t>& never_returns_;
  std::vector<const DataSegment*> data_;  // of initial memory, ascending; none if they overlap
};

const char* known_function_name(KnownFunction known);

}  // namespace aotc
