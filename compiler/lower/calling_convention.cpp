// calling_convention.cpp - see calling_convention.h.
#include "calling_convention.h"

#include "llvm/IR/MDBuilder.h"
#include "llvm/IR/Module.h"

namespace aotc {

using namespace llvm;

Type* llvm_type(LLVMContext& context, ValueType type) {
  switch (type) {
    case ValueType::I32:
    case ValueType::FuncRef:
      return Type::getInt32Ty(context);
    case ValueType::I64:
      return Type::getInt64Ty(context);
    case ValueType::F32:
      return Type::getFloatTy(context);
    case ValueType::F64:
      return Type::getDoubleTy(context);
    case ValueType::V128:
      return FixedVectorType::get(Type::getInt64Ty(context), 2);
  }
  llvm_unreachable("value type");
}

Signature signature_of(const CompileUnit& unit, LLVMContext& context, uint32_t type_index, bool resumable) {
  const FuncType& wasm = unit.types[type_index];
  Signature result;
  result.passes_sp = unit.is_go;
  result.resumable = resumable;

  Type* i32 = Type::getInt32Ty(context);
  SmallVector<Type*, 10> params;
  unsigned ints = 0, floats = 0;
  int slots = 0;
  if (result.passes_sp) {
    params.push_back(i32);
    ++ints;
  }
  for (ValueType param : wasm.params) {
    bool is_float = param == ValueType::F32 || param == ValueType::F64 || param == ValueType::V128;
    bool in_register = is_float ? floats < AOTC_MAX_REGISTER_FLOATS : ints < AOTC_MAX_REGISTER_INTS;
    if (in_register) {
      ++(is_float ? floats : ints);
      params.push_back(llvm_type(context, param));
    }
    result.scratch_slot.push_back(in_register ? -1 : slots++);
  }

  Type* returned = wasm.results.empty() || resumable ? nullptr : llvm_type(context, wasm.results[0]);
  if (result.passes_sp) {
    returned = returned ? StructType::get(i32, returned) : i32;
  } else if (!returned) {
    returned = Type::getVoidTy(context);
  }
  result.type = FunctionType::get(returned, params, false);
  return result;
}

std::string function_symbol(uint32_t index) { return "f" + std::to_string(index); }
std::string static_table_symbol(uint32_t index) { return "t" + std::to_string(index); }
std::string constant_symbol(uint32_t index) { return "c" + std::to_string(index); }

ContextAccess::ContextAccess(IRBuilder<>& builder, llvm::Module& module) : builder_(builder) {
  // Linear memory and the context never overlap: an address is never negative. Telling LLVM keeps globals such as Go's
  // g in registers across stores.
  MDBuilder metadata(module.getContext());
  MDNode* root = metadata.createTBAARoot("aotc");
  MDNode* context_type = metadata.createTBAAScalarTypeNode("context", root);
  MDNode* memory_type = metadata.createTBAAScalarTypeNode("memory", root);
  context_tag_ = metadata.createTBAAStructTagNode(context_type, context_type, 0);
  memory_tag_ = metadata.createTBAAStructTagNode(memory_type, memory_type, 0);
}

Value* ContextAccess::pointer(int64_t offset) {
  return ConstantExpr::getIntToPtr(builder_.getInt64(offset), builder_.getPtrTy(kBaseSpace));
}

Value* ContextAccess::load(Type* type, int64_t offset) {
  LoadInst* load = builder_.CreateAlignedLoad(type, pointer(offset), Align(4));
  load->setMetadata(LLVMContext::MD_tbaa, context_tag_);
  return load;
}

void ContextAccess::store(Value* value, int64_t offset) {
  StoreInst* store = builder_.CreateAlignedStore(value, pointer(offset), Align(4));
  store->setMetadata(LLVMContext::MD_tbaa, context_tag_);
}

Value* ContextAccess::helper_address(aotc_helper helper) {
  auto* load = cast<LoadInst>(this->load(builder_.getPtrTy(), AOTC_HELPER_OFFSET(helper)));
  load->setMetadata(LLVMContext::MD_invariant_load, MDNode::get(builder_.getContext(), {}));
  return load;
}

CallInst* ContextAccess::call_helper(aotc_helper helper, Type* result, ArrayRef<Value*> args) {
  SmallVector<Value*, 6> all{load(builder_.getInt64Ty(), AOTC_TAIL_SELF)};
  all.append(args.begin(), args.end());
  SmallVector<Type*, 6> types;
  for (Value* arg : all) types.push_back(arg->getType());
  CallInst* call = builder_.CreateCall(FunctionType::get(result, types, false), helper_address(helper), all);
  call->setDoesNotThrow();
  // Of two calls LLVM would make one whose target it selects before; check_fragment could not tell what that is.
  call->addFnAttr(Attribute::NoMerge);
  return call;
}

}  // namespace aotc
