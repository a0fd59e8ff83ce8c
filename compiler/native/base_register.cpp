// base_register.cpp - see base_register.h.
//
// x28 is read once per access: the register allocator joins each copy with the reserved register, and a value that
// lives across a call would be spilled instead.
#include "base_register.h"

#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "lower/calling_convention.h"

namespace aotc {

using namespace llvm;

namespace {

// The operand that is an address behind the base, if there is one.
Use* base_pointer(Instruction& instruction) {
  unsigned operand = isa<LoadInst>(instruction)    ? LoadInst::getPointerOperandIndex()
                     : isa<StoreInst>(instruction) ? StoreInst::getPointerOperandIndex()
                                                   : ~0u;
  if (operand == ~0u) return nullptr;
  Use& pointer = instruction.getOperandUse(operand);
  return pointer->getType()->getPointerAddressSpace() == ContextAccess::kBaseSpace ? &pointer : nullptr;
}

}  // namespace

void mask_at_each_access(llvm::Module& module) {
  Type* i32 = Type::getInt32Ty(module.getContext());
  // Nothing that LLVM could see through.
  InlineAsm* same = InlineAsm::get(FunctionType::get(i32, {i32}, false), "", "=r,0", true);
  for (Function& function : module) {
    for (Instruction& instruction : make_early_inc_range(instructions(function))) {
      Use* pointer = base_pointer(instruction);
      if (!pointer) continue;
      APInt offset(64, 0);
      Value* place = pointer->get()->stripAndAccumulateConstantOffsets(module.getDataLayout(), offset, true);
      auto* moved = dyn_cast<GetElementPtrInst>(place);
      Value* symbol = moved && isa<Constant>(moved->getOperand(1)) ? moved->getOperand(1) : nullptr;
      auto* start = dyn_cast<IntToPtrInst>(symbol ? moved->getPointerOperand() : place);
      auto* wide = start ? dyn_cast<ZExtInst>(start->getOperand(0)) : nullptr;
      if (!wide || wide->getSrcTy() != i32) continue;
      IRBuilder<> builder(&instruction);
      Value* index = builder.CreateZExt(builder.CreateCall(same, {wide->getOperand(0)}), wide->getType());
      Value* masked = builder.CreateIntToPtr(index, start->getType());
      if (symbol) masked = builder.CreateGEP(builder.getInt8Ty(), masked, symbol);
      pointer->set(builder.CreateGEP(builder.getInt8Ty(), masked, builder.getInt(offset)));
    }
  }
}

void rewrite_base_accesses(llvm::Module& module) {
  LLVMContext& context = module.getContext();
  Metadata* name = MDString::get(context, "x28");
  Value* register_name = MetadataAsValue::get(context, MDNode::get(context, name));
  Type* i64 = Type::getInt64Ty(context);

  for (Function& function : module) {
    for (Instruction& instruction : make_early_inc_range(instructions(function))) {
      Use* pointer = base_pointer(instruction);
      if (!pointer) continue;
      IRBuilder<> builder(&instruction);
      Value* base = builder.CreateIntToPtr(builder.CreateIntrinsic(Intrinsic::read_register, {i64}, {register_name}),
                                           builder.getPtrTy());
      pointer->set(builder.CreateGEP(builder.getInt8Ty(), base, builder.CreatePtrToInt(pointer->get(), i64)));
    }
  }
}

}  // namespace aotc
