// compile_function: what a fragment says does not depend on where its function lies in the module. Only the meaning of
// its symbols does.
#include "compile_function.h"

#include <gtest/gtest.h>

#include "compile_functions.h"
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

// A choice among five constants by a jump table; the sum of a float's two halves is a third constant in another
// section.
Bytes choice() {
  Bytes code{0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x20, 0, 0x0e, 4, 0, 1, 2, 3, 4};
  for (uint8_t i = 1; i <= 5; ++i)
    code.insert(code.end(), {0x0b, 0x41, static_cast<uint8_t>(7 * i), 0x20, 0, 0x6c, 0x0f});
  code.push_back(0x0b);
  return body(code);
}
// (x + 1.5f) as a double, + 2.25, as an i32: traps, and has constants of two sizes.
const Bytes kFloats =
    body({0x20, 0, 0xb2, 0x43, 0, 0, 0xc0, 0x3f, 0x92, 0xbb, 0x44, 0, 0, 0, 0, 0, 0, 2, 0x40, 0xa0, 0xaa, 0x0b});
// The same constants the other way round, and one more.
const Bytes kMoreFloats = body({0x20, 0, 0xb7, 0x44, 0, 0,    0,    0,    0,    0, 4, 0x40, 0xa0, 0x44, 0,    0,
                                0,    0, 0,    0,    2, 0x40, 0xa2, 0xb6, 0x43, 0, 0, 0xc0, 0x3f, 0x92, 0xa8, 0x0b});

class FragmentIdentity : public testing::TestWithParam<std::tuple<Architecture, Tier>> {
 protected:
  Fragment compile(const Bytes& bytes, uint32_t defined) {
    prepare(bytes);
    CodeGenerators generators;
    return compile(defined, generators);
  }

  Fragment compile(uint32_t defined, CodeGenerators& generators) {
    CompileUnit unit;
    UnitBinding binding;
    make_unit(*c_, defined, true, unit, binding);
    Fragment fragment = llvm::cantFail(compile_function(unit, generators)).fragment;
    EXPECT_TRUE(bind(fragment, binding));
    return fragment;
  }

  void prepare(const Bytes& bytes) {
    std::tie(options_.architecture, options_.tier) = GetParam();
    c_ = std::make_unique<Compilation>(bytes, options_);
    c_->module = llvm::cantFail(read_module(bytes, "t.wasm"));
    plan_tables(*c_);
    plan_globals(*c_);
    plan_functions(*c_, std::nullopt);
    for (FunctionPlan& plan : c_->functions) plan.effort = options_.tier == Tier::Best ? Effort::Best : Effort::Quick;
  }

  CompileOptions options_;
  std::unique_ptr<Compilation> c_;
};

std::string text_of(const Fragment& f) {
  std::string text(f.text.begin(), f.text.end());
  text +=
      "\nrodata " + std::string(f.rodata.begin(), f.rodata.end()) + "\ncfi " + std::string(f.cfi.begin(), f.cfi.end());
  for (uint32_t number : {f.text_align, f.rodata_align, f.frame_size}) text += " " + std::to_string(number);
  for (const Symbol& s : f.symbols) text += "\nsymbol " + std::to_string(int(s.kind)) + " " + std::to_string(s.index);
  for (const Relocation& r : f.relocations)
    text += "\nrelocation " + std::to_string(r.offset) + " " + std::to_string(int(r.section)) + " " +
            std::to_string(int(r.kind)) + " " + std::to_string(r.symbol) + " " + std::to_string(r.addend);
  for (const TrapSite& t : f.trap_sites)
    text += "\ntrap " + std::to_string(t.offset) + " " + std::to_string(t.symbol) + " " + std::to_string(t.instruction);
  return text;
}

