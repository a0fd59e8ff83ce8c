// fuzz_wasm.cpp - reading and validating a module, as far as the server's workers and `aotc validate` go before
// compiling.
#include <cstdint>

#include "compile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  llvm::consumeError(aotc::validate({data, size}, "fuzz.wasm", aotc::Imports::Any));
  return 0;
}
