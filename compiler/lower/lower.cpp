// lower.cpp - translate one wasm function: entry, dispatch on the instruction, traps. See function_lowering.h for the
// idea.
#include "lower.h"

#include "aotc/abi.h"
#include "frame_slots.h"
#include "function_lowering.h"
#include "llvm/BinaryFormat/Dwarf.h"
#include "llvm/IR/DIBuilder.h"
#include "llvm/IR/MDBuilder.h"
#include "native/target.h"

namespace aotc {

using namespace llvm;

namespace {

std::vector<Type*> variable_types(const FunctionBody& body, LLVMContext& context) {
  std::vector<Type*> types;
  types.reserve(body.locals.size() + 1);
  for (ValueType local : body.locals) types.push_back(llvm_type(context, local));
  types.push_back(Type::getInt32Ty(context));  // Go's stack pointer
  return types;
}

// Trap instructions carry where they are from as the line of a debug location, see LoweredBody. The unit emits no debug
// sections; codegen collects the locations. Those of inlined callees are of the caller's scope.
DISubprogram* attach_locations(llvm::Module& module, Function* function) {
  DIBuilder debug(module, false);
  DIFile* file = debug.createFile("module.wasm", ".");
  DICompileUnit* unit =
      debug.createCompileUnit(dwarf::DW_LANG_C11, file, "aotc", true, "", 0, "", DICompileUnit::NoDebug);
  DISubroutineType* type = debug.createSubroutineType(debug.getOrCreateTypeArray({}));
  function->setSubprogram(debug.createFunction(unit, function->getName(), "", file, 0, type, 0, DINode::FlagZero,
                                               DISubprogram::SPFlagDefinition | DISubprogram::SPFlagOptimized));
  debug.finalize();
  return function->getSubprogram();
}

}  // namespace

void prepare_module(const CompileUnit& unit, llvm::Module& module) {
  module.setTargetTriple(target_triple(unit.architecture));
  module.setDataLayout(target_data_layout(unit.architecture));
  module.setPICLevel(PICLevel::SmallPIC);
  // No frame needs padding: nothing on the guest's stack is wider than 8 bytes, and the helpers align their own.
  if (unit.architecture == Architecture::X86_64) module.setOverrideStackAlignment(8);
}

Function* create_function(llvm::Module& module, const Signature& signature, const std::string& name) {
  Function* function = Function::Create(signature.type, GlobalValue::ExternalLinkage, name, module);
  function->setVisibility(GlobalValue::HiddenVisibility);
  function->setDSOLocal(true);
  function->setCallingConv(CallingConv::PreserveNone);
  function->setDoesNotThrow();
  return function;
}

FunctionLowering::FunctionLowering(const CompileUnit& unit, uint32_t function, llvm::Module& module,
                                   InlineState& inlined, unsigned depth)
    : unit_(unit),
      index_(function),
      own_(unit.functions[function]),
      body_(own_.body),
      module_(module),
      context_(module.getContext()),
      builder_(context_),
      access_(builder_, module),
      ssa_(variable_types(body_, context_)),
      inlined_(inlined),
      depth_(depth) {}

BasicBlock* FunctionLowering::new_block() { return BasicBlock::Create(context_, "", function_); }

Value* FunctionLowering::pop() {
  Value* value = ssa_.resolve(stack_.back());
  stack_.pop_back();
  return value;
}

void FunctionLowering::enter() {
  const FuncType& type = unit_.types[own_.type];
  signature_ = signature_of(unit_, context_, own_.type, own_.is_resumable);
  function_ = create_function(module_, signature_, (depth_ ? "inline" : "") + function_symbol(index_));
  if (depth_) {
    function_->setLinkage(GlobalValue::InternalLinkage);
    function_->setVisibility(GlobalValue::DefaultVisibility);
    function_->addFnAttr(Attribute::AlwaysInline);
  } else {
    inlined_.scope = attach_locations(module_, function_);
  }
  set_definition_attributes(*function_, unit_.architecture);

  BasicBlock* entry = new_block();
  builder_.SetInsertPoint(entry);
  if (depth_ == 0 && unit_.effort == Effort::Large) ssa_.keep_in_memory(entry);
  auto argument = function_->arg_begin();
  if (signature_.passes_sp) write_sp(&*argument++);
  for (size_t i = 0; i < body_.locals.size(); ++i) {
    Value* value = nullptr;
    if (i >= type.params.size()) {
      value = zero(body_.locals[i]);
    } else if (int slot = signature_.scratch_slot[i]; slot < 0) {
      value = &*argument++;
    } else {
      value = access_.load(llvm_type(context_, type.params[i]), AOTC_SCRATCH_OFFSET + AOTC_SLOT_SIZE * slot);
    }
    ssa_.write(static_cast<unsigned>(i), entry, value);
  }
  ssa_.seal(entry);
  plan_helper();

  Frame frame;
  frame.kind = FrameKind::Function;
  frame.results = type.results;
  frame.end = static_cast<uint32_t>(body_.code.size() - 1);
  frames_.push_back(std::move(frame));
}

Function* FunctionLowering::run() {
  inlined_.open.insert(index_);
  first_line_ = inlined_.next_line;
  inlined_.next_line += static_cast<uint32_t>(body_.code.size()) + 1;
  inlined_.located.push_back({index_, first_line_});
  enter();
  for (position_ = 0; position_ < body_.code.size(); ++position_) {
    if (position_ == ask_at_) try_helper_first();
    translate(body_.code[position_]);
  }
  inlined_.open.erase(index_);
  // While a callee panics, Go's runtime looks at its callers' frames.
  if (signature_.resumable && own_.resume_points == std::vector<uint32_t>{0} && !inlined_.calls_within)
    function_->addFnAttr(kFrameEndsAttribute);
  return function_;
}

void FunctionLowering::translate(const Instr& instr) {
  if (control(instr)) return;
  if (!reachable_) return;
  bool known = call(instr) || memory(instr) || numeric(instr);
  assert(known && "read_module accepted an instruction that lowering does not know");
  (void)known;
}

void FunctionLowering::mark_cold(Instruction* branch, bool first_is_cold) {
  MDBuilder metadata(context_);
  branch->setMetadata(LLVMContext::MD_prof, first_is_cold ? metadata.createBranchWeights(1, 1u << 20)
                                                          : metadata.createBranchWeights(1u << 20, 1));
}

DebugLoc FunctionLowering::location() const {
  return DILocation::get(context_, first_line_ + position_, 0, inlined_.scope);
}

void FunctionLowering::trap(aotc_trap code) {
  builder_.SetCurrentDebugLocation(location());
  CallInst* call = builder_.CreateIntrinsic(Intrinsic::ubsantrap, {}, {builder_.getInt8(code)});
  // One instruction per wasm instruction, so that the trap table can name it.
  call->addFnAttr(Attribute::NoMerge);
  call->setDoesNotReturn();
  builder_.SetCurrentDebugLocation(DebugLoc());
  builder_.CreateUnreachable();
}

void FunctionLowering::trap_if(Value* condition, aotc_trap code) {
  if (auto* constant = dyn_cast<ConstantInt>(condition); constant && constant->isZero()) return;
  BasicBlock* trapping = new_block();
  BasicBlock* rest = new_block();
  mark_cold(builder_.CreateCondBr(condition, trapping, rest), true);
  builder_.SetInsertPoint(trapping);
  ssa_.seal(trapping);
  trap(code);
  builder_.SetInsertPoint(rest);
  ssa_.seal(rest);
}

Expected<Lowered> lower_function(const CompileUnit& unit, LLVMContext& context) {
  auto module = std::make_unique<llvm::Module>("fragment", context);
  prepare_module(unit, *module);
  InlineState inlined;
  FunctionLowering(unit, 0, *module, inlined, 0).run();
  if (inlined.is_mistaken)
    return createStringError(inconvertibleErrorCode(), "a function is not the one that it was taken for");
  return Lowered{std::move(module), std::move(inlined.located)};
}

}  // namespace aotc
