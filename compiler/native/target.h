// target.h - everything about a target that LLVM has to be told: triple, data layout, CPU, function attributes.
#pragma once

#include <memory>

#include "compile.h"
#include "llvm/IR/Function.h"
#include "llvm/Target/TargetMachine.h"

namespace aotc {

const char* target_triple(Architecture architecture);
const llvm::DataLayout& target_data_layout(Architecture architecture);

// `cpu` is one of cpu_baselines(). Never depends on the machine that this runs on.
std::unique_ptr<llvm::LLVMTargetMachine> create_target_machine(
    Architecture architecture, llvm::StringRef cpu, llvm::CodeGenOptLevel level = llvm::CodeGenOptLevel::Default);

// Whether the baseline has instructions that round a float to an integral one. Elsewhere LLVM calls the C library,
// which compiled code has not got.
bool rounds_floats(Architecture architecture, llvm::StringRef cpu);

// Attributes of every function that is compiled to a fragment.
void set_definition_attributes(llvm::Function& function, Architecture architecture);

}  // namespace aotc
