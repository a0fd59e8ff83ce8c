// fast_selection.h - IR in the form that LLVM's fast instruction selector takes.
//
// FastISel selects an instruction in a fifth of SelectionDAG's time, but knows neither the segment registers nor
// absolute symbols, and from the first instruction of a block that it does not know, seen from the block's end, all is
// SelectionDAG's. For x86-64 both can be said in ways that it knows, and put right in the machine code.
#pragma once

#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Function.h"

namespace llvm {
class MachineFunctionPass;
}

namespace aotc {

class FastSelection {
 public:
  // Prepares a function. False when it is as it was, and has to be selected as it is.
  bool prepare(llvm::Function& function);
  // To run right behind the selection: makes of a prepared function's accesses what they stand for.
  llvm::MachineFunctionPass* create_finish();
  // Whether the last function could not be finished: its machine code is wrong.
  bool failed() const { return failed_; }

 private:
  friend class FinishSelection;

  struct Place {
    llvm::GlobalVariable* symbol;
    int64_t offset;
  };
  bool prepared_ = false, failed_ = false;
  llvm::SmallVector<llvm::GlobalVariable*> stored_;  // by the number that stands for it
  llvm::SmallVector<Place> places_;                  // by the address that stands for it
};

}  // namespace aotc
