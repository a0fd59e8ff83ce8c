// ssa.h - SSA form for wasm locals, built while the code is translated.
//
// Every local (and Go's stack pointer) is a variable; read() finds or makes the value that reaches a block. This is the
// on-the-fly construction of Braun et al. (CC 2013): a block whose predecessors are not all known yet is left unsealed
// and gets placeholder phis, completed by seal(). Phis that turn out to merge one value are replaced at once, so no
// mem2reg pass is needed and dead merges never exist: a local that is not read after a join costs nothing there.
//
// Memory is proportional to definitions, not to blocks times variables, so a module with 50,000 locals and as many
// blocks is harmless.
#pragma once

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"

namespace aotc {

class SsaBuilder {
 public:
  explicit SsaBuilder(std::vector<llvm::Type*> types) : types_(std::move(types)) {}
  ~SsaBuilder();
  SsaBuilder(const SsaBuilder&) = delete;
  SsaBuilder& operator=(const SsaBuilder&) = delete;

  // Keeps variables in stack slots, allocated in `entry`, and in registers only inside a block. For functions so large
  // that values living across thousands of blocks would take LLVM minutes.
  void keep_in_memory(llvm::BasicBlock* entry);

  // Blocks are filled in order: reads and writes refer to the block's end as it is now.
  void write(unsigned variable, llvm::BasicBlock* block, llvm::Value* value);
  llvm::Value* read(unsigned variable, llvm::BasicBlock* block);
  // The value written in this very block, or null.
  llvm::Value* find(unsigned variable, llvm::BasicBlock* block) const {
    return resolve(definitions_.lookup(key(variable, block)));
  }
  // All predecessors of the block have their terminators. Blocks start unsealed.
  void seal(llvm::BasicBlock* block);

  // The value that stands for `value` now; values held outside the builder go through this before use.
  llvm::Value* resolve(llvm::Value* value) const;

 private:
  using Key = std::pair<llvm::BasicBlock*, unsigned>;
  static Key key(unsigned variable, llvm::BasicBlock* block) { return {block, variable}; }

  llvm::PHINode* create_phi(unsigned variable, llvm::BasicBlock* block);
  llvm::Value* complete_phi(unsigned variable, llvm::PHINode* phi);
  llvm::Value* remove_if_trivial(llvm::PHINode* phi);

  std::vector<llvm::Type*> types_;
  std::vector<llvm::AllocaInst*> slots_;  // by variable; empty unless kept in memory
  llvm::DenseMap<Key, llvm::Value*> definitions_;
  llvm::DenseSet<llvm::BasicBlock*> sealed_;
  llvm::DenseMap<llvm::BasicBlock*, llvm::SmallVector<std::pair<unsigned, llvm::PHINode*>, 4>> incomplete_;
  llvm::DenseMap<llvm::PHINode*, bool> complete_;  // phis made here: whether their operands are filled in
  llvm::DenseMap<llvm::Value*, llvm::Value*> replaced_;
  std::vector<llvm::PHINode*> removed_;
};

}  // namespace aotc
