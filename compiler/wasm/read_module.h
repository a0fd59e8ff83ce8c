// read_module.h - wasm bytes to Module: parse and validate.
#pragma once

#include "llvm/Support/Error.h"
#include "module.h"

namespace aotc {

// Messages read "NAME: function 412 (runtime.mallocgc): offset 0x1f3a: unexpected opcode 0xfe". Unsupported features
// are refused by name and offset. Data segments of the result point into `wasm`. The result is the same with any number
// of threads.
llvm::Expected<Module> read_module(llvm::ArrayRef<uint8_t> wasm, const std::string& module_name, unsigned threads = 1);

}  // namespace aotc
