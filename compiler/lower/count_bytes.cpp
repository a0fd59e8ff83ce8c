// count_bytes.cpp - see count_bytes.h. The loop stays behind the new one for the rest, of at least one byte, so that
// whatever is used of it after its end is still there.
#include "count_bytes.h"

#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ScalarEvolution.h"
#include "llvm/Analysis/ScalarEvolutionExpressions.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/PatternMatch.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"
#include "llvm/Transforms/Utils/ScalarEvolutionExpander.h"

namespace aotc {

using namespace llvm;
using namespace llvm::PatternMatch;

namespace {

constexpr size_t kLongestLoop = 24;  // instructions
constexpr unsigned kMostBytes = 32;  // at a time

struct Counting {
  Loop* loop = nullptr;
  const SCEV* again = nullptr;  // how often the loop goes back to its begin
  LoadInst* load = nullptr;
  const SCEV* start = nullptr;  // where the first byte is, in front of
  APInt offset{64, 0};
  ICmpInst* compare = nullptr;
  Value* other = nullptr;  // that bytes are compared with
  PHINode* count = nullptr;
  std::vector<std::pair<PHINode*, ConstantInt*>> walks = {};  // all other variables, and by how much they grow
};

// Is `block` a loop that may be one? Nearly none is.
bool may_count(const BasicBlock& block) {
  auto* branch = dyn_cast<BranchInst>(block.getTerminator());
  if (!branch || !branch->isConditional() || !is_contained(branch->successors(), &block) || block.size() > kLongestLoop)
    return false;
  return any_of(block, [](const Instruction& each) { return isa<LoadInst>(each) && each.getType()->isIntegerTy(8); });
}

const SCEVAddRecExpr* walk_in(const Loop& loop, Value& value, ScalarEvolution& evolution) {
  auto* walk = dyn_cast<SCEVAddRecExpr>(evolution.getSCEV(&value));
  return walk && walk->getLoop() == &loop && walk->isAffine() ? walk : nullptr;
}

// Where a load begins that takes one byte after the other; null for any other. Adds to `offset`.
const SCEV* start_of(LoadInst& load, const Loop& loop, ScalarEvolution& evolution, APInt& offset) {
  if (load.getPointerAddressSpace() != 256) return nullptr;
  Value* pointer = load.getPointerOperand()->stripAndAccumulateConstantOffsets(load.getDataLayout(), offset, true);
  Value *integer, *whole;
  if (!match(pointer, m_IntToPtr(m_Value(integer)))) return nullptr;
  if (!match(integer, m_And(m_Value(whole), m_SpecificInt(UINT32_MAX))) &&
      !(match(integer, m_ZExt(m_Value(whole))) && whole->getType()->isIntegerTy(32)))
    return nullptr;
  const SCEVAddRecExpr* walk = walk_in(loop, *whole, evolution);
  return walk && walk->getStepRecurrence(evolution)->isOne() ? walk->getStart() : nullptr;
}

// Is `phi` the number of iterations in which `holds` held, and what it was before?
bool counts(const PHINode& phi, const ICmpInst& holds, const BasicBlock& block) {
  Value* next = phi.getIncomingValueForBlock(&block);
  return match(next, m_c_Add(m_Specific(&phi), m_ZExt(m_Specific(&holds)))) ||
         match(next, m_Select(m_Specific(&holds), m_c_Add(m_Specific(&phi), m_One()), m_Specific(&phi)));
}

std::optional<Counting> find_counting(Loop& loop, ScalarEvolution& evolution) {
  BasicBlock* block = loop.getHeader();
  if (loop.getNumBlocks() != 1 || !loop.getLoopPreheader()) return std::nullopt;
  Counting found{.loop = &loop, .again = evolution.getBackedgeTakenCount(&loop)};
  if (isa<SCEVCouldNotCompute>(found.again)) return std::nullopt;
  for (Instruction& each : *block) {
    if (!each.mayReadFromMemory() && !each.mayHaveSideEffects()) continue;
    if (found.load || !isa<LoadInst>(each)) return std::nullopt;
    found.load = cast<LoadInst>(&each);
  }
  if (!found.load || found.load->isAtomic() || !found.load->getType()->isIntegerTy(8) || !found.load->hasOneUse())
    return std::nullopt;
  found.start = start_of(*found.load, loop, evolution, found.offset);
  found.compare = dyn_cast<ICmpInst>(*found.load->user_begin());
  if (!found.start || !found.compare || !found.compare->hasOneUse()) return std::nullopt;
  found.other = found.compare->getOperand(found.compare->getOperand(0) == found.load ? 1 : 0);
  if (!loop.isLoopInvariant(found.other)) return std::nullopt;
  for (PHINode& phi : block->phis()) {
    if (counts(phi, *found.compare, *block)) {
      found.count = &phi;
      continue;
    }
    const SCEVAddRecExpr* walk = phi.getType()->isIntegerTy() ? walk_in(loop, phi, evolution) : nullptr;
    auto* step = walk ? dyn_cast<SCEVConstant>(walk->getStepRecurrence(evolution)) : nullptr;
    if (!step) return std::nullopt;
    found.walks.emplace_back(&phi, step->getValue());
  }
  SCEVExpander expander(evolution, block->getDataLayout(), "");
  bool is_one = found.count && expander.isSafeToExpand(found.again) && expander.isSafeToExpand(found.start);
  return is_one ? std::optional(std::move(found)) : std::nullopt;
}

// The number of lanes that are set.
Value* sum_of(IRBuilder<>& ir, Value* lanes, unsigned width, bool has_masks) {
  if (has_masks) return ir.CreateUnaryIntrinsic(Intrinsic::ctpop, ir.CreateBitCast(lanes, ir.getIntNTy(width)));
  return ir.CreateAddReduce(ir.CreateZExt(lanes, FixedVectorType::get(ir.getInt8Ty(), width)));
}

void widen(const Counting& counting, unsigned width, ScalarEvolution& evolution) {
  BasicBlock *block = counting.loop->getHeader(), *before = counting.loop->getLoopPreheader();
  Function& function = *block->getParent();
  bool has_masks = Triple(function.getParent()->getTargetTriple()).isX86();
  SCEVExpander expander(evolution, function.getDataLayout(), "");
  Instruction* end = before->getTerminator();
  IRBuilder<> ir(end);
  Type* word = ir.getInt64Ty();
  Value* again = expander.expandCodeFor(counting.again, nullptr, end);
  again = ir.CreateZExt(again, word);
  Value* start = expander.expandCodeFor(counting.start, nullptr, end);
  start = ir.CreateAnd(ir.CreateZExt(start, word), UINT32_MAX);
  Value* done = ir.CreateAnd(again, -uint64_t{width});
  Value* splat = ir.CreateVectorSplat(width, counting.other);
  Value* is_long = ir.CreateICmpUGE(again, ir.getInt64(width));
  Value* is_within = ir.CreateICmpULE(again, ir.CreateSub(ir.getInt64(UINT32_MAX), start));

  LLVMContext& context = function.getContext();
  BasicBlock* wide = BasicBlock::Create(context, "", &function, block);
  BasicBlock* rest = BasicBlock::Create(context, "", &function, block);
  ReplaceInstWithInst(end, BranchInst::Create(wide, block, ir.CreateAnd(is_long, is_within)));

  ir.SetInsertPoint(wide);
  PHINode* at = ir.CreatePHI(word, 2);
  PHINode* count = ir.CreatePHI(counting.count->getType(), 2);
  Value* pointer = ir.CreateIntToPtr(ir.CreateAnd(ir.CreateAdd(start, at), UINT32_MAX), ir.getPtrTy(256));
  if (counting.offset != 0) pointer = ir.CreateGEP(ir.getInt8Ty(), pointer, ir.getInt(counting.offset));
  LoadInst* bytes =
      ir.CreateAlignedLoad(FixedVectorType::get(ir.getInt8Ty(), width), pointer, Align(1), counting.load->isVolatile());
  bytes->copyMetadata(*counting.load, LLVMContext::MD_tbaa);
  bytes->setDebugLoc(counting.load->getDebugLoc());
  bool is_left = counting.compare->getOperand(0) == counting.load;
  Value* lanes = ir.CreateICmp(counting.compare->getPredicate(), is_left ? bytes : splat, is_left ? splat : bytes);
  Value* sum = ir.CreateAdd(count, ir.CreateZExtOrTrunc(sum_of(ir, lanes, width, has_masks), count->getType()));
  Value* next = ir.CreateAdd(at, ir.getInt64(width));
  ir.CreateCondBr(ir.CreateICmpEQ(next, done), rest, wide);
  at->addIncoming(ir.getInt64(0), before);
  at->addIncoming(next, wide);
  count->addIncoming(counting.count->getIncomingValueForBlock(before), before);
  count->addIncoming(sum, wide);

  ir.SetInsertPoint(rest);
  counting.count->addIncoming(sum, rest);
  for (auto [phi, step] : counting.walks) {
    Value* passed = ir.CreateMul(ir.CreateZExtOrTrunc(done, phi->getType()), step);
    phi->addIncoming(ir.CreateAdd(phi->getIncomingValueForBlock(before), passed), rest);
  }
  ir.CreateBr(block);
}

}  // namespace

PreservedAnalyses CountBytesPass::run(Function& function, FunctionAnalysisManager& analyses) {
  std::vector<BasicBlock*> candidates;
  for (BasicBlock& block : function)
    if (may_count(block)) candidates.push_back(&block);
  bool changes = false;
  for (BasicBlock* candidate : candidates) {
    Loop* loop = analyses.getResult<LoopAnalysis>(function).getLoopFor(candidate);
    auto bits =
        analyses.getResult<TargetIRAnalysis>(function).getRegisterBitWidth(TargetTransformInfo::RGK_FixedWidthVector);
    auto& evolution = analyses.getResult<ScalarEvolutionAnalysis>(function);
    auto counting = loop ? find_counting(*loop, evolution) : std::nullopt;
    if (!counting || bits.getFixedValue() < 128) continue;
    widen(*counting, static_cast<unsigned>(std::min<uint64_t>(bits.getFixedValue() / 8, kMostBytes)), evolution);
    analyses.invalidate(function, PreservedAnalyses::none());
    changes = true;
  }
  return changes ? PreservedAnalyses::none() : PreservedAnalyses::all();
}

}  // namespace aotc
