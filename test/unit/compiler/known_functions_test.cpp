// KnownFunctions and what rests on it: nothing but Go's own function is known, and lowering does not take its
// word.
#include "go/known_functions.h"

#include <gtest/gtest.h>

#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "lower/check_ir.h"
#include "lower/lower.h"
#include "wasm/read_module.h"
#include "wasm_bytes.h"

namespace aotc {
namespace {

using namespace wasm;

class KnownFunctionsTest : public testing::Test {
 protected:
  KnownFunctionsTest() : c_(bytes_, options_) {
    c_.module = llvm::cantFail(read_module(bytes_, "t.wasm"));
    c_.functions.resize(1);
  }

  bool is_known() const { return find().has_value(); }
  std::optional<KnownFunction> find() const { return KnownFunctions(c_.module, c_.go.never_returns).find(0, false); }
  std::string lower() {
    CompileUnit unit;
    UnitBinding binding;
    make_unit(c_, 0, true, unit, binding);
    llvm::LLVMContext context;
    return llvm::toString(lower_function(unit, context).takeError());
  }
  FunctionBody& body() { return c_.module.functions[0].body; }

  const Bytes bytes_ =
      module({types({func_type({kI64, kI64, kI64}, {kI64})}), functions({0}), memory(1), code({body_of()})});
  static Bytes body_of() { return wasm::body(memeqbody()); }
  CompileOptions options_;
  Compilation c_;
};

TEST_F(KnownFunctionsTest, Knows) {
  EXPECT_TRUE(is_known());
  EXPECT_EQ(find(), KnownFunction::MemEqual);
}

TEST_F(KnownFunctionsTest, TypeCounts) {
  FuncType& type = c_.module.types[0];
  const FuncType right = type;
  type.results.clear();
  EXPECT_FALSE(is_known());
  body().locals.push_back(ValueType::I64);
  EXPECT_FALSE(is_known());
  type = right;
  EXPECT_FALSE(is_known());
  body().locals.pop_back();
  EXPECT_TRUE(is_known());
  type.results.push_back(ValueType::I64);
  EXPECT_FALSE(is_known());
  type = {{ValueType::I64, ValueType::I64}, {ValueType::I64}};
  EXPECT_FALSE(is_known());
  type = {{}, {ValueType::I64, ValueType::I64, ValueType::I64, ValueType::I64}};
  EXPECT_FALSE(is_known());
}

TEST_F(KnownFunctionsTest, LocalsCount) {
  for (ValueType& local : body().locals) {
    local = ValueType::F64;
    EXPECT_FALSE(is_known());
    local = ValueType::I64;
  }
  EXPECT_TRUE(is_known());
}

TEST_F(KnownFunctionsTest, EveryInstructionCounts) {
  for (Instr& instr : body().code) {
    const Instr right = instr;
    instr.op = right.op == Op::Nop ? Op::Drop : Op::Nop;
    EXPECT_FALSE(is_known());
    instr = right;
    instr.imm ^= 1;
    EXPECT_FALSE(is_known()) << op_text(instr.op);
    instr.imm = right.imm | 1ull << 40;
    EXPECT_FALSE(is_known()) << op_text(instr.op);
    instr = right;
    if (instr.op == Op::If || instr.op == Op::Loop) {
      for (int16_t type : {-2 - 0x7f, 0}) {
        instr.block_type = type;
        EXPECT_FALSE(is_known());
      }
    }
    instr = right;
  }
  EXPECT_TRUE(is_known());
}

// What stands for a function that calls one of two others, which differ.
class FingerprintTest : public testing::Test {
 protected:
  static constexpr uint64_t kNever = 3;

  std::string of(std::vector<Instr> code) {
    code.push_back({Op::End});
    module_.functions[0].body.code = std::move(code);
    return KnownFunctions(module_, never_returns_).fingerprint(0);
  }
  // Whether the first instruction's operand makes no difference before these.
  bool is_left_out(Op op, const std::vector<Instr>& rest) {
    std::string found[2];
    for (uint64_t i = 0; i < 2; ++i) {
      std::vector<Instr> code = {{op, -1, 0, op == Op::Call ? 1 + i : 5000 + i}};
      code.insert(code.end(), rest.begin(), rest.end());
      found[i] = of(code);
      EXPECT_NE(found[i], "");
    }
    return found[0] == found[1];
  }

