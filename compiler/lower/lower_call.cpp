// lower_call.cpp - calls, direct and through tables, and Go's unwinding.
//
// A resumable function never returns 1: it unwinds, by jumping to the innermost catch_call. A call whose code would
// answer 1 by returning 1 itself ("propagates") is therefore a plain call whose result is 0, and the test after it
// disappears. Any other call of a resumable function goes through catch_call and sees the flag.
#include "aotc/abi.h"
#include "function_lowering.h"
#include "llvm/IR/DebugInfoMetadata.h"

namespace aotc {

using namespace llvm;

bool FunctionLowering::call(const Instr& instr) {
  if (instr.op == Op::Call) {
    call_function(instr.low());
    return true;
  }
  if (instr.op == Op::CallIndirect) {
    call_indirect(instr);
    return true;
  }
  return false;
}

void FunctionLowering::call_function(uint32_t function) {
  const UnitFunction& called = unit_.functions[function];
  std::string symbol = function_symbol(function);
  Function* callee = body_to_inline(function);
  inlined_.calls_within |= depth_ > 0 && !callee;
  if (!callee) callee = module_.getFunction(symbol);
  if (!callee)
    callee = create_function(module_, signature_of(unit_, context_, called.type, called.is_resumable), symbol);
  emit_call(called.type, called.is_resumable, callee, !called.never_returns);
}

// Null when the function is not to be inlined.
Function* FunctionLowering::body_to_inline(uint32_t function) {
  // What is worth it has its body in the unit.
  const UnitFunction& called = unit_.functions[function];
  if (called.body.code.empty() || depth_ >= kDeepestInlined || inlined_.open.contains(function) ||
      (called.is_resumable && !propagates_unwinding()))
    return nullptr;
  auto [entry, is_new] = inlined_.bodies.try_emplace(function, nullptr);
  if (is_new) {
    Function* lowered = FunctionLowering(unit_, function, module_, inlined_, depth_ + 1).run();
    return inlined_.bodies[function] = lowered;
  }
  return entry->second;
}

// Does the code after this call of a resumable function return 1 at once when the result is not 0? Go puts
// `global.get 0; local.set` (reload of the stack pointer) between the call and the test, and wasm-opt keeps the result
// in a local meanwhile.
bool FunctionLowering::propagates_unwinding() const {
  const auto& code = body_.code;
  size_t next = position_ + 1;
  bool kept = code[next].op == Op::LocalSet;
  uint32_t local = kept ? code[next++].low() : 0;
  if (code[next].op == Op::GlobalGet && code[next].low() == 0 && code[next + 1].op == Op::LocalSet &&
      !(kept && code[next + 1].low() == local))
    next += 2;
  if (kept && (code[next].op != Op::LocalGet || code[next++].low() != local)) return false;
  auto returns_one = [&](size_t at) {
    return code[at].op == Op::I32Const && code[at].low() == 1 &&
           (code[at + 1].op == Op::Return || at + 2 == code.size());
  };
  switch (code[next].op) {
    case Op::Return:
      return signature_.resumable;
    case Op::BrIf: {
      const Frame& frame = frames_[frames_.size() - 1 - code[next].low()];
      return signature_.resumable && frame.kind == FrameKind::Block && frame.results.empty() &&
             returns_one(frame.end + 1);
    }
    case Op::If:
      return signature_.resumable && code[next].block_type == -1 && returns_one(next + 1);
    default:
      return false;
  }
}

void FunctionLowering::emit_call(uint32_t type_index, bool resumable, Value* callee, bool returns) {
  const FuncType& type = unit_.types[type_index];
  Signature signature = signature_of(unit_, context_, type_index, resumable);
  SmallVector<Value*, 10> params(type.params.size()), args;
  for (size_t i = type.params.size(); i-- > 0;) params[i] = pop();
  if (signature.passes_sp) args.push_back(read_sp());
  for (size_t i = 0; i < params.size(); ++i) {
    if (int slot = signature.scratch_slot[i]; slot < 0) {
      args.push_back(params[i]);
    } else {
      access_.store(params[i], AOTC_SCRATCH_OFFSET + AOTC_SLOT_SIZE * slot);
    }
  }

  if (resumable && !propagates_unwinding()) {
    args.push_back(builder_.CreatePtrToInt(callee, builder_.getInt64Ty()));
    Type* i32 = builder_.getInt32Ty();
    auto* catch_type = FunctionType::get(StructType::get(i32, i32), {i32, i32, builder_.getInt64Ty()}, false);
    CallInst* call = builder_.CreateCall(catch_type, access_.helper_address(AOTC_HELPER_CATCH_CALL), args);
    call->setCallingConv(CallingConv::PreserveNone);
    call->setDoesNotThrow();
    write_sp(builder_.CreateExtractValue(call, 0));
    push(builder_.CreateExtractValue(call, 1));
    return;
  }

  CallInst* call = builder_.CreateCall(signature.type, callee, args);
  call->setCallingConv(CallingConv::PreserveNone);
  call->setDoesNotThrow();
  // LLVM wants one where a function with locations calls itself.
  if (callee == function_) call->setDebugLoc(DILocation::get(context_, 0, 0, inlined_.scope));
  if (!returns) {
    // LLVM is not told: it would end the code at the call, and check_fragment could not see that nothing runs on behind
    // it.
    builder_.CreateIntrinsic(Intrinsic::trap, {}, {});
    builder_.CreateUnreachable();
    set_unreachable();
    return;
  }
  if (resumable) {
    write_sp(call);
    push(builder_.getInt32(0));
    return;
  }
  if (signature.passes_sp)
    write_sp(type.results.empty() ? static_cast<Value*>(call) : builder_.CreateExtractValue(call, 0));
  for (size_t i = 0; i < type.results.size(); ++i) {
    if (i > 0) {
      push(access_.load(llvm_type(context_, type.results[i]),
                        AOTC_SCRATCH_OFFSET + AOTC_SLOT_SIZE * static_cast<int64_t>(i - 1)));
    } else {
      push(signature.passes_sp ? builder_.CreateExtractValue(call, 1) : static_cast<Value*>(call));
    }
  }
}

void FunctionLowering::leave_unwinding() {
  auto* type = FunctionType::get(builder_.getVoidTy(), {builder_.getInt32Ty()}, false);
  CallInst* call = builder_.CreateCall(type, access_.helper_address(AOTC_HELPER_UNWIND), {read_sp()});
  call->setCallingConv(CallingConv::PreserveNone);
  call->setDoesNotThrow();
  call->setDoesNotReturn();
  builder_.CreateUnreachable();
}

void FunctionLowering::call_indirect(const Instr& instr) {
  uint32_t type_index = instr.low(), table = instr.high();
  inlined_.calls_within |= depth_ > 0;
  Value* index = pop();
  Type* i32 = builder_.getInt32Ty();
  Value* code = nullptr;
  auto rodata = [&](const std::string& symbol) {
    auto* global = cast<GlobalVariable>(module_.getOrInsertGlobal(symbol, ArrayType::get(i32, 0)));
    global->setConstant(true);
    global->setVisibility(GlobalValue::HiddenVisibility);
    global->setDSOLocal(true);
    return global;
  };
  auto load_constant = [&](Value* pointer) {
    LoadInst* load = builder_.CreateAlignedLoad(i32, pointer, Align(4));
    load->setMetadata(LLVMContext::MD_invariant_load, MDNode::get(context_, {}));
    return load;
  };

  if (int found = unit_.find_static_table(table, type_index); found >= 0) {
    const UnitTable& called = unit_.tables[table];
    Constant* size = called.size_is_symbol ? symbol(called.size, i32) : builder_.getInt32(called.size);
    trap_if(builder_.CreateICmpUGE(index, size), AOTC_TRAP_UNDEFINED_ELEMENT);
    GlobalVariable* offsets = rodata(static_table_symbol(static_cast<uint32_t>(found)));
    Value* offset = load_constant(builder_.CreateGEP(i32, offsets, builder_.CreateZExt(index, builder_.getInt64Ty())));
    code = builder_.CreateGEP(builder_.getInt8Ty(), offsets, builder_.CreateSExt(offset, builder_.getInt64Ty()));
  } else {
    Value* ref =
        builder_.CreateAlignedLoad(i32, table_entry_address(table, index, AOTC_TRAP_UNDEFINED_ELEMENT), Align(4));
    trap_if(builder_.CreateICmpEQ(ref, builder_.getInt32(0)), AOTC_TRAP_UNINITIALIZED_ELEMENT);
    GlobalVariable* refs = rodata(kFunctionRefsSymbol);
    Value* at = builder_.CreateShl(
        builder_.CreateZExt(builder_.CreateSub(ref, builder_.getInt32(1)), builder_.getInt64Ty()), 1);
    Value* actual = load_constant(builder_.CreateGEP(i32, refs, builder_.CreateOr(at, builder_.getInt64(1))));
    trap_if(builder_.CreateICmpNE(actual, builder_.getInt32(unit_.type_ids[type_index])), AOTC_TRAP_INDIRECT_CALL_TYPE);
    Value* offset = load_constant(builder_.CreateGEP(i32, refs, at));
    code = builder_.CreateGEP(builder_.getInt8Ty(), refs, builder_.CreateSExt(offset, builder_.getInt64Ty()));
  }
  emit_call(type_index, unit_.is_go && type_index == unit_.resumable_type, code, true);
}

}  // namespace aotc
