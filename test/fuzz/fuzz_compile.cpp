// fuzz_compile.cpp - all of the compiler: what is read is lowered, verified, optimised, checked as machine code and
// linked. A module that is valid and yet refused, but for its size, is as bad as a crash: a check of ours found what
// another part of ours had made.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "compile.h"

namespace {

// Which of the inputs came as far as machine code: told at the end, so that nobody takes refused modules for tested
// ones.
struct Reached {
  unsigned long long modules = 0, functions = 0;
  ~Reached() { std::fprintf(stderr, "%llu modules with %llu functions compiled\n", modules, functions); }
} reached;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (llvm::Error error = aotc::validate({data, size}, "fuzz.wasm", aotc::Imports::Any)) {
    llvm::consumeError(std::move(error));
    return 0;
  }
  aotc::CompileOptions options;
  options.module_name = "fuzz.wasm";
  options.jobs = 1;
  options.imports = aotc::Imports::Any;
  // One of the four ways, by what is in the module, so that an input means the same each time.
  unsigned sum = 0;
  for (size_t i = 0; i < size; ++i) sum += data[i];
  options.architecture = sum & 1 ? aotc::Architecture::X86_64 : aotc::Architecture::AArch64;
  options.tier = sum & 2 ? aotc::Tier::Quick : aotc::Tier::Best;
  llvm::Expected<aotc::CompileResult> result = aotc::compile({data, size}, options);
  if (!result) {
    std::string message = llvm::toString(result.takeError());
    for (const char* limit : {"too many ", "larger than "})
      if (message.find(limit) != std::string::npos) return 0;
    std::fprintf(stderr, "%s\n", message.c_str());
    std::abort();
  }
  ++reached.modules;
  reached.functions += result->stats.functions;
  return 0;
}
