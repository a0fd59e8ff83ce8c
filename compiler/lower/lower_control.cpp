// lower_control.cpp - blocks, branches and returns. See function_lowering.h.
//
// Code after an unconditional branch is skipped. What remains can be reached, or is the target of a dispatch loop.
#include "aotc/abi.h"
#include "function_lowering.h"
#include "llvm/IR/CFG.h"
#include "llvm/IR/MDBuilder.h"

namespace aotc {

using namespace llvm;

bool FunctionLowering::control(const Instr& instr) {
  switch (instr.op) {
    case Op::Block:
    case Op::Loop:
      if (!reachable_) {
        ++skipped_blocks_;
      } else {
        begin_block(instr.op == Op::Loop ? FrameKind::Loop : FrameKind::Block, instr);
      }
      return true;
    case Op::If:
      if (!reachable_) {
        ++skipped_blocks_;
      } else {
        begin_if(instr);
      }
      return true;
    case Op::Else:
      if (skipped_blocks_ == 0) else_arm();
      return true;
    case Op::End:
      if (skipped_blocks_ > 0) {
        --skipped_blocks_;
      } else {
        end_block();
      }
      return true;
    default:
      break;
  }
  if (!reachable_) return true;
  switch (instr.op) {
    case Op::Nop:
      return true;
    case Op::Unreachable:
      trap(AOTC_TRAP_UNREACHABLE);
      set_unreachable();
      return true;
    case Op::Br:
      branch(instr.low());
      set_unreachable();
      return true;
    case Op::BrIf:
      branch_if(instr.low());
      return true;
    case Op::BrTable:
      branch_table(instr);
      set_unreachable();
      return true;
    case Op::Return:
      return_values();
      set_unreachable();
      return true;
    default:
      return false;
  }
}

namespace {

// Indexed by value type, so that a block's single result can be an ArrayRef.
ArrayRef<ValueType> single(ValueType type) {
  static constexpr ValueType kTypes[] = {ValueType::I32, ValueType::I64,  ValueType::F32,
                                         ValueType::F64, ValueType::V128, ValueType::FuncRef};
  for (const ValueType& candidate : kTypes)
    if (candidate == type) return ArrayRef<ValueType>(&candidate, 1);
  llvm_unreachable("value type");
}

}  // namespace

void FunctionLowering::begin_block(FrameKind kind, const Instr& instr) {
  Frame frame;
  frame.kind = kind;
  if (instr.block_type >= 0) {
    frame.params = unit_.block_types[instr.block_type].params;
    frame.results = unit_.block_types[instr.block_type].results;
  } else if (instr.block_type != -1) {
    frame.results = single(static_cast<ValueType>(-(instr.block_type + 2)));
  }
  frame.start = position_;
  frame.end = instr.low();
  if (kind == FrameKind::If && body_.code[frame.end].op == Op::Else) frame.end = body_.code[frame.end].low();
  frame.stack_height = stack_.size() - frame.params.size();
  frame.target = new_block();
  for (ValueType type : label_types(frame)) {
    PHINode* phi = PHINode::Create(llvm_type(context_, type), 2);
    phi->insertInto(frame.target, frame.target->end());
    frame.phis.push_back(phi);
  }
  if (kind == FrameKind::Loop) {
    pass_values(frame);
    builder_.CreateBr(frame.target);
    builder_.SetInsertPoint(frame.target);
    stack_.resize(frame.stack_height);
    for (PHINode* phi : frame.phis) push(phi);
  }
  frames_.push_back(std::move(frame));
}

void FunctionLowering::begin_if(const Instr& instr) {
  Value* condition = truth(pop());
  begin_block(FrameKind::If, instr);
  Frame& frame = frames_.back();
  frame.else_block = new_block();
  for (size_t i = frame.stack_height; i < stack_.size(); ++i) frame.else_params.push_back(ssa_.resolve(stack_[i]));
  if (auto* constant = dyn_cast<ConstantInt>(condition); constant && constant->isZero()) {
    builder_.CreateBr(frame.else_block);
    set_unreachable();
    return;
  }
  BasicBlock* then_block = new_block();
  builder_.CreateCondBr(condition, then_block, frame.else_block);
  ssa_.seal(then_block);
  builder_.SetInsertPoint(then_block);
}

void FunctionLowering::else_arm() {
  Frame& frame = frames_.back();
  if (reachable_) {
    pass_values(frame);
    builder_.CreateBr(frame.target);
  }
  ssa_.seal(frame.else_block);
  builder_.SetInsertPoint(frame.else_block);
  stack_.resize(frame.stack_height);
  for (Value* param : frame.else_params) push(param);
  frame.kind = FrameKind::Else;
  frame.else_block = nullptr;
  reachable_ = true;
}

void FunctionLowering::end_block() {
  if (frames_.back().kind == FrameKind::If) else_arm();  // an if without else passes its parameters on
  Frame& frame = frames_.back();
  if (frame.kind == FrameKind::Function) {
    if (reachable_) return_values();
    frames_.pop_back();
    return;
  }
  if (frame.kind == FrameKind::Loop) {
    ssa_.seal(frame.target);
    for (BasicBlock* target : frame.seal_at_end) ssa_.seal(target);
    if (!reachable_) stack_.resize(frame.stack_height);
    frames_.pop_back();
    return;
  }
  if (reachable_) {
    pass_values(frame);
    builder_.CreateBr(frame.target);
  }
  stack_.resize(frame.stack_height);
  // The target of a dispatch loop may get its predecessors later.
  if (pred_empty(frame.target) && !frame.dispatch_target) {
    frame.target->eraseFromParent();
    reachable_ = false;
  } else {
    if (!frame.dispatch_target) ssa_.seal(frame.target);
    builder_.SetInsertPoint(frame.target);
    for (PHINode* phi : frame.phis) push(phi);
    reachable_ = true;
  }
  frames_.pop_back();
  if (!reachable_) set_unreachable();
}

void FunctionLowering::set_unreachable() {
  reachable_ = false;
  stack_.resize(frames_.back().stack_height);
}

// Adds the top operands to the phis of the label, for an edge from the current block.
void FunctionLowering::pass_values(const Frame& frame) {
  size_t first = stack_.size() - frame.phis.size();
  for (size_t i = 0; i < frame.phis.size(); ++i) frame.phis[i]->addIncoming(ssa_.resolve(stack_[first + i]), here());
}

Value* FunctionLowering::truth(Value* condition) {
  if (auto* extended = dyn_cast<ZExtInst>(condition); extended && extended->getSrcTy()->isIntegerTy(1))
    return extended->getOperand(0);
  return builder_.CreateICmpNE(condition, builder_.getInt32(0));
}

BasicBlock* FunctionLowering::branch_destination(uint32_t depth) {
  Frame& frame = label(depth);
  if (!frame.dispatch) return frame.target;
  auto* constant = dyn_cast_or_null<ConstantInt>(ssa_.find(frame.dispatch->local, here()));
  if (!constant) return frame.target;
  const auto& targets = frame.dispatch->targets;
  return targets[std::min<uint64_t>(constant->getZExtValue(), targets.size() - 1)];
}

void FunctionLowering::branch(uint32_t depth) {
  Frame& frame = label(depth);
  if (frame.kind == FrameKind::Function) {
    return_values();
    return;
  }
  pass_values(frame);
  builder_.CreateBr(branch_destination(depth));
}

void FunctionLowering::branch_if(uint32_t depth) {
  Value* condition = truth(pop());
  if (auto* constant = dyn_cast<ConstantInt>(condition); constant && constant->isZero()) return;
  Frame& frame = label(depth);
  BasicBlock* rest = new_block();
  if (frame.kind == FrameKind::Function) {
    BasicBlock* leaving = new_block();
    builder_.CreateCondBr(condition, leaving, rest);
    ssa_.seal(leaving);
    builder_.SetInsertPoint(leaving);
    return_values();
  } else {
    pass_values(frame);
    builder_.CreateCondBr(condition, branch_destination(depth), rest);
  }
  ssa_.seal(rest);
  builder_.SetInsertPoint(rest);
}

void FunctionLowering::branch_table(const Instr& instr) {
  recognise_dispatch(instr);
  ArrayRef<uint32_t> depths = ArrayRef<uint32_t>(body_.br_targets).slice(instr.low(), instr.high());
  Value* index = pop();
  // The parameter PC_B of a Go function has few possible values; see resume_points.h.
  const std::vector<uint32_t>& points = own_.resume_points;
  bool is_pruned = signature_.resumable && !points.empty() && index == function_->getArg(1);

  BasicBlock* from = here();
  BasicBlock* leaving = nullptr;  // shared by all targets that return
  auto destination = [&](size_t i) {
    uint32_t depth = depths[std::min(i, depths.size() - 1)];
    if (label(depth).kind != FrameKind::Function) {
      pass_values(label(depth));
      return branch_destination(depth);
    }
    if (!leaving) leaving = new_block();
    return leaving;
  };
  BasicBlock* unexpected = is_pruned ? new_block() : nullptr;
  SwitchInst* choice = builder_.CreateSwitch(index, is_pruned ? unexpected : destination(depths.size() - 1));
  SmallVector<uint32_t, 16> weights{1};
  auto add_case = [&](uint32_t value) {
    choice->addCase(builder_.getInt32(value), destination(value));
    weights.push_back(value == 0 ? 1u << 20 : 1);
  };
  if (is_pruned) {
    for (uint32_t point : points) add_case(point);
  } else {
    for (uint32_t i = 0; i + 1 < depths.size(); ++i)
      if (depths[i] != depths.back()) add_case(i);
  }
  // Go enters a function at 0; other values resume a suspended goroutine.
  if (signature_.resumable && choice->getNumCases() > 0) {
    if (!is_pruned && depths[0] == depths.back()) weights[0] = 1u << 20;
    choice->setMetadata(LLVMContext::MD_prof, MDBuilder(context_).createBranchWeights(weights));
  }
  if (unexpected) {
    ssa_.seal(unexpected);
    builder_.SetInsertPoint(unexpected);
    trap(AOTC_TRAP_RESUME);
  }
  if (leaving) {
    ssa_.seal(leaving);
    builder_.SetInsertPoint(leaving);
    return_values();
  }
  builder_.SetInsertPoint(from);
}

// Is this br_table the one of `loop { block^n { local.get X; br_table } ... }`?
void FunctionLowering::recognise_dispatch(const Instr& instr) {
  if (position_ == 0 || body_.code[position_ - 1].op != Op::LocalGet) return;
  uint32_t blocks = 0;
  while (label(blocks).kind == FrameKind::Block) ++blocks;
  Frame& loop = label(blocks);
  if (loop.kind != FrameKind::Loop || !loop.params.empty() || loop.start + blocks + 2 != position_) return;

  auto dispatch = std::make_unique<Dispatch>();
  dispatch->local = body_.code[position_ - 1].low();
  ArrayRef<uint32_t> depths = ArrayRef<uint32_t>(body_.br_targets).slice(instr.low(), instr.high());
  for (uint32_t depth : depths) {
    Frame& target = label(depth);
    if (target.kind == FrameKind::Function || !target.phis.empty()) return;
    dispatch->targets.push_back(target.target);
  }
  for (uint32_t depth : depths) {
    Frame& target = label(depth);
    if (depth >= blocks || target.dispatch_target) continue;
    target.dispatch_target = true;
    loop.seal_at_end.push_back(target.target);
  }
  loop.dispatch = std::move(dispatch);
  // When every branch back will be resolved, only the loop's entry arrives at its header, and X is what it is there.
  if (jumps_with_constants(loop)) ssa_.seal(loop.target);
}

// Does every branch to this dispatch loop directly follow `i32.const; local.set X`?
bool FunctionLowering::jumps_with_constants(const Frame& loop) const {
  uint32_t depth = 0;  // of blocks inside the loop
  for (uint32_t i = loop.start + 1; i < loop.end; ++i) {
    const Instr& instr = body_.code[i];
    switch (instr.op) {
      case Op::Block:
      case Op::Loop:
      case Op::If:
        ++depth;
        break;
      case Op::End:
        --depth;
        break;
      case Op::Br:
        if (instr.low() != depth) break;
        if (body_.code[i - 1].op != Op::LocalSet || body_.code[i - 1].low() != loop.dispatch->local) return false;
        if (body_.code[i - 2].op != Op::I32Const) return false;
        break;
      case Op::BrIf:
        if (instr.low() == depth) return false;
        break;
      case Op::BrTable:
        for (uint32_t k = 0; k < instr.high(); ++k)
          if (body_.br_targets[instr.low() + k] == depth) return false;
        break;
      default:
        break;
    }
  }
  return true;
}

void FunctionLowering::return_values() {
  const FuncType& type = unit_.types[own_.type];
  size_t first = stack_.size() - type.results.size();
  auto result = [&](size_t i) { return ssa_.resolve(stack_[first + i]); };

  if (signature_.resumable) {
    Value* unwinding = result(0);
    if (auto* constant = dyn_cast<ConstantInt>(unwinding)) {
      if (constant->isZero()) {
        builder_.CreateRet(read_sp());
      } else {
        leave_unwinding();
      }
      return;
    }
    BasicBlock* unwind = new_block();
    BasicBlock* returning = new_block();
    builder_.CreateCondBr(truth(unwinding), unwind, returning);
    ssa_.seal(unwind);
    ssa_.seal(returning);
    builder_.SetInsertPoint(unwind);
    leave_unwinding();
    builder_.SetInsertPoint(returning);
    builder_.CreateRet(read_sp());
    return;
  }
  for (size_t i = 1; i < type.results.size(); ++i)
    access_.store(result(i), AOTC_SCRATCH_OFFSET + AOTC_SLOT_SIZE * static_cast<int64_t>(i - 1));
  if (type.results.empty()) {
    if (signature_.passes_sp) {
      builder_.CreateRet(read_sp());
    } else {
      builder_.CreateRetVoid();
    }
  } else if (signature_.passes_sp) {
    Value* both = PoisonValue::get(signature_.type->getReturnType());
    both = builder_.CreateInsertValue(both, read_sp(), 0);
    builder_.CreateRet(builder_.CreateInsertValue(both, result(0), 1));
  } else {
    builder_.CreateRet(result(0));
  }
}

}  // namespace aotc
