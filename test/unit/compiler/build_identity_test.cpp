// build_identity_test.cpp - has both parts, and LLVM's is read, not assumed.
#include "build_identity.h"

#include <gtest/gtest.h>

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"

namespace aotc {
namespace {

TEST(BuildIdentity, NamesObjectCodeAndTheLoadedLLVM) {
  auto [ours, llvms] = build_identity().split('-');
  EXPECT_EQ(ours.size(), 64u);
  EXPECT_TRUE(llvm::all_of(ours, llvm::isHexDigit));
  EXPECT_GE(llvms.size(), 16u);
  EXPECT_NE(llvms, LLVM_VERSION_STRING);
  EXPECT_TRUE(llvm::all_of(llvms, llvm::isHexDigit));
  EXPECT_EQ(build_identity().data(), build_identity().data());
}

}  // namespace
}  // namespace aotc
