// Effort::Masked, the last resort where an address cannot be proved: LLVM sees nothing of an index but its 32 bits, so
// it has to make them anew at each access, and check_fragment accepts the result.
#include <gtest/gtest.h>

#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "lower/lower.h"
#include "native/base_register.h"
#include "native/codegen.h"
#include "native/cpu_baseline.h"
#include "verify/check_fragment.h"
#include "wasm/read_module.h"
#include "wasm_bytes.h"

namespace aotc {
namespace {

using namespace wasm;

// Stores to an index what is loaded from there, 8 further; then the same at an index that is a constant.
const Bytes kModule = module(
    {types({func_type({kI32}, {})}), functions({0}), memory(1),
     code({body({0x20, 0, 0x20, 0, 0x28, 2, 8, 0x36, 2, 0, 0x41, 16, 0x41, 16, 0x28, 2, 8, 0x36, 2, 0, 0x0b})})});

class MaskedCode : public testing::TestWithParam<Architecture> {
 protected:
  MaskedCode() : c_(kModule, options_), generator_(GetParam(), all_cpu_baselines(GetParam())[0].name, Effort::Masked) {
    options_.architecture = GetParam();
    options_.cpu = all_cpu_baselines(GetParam())[0].name;
    c_.module = llvm::cantFail(read_module(kModule, "t.wasm"));
    c_.functions.resize(1);
    CompileUnit unit;
    UnitBinding binding;
    make_unit(c_, 0, true, unit, binding);
    lowered_ = llvm::cantFail(lower_function(unit, generator_.begin(1)));
  }
  CompileOptions options_;
  Compilation c_;
  CodeGenerator generator_;
  Lowered lowered_;
};

bool is_made_anew(const llvm::Value* pointer) {
  if (auto* sum = llvm::dyn_cast<llvm::GetElementPtrInst>(pointer)) pointer = sum->getPointerOperand();
  auto* start = llvm::dyn_cast<llvm::IntToPtrInst>(pointer);
  auto* wide = start ? llvm::dyn_cast<llvm::ZExtInst>(start->getOperand(0)) : nullptr;
  auto* call = wide ? llvm::dyn_cast<llvm::CallInst>(wide->getOperand(0)) : nullptr;
  return call && call->isInlineAsm() && call->getNextNode() == wide;
}

TEST_P(MaskedCode, EachIndexIsMadeAnew) {
  mask_at_each_access(*lowered_.ir);
  unsigned masked = 0, others = 0;
  for (llvm::Instruction& instruction : llvm::instructions(lowered_.ir->getFunction("f0")))
    if (const llvm::Value* pointer = llvm::getLoadStorePointerOperand(&instruction))
      ++(is_made_anew(pointer) ? masked : others);
  EXPECT_EQ(masked, 2u) << "of the index that is not known";
  EXPECT_EQ(others, 2u) << "of the constant";
}

TEST_P(MaskedCode, IsAccepted) {
  generator_.optimize(*lowered_.ir);
  EXPECT_EQ(
      llvm::toString(check_fragment(llvm::cantFail(std::move(generator_.generate(lowered_).front())), GetParam())), "");
}

INSTANTIATE_TEST_SUITE_P(Targets, MaskedCode, testing::Values(Architecture::X86_64, Architecture::AArch64));

}  // namespace
}  // namespace aotc
