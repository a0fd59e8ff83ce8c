// compile_function: what a fragment says does not depend on where its function lies in the module. Only the meaning of
// its symbols does.
#include "compile_function.h"

#include <gtest/gtest.h>

#include "plan.h"
#include "wasm/read_module.h"
#include "wasm_bytes.h"

namespace aotc {
namespace {

using namespace wasm;

// Divides its parameter by itself: traps when that is 0.
const Bytes kDivide = body({0x20, 0, 0x20, 0, 0x6d, 0x0b});
// Calls that, and adds what is found in memory at its parameter and what it is itself; traps in three ways.
Bytes subject(uint8_t divide, uint8_t self) {
  return body({0x20, 0, 0x10, divide, 0x20, 0, 0x10, self, 0x6a, 0x20, 0, 0x28, 2, 0, 0x20, 0, 0x6e, 0x6a, 0x0b});
}

class FragmentIdentity : public testing::TestWithParam<std::tuple<Architecture, Tier>> {
 protected:
  Fragment compile(const Bytes& bytes, uint32_t defined) {
    CompileOptions options;
    std::tie(options.architecture, options.tier) = GetParam();
    Compilation c(bytes, options);
    c.module = llvm::cantFail(read_module(bytes, "t.wasm"));
    plan_tables(c);
    plan_globals(c);
    plan_functions(c, std::nullopt);
    CodeGenerators generators;
    return llvm::cantFail(compile_function({defined}, c.facts(), generators)).fragment;
  }
};

TEST_P(FragmentIdentity, IsTheSameInAnotherModule) {
  Bytes type = func_type({kI32}, {kI32});
  Fragment a = compile(module({types({type}), functions({0, 0}), memory(1), code({kDivide, subject(0, 1)})}), 1);
  Fragment b = compile(module({types({func_type({}, {}), type}), functions({0, 1, 0, 1}), memory(1),
                               code({body({0x0b}), subject(3, 1), body({0x01, 0x01, 0x0b}), kDivide})}),
                       1);
  EXPECT_EQ(a.text, b.text);
  EXPECT_EQ(a.rodata, b.rodata);
  EXPECT_EQ(a.cfi, b.cfi);
  EXPECT_EQ(a.frame_size, b.frame_size);
  ASSERT_EQ(a.relocations.size(), b.relocations.size());
  for (size_t i = 0; i < a.relocations.size(); ++i) {
    EXPECT_EQ(a.relocations[i].offset, b.relocations[i].offset);
    EXPECT_EQ(a.relocations[i].kind, b.relocations[i].kind);
    EXPECT_EQ(a.relocations[i].symbol, b.relocations[i].symbol);
    EXPECT_EQ(a.relocations[i].addend, b.relocations[i].addend);
  }
  ASSERT_EQ(a.trap_sites.size(), b.trap_sites.size());
  EXPECT_GE(a.trap_sites.size(), 2u);
  for (size_t i = 0; i < a.trap_sites.size(); ++i) {
    EXPECT_EQ(a.trap_sites[i].offset, b.trap_sites[i].offset);
    EXPECT_EQ(a.trap_sites[i].symbol, b.trap_sites[i].symbol);
    EXPECT_EQ(a.trap_sites[i].wasm_offset, b.trap_sites[i].wasm_offset);
  }
  ASSERT_EQ(a.symbols.size(), b.symbols.size());
  bool refers_to_other = false;
  for (size_t i = 0; i < a.symbols.size(); ++i) {
    EXPECT_EQ(a.symbols[i].kind, b.symbols[i].kind);
    if (a.symbols[i].kind != SymbolKind::Function) continue;
    EXPECT_EQ(b.symbols[i].index, a.symbols[i].index == 0 ? 3u : 1u);
    refers_to_other = refers_to_other || a.symbols[i].index == 0;
  }
  EXPECT_TRUE(refers_to_other) << "called, or inlined and trapping";
}

INSTANTIATE_TEST_SUITE_P(Targets, FragmentIdentity,
                         testing::Combine(testing::Values(Architecture::X86_64, Architecture::AArch64),
                                          testing::Values(Tier::Quick, Tier::Best)));

}  // namespace
}  // namespace aotc
