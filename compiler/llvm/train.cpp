// train.cpp - what LLVM is laid out for: a module, compiled as the compiler's users do.
//
//   llvm-training MODULE x86_64|aarch64 quick|best
//
// In one process that ends by itself and is not confined, since it leaves a profile behind when it ends.
#include <cstdio>
#include <cstring>

#include "compile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  llvm::ExitOnError check("llvm-training: ");
  std::unique_ptr<llvm::MemoryBuffer> module = check(llvm::errorOrToExpected(llvm::MemoryBuffer::getFile(argv[1])));
  aotc::CompileOptions options;
  options.module_name = argv[1];
  options.architecture = check(aotc::parse_architecture(argv[2]));
  options.tier = std::strcmp(argv[3], "quick") == 0 ? aotc::Tier::Quick : aotc::Tier::Best;
  options.jobs = 1;  // threads would count for each other
  aotc::CompileResult result = check(aotc::compile(llvm::arrayRefFromStringRef(module->getBuffer()), options));
  std::printf("%s %s: %zu functions\n", argv[2], argv[3], result.stats.functions);
  return 0;
}
