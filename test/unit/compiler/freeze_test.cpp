// freeze_test.cpp - with which artifact a program is frozen. What comes of it is tested by test/freeze.
#include "process/freeze.h"

#include <fcntl.h>

#include <gtest/gtest.h>

#include "support/unique_fd.h"

namespace aotc {
namespace {

class Freeze : public testing::Test {
 protected:
  // The reason why there is no snapshot; "" when it was not tried.
  std::string run(std::vector<FinishedArtifact> artifacts, bool go_shaped = true) {
    auto make = [this](Architecture architecture, const std::string& cpu) -> llvm::Expected<int> {
      made_.push_back(cpu);
      EXPECT_TRUE(runs_here(architecture, cpu));
      return file_.get();
    };
    for (FinishedArtifact& artifact : artifacts) artifact.file = file_.get();
    auto outcome = freeze_program(artifacts, go_shaped, make, file_.get(), request_);
    if (!outcome) return llvm::toString(outcome.takeError());
    return *outcome ? (*outcome)->reason : "";
  }

  UniqueFd file_{open("/dev/null", O_RDWR | O_CLOEXEC)};
  FreezeRequest request_{"x", {}, {"/bin/false", 1 << 20, 10}, {}};
  std::vector<std::string> made_;
  Architecture host_ = llvm::cantFail(parse_architecture("host"));
  Architecture other_ = host_ == Architecture::X86_64 ? Architecture::AArch64 : Architecture::X86_64;
  std::string tried_ = "/bin/false: exit code 1: ";
};

TEST_F(Freeze, TakesAnArtifactThatThisMachineRuns) {
  std::string lowest = host_ == Architecture::X86_64 ? "x86-64" : "armv8-a";
  EXPECT_EQ(run({{other_, "", -1}, {host_, lowest, -1}}), tried_);
  EXPECT_TRUE(made_.empty());
}

TEST_F(Freeze, MakesOneWhereNoneIs) {
  EXPECT_EQ(run({{other_, "", -1}, {host_, "a baseline of next year", -1}}), tried_);
  EXPECT_EQ(made_.size(), 1u);
}

TEST_F(Freeze, IsNotTriedUnasked) {
  EXPECT_EQ(run({}, false), "");
  request_.options.set(Option::Snapshot, "required");
  EXPECT_EQ(run({}, false), tried_);
  request_.options.set(Option::Snapshot, "off");
  EXPECT_EQ(run({}), "");
}

}  // namespace
}  // namespace aotc
