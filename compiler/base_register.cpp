// base_register.cpp - see base_register.h.
//
// x28 is read once per access: the register allocator joins each copy with the reserved register, and a value that lives
// across a call would be spilled instead.
#include "base_register.h"

#include "calling_convention.h"
#include "llvm/IR/InstIterator.h"

namespace aotc {

using namespace llvm;

void rewrite_base_accesses(llvm::Module& module) {
  LLVMContext& context = module.getContext();
  Metadata* name = MDString::get(context, "x28");
  Value* register_name = MetadataAsValue::get(context, MDNode::get(context, name));
  Type* i64 = Type::getInt64Ty(context);

  for (Function& function : module) {
    for (Instruction& instruction : make_early_inc_range(instructions(function))) {
      unsigned operand = isa<LoadInst>(instruction)    ? LoadInst::getPointerOperandIndex()
                         : isa<StoreInst>(instruction) ? StoreInst::getPointerOperandIndex()
                                                       : ~0u;
      if (operand == ~0u) continue;
      Value* pointer = instruction.getOperand(operand);
      if (pointer->getType()->getPointerAddressSpace() != ContextAccess::kBaseSpace) continue;
      IRBuilder<> builder(&instruction);
      Value* base = builder.CreateIntToPtr(builder.CreateIntrinsic(Intrinsic::read_register, {i64}, {register_name}), builder.getPtrTy());
      instruction.setOperand(operand, builder.CreateGEP(builder.getInt8Ty(), base, builder.CreatePtrToInt(pointer, i64)));
    }
  }
}

}  // namespace aotc
