// link: relocations, tables, entries and checksums of an artifact made from hand-written fragments.
#include "artifact/link.h"

#include <gtest/gtest.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

#include "aotc/abi.h"
#include "aotc/artifact_format.h"
#include "compile.h"

namespace aotc {
namespace {

// push rax; call CALLEE; lea rax, [rip + own rodata]; pop rax; ret
Fragment caller(uint32_t callee) {
  Fragment f;
  f.text = {0x50, 0xe8, 0, 0, 0, 0, 0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x58, 0xc3};
  f.rodata = {1, 2, 3, 4, 5, 6, 7, 8};
  f.rodata_align = 8;
  f.frame_size = 8;
  f.symbols = {{SymbolKind::Function, callee}, {SymbolKind::Rodata}, {SymbolKind::Function, 2}};
  f.relocations = {{2, FragmentSection::Text, RelocationKind::Pc32, 0, -4},
                   {9, FragmentSection::Text, RelocationKind::Pc32, 1, -4}};
  f.trap_sites = {{14, 2, 1}};
  f.cfi = {0x41, 0x0e, 0x10};
  return f;
}

Fragment just_return() {
  Fragment f;
  f.text = {0xc3};
  return f;
}

// An import and two functions: 0 imported, 1 calls 2, 2 calls 0.
class LinkTest : public testing::Test {
 protected:
  LinkTest() : c_(wasm_, options_) {
    options_.module_name = "t.wasm";
    Module& m = c_.module;
    m.types = {{{}, {}}, {{ValueType::I32}, {ValueType::I32}}};
    m.imports = {{"env", "log", 1}};
    m.functions = {{0, {}}, {1, {}}};
    for (DefinedFunction& function : m.functions) function.body.code.resize(2);
    m.functions[1].body.code[1].offset = 0x1234;
    m.names = {"", "main.main", ""};
    m.exports = {{"run", 0, 1}, {"log", 0, 0}, {"memory", 2, 0}};
    m.has_memory = true;
    m.memory_min = 2;
    m.memory_max = 10;
    m.globals = {{ValueType::I64, true, {7, 0}}, {ValueType::I32, false, {8, 0}}, {ValueType::F64, true, {9, 0}}};
    c_.global_slots = {1, -1, 0};
    c_.fragments = {caller(2), caller(0)};
    c_.thunks = {{ThunkKind::Import, 0, "aotc.import.log", just_return()},
                 {ThunkKind::Entry, 1, "aotc.entry.run", caller(1)},
                 {ThunkKind::TrapNull, 0, "aotc.trap.null", just_return()},
                 {ThunkKind::TrapType, 0, "aotc.trap.type", just_return()}};
  }

  std::string link_error() {
    llvm::Error error = link(c_);
    return error ? llvm::toString(std::move(error)) : "no error";
  }

  aotc_header header() const {
    aotc_header h;
    std::memcpy(&h, c_.artifact.data() + AOTC_HEADER_OFFSET, sizeof h);
    return h;
  }
  template <typename T>
  T at(uint64_t offset) const {
    T value;
    std::memcpy(&value, c_.artifact.data() + offset, sizeof value);
    return value;
  }
  template <typename T>
  T element(const aotc_span& span, uint32_t index) const {
    EXPECT_LT(index, span.count);
    return at<T>(span.offset + index * sizeof(T));
  }
  std::string string(uint32_t offset) const {
    return reinterpret_cast<const char*>(c_.artifact.data() + header().strings.offset + offset);
  }
  uint32_t code(uint32_t function) const { return element<aotc_function>(header().functions, function - 1).code; }

