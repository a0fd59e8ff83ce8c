// make_unit: what one function's code may depend on is in its unit, what only says where it is from is not, and each
// of the former makes another key.
#include "compile_unit.h"

#include <gtest/gtest.h>

#include "function_cache.h"
#include "plan.h"
#include "wasm/read_module.h"
#include "wasm_bytes.h"

namespace aotc {
namespace {

using namespace wasm;

constexpr uint8_t kI32Const = 0x41, kI64Const = 0x42, kCall = 0x10, kGet = 0x20, kEnd = 0x0b, kDrop = 0x1a;
constexpr uint8_t kI64Add = 0x7c, kI64Mul = 0x7e, kI64LtU = 0x54, kI64Store = 0x37, kI32Sub = 0x6b;

Bytes signed_leb(int64_t value) {
  Bytes out;
  for (;;) {
    uint8_t low = value & 0x7f;
    value >>= 7;
    bool last = (value == 0 && !(low & 0x40)) || (value == -1 && (low & 0x40));
    out.push_back(last ? low : low | 0x80);
    if (last) return out;
  }
}

Bytes i64_const(int64_t value) { return join({{kI64Const}, signed_leb(value)}); }
Bytes i32_const(int64_t value) { return join({{kI32Const}, signed_leb(value)}); }

// A module of which function `defined` is looked at; Go's as far as its constants go.
struct Subject {
  explicit Subject(const Bytes& bytes, bool is_go = true) : bytes(bytes), c(this->bytes, options) {
    options.cpu = "x86-64-v3";
    c.module = llvm::cantFail(read_module(this->bytes, "t.wasm"));
    c.go.recognised = is_go;
    plan_tables(c);
    plan_globals(c);
    plan_functions(c, std::nullopt);
  }
  FunctionKey key(uint32_t defined = 0) {
    make_unit(c, defined, true, unit, binding);
    return function_key(encode_unit(unit));
  }