  const llvm::DenseSet<uint32_t> never_returns_ = {kNever};
  const Bytes bytes_ = module({types({func_type({}, {})}), functions({0, 0, 0, 0}),
                               code({body({0x0b}), body({0x01, 0x0b}), body({0x01, 0x01, 0x0b}), body({0x00, 0x0b})})});
  Module module_ = llvm::cantFail(read_module(bytes_, "t.wasm"));
};

TEST_F(FingerprintTest, LeavesOutWhatOnlyPanics) {
  const Instr nop{Op::Nop}, end{Op::End}, trap{Op::Unreachable}, leave{Op::BrIf}, again{Op::Call, -1, 0, 2};
  const std::vector<std::vector<Instr>> panics = {
      {trap}, {nop, nop, end, trap}, {again, nop, nop, leave, end, trap}, {again, nop, trap}};
  for (const std::vector<Instr>& rest : panics) {
    EXPECT_TRUE(is_left_out(Op::I64Const, rest));
    EXPECT_TRUE(is_left_out(Op::Call, rest));
  }
  EXPECT_TRUE(is_left_out(Op::Call, {nop, nop, leave, trap}));  // it unwinds
  const std::vector<std::vector<Instr>> others = {{},
                                                  {{Op::Return}, trap},
                                                  {leave, trap},
                                                  {nop, leave, trap},
                                                  {nop, nop, nop, leave, trap},
                                                  {{Op::Br}, trap},
                                                  {{Op::BrTable}, trap},
                                                  {{Op::If}, nop, end, trap},
                                                  {{Op::Block}, nop, end, trap},
                                                  {{Op::Loop}, nop, end, trap},
                                                  {again, nop, leave, trap}};
  for (const std::vector<Instr>& rest : others) {
    EXPECT_FALSE(is_left_out(Op::I64Const, rest)) << rest.size();
    EXPECT_FALSE(is_left_out(Op::Call, rest)) << rest.size();
  }
  EXPECT_FALSE(is_left_out(Op::I64Const, {nop, nop, leave, trap}));  // there was no call
}

TEST_F(FingerprintTest, DescribesCalleesOnce) {
  const Instr one{Op::Call, -1, 0, 1}, two{Op::Call, -1, 0, 2}, never{Op::Call, -1, 0, kNever};
  EXPECT_NE(of({one, one}), of({one, two}));
  EXPECT_NE(of({one, two, one}), of({one, two, two}));
  EXPECT_NE(of({one}), of({never}));
  const std::string before = of({one, two});
  module_.functions[2].body.code.push_back({Op::Nop});
  EXPECT_NE(of({one, two}), before);
  module_.functions[2].body.code.resize(6'000, {Op::Nop});
  EXPECT_EQ(of({one, two}), "");  // nothing is left out
}

// Whatever a function is taken for.
TEST_F(KnownFunctionsTest, LoweringLooksAtTheType) {
  const std::string mistaken = "a function is not the one that it was taken for";
  for (KnownFunction known :
       {KnownFunction::MemCompare, KnownFunction::MemChr, KnownFunction::Sha256, KnownFunction::AesEncrypt}) {
    c_.functions[0].known = known;
    EXPECT_EQ(lower(), mistaken);
  }
  c_.functions[0].known = KnownFunction::MemEqual;
  EXPECT_EQ(lower(), "");
  c_.module.types[0].results.clear();
  EXPECT_EQ(lower(), mistaken);
}

TEST(CheckIr, SaysWhatIsWrong) {
  llvm::LLVMContext context;
  llvm::Module module("fragment", context);
  llvm::IRBuilder<> builder(context);
  auto* type = llvm::FunctionType::get(builder.getVoidTy(), false);
  llvm::Function* function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, "f0", module);
  builder.SetInsertPoint(llvm::BasicBlock::Create(context, "", function));
  llvm::ReturnInst* end = builder.CreateRetVoid();
  EXPECT_FALSE(static_cast<bool>(check_ir(module)));
  // The plain module of the attack: a value from a function without one.
  end->eraseFromParent();
  builder.CreateRet(builder.getInt64(1));
  EXPECT_EQ(llvm::toString(check_ir(module)),
            "lowered to invalid IR: Found return instr that returns non-void in Function of void return type!");
}

}  // namespace
}  // namespace aotc
