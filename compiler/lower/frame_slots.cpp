// frame_slots.cpp - see frame_slots.h.
//
// Addresses are followed from the stack pointer, the first parameter, by the constants that are added to them. What a
// function stores for one that it calls to panic, it stores in the block of that call; such slots stay where they are.
// A slot starts as zero: no program reads one before it has written it, and code that is no Go program's is not to find
// what LLVM likes best.
#include "frame_slots.h"

#include <map>

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicInst.h"

namespace aotc {

using namespace llvm;

namespace {

bool comes_back(const Instruction& call) {
  const Instruction* next = call.getNextNonDebugInstruction();
  auto* trap = dyn_cast<IntrinsicInst>(next);
  return !isa<UnreachableInst>(next) && !(trap && trap->getIntrinsicID() == Intrinsic::trap);
}

class Frame {
 public:
  explicit Frame(Function& function) : function_(function) {}

  // False when it has to stay as it is.
  bool find() {
    derive(function_.getArg(0), 0);
    while (!worklist_.empty()) {
      Value* address = worklist_.pop_back_val();
      for (Use& use : address->uses())
        if (!follow(use, offsets_.lookup(address))) return false;
    }
    return all_of(phis_, [&](PHINode* phi) {
      return all_of(phi->incoming_values(), [&](Value* value) {
        auto found = offsets_.find(value);
        return found != offsets_.end() && found->second == offsets_.lookup(phi);
      });
    });
  }

  bool promote() {
    bool changed = false;
    // Slot by slot with those that overlap.
    for (auto at = slots_.begin(); at != slots_.end();) {
      auto end = std::next(at);
      int64_t reach = at->first + at->second.largest;
      for (; end != slots_.end() && end->first < reach; ++end)
        reach = std::max(reach, end->first + end->second.largest);
      bool is_own = std::next(at) == end && reach <= 0 && at->second.same_size && !is_argument(at->second);
      if (is_own) make_variable(at->second);
      changed |= is_own;
      at = end;
    }
    return changed;
  }

 private:
  struct Slot {
    int64_t largest = 0;  // bytes that an access takes
    bool same_size = true;
    SmallVector<Instruction*, 4> accesses;
  };

  void derive(Value* value, int64_t offset) {
    if (offsets_.try_emplace(value, offset).second) worklist_.push_back(value);
  }

  // What `use` does with an address `offset` from the stack pointer; false if it could get away.
  bool follow(Use& use, int64_t offset) {
    auto* user = cast<Instruction>(use.getUser());
    switch (user->getOpcode()) {
      case Instruction::Add:
      case Instruction::Sub: {
        auto* constant = dyn_cast<ConstantInt>(user->getOperand(1));
        if (!constant || use.getOperandNo() != 0) return false;
        int64_t value = constant->getSExtValue();
        derive(user, user->getOpcode() == Instruction::Add ? offset + value : offset - value);
        return true;
      }
      case Instruction::GetElementPtr: {
        APInt value(64, 0);
        if (!cast<GetElementPtrInst>(user)->accumulateConstantOffset(function_.getDataLayout(), value)) return false;
        derive(user, offset + value.getSExtValue());
        return true;
      }
      case Instruction::PHI:
        phis_.push_back(cast<PHINode>(user));
        derive(user, offset);
        return true;
      case Instruction::ZExt:
      case Instruction::Trunc:
      case Instruction::IntToPtr:
        derive(user, offset);
        return true;
      case Instruction::Load:
        return access(user, user->getType(), offset);
      case Instruction::Store:
        return use.getOperandNo() == StoreInst::getPointerOperandIndex() &&
               access(user, user->getOperand(0)->getType(), offset);
      case Instruction::Call:
        if (comes_back(*user)) return false;
        calling_blocks_.insert(user->getParent());
        return true;
      case Instruction::ICmp:
      case Instruction::Ret:
        return true;
      default:
        return false;
    }
  }

  bool access(Instruction* instruction, Type* type, int64_t offset) {
    if (offset >= 0) return true;  // the return address, arguments and results: the caller's
    auto size = static_cast<int64_t>(function_.getDataLayout().getTypeStoreSize(type));
    Slot& slot = slots_[offset];
    slot.same_size = slot.same_size && (slot.accesses.empty() || slot.largest == size);
    slot.largest = std::max(slot.largest, size);
    slot.accesses.push_back(instruction);
    return true;
  }

  bool is_argument(const Slot& slot) const {
    return any_of(slot.accesses, [&](Instruction* each) {
      return isa<StoreInst>(each) && calling_blocks_.contains(each->getParent());
    });
  }

  void make_variable(Slot& slot) {
    IRBuilder<> builder(&*function_.getEntryBlock().getFirstInsertionPt());
    Type* type = builder.getIntNTy(static_cast<unsigned>(slot.largest * 8));
    AllocaInst* variable = builder.CreateAlloca(type);
    builder.CreateStore(Constant::getNullValue(type), variable);
    for (Instruction* access : slot.accesses) {
      builder.SetInsertPoint(access);
      if (auto* store = dyn_cast<StoreInst>(access)) {
        builder.CreateStore(store->getValueOperand(), variable);
      } else {
        access->replaceAllUsesWith(builder.CreateLoad(access->getType(), variable));
      }
      access->eraseFromParent();
    }
  }

  Function& function_;
  DenseMap<Value*, int64_t> offsets_;  // from the stack pointer
  SmallVector<Value*, 16> worklist_;
  SmallVector<PHINode*, 4> phis_;
  SmallPtrSet<BasicBlock*, 8> calling_blocks_;
  std::map<int64_t, Slot> slots_;  // below the stack pointer
};

}  // namespace

PreservedAnalyses FrameSlotsPass::run(Function& function, FunctionAnalysisManager&) {
  Frame frame(function);
  if (!function.hasFnAttribute(kFrameEndsAttribute) || !frame.find() || !frame.promote())
    return PreservedAnalyses::all();
  PreservedAnalyses preserved;
  preserved.preserveSet<CFGAnalyses>();
  return preserved;
}

}  // namespace aotc