  const Bytes bytes;
  CompileOptions options;
  Compilation c;
  CompileUnit unit;
  UnitBinding binding;
};

const Bytes kGlobal = section(6, list({join({{kI32, 1}, {kI32Const, 0, kEnd}})}));

Bytes stores(int64_t address, int64_t value) {
  return body(join({i32_const(address), i64_const(value), {kI64Store, 3, 0, kEnd}}));
}

Bytes one(const Bytes& function) {
  return module({types({func_type({}, {})}), functions({0}), memory(1), kGlobal, code({function})});
}

TEST(CompileUnit, AddressesAreSymbols) {
  Subject a(one(stores(70'000, 400'000))), b(one(stores(90'008, 1 << 30)));
  EXPECT_EQ(a.key(), b.key());
  EXPECT_EQ(a.binding.symbols, (std::vector<uint32_t>{70'000, 400'000}));
  EXPECT_EQ(b.binding.symbols, (std::vector<uint32_t>{90'008, 1 << 30}));
}

// Two symbols of one value would be different to LLVM, and are not.
TEST(CompileUnit, OneSymbolPerValue) {
  Subject different(one(stores(70'000, 70'008))), same(one(stores(70'000, 70'000)));
  EXPECT_NE(different.key(), same.key());
  EXPECT_EQ(same.binding.symbols, std::vector<uint32_t>{70'000});
  EXPECT_EQ(same.unit.symbols, 1u);
}

TEST(CompileUnit, OthersStayNumbers) {
  auto key = [](const Bytes& instructions, bool is_go = true) { return Subject(one(body(instructions)), is_go).key(); };
  auto used = [](int64_t value, uint8_t op) { return join({i64_const(1), i64_const(value), {op, kDrop, kEnd}}); };
  EXPECT_EQ(key(used(70'000, kI64Add)), key(used(80'000, kI64Add)));
  EXPECT_NE(key(used(70'000, kI64Mul)), key(used(80'000, kI64Mul))) << "arithmetic";
  EXPECT_NE(key(used(70'000, kI64LtU)), key(used(80'000, kI64LtU))) << "comparison";
  EXPECT_NE(key(used(70'000, kI64Add), false), key(used(80'000, kI64Add), false)) << "not Go's";
  auto frame = [](int64_t size) { return join({i32_const(0), i32_const(size), {kI32Sub, kDrop, kEnd}}); };
  EXPECT_NE(key(frame(70'000)), key(frame(80'000))) << "size of a frame";
  for (int64_t value :
       {int64_t{-1}, int64_t{0}, int64_t{4095}, int64_t{kMostConstant}, int64_t{1} << 31, int64_t{1} << 40}) {
    EXPECT_NE(key(used(value, kI64Add)), key(used(70'000, kI64Add))) << value;
    EXPECT_NE(key(used(value, kI64Add)), key(used(value + 1'000'000'000, kI64Add))) << value;
  }
  for (int64_t value : {int64_t{4096}, int64_t{kMostConstant} - 1})
    EXPECT_EQ(key(used(value, kI64Add)), key(used(70'000, kI64Add))) << value;
}

TEST(CompileUnit, PlaceInTheModuleDoesNotMatter) {
  Bytes unit_type = func_type({}, {}), other = func_type({kI32}, {kI32});
  auto calls = [](uint8_t first, uint8_t second) { return body({kCall, first, kCall, second, kCall, first, kEnd}); };
  Bytes large = body(Bytes(100, 0x01));
  large.back() = kEnd;
  Subject a(module({types({unit_type}), functions({0, 0, 0}), kGlobal, code({calls(1, 2), large, large})}), false);
  Subject b(module({types({other, unit_type}), functions({0, 1, 1, 1}), kGlobal,
                    code({body({kGet, 0, kEnd}), large, calls(3, 1), large})}),
            false);
  EXPECT_EQ(a.key(0), b.key(2));
  EXPECT_EQ(a.binding.functions, (std::vector<uint32_t>{0, 1, 2}));
  EXPECT_EQ(b.binding.functions, (std::vector<uint32_t>{2, 3, 1}));
  // But that the two callees are one does.
  Subject same(module({types({unit_type}), functions({0, 0, 0}), kGlobal, code({calls(1, 1), large, large})}), false);
  EXPECT_NE(a.key(0), same.key(0));
}

TEST(CompileUnit, WhatCanBeInlinedBelongsToIt) {
  auto key = [](const Bytes& callee, bool inlines) {
    Subject subject(
        module({types({func_type({}, {})}), functions({0, 0}), kGlobal, code({body({kCall, 1, kEnd}), callee})}));
    subject.c.functions[0].inlines = inlines;
    return subject.key();
  };
  Bytes a = body({0x01, kEnd}), b = body({0x01, 0x01, kEnd});
  EXPECT_NE(key(a, true), key(b, true));
  EXPECT_EQ(key(a, false), key(b, false));
}

// A function may call all others, and each of these all others: what comes along is limited.
TEST(CompileUnit, IsNotAsLargeAsTheModule) {
  constexpr uint8_t kCallees = 100;
  Bytes calls, nothing(58, 0x01), bodies = leb(kCallees + 1), indices = leb(kCallees + 1);
  for (uint8_t i = 1; i <= kCallees; ++i) calls = join({calls, {kCall}, leb(i)});
  for (int i = 0; i < 4; ++i) calls = join({calls, calls});
  bodies = join({bodies, body(join({calls, {kEnd}}))});
  for (uint8_t i = 0; i < kCallees; ++i) bodies = join({bodies, body(join({nothing, {kEnd}}))});
  indices.resize(indices.size() + kCallees + 1);
  for (size_t calls_more : {size_t{1}, size_t{16}}) {
    Subject subject(module({types({func_type({}, {})}), section(3, indices), kGlobal, section(10, bodies)}));
    FunctionBody& own = subject.c.module.functions[0].body;
    FunctionBody longer = own;
    for (size_t i = 1; i < calls_more; ++i)
      longer.code.insert(longer.code.begin(), own.code.begin(), own.code.end() - 1);
    own = longer;
    subject.key();
    size_t with_body = 0;
    for (const UnitFunction& function : subject.unit.functions) with_body += !function.body.code.empty();
    EXPECT_EQ(with_body, own.code.size() > 20'000 ? 1u : kCallees + 1u) << own.code.size();
  }
}

// More types than a block can name are met before a block's.
TEST(CompileUnit, BlocksNameTheirTypeWhateverElseIsCalled) {
  constexpr uint32_t kTypes = 40'000, kOfBlock = 5;
  Subject subject(one(body({kEnd})));
  subject.c.functions[0].inlines = false;
  Module& m = subject.c.module;
  std::vector<Instr> code;
  for (uint32_t i = 0; i < kTypes; ++i) {
    FuncType type;
    for (uint32_t bits = i + 1; bits > 1; bits >>= 1) type.params.push_back(bits & 1 ? ValueType::I64 : ValueType::I32);
    m.types.push_back(type);
    m.functions.push_back({static_cast<uint32_t>(m.types.size() - 1), {}});
    code.push_back({Op::Call, -1, 0, i + 1});
  }
  code.push_back({Op::Block, kOfBlock, 0, kTypes + 1});
  code.push_back({Op::End, -1, 0, 0});
  code.push_back({Op::End, -1, 0, 0});
  m.functions[0].body.code = code;
  subject.c.functions.resize(m.functions.size());
  subject.key();
  ASSERT_GT(subject.unit.types.size(), kTypes);
  int16_t named = subject.unit.functions[0].body.code[kTypes].block_type;
  ASSERT_GE(named, 0);
  EXPECT_EQ(subject.unit.block_types[static_cast<size_t>(named)], m.types[kOfBlock]);
}

TEST(CompileUnit, BytesTellAllOfIt) {
  for (bool is_go : {true, false}) {
    Subject subject(one(stores(70'000, 400'000)), is_go);
    subject.c.functions[0].known = KnownFunction::MemChr;
    subject.c.functions[0].resume_points = {0, 2};
    subject.key();
    std::vector<uint8_t> bytes = encode_unit(subject.unit);
    std::optional<CompileUnit> again = decode_unit(bytes);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(encode_unit(*again), bytes);
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(decode_unit(llvm::ArrayRef(bytes).take_front(size)).has_value()) << size;
    std::vector<uint8_t> other = bytes;
    other[10] ^= 1;
    EXPECT_FALSE(decode_unit(other).has_value()) << "another compiler's";
    other = bytes;
    other.push_back(0);
    EXPECT_FALSE(decode_unit(other).has_value());
  }
}

TEST(CompileUnit, EachFactIsPartOfTheKey) {
  Bytes bytes = module({types({func_type({}, {})}), functions({0, 0}), memory(1), kGlobal,
                        code({body({kCall, 1, 0x23, 0, kDrop, kEnd}), body({0x01, kEnd})})});
  FunctionKey before = Subject(bytes).key();
  auto changed = [&](auto change) {
    Subject subject(bytes);
    change(subject);
    return subject.key() != before;
  };
  EXPECT_FALSE(changed([](Subject&) {}));
  EXPECT_TRUE(changed([](Subject& s) { s.options.architecture = Architecture::AArch64; }));
  EXPECT_TRUE(changed([](Subject& s) { s.options.cpu = "x86-64"; }));
  EXPECT_FALSE(changed([](Subject& s) { s.options.cpu.clear(); })) << "the default";
  EXPECT_TRUE(changed([](Subject& s) { s.c.functions[0].inlines = false; }));
  EXPECT_TRUE(changed([](Subject& s) { s.c.functions[0].effort = Effort::Quick; }));
  EXPECT_TRUE(changed([](Subject& s) { s.c.functions[0].effort = Effort::Large; }));
  EXPECT_TRUE(changed([](Subject& s) { s.c.functions[0].known = KnownFunction::Sha256; }));
  EXPECT_TRUE(changed([](Subject& s) { s.c.functions[0].resume_points = {0, 2}; }));
  EXPECT_TRUE(changed([](Subject& s) { s.c.functions[1].never_returns = true; }));
  EXPECT_TRUE(changed([](Subject& s) { s.c.global_slots[0] = 1; }));
  EXPECT_TRUE(changed([](Subject& s) { s.c.go.recognised = false; }));
  EXPECT_TRUE(changed([](Subject& s) { s.c.module.types[0].params.push_back(ValueType::I32); }));
  EXPECT_TRUE(changed([](Subject& s) { s.c.module.functions[0].body.locals.push_back(ValueType::I32); }));
  EXPECT_TRUE(changed([](Subject& s) { s.c.module.functions[0].body.code[0].op = Op::Nop; }));
  // Names and places are not.
  EXPECT_FALSE(changed([](Subject& s) { s.c.module.names = {"main.main", "main.other"}; }));
  EXPECT_FALSE(changed([](Subject& s) {
    for (Instr& instr : s.c.module.functions[0].body.code) instr.offset += 100;
  }));
}

}  // namespace
}  // namespace aotc
