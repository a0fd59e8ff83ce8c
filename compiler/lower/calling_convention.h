// calling_convention.h - how compiled functions call each other, helpers and the host, in LLVM's terms.
//
// abi.h has the rules. This file turns a wasm function type into an LLVM function type and tells which parameters
// travel in scratch slots. "Resumable" functions are those of Go's type (i32)->i32: they return nothing but the Go
// stack pointer.
#pragma once

#include "aotc/abi.h"
#include "compile_unit.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/IRBuilder.h"

namespace aotc {

llvm::Type* llvm_type(llvm::LLVMContext& context, ValueType type);

struct Signature {
  llvm::FunctionType* type = nullptr;
  bool passes_sp = false;  // first parameter and first (part of the) result
  bool resumable = false;
  std::vector<int> scratch_slot;  // per wasm parameter: its scratch slot, or -1 when in a register
};

Signature signature_of(const CompileUnit& unit, llvm::LLVMContext& context, uint32_t type_index, bool resumable);

// External symbols, by their numbers in the unit; codegen turns these names back into Relocation symbols.
std::string function_symbol(uint32_t index);
std::string static_table_symbol(uint32_t index);
std::string constant_symbol(uint32_t index);
inline constexpr char kFunctionRefsSymbol[] = "refs";

// Emits loads, stores and calls that involve the instance context. Holds one function's LLVM state.
class ContextAccess {
 public:
  ContextAccess(llvm::IRBuilder<>& builder, llvm::Module& module);

  // Address space of the base register: address 0 is byte 0 of linear memory.
  static constexpr unsigned kBaseSpace = 256;
  llvm::Value* pointer(int64_t offset);
  llvm::Value* load(llvm::Type* type, int64_t offset);
  void store(llvm::Value* value, int64_t offset);
  // A helper in the C convention; passes the base first.
  llvm::CallInst* call_helper(aotc_helper helper, llvm::Type* result, llvm::ArrayRef<llvm::Value*> args);
  llvm::Value* helper_address(aotc_helper helper);
  void tag_memory(llvm::Instruction* access) { access->setMetadata(llvm::LLVMContext::MD_tbaa, memory_tag_); }

 private:
  llvm::IRBuilder<>& builder_;
  llvm::MDNode* context_tag_;
  llvm::MDNode* memory_tag_;
};

}  // namespace aotc
