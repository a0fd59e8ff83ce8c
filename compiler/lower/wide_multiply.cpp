// wide_multiply.cpp - see wide_multiply.h.
#include "wide_multiply.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/PatternMatch.h"
#include "llvm/Transforms/Utils/Local.h"

namespace aotc {

using namespace llvm;
using namespace llvm::PatternMatch;

namespace {

bool is_low_half(Value* half, Value* whole) {
  return match(half, m_And(m_Specific(whole), m_SpecificInt(0xffffffff))) ||
         match(half, m_ZExt(m_Trunc(m_Specific(whole))));
}

bool is_high_half(Value* half, Value* whole) { return match(half, m_LShr(m_Specific(whole), m_SpecificInt(32))); }

// `product` = (high half of x) * (high half of y).
bool match_high_product(Value* product, Value*& x, Value*& y) {
  return match(product, m_Mul(m_LShr(m_Value(x), m_SpecificInt(32)), m_LShr(m_Value(y), m_SpecificInt(32))));
}

template <typename First, typename Second>
bool is_product(Value* product, First first, Second second) {
  Value *a = nullptr, *b = nullptr;
  return match(product, m_Mul(m_Value(a), m_Value(b))) && ((first(a) && second(b)) || (first(b) && second(a)));
}

// The terms of a sum of three, in any order and grouping.
bool three_terms(Value* sum, Value* (&terms)[3]) {
  Value *left = nullptr, *right = nullptr;
  if (!match(sum, m_Add(m_Value(left), m_Value(right)))) return false;
  for (int i = 0; i < 2; ++i, std::swap(left, right)) {
    if (!left->hasOneUse() || !match(left, m_Add(m_Value(terms[0]), m_Value(terms[1])))) continue;
    terms[2] = right;
    return true;
  }
  return false;
}

// Is `sum` the upper half of x * y?
bool match_upper_half(Value* sum, Value*& x, Value*& y) {
  Value* terms[3];
  if (!three_terms(sum, terms)) return false;
  for (int i = 0; i < 3; ++i) {
    if (!match_high_product(terms[i], x, y)) continue;
    for (int swap = 0; swap < 2; ++swap) {
      Value* t_high = terms[(i + 1) % 3];
      Value* w_high = terms[(i + 2) % 3];
      if (swap) std::swap(t_high, w_high);
      Value *t = nullptr, *w = nullptr;
      if (!match(t_high, m_LShr(m_Value(t), m_SpecificInt(32))) ||
          !match(w_high, m_LShr(m_Value(w), m_SpecificInt(32))))
        continue;
      // The two factors may be found either way round: try t = x1*y0 + ... and t = y1*x0 + ...
      for (int mirror = 0; mirror < 2; ++mirror, std::swap(x, y)) {
        auto x0 = [&](Value* v) { return is_low_half(v, x); };
        auto y0 = [&](Value* v) { return is_low_half(v, y); };
        auto x1 = [&](Value* v) { return is_high_half(v, x); };
        auto y1 = [&](Value* v) { return is_high_half(v, y); };
        Value *a = nullptr, *b = nullptr;
        if (!match(t, m_Add(m_Value(a), m_Value(b)))) continue;
        auto carry = [&](Value* v) {
          Value* low = nullptr;
          return match(v, m_LShr(m_Value(low), m_SpecificInt(32))) && is_product(low, x0, y0);
        };
        if (!(is_product(a, x1, y0) && carry(b)) && !(is_product(b, x1, y0) && carry(a))) continue;
        if (!match(w, m_Add(m_Value(a), m_Value(b)))) continue;
        if ((is_low_half(a, t) && is_product(b, x0, y1)) || (is_low_half(b, t) && is_product(a, x0, y1))) return true;
      }
    }
  }
  return false;
}

using Terms = std::array<Value*, 3>;

// The terms of a sum of three, and whether `is` holds of them in some order.
bool sum_of(Value* sum, function_ref<bool(const Terms&)> is) {
  Value* found[3];
  if (!three_terms(sum, found)) return false;
  constexpr unsigned kOrders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  return any_of(kOrders, [&](const auto& order) { return is({found[order[0]], found[order[1]], found[order[2]]}); });
}

struct MultiplyAdd {
  Value *x, *y, *z, *c;
  Value *w0, *w2;  // which the lower half is made of
};

// Is `sum` the upper half of x * y + z + c?
bool match_multiply_add(Value* sum, MultiplyAdd& found) {
  auto& [x, y, z, c, w0, w2] = found;
  auto x0 = [&](Value* v) { return is_low_half(v, x); };
  auto y0 = [&](Value* v) { return is_low_half(v, y); };
  auto x1 = [&](Value* v) { return is_high_half(v, x); };
  auto y1 = [&](Value* v) { return is_high_half(v, y); };
  auto high_of = [](Value* half, Value*& whole) { return match(half, m_LShr(m_Value(whole), m_SpecificInt(32))); };
  Value* w1 = nullptr;
  auto is_w0 = [&](const Terms& terms) {
    return is_product(terms[0], x0, y0) && is_low_half(terms[1], z) && is_low_half(terms[2], c);
  };
  auto is_w1 = [&](const Terms& terms) {
    return is_product(terms[0], x0, y1) && high_of(terms[1], z) && high_of(terms[2], w0) && sum_of(w0, is_w0);
  };
  auto is_w2 = [&](const Terms& terms) {
    return is_product(terms[0], x1, y0) && high_of(terms[1], c) && is_low_half(terms[2], w1) && sum_of(w1, is_w1);
  };
  return sum_of(sum, [&](const Terms& terms) {
    if (!match_high_product(terms[0], x, y) || !high_of(terms[1], w2) || !high_of(terms[2], w1)) return false;
    if (sum_of(w2, is_w2)) return true;
    std::swap(x, y);
    return sum_of(w2, is_w2);
  });
}

// w2 << 32 | w0 & 0xffffffff
Instruction* find_lower_half(const MultiplyAdd& found) {
  for (User* upper : found.w2->users()) {
    if (!match(upper, m_Shl(m_Specific(found.w2), m_SpecificInt(32)))) continue;
    for (User* whole : upper->users())
      for (Value* part : whole->operands())
        if (match(whole, m_CombineOr(m_c_Or(m_Specific(upper), m_Specific(part)),
                                     m_c_Add(m_Specific(upper), m_Specific(part)))) &&
            is_low_half(part, found.w0))
          return cast<Instruction>(whole);
  }
  return nullptr;
}

// `operands` are all there at `at`.
std::pair<Value*, Value*> build_product(Instruction* at, Value* x, Value* y, ArrayRef<Value*> summands) {
  IRBuilder<> builder(at);
  Type* wide = builder.getInt128Ty();
  Value* whole = builder.CreateMul(builder.CreateZExt(x, wide), builder.CreateZExt(y, wide), "", true);
  for (Value* summand : summands) whole = builder.CreateAdd(whole, builder.CreateZExt(summand, wide), "", true);
  Type* narrow = builder.getInt64Ty();
  return {builder.CreateTrunc(whole, narrow), builder.CreateTrunc(builder.CreateLShr(whole, 64), narrow)};
}

}  // namespace

PreservedAnalyses WideMultiplyPass::run(Function& function, FunctionAnalysisManager&) {
  SmallVector<WeakTrackingVH, 4> replaced;
  for (Instruction& instruction : instructions(function)) {
    Value *x = nullptr, *y = nullptr;
    if (instruction.getOpcode() != Instruction::Add || !instruction.getType()->isIntegerTy(64)) continue;
    if (MultiplyAdd found; match_multiply_add(&instruction, found)) {
      Instruction* lower = find_lower_half(found);
      // w0 is made of all four.
      auto [low, high] =
          build_product(cast<Instruction>(found.w0)->getNextNode(), found.x, found.y, {found.z, found.c});
      if (lower) {
        lower->replaceAllUsesWith(low);
        replaced.push_back(lower);
      }
      instruction.replaceAllUsesWith(high);
    } else if (match_upper_half(&instruction, x, y)) {
      instruction.replaceAllUsesWith(build_product(&instruction, x, y, {}).second);
    } else {
      continue;
    }
    replaced.push_back(&instruction);
  }
  if (replaced.empty()) return PreservedAnalyses::all();
  RecursivelyDeleteTriviallyDeadInstructionsPermissive(replaced);
  PreservedAnalyses preserved;
  preserved.preserveSet<CFGAnalyses>();
  return preserved;
}

}  // namespace aotc
