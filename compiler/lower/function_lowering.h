// function_lowering.h - state of the translation of one wasm function to LLVM IR; private to lower*.cpp.
//
// The translator walks the instructions once, with a stack of LLVM values for wasm's operand stack and a stack of
// frames for its blocks. Locals are SSA variables (ssa.h), and so is global 0 of a Go-shaped module, Go's stack
// pointer.
//
// Go's control flow. Go's back end turns a function into `loop { block^n { local.get X; br_table } ... }` and every
// jump into `i32.const k; local.set X; br loop`. The br_table makes the loop a *dispatch loop*: its frame remembers X
// and the blocks the table leads to. When a branch to such a loop is translated while X holds a constant, it goes
// straight to the block that the table would choose. This is constant propagation through one switch and holds for any
// module; what it leaves is the switch itself, reached on entry: the resumption of a suspended goroutine.
#pragma once

#include <memory>

#include "calling_convention.h"
#include "lower.h"
#include "ssa.h"

namespace aotc {

// Small callees are lowered into the caller's module as internal functions, which the optimiser then inlines. Go's
// compiler has inlined what it could; left are its assembly functions and, since it knows no atomics on wasm, those of
// internal/runtime/atomic. In modules of other compilers only the least leaves are left to gain from. Inlining is safe
// for any function, resumable ones included: the return addresses on Go's stack stay those of the callee, so a
// suspended goroutine resumes in the callee's own fragment.
struct InlineState {
  llvm::DenseMap<uint32_t, llvm::Function*> bodies;  // by number in the unit
  llvm::DenseSet<uint32_t> open;                     // being lowered: would be recursive
  std::vector<LoweredBody> located;                  // the fragment's own first
  uint32_t next_line = 0;
  llvm::DISubprogram* scope = nullptr;  // of every location, those of callees included
  bool calls_within = false;            // a function that has been inlined calls one that has not
  bool is_mistaken = false;             // about a function that is not the known one it was taken for
};

class FunctionLowering {
 public:
  // `depth` 0: the fragment's own function; else a callee to be inlined.
  FunctionLowering(const CompileUnit& unit, uint32_t function, llvm::Module& module, InlineState& inlined,
                   unsigned depth);
  llvm::Function* run();

 private:
  enum class FrameKind : uint8_t { Function, Block, Loop, If, Else };

  struct Dispatch {
    unsigned local;
    std::vector<llvm::BasicBlock*> targets;  // of the br_table, the default last
  };

  struct Frame {
    FrameKind kind;
    llvm::BasicBlock* target = nullptr;      // where a branch to this label goes; null for the function's own label
    llvm::BasicBlock* else_block = nullptr;  // if without its else seen yet
    size_t stack_height = 0;                 // operands below the block's parameters
    llvm::ArrayRef<ValueType> params, results;
    llvm::SmallVector<llvm::PHINode*, 1> phis;            // values that a branch to this label carries
    llvm::SmallVector<llvm::Value*, 1> else_params;       // the block's parameters, for the else arm
    uint32_t start = 0, end = 0;                          // instruction indices
    bool dispatch_target = false;                         // a dispatch loop may still branch here after the block's end
    std::unique_ptr<Dispatch> dispatch;                   // loops only
    llvm::SmallVector<llvm::BasicBlock*, 0> seal_at_end;  // dispatch loops: the targets
  };

  // lower.cpp
  void enter();
  void translate(const Instr& instr);
  llvm::DebugLoc location() const;
  void trap(aotc_trap code);
  void trap_if(llvm::Value* condition, aotc_trap code);
  llvm::Value* pop();
  void push(llvm::Value* value) { stack_.push_back(value); }
  llvm::BasicBlock* new_block();
  void mark_cold(llvm::Instruction* branch, bool first_is_cold);

  // lower_control.cpp
  bool control(const Instr& instr);  // each of these returns false when the instruction is not its own
  void begin_block(FrameKind kind, const Instr& instr);
  void begin_if(const Instr& instr);
  void else_arm();
  void end_block();
  void branch(uint32_t depth);
  void branch_if(uint32_t depth);
  void branch_table(const Instr& instr);
  llvm::BasicBlock* branch_destination(uint32_t depth);
  void pass_values(const Frame& frame);
  llvm::Value* truth(llvm::Value* condition);
  void return_values();
  void set_unreachable();
  Frame& label(uint32_t depth) { return frames_[frames_.size() - 1 - depth]; }
  llvm::ArrayRef<ValueType> label_types(const Frame& frame) const {
    return frame.kind == FrameKind::Loop ? frame.params : frame.results;
  }
  void recognise_dispatch(const Instr& instr);
  bool jumps_with_constants(const Frame& loop) const;

