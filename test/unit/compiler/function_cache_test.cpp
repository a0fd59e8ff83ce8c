// A compile with a function cache: the artifact is the same to the byte whatever the cache holds, and what is not a
// record of this very function is not taken for one.
#include "function_cache.h"

#include <gtest/gtest.h>

#include <map>

#include "compile.h"
#include "function_record.h"
#include "wasm_bytes.h"

namespace aotc {
namespace {

using namespace wasm;

class MemoryCache : public FunctionCache {
 public:
  std::vector<FunctionRecord> get(llvm::ArrayRef<FunctionKey> keys) override {
    std::vector<FunctionRecord> found;
    for (const FunctionKey& key : keys) found.push_back(records.count(key) ? records[key] : FunctionRecord());
    return found;
  }
  void put(llvm::ArrayRef<FunctionRecord> added) override {
    for (const FunctionRecord& record : added) records[function_key(*unit_of_record(record))] = record;
  }
  std::map<FunctionKey, FunctionRecord> records;
};

// Traps, a jump table and a call: n / (n & 3), then one of three numbers.
Bytes choice(uint8_t callee) {
  return body({0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x20, 0,    0x20, 0,    0x41,   3,    0x71, 0x6e, 0x0e, 2,   0,
               1,    2,    0x0b, 0x41, 11,   0x0f, 0x0b, 0x20, 0,    0x10, callee, 0x0f, 0x0b, 0x41, 33,   0x0b});
}
Bytes twice() { return body({0x20, 0, 0x41, 2, 0x6c, 0x0b}); }

Bytes program(bool with_another) {
  Bytes type = func_type({kI32}, {kI32});
  Bytes exported = section(7, list({join({name("f"), {0, static_cast<uint8_t>(with_another ? 2 : 0)}})}));
  if (!with_another) return module({types({type}), functions({0, 0}), exported, code({choice(1), twice()})});
  return module({types({func_type({}, {}), type}), functions({0, 1, 1}), exported,
                 code({body({0x01, 0x0b}), twice(), choice(1)})});
}

class FunctionCacheTest : public testing::TestWithParam<std::tuple<Architecture, Tier>> {
 protected:
  std::vector<uint8_t> compile(const Bytes& bytes, FunctionCache* cache, size_t* cached = nullptr) {
    return compile_at(std::get<1>(GetParam()), bytes, cache, cached);
  }
  std::vector<uint8_t> compile_at(Tier tier, const Bytes& bytes, FunctionCache* cache, size_t* cached = nullptr,
                                  size_t* quick = nullptr) {
    CompileOptions options;
    options.architecture = std::get<0>(GetParam());
    options.tier = tier;
    options.cpu = cpu_baselines(options.architecture)[0];
    options.cache = cache;
    CompileResult result = llvm::cantFail(aotc::compile(bytes, options));
    if (cached) *cached = result.stats.cached_functions;
    if (quick) *quick = result.stats.quick_functions;
    return result.artifact;
  }
};

TEST_P(FunctionCacheTest, ArtifactIsTheSame) {
  MemoryCache cache;
  const std::vector<uint8_t> first = compile(program(false), nullptr), second = compile(program(true), nullptr);
  size_t cached = 1;
  EXPECT_EQ(compile(program(false), &cache, &cached), first);
  EXPECT_EQ(cached, 0u);
  size_t all = cache.records.size();
  EXPECT_EQ(all, 3u) << "two functions and an entry";
  EXPECT_EQ(compile(program(false), &cache, &cached), first);
  EXPECT_EQ(cached, 2u);
  EXPECT_EQ(compile(program(true), &cache, &cached), second);
  EXPECT_EQ(cached, 2u) << "all but the empty function, elsewhere";
  EXPECT_EQ(cache.records.size(), all + 1);
}

TEST_P(FunctionCacheTest, RecordFollowsFromItsUnit) {
  MemoryCache cache;
  compile(program(true), &cache);
  ASSERT_FALSE(cache.records.empty());
  for (const auto& [key, record] : cache.records) {
    llvm::ArrayRef<uint8_t> bytes = *unit_of_record(record);
    std::optional<CompileUnit> unit = decode_unit(bytes);
    ASSERT_TRUE(unit.has_value());
    CodeGenerators generators;
    EXPECT_EQ(make_record(bytes, llvm::cantFail(compile_function(*unit, generators))), record);
  }
}

TEST_P(FunctionCacheTest, AutoIsBestWhereThatIsKnown) {
  const std::vector<uint8_t> best = compile_at(Tier::Best, program(false), nullptr);
  size_t cached = 0, quick = 0;
  EXPECT_EQ(compile_at(Tier::Auto, program(false), nullptr, &cached, &quick),
            compile_at(Tier::Quick, program(false), nullptr));
  EXPECT_EQ(quick, 1u) << "the smallest one is at its best";
  MemoryCache cache;
  compile_at(Tier::Best, program(false), &cache);
  EXPECT_EQ(compile_at(Tier::Auto, program(false), &cache, &cached, &quick), best);
  EXPECT_EQ(cached, 2u);
  EXPECT_EQ(quick, 0u);
  // One is not known: what is made of it is kept as quick, and found as such.
  const std::vector<uint8_t> mixed = compile_at(Tier::Auto, program(true), &cache, &cached, &quick);
  EXPECT_EQ(cached, 2u);
  EXPECT_EQ(quick, 1u);
  EXPECT_EQ(compile_at(Tier::Auto, program(true), &cache, &cached, &quick), mixed);
  EXPECT_EQ(cached, 3u);
  EXPECT_EQ(quick, 1u);
  const std::vector<uint8_t> better = compile_at(Tier::Best, program(true), &cache, &cached);
  EXPECT_EQ(cached, 2u);
  EXPECT_EQ(better, compile_at(Tier::Best, program(true), nullptr));
  EXPECT_NE(better, mixed);
}

// Every beginning of a record, one with a byte too many, and those of other functions under this one's key.
TEST_P(FunctionCacheTest, DamageIsAMiss) {
  MemoryCache cache;
  const std::vector<uint8_t> expected = compile(program(false), &cache);
  const std::map<FunctionKey, FunctionRecord> good = cache.records;
  for (const auto& [key, record] : good) {
    llvm::ArrayRef<uint8_t> unit = *unit_of_record(record);
    EXPECT_TRUE(read_record(record, unit).has_value());
    for (size_t size = 0; size < record.size(); ++size)
      EXPECT_FALSE(read_record(llvm::ArrayRef(record).take_front(size), unit).has_value()) << size;
    FunctionRecord longer = record;
    longer.push_back(0);
    EXPECT_FALSE(read_record(longer, unit).has_value());
    for (const auto& [other_key, other] : good) EXPECT_EQ(read_record(other, unit).has_value(), other_key == key);
  }
  for (auto& [key, record] : cache.records) record = good.rbegin()->second;
  size_t cached = 0;
  EXPECT_EQ(compile(program(false), &cache, &cached), expected);
  EXPECT_LE(cached, 1u);
}

// Any byte of what a record says of the code may be another: it is refused, or linked, but nothing worse.
TEST_P(FunctionCacheTest, AnyByteMayBeWrong) {
  MemoryCache cache;
  compile(program(false), &cache);
  const std::map<FunctionKey, FunctionRecord> good = cache.records;
  for (const auto& [key, record] : good) {
    for (size_t at = 4 + unit_of_record(record)->size(); at < record.size(); ++at) {
      cache.records = good;
      cache.records[key][at] ^= 0xff;
      CompileOptions options;
      std::tie(options.architecture, options.tier) = GetParam();
      options.cpu = cpu_baselines(options.architecture)[0];
      options.cache = &cache;
      llvm::consumeError(aotc::compile(program(false), options).takeError());
    }
  }
}

std::string name_of(const testing::TestParamInfo<FunctionCacheTest::ParamType>& info) {
  auto [architecture, tier] = info.param;
  return std::string(architecture_name(architecture)) + "_" + tier_name(tier);
}

INSTANTIATE_TEST_SUITE_P(All, FunctionCacheTest,
                         testing::Combine(testing::Values(Architecture::X86_64, Architecture::AArch64),
                                          testing::Values(Tier::Quick, Tier::Best)),
                         name_of);

}  // namespace
}  // namespace aotc
