// needless_passes: what is left out exists under that name, and is left out.
#include "native/needless_passes.h"

#include <gtest/gtest.h>

#include <set>

#include "llvm/CodeGen/TargetPassConfig.h"
#include "native/target.h"

namespace aotc {
namespace {

using namespace llvm;

// Takes the place of a pass manager and keeps names only.
class Recorder : public legacy::PassManagerBase {
 public:
  void add(Pass* pass) override {
    ++count;
    names.insert(pass->getPassName().str());
    delete pass;
  }
  std::set<std::string> names;
  size_t count = 0;
};

// What code generation of one function would run.
Recorder passes(Architecture architecture, CodeGenOptLevel level, bool all, bool reduces_strength = false) {
  Recorder recorder;
  NeededPasses needed(recorder, reduces_strength);
  auto machine =
      create_target_machine(architecture, architecture == Architecture::X86_64 ? "x86-64-v3" : "armv8-a", level);
  std::unique_ptr<TargetPassConfig> config(
      machine->createPassConfig(all ? static_cast<legacy::PassManagerBase&>(recorder) : needed));
  EXPECT_FALSE(config->addISelPasses());
  config->addMachinePasses();
  return recorder;
}

TEST(NeedlessPasses, ExistAndAreLeftOut) {
  std::set<std::string> all;
  for (Architecture architecture : {Architecture::X86_64, Architecture::AArch64}) {
    for (CodeGenOptLevel level : {CodeGenOptLevel::None, CodeGenOptLevel::Default}) {
      Recorder with = passes(architecture, level, true), without = passes(architecture, level, false);
      all.insert(with.names.begin(), with.names.end());
      EXPECT_LE(without.count + 20, with.count);
      for (StringRef name : needless_passes()) EXPECT_FALSE(without.names.count(name.str())) << name.str();
    }
  }
  for (StringRef name : needless_passes()) EXPECT_TRUE(all.count(name.str())) << "LLVM has no pass " << name.str();
}

TEST(NeedlessPasses, StrengthReductionIsLeftOutIfAsked) {
  for (Architecture architecture : {Architecture::X86_64, Architecture::AArch64}) {
    Recorder with = passes(architecture, CodeGenOptLevel::Default, false, true);
    Recorder without = passes(architecture, CodeGenOptLevel::Default, false);
    EXPECT_EQ(without.count + strength_reduction_passes().size(), with.count);
    for (StringRef name : strength_reduction_passes()) EXPECT_EQ(with.names.count(name.str()), 1u) << name.str();
  }
}

}  // namespace
}  // namespace aotc