  // lower_known.cpp
  void plan_helper();
  void try_helper_first();
  void done_if(llvm::Value* done);
  void return_if(llvm::Value* condition, llvm::function_ref<llvm::Value*()> result);

  // lower_call.cpp
  bool call(const Instr& instr);
  void call_function(uint32_t function);
  void call_indirect(const Instr& instr);
  void emit_call(uint32_t type_index, bool resumable, llvm::Value* callee, bool returns);
  void leave_unwinding();
  bool propagates_unwinding() const;
  llvm::Function* body_to_inline(uint32_t function);

  // lower_memory.cpp
  bool memory(const Instr& instr);
  llvm::Value* address(llvm::Value* index, uint64_t offset);
  void load(const Instr& instr, llvm::Type* memory_type, llvm::Type* type, bool is_signed);
  void store(const Instr& instr, llvm::Type* memory_type);
  void global_get(uint32_t index);
  void global_set(uint32_t index);
  bool table(const Instr& instr);
  llvm::Value* table_entry_address(uint32_t table, llvm::Value* index, aotc_trap code);

  // lower_numeric.cpp
  llvm::Value* float_constant(const llvm::APFloat& value);
  llvm::Constant* symbol(uint32_t number, llvm::Type* type);
  bool numeric(const Instr& instr);
  void unary(llvm::Intrinsic::ID intrinsic);
  void binary(llvm::Intrinsic::ID intrinsic);
  void minimum_or_maximum(llvm::Intrinsic::ID intrinsic);
  void round(llvm::Intrinsic::ID intrinsic);
  void binary(llvm::Instruction::BinaryOps op);
  void compare(llvm::CmpInst::Predicate predicate);
  void shift(llvm::Instruction::BinaryOps op);
  void rotate(llvm::Intrinsic::ID intrinsic);
  void divide(llvm::Instruction::BinaryOps op);
  void bit_count(llvm::Intrinsic::ID intrinsic);
  void truncate_float(llvm::Type* type, bool is_signed);
  void truncate_saturating(llvm::Type* type, bool is_signed);
  void wrap();
  void sign_extend_from(llvm::Type* narrow);

  llvm::Value* zero(ValueType type) { return llvm::Constant::getNullValue(llvm_type(context_, type)); }
  llvm::BasicBlock* here() { return builder_.GetInsertBlock(); }
  // Variables of ssa_: locals, then Go's stack pointer.
  unsigned sp_variable() const { return static_cast<unsigned>(body_.locals.size()); }
  llvm::Value* read_sp() { return ssa_.read(sp_variable(), here()); }
  void write_sp(llvm::Value* value) { ssa_.write(sp_variable(), here(), value); }

  const CompileUnit& unit_;
  const uint32_t index_;  // of the unit's functions
  const UnitFunction& own_;
  const FunctionBody& body_;
  llvm::Module& module_;
  llvm::LLVMContext& context_;
  llvm::IRBuilder<> builder_;
  ContextAccess access_;
  SsaBuilder ssa_;
  InlineState& inlined_;
  const unsigned depth_;
  llvm::Function* function_ = nullptr;
  Signature signature_;

  KnownFunction known_{};
  uint32_t ask_at_ = UINT32_MAX;  // index of the instruction before which the helper for known_ is asked

  std::vector<llvm::Value*> stack_;
  std::vector<Frame> frames_;
  uint32_t first_line_ = 0;  // see LoweredBody
  uint32_t position_ = 0;    // index of the instruction being translated
  bool reachable_ = true;
  uint32_t skipped_blocks_ = 0;  // nesting inside unreachable code
};

// Shared by lower.cpp and lower_thunk.cpp.
llvm::Function* create_function(llvm::Module& module, const Signature& signature, const std::string& name);
void prepare_module(const CompileUnit& unit, llvm::Module& module);

}  // namespace aotc
