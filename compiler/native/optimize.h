// optimize.h - the pass lists of the two tiers, chosen by measurement.
#pragma once

#include "compile.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace aotc {

// How much is done for a function. `Large` is for functions on which LLVM's better algorithms, which are not linear, would
// take minutes: tables written as code. Their locals stay in memory, see SsaBuilder::keep_in_memory. `Plain` is `Best` without
// the passes on loops that take away what bounds an address, for functions of which check_fragment could not prove it.
// `Masked` masks each index where it is used and optimizes nothing, for those that are refused all the same.
enum class Effort : uint8_t { Quick, Best, Large, Plain, Masked };
inline constexpr size_t kEfforts = 5;

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
