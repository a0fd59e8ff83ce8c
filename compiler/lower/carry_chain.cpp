// carry_chain.cpp - see carry_chain.h.
#include "carry_chain.h"

#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/PatternMatch.h"
#include "llvm/Transforms/Utils/Local.h"

namespace aotc {

using namespace llvm;
using namespace llvm::PatternMatch;

namespace {

// x + y + c or x - y - c. A missing carry in, or a missing y (zero, which Go's compiler leaves out), is null.
struct WithCarry {
  bool subtracts;
  Value *x, *y, *carry_in;
  Instruction* result;
};

struct Bits {
  const DataLayout& layout;
  bool is_carry(Value* value) const { return computeKnownBits(value, layout).countMaxActiveBits() <= 1; }
};

// Is `sum` x + y, or x + y and a carry in any grouping? `y` may be null.
bool is_sum(Value* sum, Value* x, Value* y, const Bits& bits, Value*& carry) {
  carry = nullptr;
  if (!y) return match(sum, m_c_Add(m_Specific(x), m_Value(carry))) && bits.is_carry(carry);
  if (match(sum, m_c_Add(m_Specific(x), m_Specific(y)))) return true;
  for (auto [one, other] : {std::pair{x, y}, {y, x}})
    if (match(sum, m_c_Add(m_c_Add(m_Specific(x), m_Specific(y)), m_Value(carry))) ||
        match(sum, m_c_Add(m_Specific(one), m_c_Add(m_Specific(other), m_Value(carry)))))
      return bits.is_carry(carry);
  return false;
}

bool is_difference(Value* difference, Value* x, Value* y, const Bits& bits, Value*& borrow) {
  borrow = nullptr;
  if (!y) return match(difference, m_Sub(m_Specific(x), m_Value(borrow))) && bits.is_carry(borrow);
  if (match(difference, m_Sub(m_Specific(x), m_Specific(y)))) return true;
  return (match(difference, m_Sub(m_Sub(m_Specific(x), m_Specific(y)), m_Value(borrow))) ||
          match(difference, m_Sub(m_Specific(x), m_c_Add(m_Specific(y), m_Value(borrow)))) ||
          match(difference, m_Sub(m_Sub(m_Specific(x), m_Value(borrow)), m_Specific(y)))) &&
         bits.is_carry(borrow);
}

bool match_add(Value* top, const Bits& bits, WithCarry& found) {
  Value *x = nullptr, *y = nullptr, *sum = nullptr, *carry = nullptr;
  bool matches = match(top, m_c_Or(m_And(m_Value(x), m_Value(y)),
                                   m_c_And(m_c_Or(m_Deferred(x), m_Deferred(y)), m_Not(m_Value(sum))))) &&
                 is_sum(sum, x, y, bits, carry);
  if (!matches)
    matches = match(top, m_c_And(m_Not(m_Value(sum)), m_Value(x))) && is_sum(sum, x, y = nullptr, bits, carry);
  auto* result = matches ? dyn_cast<Instruction>(sum) : nullptr;
  if (result) found = {false, x, y, carry, result};
  return result;
}

bool match_subtract(Value* top, const Bits& bits, WithCarry& found) {
  Value *x = nullptr, *y = nullptr, *difference = nullptr, *borrow = nullptr;
  bool matches = match(top, m_c_Or(m_c_And(m_Not(m_Value(x)), m_Value(y)),
                                   m_c_And(m_Not(m_c_Xor(m_Deferred(x), m_Deferred(y))), m_Value(difference)))) &&
                 is_difference(difference, x, y, bits, borrow);
  if (!matches)
    matches = match(top, m_c_And(m_Not(m_Value(x)), m_Value(difference))) &&
              is_difference(difference, x, y = nullptr, bits, borrow);
  auto* result = matches ? dyn_cast<Instruction>(difference) : nullptr;
  if (result) found = {true, x, y, borrow, result};
  return result;
}

// The result, and the carry out as a bit.
std::pair<Value*, Value*> build(const WithCarry& found) {
  IRBuilder<> builder(found.result);
  Intrinsic::ID operation = found.subtracts ? Intrinsic::usub_with_overflow : Intrinsic::uadd_with_overflow;
  Value *result = found.x, *carry = nullptr;
  for (Value* operand : {found.y, found.carry_in}) {
    if (!operand) continue;
    Value* both = builder.CreateBinaryIntrinsic(operation, result, operand);
    result = builder.CreateExtractValue(both, 0);
    Value* overflow = builder.CreateExtractValue(both, 1);
    carry = carry ? builder.CreateOr(carry, overflow) : overflow;
  }
  return {result, carry};
}

}  // namespace

PreservedAnalyses CarryChainPass::run(Function& function, FunctionAnalysisManager&) {
  Bits bits{function.getDataLayout()};
  SmallVector<WeakTrackingVH, 8> replaced;
  for (Instruction& instruction : instructions(function)) {
    Value* top = nullptr;
    WithCarry found;
    if (!match(&instruction, m_LShr(m_Value(top), m_SpecificInt(63))) || !top->getType()->isIntegerTy(64)) continue;
    if (!match_add(top, bits, found) && !match_subtract(top, bits, found)) continue;
    auto [result, carry] = build(found);
    found.result->replaceAllUsesWith(result);
    instruction.replaceAllUsesWith(IRBuilder<>(&instruction).CreateZExt(carry, instruction.getType()));
    replaced.append({&instruction, found.result});
  }
  if (replaced.empty()) return PreservedAnalyses::all();
  RecursivelyDeleteTriviallyDeadInstructionsPermissive(replaced);
  PreservedAnalyses preserved;
  preserved.preserveSet<CFGAnalyses>();
  return preserved;
}

}  // namespace aotc