// The code of a function does not depend on what else is compiled with it.
TEST_P(FragmentIdentity, IsTheSameInABatch) {
  prepare(module({types({func_type({kI32}, {kI32})}), functions({0, 0, 0, 0, 0, 0, 0, 0, 0}), memory(1),
                  code({kDivide, subject(0, 1), kFloats, choice(), kMoreFloats, subject(5, 1), body({0x20, 0, 0x0b}),
                        choice(), kFloats})}));
  std::vector<std::vector<uint32_t>> orders{{0, 1, 2, 3, 4, 5, 6, 7, 8}, {8, 4, 7, 6, 3, 5, 1, 2, 0}, {3, 2}};
  size_t with_data = 0;
  for (const std::vector<uint32_t>& order : orders) {
    std::vector<CompileUnit> units(order.size());
    std::vector<UnitBinding> bindings(order.size());
    std::vector<const CompileUnit*> batch;
    for (size_t i = 0; i < order.size(); ++i) {
      make_unit(*c_, order[i], true, units[i], bindings[i]);
      batch.push_back(&units[i]);
    }
    CodeGenerators together;
    std::vector<llvm::Expected<Compiled>> compiled = compile_batch(batch, together);
    EXPECT_EQ(together.runs(), 1u);
    ASSERT_EQ(compiled.size(), order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      CodeGenerators alone;
      Fragment expected = compile(order[i], alone);
      EXPECT_EQ(alone.runs(), 1u);
      Fragment fragment = llvm::cantFail(std::move(compiled[i])).fragment;
      EXPECT_TRUE(bind(fragment, bindings[i]));
      EXPECT_EQ(text_of(fragment), text_of(expected)) << order[i];
      with_data += !expected.rodata.empty();
    }
  }
  // AArch64 at quick makes its constants of instructions.
  EXPECT_GE(with_data, options_.tier == Tier::Best ? 4u : 0u) << "constants, jump tables, tables of results";
}

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
    EXPECT_EQ(a.trap_sites[i].instruction, b.trap_sites[i].instruction);
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

// A symbol's value has to fit where LLVM has put it, which a sum with another number may not. Then it is compiled with
// the numbers themselves.
TEST_P(FragmentIdentity, ValuesThatDoNotFit) {
  // *(i64*)0 = 4100 - 8000, if the stack pointer is no matter
  Bytes code_of = body({0x41, 0, 0x42, 0x84, 0x20, 0x42, 0xc0, 0x41, 0x7c, 0x37, 3, 0, 0x0b});
  prepare(module({types({func_type({}, {}), func_type({kI32}, {kI32})}), functions({0}), memory(1),
                  section(6, list({join({{kI32, 1}, {0x41, 0, 0x0b}})})), code({code_of})}));
  c_->go.recognised = true;
  c_->go.resumable_type = 1;
  CompileUnit unit;
  UnitBinding binding;
  make_unit(*c_, 0, true, unit, binding);
  ASSERT_EQ(binding.symbols, std::vector<uint32_t>{4100});
  CodeGenerators generators;
  Fragment fragment = llvm::cantFail(compile_function(unit, generators)).fragment;
  bool is_folded = !bind(fragment, binding);
  EXPECT_EQ(is_folded, options_.architecture == Architecture::X86_64);
  ASSERT_FALSE(compile_functions(*c_));
  for (const Relocation& relocation : c_->fragments[0].relocations)
    EXPECT_EQ(is_of_constant(relocation.kind), !is_folded);
}

// codegen/plain_functions.wat: LLVM's passes on loops drop the mask of the pointer beside the counter.
const Bytes kPointerBesideCounter =
    sized({1,    3,    kI64, 0x42, 0x80, 0x20, 0x21, 0,    3, 0x40, 0x20, 2,    0x20, 1,    0x20, 0,   0xa7,
           0x31, 0,    0,    0x7e, 0x7c, 0x21, 2,    0x20, 0, 0x42, 1,    0x7c, 0x21, 0,    0x20, 1,   0x42,
           1,    0x7c, 0x21, 1,    0x20, 1,    0x42, 0xe8, 7, 0x54, 0x0d, 0,    0x0b, 0x20, 2,    0x0b});

class Efforts : public FragmentIdentity {};

TEST_P(Efforts, FollowEachOtherUntilTheProofSucceeds) {
  prepare(module({types({func_type({}, {kI64})}), functions({0}), memory(1), code({kPointerBesideCounter})}));
  bool is_best = options_.tier == Tier::Best;
  CodeGenerators generators;
  auto effort = [&] {
    CompileUnit unit;
    UnitBinding binding;
    make_unit(*c_, 0, false, unit, binding);
    return llvm::cantFail(compile_function(unit, generators)).effort;
  };
  EXPECT_EQ(effort(), is_best ? Effort::Plain : Effort::Quick);
  EXPECT_EQ(generators.runs(), is_best ? 2u : 1u);
  plan_functions(*c_, std::nullopt);
  EXPECT_EQ(effort(), is_best ? Effort::Lean : Effort::Quick) << "the module is not Go's";
}

INSTANTIATE_TEST_SUITE_P(Targets, Efforts,
                         testing::Combine(testing::Values(Architecture::X86_64, Architecture::AArch64),
                                          testing::Values(Tier::Quick, Tier::Best)));

INSTANTIATE_TEST_SUITE_P(Targets, FragmentIdentity,
                         testing::Combine(testing::Values(Architecture::X86_64, Architecture::AArch64),
                                          testing::Values(Tier::Quick, Tier::Best)));

}  // namespace
}  // namespace aotc
