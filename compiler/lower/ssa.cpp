// ssa.cpp - see ssa.h.
#include "ssa.h"

#include "llvm/IR/CFG.h"

namespace aotc {

using namespace llvm;

SsaBuilder::~SsaBuilder() {
  for (PHINode* phi : removed_) phi->deleteValue();
}

Value* SsaBuilder::resolve(Value* value) const {
  for (auto it = replaced_.find(value); it != replaced_.end(); it = replaced_.find(value)) value = it->second;
  return value;
}

void SsaBuilder::keep_in_memory(BasicBlock* entry) {
  for (Type* type : types_) slots_.push_back(new AllocaInst(type, 0, "", entry));
}

void SsaBuilder::write(unsigned variable, BasicBlock* block, Value* value) {
  definitions_[key(variable, block)] = value;
  if (!slots_.empty()) new StoreInst(value, slots_[variable], block);
}

PHINode* SsaBuilder::create_phi(unsigned variable, BasicBlock* block) {
  PHINode* phi = PHINode::Create(types_[variable], 2);
  phi->insertInto(block, block->begin());
  complete_[phi] = false;
  return phi;
}

Value* SsaBuilder::read(unsigned variable, BasicBlock* block) {
  if (!slots_.empty()) {
    Value*& value = definitions_[key(variable, block)];
    if (!value) value = new LoadInst(types_[variable], slots_[variable], "", block);
    return value;
  }
  // Chains of single predecessors are walked, not recursed into: Go functions have thousands of blocks in a row.
  SmallVector<BasicBlock*, 16> path;
  BasicBlock* seen = nullptr;  // an earlier block of the path; meeting it again means a cycle that nothing enters
  Value* value = nullptr;
  while (!value) {
    if (auto it = definitions_.find(key(variable, block)); it != definitions_.end()) {
      value = it->second = resolve(it->second);
    } else if (!sealed_.contains(block)) {
      PHINode* phi = create_phi(variable, block);
      incomplete_[block].emplace_back(variable, phi);
      definitions_[key(variable, block)] = value = phi;
    } else if (pred_empty(block)) {
      value = PoisonValue::get(types_[variable]);  // unreachable
    } else if (BasicBlock* predecessor = block->getSinglePredecessor(); predecessor) {
      path.push_back(block);
      if (isPowerOf2_64(path.size())) seen = block;
      block = predecessor;
      if (block == seen) value = PoisonValue::get(types_[variable]);
    } else {
      PHINode* phi = create_phi(variable, block);
      definitions_[key(variable, block)] = phi;
      value = complete_phi(variable, phi);
      definitions_[key(variable, block)] = value;
    }
  }
  for (BasicBlock* passed : path) definitions_[key(variable, passed)] = value;
  return value;
}

Value* SsaBuilder::complete_phi(unsigned variable, PHINode* phi) {
  BasicBlock* block = phi->getParent();
  // A predecessor with several edges here needs an entry per edge, with one value.
  SmallVector<BasicBlock*, 8> predecessor_list(predecessors(block));
  for (BasicBlock* predecessor : predecessor_list) phi->addIncoming(read(variable, predecessor), predecessor);
  complete_[phi] = true;
  return remove_if_trivial(phi);
}

Value* SsaBuilder::remove_if_trivial(PHINode* phi) {
  Value* result = phi;
  SmallVector<PHINode*, 8> worklist{phi};
  while (!worklist.empty()) {
    PHINode* candidate = worklist.pop_back_val();
    if (!complete_.lookup(candidate) || replaced_.contains(candidate)) continue;
    Value* same = nullptr;
    bool trivial = true;
    for (Value* operand : candidate->incoming_values()) {
      operand = resolve(operand);
      if (operand == same || operand == candidate) continue;
      if (same) {
        trivial = false;
        break;
      }
      same = operand;
    }
    if (!trivial) continue;
    if (!same) same = PoisonValue::get(candidate->getType());
    // Phis of block results, which are not in complete_, stay as they are: they may still gain operands.
    for (User* user : candidate->users())
      if (auto* other = dyn_cast<PHINode>(user); other && other != candidate) worklist.push_back(other);
    replaced_[candidate] = same;
    candidate->replaceAllUsesWith(same);
    candidate->removeFromParent();
    candidate->dropAllReferences();
    removed_.push_back(candidate);
  }
  return resolve(result);
}

void SsaBuilder::seal(BasicBlock* block) {
  if (!sealed_.insert(block).second) return;
  auto it = incomplete_.find(block);
  if (it == incomplete_.end()) return;
  auto phis = std::move(it->second);
  incomplete_.erase(it);
  for (auto [variable, phi] : phis) complete_phi(variable, phi);
}

}  // namespace aotc
