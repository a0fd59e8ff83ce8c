// read_module: what comes out of small modules, and the message for each thing that is refused.
#include "wasm/read_module.h"

#include <gtest/gtest.h>

#include <cstring>

#include "wasm_bytes.h"

namespace aotc {
namespace {

using namespace wasm;

Module read(const Bytes& bytes) {
  llvm::Expected<Module> m = read_module(bytes, "t.wasm");
  if (!m) {
    ADD_FAILURE() << llvm::toString(m.takeError());
    return {};
  }
  return std::move(*m);
}

std::string read_error(const Bytes& bytes) {
  llvm::Expected<Module> m = read_module(bytes, "t.wasm");
  return m ? "no error" : llvm::toString(m.takeError());
}

TEST(ReadModule, MakesTypesCanonical) {
  Module m =
      read(module({types({func_type({kI32}, {}), func_type({kI32}, {}), func_type({}, {kI32}), func_type({kI32}, {})}),
                   functions({0, 1, 3}), code({body({0x0b}), body({0x0b}), body({0x0b})})}));
  ASSERT_EQ(m.types.size(), 2u);
  ASSERT_EQ(m.functions.size(), 3u);
  for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(m.type_index(i), 0u);
}

TEST(ReadModule, MatchesBlocks) {
  // 0 block  1 i32.const 1  2 if  3 nop  4 else  5 nop  6 end  7 end  8 end
  Module m = read(one_function({0x02, 0x40, 0x41, 1, 0x04, 0x40, 0x01, 0x05, 0x01, 0x0b, 0x0b, 0x0b}));
  const std::vector<Instr>& code = m.functions[0].body.code;
  ASSERT_EQ(code.size(), 9u);
  EXPECT_EQ(code[0].imm, 7u);
  EXPECT_EQ(code[2].imm, 4u);
  EXPECT_EQ(code[4].imm, 6u);
}

TEST(ReadModule, IfWithoutElseNamesItsEnd) {
  Module m = read(one_function({0x41, 1, 0x04, 0x40, 0x01, 0x0b, 0x0b}));
  EXPECT_EQ(m.functions[0].body.code[1].imm, 3u);
}

TEST(ReadModule, ShortensBlockTypes) {
  // Blocks of ()->i32 by index and inline look the same, ()->() by index like an empty one.
  Module m = read(module({types({func_type({}, {}), func_type({}, {kI32}), func_type({kI32}, {kI32})}), functions({0}),
                          code({body({0x02, 1, 0x41, 0, 0x0b, 0x02, 2, 0x0b, 0x1a, 0x02, 0, 0x0b, 0x02, 0x7f, 0x41, 0,
                                      0x0b, 0x1a, 0x0b})})}));
  const std::vector<Instr>& code = m.functions[0].body.code;
  EXPECT_EQ(code[0].block_type, -2 - 0x7f);
  EXPECT_EQ(code[3].block_type, 2);
  EXPECT_EQ(code[6].block_type, -1);
  EXPECT_EQ(code[8].block_type, -2 - 0x7f);
}

TEST(ReadModule, WantsAnEndOfConstantExpressions) {
  for (bool end : {false, true}) {
    Bytes global = {1, 0x7f, 0, 0x41, 0};
    if (end) global.push_back(0x0b);
    std::string error = read_error(module({section(6, global)}));
    EXPECT_EQ(error.find("constant expression without end") != std::string::npos, !end) << error;
  }
}

TEST(ReadModule, KeepsBranchTables) {
  Module m = read(one_function({0x02, 0x40, 0x02, 0x40, 0x41, 5, 0x0e, 2, 0, 1, 2, 0x0b, 0x0b, 0x0b}));
  const FunctionBody& body = m.functions[0].body;
  EXPECT_EQ(body.br_targets, (std::vector<uint32_t>{0, 1, 2}));
  EXPECT_EQ(body.code[3].low(), 0u);
  EXPECT_EQ(body.code[3].high(), 3u);
}

TEST(ReadModule, KeepsUnreachableCode) {
  Module m = read(one_function({0x00, 0x41, 7, 0x1a, 0x0b}));
  EXPECT_EQ(m.functions[0].body.code.size(), 4u);
}

TEST(ReadModule, RecordsOffsets) {
  Module m = read(one_function({0x01, 0x41, 0x80, 0x01, 0x1a, 0x0b}));
  const FunctionBody& body = m.functions[0].body;
  EXPECT_EQ(body.code[0].offset, body.offset + 1);  // behind the count of locals
  EXPECT_EQ(body.code[1].offset, body.offset + 2);
  EXPECT_EQ(body.code[2].offset, body.offset + 5);
}

TEST(ReadModule, ReadsSegments) {
  Module m = read(module({types({func_type({}, {})}), functions({0}), section(4, list({{0x70, 0, 8}})), memory(1),
                          section(9, list({{0, 0x41, 3, 0x0b, 1, 0},
                                           {1, 0, 1, 0},
                                           {3, 0, 1, 0},
                                           {4, 0x41, 0, 0x0b, 2, 0xd0, 0x70, 0x0b, 0xd2, 0, 0x0b}})),
                          section(12, {2}), code({body({0x0b})}),
                          section(11, list({{0, 0x41, 0x7f, 0x0b, 2, 'h', 'i'}, {1, 1, 'x'}}))}));
  ASSERT_EQ(m.elems.size(), 4u);
  EXPECT_EQ(m.elems[0].mode, SegmentMode::Active);
  EXPECT_EQ(m.elems[0].address, 3u);
  EXPECT_EQ(m.elems[1].mode, SegmentMode::Passive);
  EXPECT_EQ(m.elems[2].mode, SegmentMode::Declared);
  EXPECT_EQ(m.elems[3].entries, (std::vector<uint32_t>{0, 1}));
  ASSERT_EQ(m.datas.size(), 2u);
  EXPECT_EQ(m.datas[0].address, 0xffffffffu);  // out of bounds: the linker's business
  EXPECT_EQ(m.datas[0].bytes.size(), 2u);
  EXPECT_EQ(m.datas[1].mode, SegmentMode::Passive);
}

TEST(ReadModule, ReadsNamesWhereverTheyStand) {
  Bytes names = function_names({join({{0}, name("main.main")})});
  Module m = read(module({names, types({func_type({}, {})}), functions({0}), code({body({0x0b})})}));
  ASSERT_EQ(m.names.size(), 1u);
  EXPECT_EQ(m.names[0], "main.main");
}

TEST(ReadModule, IgnoresBrokenNames) {
  for (const Bytes& content : {Bytes{1, 200, 1, 1}, Bytes{1, 3, 1, 0, 99}, Bytes{0xff}, Bytes{1, 4, 1, 0, 1, 0xff}}) {
    Bytes broken = section(0, join({name("name"), content}));
    Module m = read(module({types({func_type({}, {})}), functions({0}), code({body({0x0b})}), broken}));
    ASSERT_EQ(m.names.size(), 1u);
    EXPECT_EQ(m.names[0], "");
  }
}

TEST(ReadModule, IgnoresOtherCustomSections) {
  for (const char* custom : {"linking", "reloc.CODE", "dylink", "dylink.0", "target_features", "producers"})
    EXPECT_EQ(read(module({types({}), section(0, join({name(custom), {0xff, 0xff, 0xff}}))})).types.size(), 0u);
}

TEST(ReadModule, ErrorsNameTheFunction) {
  Bytes bytes = module({types({func_type({}, {})}), functions({0, 0}), code({body({0x0b}), body({0xff, 0x0b})}),
                        function_names({join({{1}, name("runtime.mallocgc")})})});
  EXPECT_EQ(read_error(bytes), "t.wasm: function 1 (runtime.mallocgc): offset 0x1b: unexpected opcode 0xff");
}

struct Refused {
  const char* what;
  Bytes bytes;
  std::string message;
};

void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.what; }

class ReadModuleRefuses : public testing::TestWithParam<Refused> {};

TEST_P(ReadModuleRefuses, ByName) { EXPECT_EQ(read_error(GetParam().bytes), "t.wasm: " + GetParam().message); }

const std::string kBody = "function 0: offset 0x17: ";

INSTANTIATE_TEST_SUITE_P(
    Features, ReadModuleRefuses,
    testing::Values(
        Refused{"Simd", one_function({0xfd, 0x0c, 0x0b}), kBody + "unsupported feature: simd (v128.const)"},
        Refused{"SimdLong", one_function({0xfd, 0xae, 0x01, 0x0b}), kBody + "unsupported feature: simd (i32x4.add)"},
        Refused{"Threads", one_function({0xfe, 0x03, 0x00, 0x0b}),
                kBody + "unsupported feature: threads (atomic.fence)"},
        Refused{"Exceptions", one_function({0x06, 0x40, 0x0b, 0x0b}), kBody + "unsupported feature: exceptions (try)"},
        Refused{"TailCall", one_function({0x12, 0, 0x0b}), kBody + "unsupported feature: tail calls (return_call)"},
        Refused{"Gc", one_function({0xfb, 0, 0x0b}), kBody + "unsupported feature: gc (opcode 0xfb)"},
        Refused{"CallRef", one_function({0x14, 0x0b}),
                kBody + "unsupported feature: typed function references (call_ref)"},
        Refused{"Unknown", one_function({0xfc, 0x7f, 0x0b}), kBody + "unexpected opcode 0xfc 0x7f"},
        Refused{"GcType", module({types({{0x5f, 0}})}), "offset 0xc: unsupported feature: gc (type form 0x5f)"},
        Refused{"V128", module({types({func_type({0x7b}, {})})}), "offset 0xf: unsupported feature: simd (v128)"},
        Refused{"Externref", module({types({func_type({0x6f}, {})})}),
                "offset 0xf: unsupported feature: externref (externref)"},
        Refused{"Memory64", module({section(5, list({{4, 1}}))}),
                "offset 0xd: unsupported feature: memory64 (64-bit memory)"},
        Refused{"Shared", module({section(5, list({{3, 1, 1}}))}),
                "offset 0xe: unsupported feature: threads (shared memory)"},
        Refused{"MultiMemory", module({section(5, list({{0, 1}, {0, 1}}))}),
                "offset 0xb: unsupported feature: multi-memory (2 memories)"},
        Refused{"Tag", module({types({func_type({}, {})}), section(13, list({{0, 0}}))}),
                "offset 0x10: unsupported feature: exceptions (tag section)"},
        Refused{"ImportMemory", module({section(2, list({join({name("env"), name("mem"), {2, 0, 1}})}))}),
                "offset 0x14: unsupported feature: import of a memory (env.mem)"},
        Refused{"ImportGlobal", module({section(2, list({join({name("env"), name("g"), {3, kI32, 0}})}))}),
                "offset 0x12: unsupported feature: import of a global (env.g)"},
        Refused{"ExtendedConst", module({section(6, list({{kI32, 0, 0x41, 1, 0x41, 1, 0x6a, 0x0b}}))}),
                "offset 0x11: unsupported feature: extended constant expressions (i32.add)"}),
    [](const auto& info) { return std::string(info.param.what); });

INSTANTIATE_TEST_SUITE_P(
    Invalid, ReadModuleRefuses,
    testing::Values(Refused{"TypeMismatch", one_function({0x42, 1, 0x45, 0x1a, 0x0b}),
                            "function 0: offset 0x19: type mismatch in i32.eqz, expected [i32] but got [i64]"},
                    Refused{"AfterEnd", one_function({0x0b, 0x01, 0x0b}),
                            "function 0: offset 0x18: instruction after the end of the function"},
                    Refused{"MissingEnd", one_function({0x02, 0x40, 0x0b}),
                            "function 0: offset 0x1a: function body must end with end"},
                    Refused{"TypedSelect", one_function({0x41, 1, 0x41, 1, 0x41, 1, 0x1c, 0, 0x1a, 0x0b}),
                            "function 0: offset 0x1d: select must have one result type"},
                    Refused{"DataFlags", module({memory(1), section(11, list({{3, 0, 0}}))}),
                            "offset 0x12: invalid data segment flags 0x3"},
                    Refused{"DataCount", module({section(12, {3})}),
                            "offset 0xb: data count section does not match the data section"},
                    Refused{"TableSize", module({section(4, list({join({{0x70, 0}, leb(10'000'001)})}))}),
                            "offset 0x11: tables are too large: 10000001"},
                    Refused{"Results", module({types({join({{0x60}, {0}, sized(Bytes(901, kI32))})})}),
                            "offset 0x395: too many results: 901"},
                    Refused{"BodySize",
                            module({types({func_type({}, {})}), functions({0}),
                                    code({sized(join({{0}, Bytes(7'654'321, 0x01), {0x0b}}))})}),
                            "function 0: offset 0x1c: function body is too large: 7654323 bytes"},
                    Refused{"BodyEnd",
                            module({types({func_type({}, {})}), functions({0}), section(10, join({{1}, leb(99)}))}),
                            "function 0: offset 0x16: function body extends past the end of the module"},
                    Refused{"InitInstruction", module({section(6, list({{kI32, 0, 0x01, 0x0b}}))}),
                            "offset 0xd: nop in a constant expression"},
                    Refused{"ImportModuleName",
                            module({section(2, list({join({name(std::string(65'537, 'm')), name("f"), {0, 0}})}))}),
                            "offset 0x10014: import name is too long"},
                    Refused{"ExportName",
                            module({types({func_type({}, {})}), functions({0}),
                                    section(7, list({join({name(std::string(65'537, 'e')), {0, 0}})}))}),
                            "offset 0x1001d: export name is too long"},
                    Refused{"ExportTag",
                            module({types({func_type({}, {})}), functions({0}),
                                    section(7, list({join({name("t"), {4, 0}})})), code({body({0x0b})})}),
                            "offset 0x19: unsupported feature: exceptions (exported tag)"},
                    Refused{"Params", module({types({join({{0x60}, sized(Bytes(901, kI32)), {0}})})}),
                            "offset 0x395: too many parameters: 901"},
                    Refused{"Locals",
                            module({types({func_type({}, {})}), functions({0}),
                                    code({sized(join({{1}, leb(50'001), {kI32, 0x0b}}))})}),
                            "function 0: offset 0x1b: too many locals"}),
    [](const auto& info) { return std::string(info.param.what); });

TEST(ReadModule, AcceptsDeepNestingWithoutRecursion) {
  auto nested = [](size_t depth) {
    Bytes instructions;
    for (size_t i = 0; i < depth; ++i) instructions.insert(instructions.end(), {0x02, 0x40});
    instructions.insert(instructions.end(), depth + 1, 0x0b);
    return one_function(instructions);
  };
  EXPECT_EQ(read(nested(65'536)).functions[0].body.code.size(), 2 * 65'536u + 1);
  EXPECT_NE(read_error(nested(200'000)).find("blocks nest too deeply"), std::string::npos);
}

// A call of two bytes that pushes many values must not be able to ask for gigabytes.
TEST(ReadModule, BoundsTheOperandStack) {
  Bytes instructions;
  for (int i = 0; i < 20'000; ++i) instructions.insert(instructions.end(), {0x10, 0});
  instructions.insert(instructions.end(), {0x00, 0x0b});
  Bytes many = join({{0x60}, {0}, sized(Bytes(60, kI64))});
  Bytes bytes = module({types({many}), functions({0}), code({body(instructions)})});
  EXPECT_NE(read_error(bytes).find("too many operands on the stack"), std::string::npos);
}

// Each block keeps copies of its type's operands while it is open.
TEST(ReadModule, BoundsOperandsOfNestedBlocks) {
  Bytes instructions = {0x00};
  for (int i = 0; i < 1200; ++i) instructions.insert(instructions.end(), {0x02, 0});
  Bytes padding(40'000, 0x01);  // nops, so that the work per byte is no reason
  Bytes many = join({{0x60}, {0}, sized(Bytes(900, kI64))});
  Bytes bytes = module({types({many}), functions({0}), code({body(join({padding, instructions, {0x0b}}))})});
  EXPECT_NE(read_error(bytes).find("too many operands in nested blocks"), std::string::npos) << read_error(bytes);
}

// 33,000 different types, and a block of the last one: more than Instr::block_type can say.
TEST(ReadModule, BoundsTypesOfBlocks) {
  Bytes all = leb(33'000);
  for (uint32_t i = 0; i < 33'000; ++i) {
    Bytes params;
    for (int bit = 0; bit < 16; ++bit) params.push_back(i >> bit & 1 ? kI64 : kI32);
    Bytes type = join({{0x60}, sized(params), {0}});
    all.insert(all.end(), type.begin(), type.end());
  }
  Bytes bytes =
      module({section(1, all), functions({0}), code({body(join({{0x00, 0x02}, leb(32'999), {0x0b, 0x0b}}))})});
  EXPECT_NE(read_error(bytes).find("too many types to use one in a block"), std::string::npos) << read_error(bytes);
}

// 50,000 locals cost five bytes.
TEST(ReadModule, BoundsLocalsOfAllFunctions) {
  Bytes one = sized(join({{1}, leb(50'000), {kI32, 0x0b}}));
  Bytes indices = leb(2'001), bodies = leb(2'001);
  for (int i = 0; i < 2'001; ++i) {
    indices.push_back(0);
    bodies.insert(bodies.end(), one.begin(), one.end());
  }
  Bytes bytes = module({types({func_type({}, {})}), section(3, indices), section(10, bodies)});
  EXPECT_NE(read_error(bytes).find("too many locals in all functions together"), std::string::npos);
}

TEST(ReadModule, BoundsImports) {
  Bytes one = join({name(""), name(""), {0, 0}});
  Bytes imports = leb(1'000'001);
  for (int i = 0; i < 1'000'001; ++i) imports.insert(imports.end(), one.begin(), one.end());
  Bytes bytes = module({types({func_type({}, {})}), section(2, imports)});
  EXPECT_NE(read_error(bytes).find("too many imports"), std::string::npos);
}

// Not touched before the size is known to be too large, so it takes no memory.
TEST(ReadModule, BoundsTheModule) {
  std::unique_ptr<uint8_t[]> bytes(new uint8_t[(1u << 30) + 1]);
  llvm::Expected<Module> m = read_module({bytes.get(), (1u << 30) + 1}, "t.wasm");
  EXPECT_EQ(llvm::toString(m.takeError()), "t.wasm: module is larger than 1 GiB");
}

// After unreachable, 900 operands come out of nothing for each call of two bytes: seconds of work per megabyte.
TEST(ReadModule, BoundsTheWorkPerByte) {
  Bytes instructions = {0x00};
  for (int i = 0; i < 20'000; ++i) instructions.insert(instructions.end(), {0x10, 0});
  instructions.push_back(0x0b);
  Bytes many = join({{0x60}, sized(Bytes(900, kI64)), {0}});
  Bytes bytes = module({types({many}), functions({0}), code({body(instructions)})});
  EXPECT_NE(read_error(bytes).find("too many operands for the size of the module"), std::string::npos);
}

// What several threads read is what one reads, and what they refuse is refused in the same words.
class ReadByThreads : public testing::Test {
 protected:
  static constexpr int kFunctions = 600, kInstructions = 1000;

  // More than a megabyte of bodies, the n-th of which has n + 1 locals; `last` is the last one's.
  static Bytes large(const Bytes& last) {
    Bytes indices = leb(kFunctions), bodies = leb(kFunctions);
    for (int n = 0; n < kFunctions; ++n) {
      indices.push_back(0);
      Bytes code = join({{1}, leb(n + 1), {kI32}});
      for (int i = 0; i < kInstructions; ++i) code.insert(code.end(), {0x20, static_cast<uint8_t>(n % 100), 0x1a});
      code.push_back(0x0b);
      bodies = n + 1 < kFunctions ? append(std::move(bodies), sized(code)) : append(std::move(bodies), last);
    }
    return module({types({func_type({}, {})}), section(3, indices), section(10, bodies)});
  }

  static Bytes append(Bytes to, const Bytes& bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
    return to;
  }

  static std::string error_by(unsigned threads, const Bytes& bytes) {
    llvm::Expected<Module> m = read_module(bytes, "t.wasm", threads);
    return m ? "no error" : llvm::toString(m.takeError());
  }
};

TEST_F(ReadByThreads, IsTheSame) {
  Bytes bytes = large(body({0x0b}));
  ASSERT_GT(bytes.size(), 1u << 20);
  Module one = read(bytes);
  ASSERT_EQ(one.functions.size(), size_t{kFunctions});
  for (unsigned threads : {2u, 3u, 64u}) {
    llvm::Expected<Module> several = read_module(bytes, "t.wasm", threads);
    ASSERT_TRUE(bool(several));
    ASSERT_EQ(several->functions.size(), one.functions.size());
    for (size_t n = 0; n < one.functions.size(); ++n) {
      const FunctionBody &a = one.functions[n].body, &b = several->functions[n].body;
      EXPECT_TRUE(a.locals == b.locals && a.offset == b.offset && a.size == b.size) << n;
      ASSERT_EQ(a.code.size(), b.code.size()) << n;
      EXPECT_EQ(std::memcmp(a.code.data(), b.code.data(), a.code.size() * sizeof(Instr)), 0) << n;
    }
  }
}

TEST_F(ReadByThreads, SaysWhatComesFirst) {
  // One body that is wrong, one that reaches beyond its section, one that is too short for what it says of itself.
  for (const Bytes& last : {body({0x6a, 0x0b}), Bytes{0x7f, 0, 0x0b}, Bytes{0x02, 0x05, 0x0b}, Bytes{}}) {
    Bytes bytes = large(last);
    std::string error = error_by(1, bytes);
    EXPECT_NE(error, "no error");
    for (unsigned threads : {2u, 4u}) EXPECT_EQ(error_by(threads, bytes), error);
  }
}

// Each thread's part alone is within the limit.
TEST_F(ReadByThreads, CountsWhatAllHave) {
  constexpr int kMany = 2001;
  Bytes indices = leb(kMany), bodies = leb(kMany), code = join({{1}, leb(50'000), {kI64}});
  code.resize(600, 0x01);
  code.push_back(0x0b);
  for (int n = 0; n < kMany; ++n) {
    indices.push_back(0);
    bodies = append(std::move(bodies), sized(code));
  }
  Bytes bytes = module({types({func_type({}, {})}), section(3, indices), section(10, bodies)});
  std::string error = error_by(2, bytes);
  EXPECT_NE(error.find("too many locals in all functions together"), std::string::npos) << error;
}

TEST(ReadModule, SurvivesTruncation) {
  Bytes bytes =
      module({types({func_type({kI32}, {kI32})}), functions({0}), section(4, list({{0x70, 0, 8}})), memory(1),
              section(6, list({{kI32, 1, 0x41, 5, 0x0b}})), section(7, list({join({name("f"), {0, 0}})})),
              section(9, list({{0, 0x41, 3, 0x0b, 1, 0}})), code({body({0x02, 0x7f, 0x20, 0, 0x0b, 0xfc, 0x00, 0x0b})}),
              section(11, list({{0, 0x41, 0, 0x0b, 2, 'h', 'i'}})), function_names({join({{0}, name("f")})})});
  for (size_t size = 0; size < bytes.size(); ++size) {
    Bytes shorter(bytes.begin(), bytes.begin() + size);
    shorter.shrink_to_fit();
    if (llvm::Expected<Module> m = read_module(shorter, "t.wasm"); !m) llvm::consumeError(m.takeError());
  }
}

}  // namespace
}  // namespace aotc
