// cpu_baseline.h - what each --cpu name means: feature bits in the artifact, CPU and features for LLVM.
#pragma once

#include "compile.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace aotc {

struct CpuBaseline {
  Architecture architecture;
  const char* name;           // value of --cpu
  const char* llvm_cpu;       // LLVM's -mcpu: a baseline, never a model, so that tuning is the same everywhere
  const char* llvm_features;  // LLVM's -mattr: what the baseline or our ABI needs on top of llvm_cpu
  uint64_t features;          // aotc_header::cpu_features: bits of aotc_x86_feature or aotc_arm_feature
};

// All baselines of an architecture, the default first.
llvm::ArrayRef<CpuBaseline> all_cpu_baselines(Architecture architecture);

// Null when the name is unknown; the default for an empty one.
const CpuBaseline* find_cpu_baseline(Architecture architecture, llvm::StringRef name);

}  // namespace aotc
