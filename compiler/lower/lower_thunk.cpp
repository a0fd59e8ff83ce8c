// lower_thunk.cpp - fragments that belong to no wasm function: calls out to the host, calls in from it, and the targets
// of table entries that must trap. All move arguments between registers and the scratch slots as abi.h lays down.
#include "aotc/abi.h"
#include "calling_convention.h"
#include "function_lowering.h"
#include "lower.h"
#include "native/target.h"

namespace aotc {

using namespace llvm;

namespace {

class ThunkLowering {
 public:
  ThunkLowering(const CompileUnit& unit, llvm::Module& module)
      : unit_(unit), module_(module), builder_(module.getContext()), access_(builder_, module) {}

  void run() {
    switch (unit_.kind) {
      case UnitKind::Import:
        import();
        break;
      case UnitKind::Entry:
        entry();
        break;
      case UnitKind::TrapNull:
        trap(AOTC_TRAP_UNINITIALIZED_ELEMENT);
        break;
      case UnitKind::TrapType:
        trap(AOTC_TRAP_INDIRECT_CALL_TYPE);
        break;
      case UnitKind::Function:
        llvm_unreachable("lower_function's");
    }
  }

 private:
  static int64_t slot(size_t index) { return AOTC_SCRATCH_OFFSET + AOTC_SLOT_SIZE * static_cast<int64_t>(index); }
  Type* type_of(ValueType type) { return llvm_type(module_.getContext(), type); }

  void begin(Function* function) {
    set_definition_attributes(*function, unit_.architecture);
    builder_.SetInsertPoint(BasicBlock::Create(module_.getContext(), "", function));
  }

  Function* entry_function(const std::string& name) {
    Function* function =
        Function::Create(FunctionType::get(builder_.getVoidTy(), false), GlobalValue::ExternalLinkage, name, module_);
    // The runtime's entry keeps the host's registers, so that no thunk restores one, least of all the base.
    function->setCallingConv(CallingConv::PreserveNone);
    function->setVisibility(GlobalValue::HiddenVisibility);
    function->setDSOLocal(true);
    function->setDoesNotThrow();
    return function;
  }

  // preserve_none: wasm arguments to slots 0.., host call, results from slots 0...
  void import() {
    const FuncType& type = unit_.types[unit_.functions[0].type];
    Signature signature = signature_of(unit_, module_.getContext(), unit_.functions[0].type, false);
    Function* function = create_function(module_, signature, function_symbol(0));
    begin(function);

    auto argument = function->arg_begin();
    if (signature.passes_sp) access_.store(&*argument++, AOTC_GLOBAL_OFFSET(0));
    SmallVector<Value*, 10> params;
    for (size_t i = 0; i < type.params.size(); ++i) {
      int from = signature.scratch_slot[i];
      params.push_back(from < 0 ? static_cast<Value*>(&*argument++)
                                : access_.load(type_of(type.params[i]), slot(from)));
    }
    for (size_t i = 0; i < params.size(); ++i) access_.store(params[i], slot(i));
    access_.call_helper(AOTC_HELPER_HOST_CALL, builder_.getVoidTy(), {builder_.getInt32(unit_.import)});

    SmallVector<Value*, 2> results;
    for (size_t i = 0; i < type.results.size(); ++i) results.push_back(access_.load(type_of(type.results[i]), slot(i)));
    for (size_t i = 1; i < results.size(); ++i) access_.store(results[i], slot(i - 1));
    Value* sp = signature.passes_sp ? access_.load(builder_.getInt32Ty(), AOTC_GLOBAL_OFFSET(0)) : nullptr;
    if (sp && !results.empty()) {
      Value* both = builder_.CreateInsertValue(PoisonValue::get(signature.type->getReturnType()), sp, 0);
      builder_.CreateRet(builder_.CreateInsertValue(both, results[0], 1));
    } else if (sp) {
      builder_.CreateRet(sp);
    } else if (!results.empty()) {
      builder_.CreateRet(results[0]);
    } else {
      builder_.CreateRetVoid();
    }
  }

  // void(void): arguments from slots 0.., results to slots 0...
  void entry() {
    const UnitFunction& called = unit_.functions[0];
    const FuncType& type = unit_.types[called.type];
    Signature signature = signature_of(unit_, module_.getContext(), called.type, called.is_resumable);
    begin(entry_function("entry"));

    SmallVector<Value*, 10> params, args;
    for (size_t i = 0; i < type.params.size(); ++i) params.push_back(access_.load(type_of(type.params[i]), slot(i)));
    if (signature.passes_sp) args.push_back(access_.load(builder_.getInt32Ty(), AOTC_GLOBAL_OFFSET(0)));
    for (size_t i = 0; i < params.size(); ++i) {
      if (int to = signature.scratch_slot[i]; to < 0) {
        args.push_back(params[i]);
      } else {
        access_.store(params[i], slot(to));
      }
    }
    Function* callee = create_function(module_, signature, function_symbol(0));
    Type* i32 = builder_.getInt32Ty();
    CallInst* call = nullptr;
    if (called.is_resumable) {
      args.push_back(builder_.CreatePtrToInt(callee, builder_.getInt64Ty()));
      auto* catch_type = FunctionType::get(StructType::get(i32, i32), {i32, i32, builder_.getInt64Ty()}, false);
      call = builder_.CreateCall(catch_type, access_.helper_address(AOTC_HELPER_CATCH_CALL), args);
    } else {
      call = builder_.CreateCall(signature.type, callee, args);
    }
    call->setCallingConv(CallingConv::PreserveNone);
    call->setDoesNotThrow();

    SmallVector<Value*, 2> results;
    bool is_pair = signature.passes_sp && !type.results.empty();
    if (!type.results.empty())
      results.push_back(is_pair ? builder_.CreateExtractValue(call, 1) : static_cast<Value*>(call));
    for (size_t i = 1; i < type.results.size(); ++i)
      results.push_back(access_.load(type_of(type.results[i]), slot(i - 1)));
    for (size_t i = 0; i < results.size(); ++i) access_.store(results[i], slot(i));
    if (signature.passes_sp)
      access_.store(is_pair ? builder_.CreateExtractValue(call, 0) : static_cast<Value*>(call), AOTC_GLOBAL_OFFSET(0));
    builder_.CreateRetVoid();
  }

  void trap(aotc_trap code) {
    begin(entry_function("trap" + std::to_string(code)));
    builder_.CreateIntrinsic(Intrinsic::ubsantrap, {}, {builder_.getInt8(code)})->setDoesNotReturn();
    builder_.CreateUnreachable();
  }

  const CompileUnit& unit_;
  llvm::Module& module_;
  IRBuilder<> builder_;
  ContextAccess access_;
};

}  // namespace

Lowered lower_thunk(const CompileUnit& unit, LLVMContext& context) {
  auto module = std::make_unique<llvm::Module>("thunk", context);
  prepare_module(unit, *module);
  ThunkLowering(unit, *module).run();
  return {std::move(module), {}};
}

}  // namespace aotc