  std::vector<uint8_t> wasm_ = {0, 'a', 's', 'm', 1, 0, 0, 0};
  CompileOptions options_;
  Compilation c_;
};

TEST_F(LinkTest, PatchesCallsAndRodata) {
  ASSERT_EQ(link_error(), "no error");
  uint64_t text = header().text.offset;
  EXPECT_EQ(text % AOTC_TEXT_ALIGN, 0u);
  // A call's target is relative to the instruction behind it.
  EXPECT_EQ(code(1) + 6 + at<int32_t>(text + code(1) + 2), code(2));
  uint64_t rodata = text + code(2) + 13 + at<int32_t>(text + code(2) + 9);
  EXPECT_EQ(rodata % 8, 0u);
  EXPECT_EQ(at<uint64_t>(rodata), 0x0807060504030201u);
  EXPECT_EQ(rodata, header().rodata.offset + 8);  // behind function 1's
}

TEST_F(LinkTest, FillsTheHeader) {
  ASSERT_EQ(link_error(), "no error");
  aotc_header h = header();
  EXPECT_EQ(h.magic, AOTC_MAGIC);
  EXPECT_EQ(h.file_size, c_.artifact.size());
  EXPECT_STREQ(h.cpu, "x86-64-v3");
  EXPECT_NE(h.cpu_features & (1u << AOTC_X86_FSGSBASE), 0u);
  EXPECT_NE(h.cpu_features & (1u << AOTC_X86_AVX2), 0u);
  EXPECT_EQ(h.flags, AOTC_FLAG_MEMORY | AOTC_FLAG_NAMES);
  EXPECT_EQ(h.memory_min, 2u);
  EXPECT_EQ(h.memory_max, 10u);
  EXPECT_EQ(h.start_thunk, AOTC_NONE);
  EXPECT_EQ(h.resume_thunk, AOTC_NONE);
  EXPECT_EQ(h.checksum, XXH3_64bits(&h, offsetof(aotc_header, checksum)));
  for (const aotc_section& s : {h.metadata, h.rodata, h.strings, h.text, h.image})
    EXPECT_EQ(s.xxh3, XXH3_64bits(c_.artifact.data() + s.offset, s.size));
}

TEST_F(LinkTest, DescribesExportsFunctionsGlobals) {
  ASSERT_EQ(link_error(), "no error");
  aotc_header h = header();
  auto run = element<aotc_export>(h.exports, 0);
  EXPECT_EQ(string(run.name), "run");
  EXPECT_EQ(run.type, 0u);
  EXPECT_EQ(at<uint8_t>(h.text.offset + run.thunk), 0x50);
  EXPECT_GT(run.thunk, code(2));
  EXPECT_EQ(element<aotc_export>(h.exports, 1).thunk, AOTC_NONE);  // re-exported import
  EXPECT_EQ(string(element<aotc_function>(h.functions, 0).name), "main.main");
  EXPECT_EQ(element<aotc_function>(h.functions, 1).name, AOTC_NONE);
  EXPECT_EQ(element<aotc_function>(h.functions, 0).frame_size, 8u);
  EXPECT_EQ(h.globals.count, 2u);
  EXPECT_EQ(element<aotc_global>(h.globals, 0).index, 2u);
  EXPECT_EQ(element<aotc_global>(h.globals, 1).value[0], 7u);
  EXPECT_EQ(h.trap_sites.count, 3u);  // two functions and a thunk
  EXPECT_EQ(element<aotc_trap_site>(h.trap_sites, 1).code, code(2) + 14);
  EXPECT_EQ(element<aotc_trap_site>(h.trap_sites, 1).wasm_offset, 0x1234u);
}

TEST_F(LinkTest, WritesStaticTables) {
  c_.module.tables = {{4, AOTC_NONE}};
  c_.tables.descriptor = {-1};
  c_.tables.contents = {{0, 1, 2, 3}};  // null, the import, function 1, function 2
  c_.tables.static_tables = {{0, 1}};
  c_.fragments[0].symbols[1] = {SymbolKind::StaticTable, 0};
  ASSERT_EQ(link_error(), "no error");
  aotc_header h = header();
  uint64_t table = h.text.offset + code(1) + 13 + at<int32_t>(h.text.offset + code(1) + 9);
  auto target = [&](int i) { return table + at<int32_t>(table + 4 * i) - h.text.offset; };
  uint64_t import = code(2) + 16, trap_null = import + 32, trap_type = import + 48;
  EXPECT_EQ(target(0), trap_null);
  EXPECT_EQ(target(1), import);
  EXPECT_EQ(target(2), trap_type);  // function 1 has the other type
  EXPECT_EQ(target(3), code(2));
}

TEST_F(LinkTest, WritesFunctionDescriptors) {
  c_.tables.needs_function_refs = true;
  c_.thunks.erase(c_.thunks.begin());  // the import has no thunk, so nothing may call it
  c_.fragments[1] = caller(1);
  ASSERT_EQ(link_error(), "no error");
  aotc_header h = header();
  uint64_t refs = h.rodata.offset + h.rodata.size - 3 * 8;
  EXPECT_EQ(at<uint8_t>(refs + at<int32_t>(refs)), 0xcc);  // leads to a trap
  EXPECT_EQ(refs + at<int32_t>(refs + 8), h.text.offset + code(1));
  EXPECT_EQ(at<uint32_t>(refs + 12), 0u);
  EXPECT_EQ(at<uint32_t>(refs + 20), 1u);
}

TEST_F(LinkTest, KeepsMutableTables) {
  c_.module.tables = {{4, AOTC_NONE}, {2, 9}};
  c_.module.elems = {{SegmentMode::Active, 0, 1, {1, 2}},
                     {SegmentMode::Active, 1, 0, {3}},
                     {SegmentMode::Declared, 0, 0, {1}},
                     {SegmentMode::Passive, 0, 0, {0, 2}}};
  c_.tables.descriptor = {-1, 0};
  c_.tables.contents = {{0, 1, 2, 0}, {}};
  ASSERT_EQ(link_error(), "no error");
  aotc_header h = header();
  ASSERT_EQ(h.tables.count, 1u);
  EXPECT_EQ(element<aotc_table_init>(h.tables, 0).index, 1u);
  EXPECT_EQ(element<aotc_table_init>(h.tables, 0).max, 9u);
  ASSERT_EQ(h.elem_segments.count, 4u);
  EXPECT_EQ(element<aotc_elem_segment>(h.elem_segments, 0).count, 0u);  // already in the code
  EXPECT_EQ(element<aotc_elem_segment>(h.elem_segments, 1).active, 1u);
  EXPECT_EQ(element<aotc_elem_segment>(h.elem_segments, 2).count, 0u);
  auto passive = element<aotc_elem_segment>(h.elem_segments, 3);
  EXPECT_EQ(element<uint32_t>(h.elements, passive.first + 1), 2u);
}

TEST_F(LinkTest, PutsDataIntoTheImage) {
  std::vector<uint8_t> bytes = {1, 2, 3};
  c_.module.datas = {
      {SegmentMode::Active, 5, bytes}, {SegmentMode::Passive, 0, bytes}, {SegmentMode::Active, 0, bytes}};
  ASSERT_EQ(link_error(), "no error");
  aotc_header h = header();
  ASSERT_EQ(h.image_runs.count, 1u);
  auto run = element<aotc_image_run>(h.image_runs, 0);
  EXPECT_EQ(run.pages, 1u);
  EXPECT_EQ(run.offset % AOTC_IMAGE_PAGE, 0u);
  EXPECT_EQ(at<uint8_t>(run.offset + 6), 2);
  ASSERT_EQ(h.data_segments.count, 2u);  // the last one needs no record
  EXPECT_EQ(element<aotc_data_segment>(h.data_segments, 0).size, 0u);
  auto passive = element<aotc_data_segment>(h.data_segments, 1);
  EXPECT_EQ(passive.active, 0u);
  EXPECT_EQ(at<uint8_t>(passive.offset + 2), 3);
}

TEST_F(LinkTest, KeepsSegmentsThatTrap) {
  std::vector<uint8_t> bytes = {1, 2, 3};
  c_.module.datas = {{SegmentMode::Active, 0xfffffffe, bytes}};
  ASSERT_EQ(link_error(), "no error");
  EXPECT_EQ(header().image_runs.count, 0u);
  auto segment = element<aotc_data_segment>(header().data_segments, 0);
  EXPECT_EQ(segment.active, 1u);
  EXPECT_EQ(segment.address, 0xfffffffeu);
}

TEST_F(LinkTest, FindsStartAndResumeThunks) {
  c_.module.start = 1;
  c_.go.recognised = true;
  c_.go.resume_loop = 1;
  ASSERT_EQ(link_error(), "no error");
  EXPECT_EQ(header().start_thunk, element<aotc_export>(header().exports, 0).thunk);
  EXPECT_EQ(header().resume_thunk, header().start_thunk);
}

TEST_F(LinkTest, IsDeterministic) {
  ASSERT_EQ(link_error(), "no error");
  std::vector<uint8_t> first = c_.artifact;
  ASSERT_EQ(link_error(), "no error");
  EXPECT_EQ(first, c_.artifact);
}

TEST_F(LinkTest, NamesFunctionAndRelocationOutOfRange) {
  c_.fragments[0].relocations[0].addend = 1ll << 31;
  EXPECT_EQ(link_error(), "t.wasm: function 1 (main.main): relocation at text+0x2 against function 2: out of range");
}

TEST_F(LinkTest, RefusesBadRelocations) {
  c_.fragments[0].symbols[0].index = 3;
  EXPECT_EQ(link_error(), "t.wasm: function 1 (main.main): relocation at text+0x2 against function 3: undefined");
  c_.fragments[0].relocations[0] = {12, FragmentSection::Text, RelocationKind::Pc32, 1, 0};
  EXPECT_EQ(link_error(),
            "t.wasm: function 1 (main.main): relocation at text+0xc against its rodata: outside the fragment");
  c_.fragments[0].relocations[0] = {0, FragmentSection::Rodata, RelocationKind::Pc32, 0, 0};
  c_.fragments[0].symbols[0] = {SymbolKind::StaticTable, 0};
  EXPECT_EQ(link_error(), "t.wasm: function 1 (main.main): relocation at rodata+0x0 against static table 0: undefined");
  c_.fragments[0].relocations[0].symbol = 3;
  EXPECT_EQ(link_error(), "t.wasm: function 1 (main.main): malformed fragment");
}

TEST_F(LinkTest, TrapsAreOfFunctionsWithBody) {
  c_.fragments[0].symbols[2].index = 0;
  EXPECT_EQ(link_error(), "t.wasm: function 1 (main.main): malformed fragment");
  c_.fragments[0].symbols[2] = {SymbolKind::Rodata};
  EXPECT_EQ(link_error(), "t.wasm: function 1 (main.main): malformed fragment");
  c_.fragments[0].trap_sites[0].symbol = 3;
  EXPECT_EQ(link_error(), "t.wasm: function 1 (main.main): malformed fragment");
}

TEST_F(LinkTest, RefusesMissingPieces) {
  c_.thunks.erase(c_.thunks.begin() + 1);
  EXPECT_EQ(link_error(), "t.wasm: export run has no entry thunk");
  c_.fragments[1].text.clear();
  EXPECT_EQ(link_error(), "t.wasm: function 2: malformed fragment");
  c_.fragments.pop_back();
  EXPECT_EQ(link_error(), "t.wasm: not every function has a fragment");
}

TEST_F(LinkTest, RefusesMissingThunks) {
  c_.module.start = 2;
  EXPECT_EQ(link_error(), "t.wasm: the start function has no entry thunk");
  c_.thunks[0].index = 1;
  EXPECT_EQ(link_error(), "t.wasm: thunk for an import that does not exist");
}

TEST_F(LinkTest, NamesThunks) {
  c_.thunks[0].fragment.text.clear();
  EXPECT_EQ(link_error(), "t.wasm: thunk aotc.import.log: malformed fragment");
  c_.thunks[0].fragment = just_return();
  c_.thunks[1].fragment.text.clear();
  EXPECT_EQ(link_error(), "t.wasm: thunk aotc.entry.run: malformed fragment");
}

TEST_F(LinkTest, RefusesWhatDoesNotFitTheContext) {
  c_.global_slots[0] = AOTC_MAX_GLOBALS;
  EXPECT_EQ(link_error(), "t.wasm: too many globals");
  c_.global_slots[0] = 1;
  c_.module.tables = {{1, AOTC_NONE}};
  EXPECT_EQ(link_error(), "t.wasm: not every table has a plan");
  c_.tables.descriptor = {AOTC_MAX_TABLES};
  EXPECT_EQ(link_error(), "t.wasm: too many tables");
}

TEST_F(LinkTest, RefusesImpossibleStaticTables) {
  c_.module.tables = {{1, AOTC_NONE}};
  c_.tables.descriptor = {-1};
  c_.tables.contents = {{0}};
  c_.tables.static_tables = {{0, 1}};
  c_.thunks.erase(c_.thunks.begin() + 2);  // the target of null
  EXPECT_EQ(link_error(), "t.wasm: table 0: entry without code");
  c_.tables.contents = {std::vector<uint32_t>(1 << 20)};
  c_.tables.static_tables.assign(65, {0, 1});
  EXPECT_EQ(link_error(), "t.wasm: immutable tables are larger than 256 MiB together");
}

TEST_F(LinkTest, RefusesUnknownCpu) {
  options_.cpu = "vax";
  EXPECT_EQ(link_error(), "t.wasm: unknown cpu vax");
}

TEST_F(LinkTest, RefusesCallsBeyondReachOnArm) {
  options_.architecture = Architecture::AArch64;
  Fragment ret;
  ret.text = {0xc0, 0x03, 0x5f, 0xd6};
  for (Fragment& f : c_.fragments) f = ret;
  for (Thunk& thunk : c_.thunks) thunk.fragment = ret;
  EXPECT_EQ(link_error(), "no error");
  c_.fragments[0].text.resize(128u << 20);
  EXPECT_EQ(link_error(), "t.wasm: function 2: code of all functions together is larger than 128 MiB");
}

TEST_F(LinkTest, AttachesOnlySnapshotsOfTheModule) {
  auto attach_error = [this](llvm::ArrayRef<uint8_t> snapshot) {
    llvm::Error error = attach_snapshot(c_.artifact, snapshot);
    return error ? llvm::toString(std::move(error)) : "no error";
  };
  EXPECT_EQ(attach_error({}), "snapshot: not an artifact");
  ASSERT_EQ(link_error(), "no error");
  EXPECT_EQ(attach_error({1, 2, 3}), "snapshot: truncated");
  aotc_snapshot head{};
  llvm::ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t*>(&head), sizeof head);
  EXPECT_EQ(attach_error(bytes), "snapshot: corrupted");
  head.magic = AOTC_SNAPSHOT_MAGIC;
  head.size = sizeof head;
  EXPECT_EQ(attach_error(bytes), "snapshot: it is another module's");
  std::memcpy(head.module_sha256, header().module_sha256, sizeof head.module_sha256);
  EXPECT_EQ(attach_error(bytes), "no error");
  EXPECT_EQ(header().snapshot.size, sizeof head);
  EXPECT_EQ(at<aotc_snapshot>(header().snapshot.offset).magic, AOTC_SNAPSHOT_MAGIC);
  EXPECT_EQ(header().file_size, c_.artifact.size());
}

// With sanitizers this also shows that nothing is copied from a null pointer.
TEST(Link, TakesAModuleWithNothingInIt) {
  const uint8_t nothing[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
  for (Architecture architecture : {Architecture::X86_64, Architecture::AArch64}) {
    CompileOptions options;
    options.architecture = architecture;
    llvm::Expected<CompileResult> result = compile(nothing, options);
    ASSERT_TRUE(static_cast<bool>(result)) << llvm::toString(result.takeError());
    EXPECT_EQ(result->stats.functions, 0u);
  }
}

TEST_F(LinkTest, DescribesTheLayout) {
  ASSERT_EQ(link_error(), "no error");
  std::string text = describe_layout(c_);
  EXPECT_NE(text.find("code 0x0 size 0xf main.main\n"), std::string::npos) << text;
  EXPECT_NE(text.find(" aotc.import.log\n"), std::string::npos);
  EXPECT_NE(text.find(" aotc.entry.run\n"), std::string::npos);
  EXPECT_NE(text.find("export run function 1 thunk 0x"), std::string::npos);
}

}  // namespace
}  // namespace aotc
