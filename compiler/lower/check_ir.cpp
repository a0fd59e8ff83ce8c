// check_ir.cpp - see check_ir.h.
#include "check_ir.h"

#include "llvm/IR/Verifier.h"
#include "llvm/Support/raw_ostream.h"

namespace aotc {

using namespace llvm;

Error check_ir(const llvm::Module& module) {
  std::string text;
  raw_string_ostream out(text);
  if (!verifyModule(module, &out)) return Error::success();
  return createStringError(inconvertibleErrorCode(), "lowered to invalid IR: " + StringRef(text).split('\n').first);
}

}  // namespace aotc
