// optimize.h - the pass lists of the two tiers, chosen by measurement.
#pragma once

#include "facts.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace aotc {

class Optimizer {
 public:
  Optimizer(llvm::TargetMachine& machine, Effort effort);
  ~Optimizer();
  void run(llvm::Module& module);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aotc
