// store_test.cpp - what is found again, by whom, and what goes first.
#include <sys/resource.h>

#include <set>
#include <string>

#include "cache_test.h"

namespace aotc {
namespace {

bool holds(Store& store, const FunctionRecord& record) { return store.get(key(record)).front() == record; }

TEST(Store, FindsWhatWasPut) {
  TemporaryFolder folder;
  EXPECT_FALSE(holds(*std::make_unique<Store>(options(folder)), record(1)));
  {
    Store store(options(folder));
    store.put({record(1), record(2, 0), record(3, 1 << 20)});
    store.put_artifact("a", {1, 2, 3});
  }
  Store store(options(folder));
  EXPECT_TRUE(store.get({key(record(3, 1 << 20)), key(record(4)), key(record(1)), key(record(2, 0))}) ==
              (std::vector<FunctionRecord>{record(3, 1 << 20), {}, record(1), record(2, 0)}));
  EXPECT_EQ(store.hits(), 3u);
  EXPECT_EQ(store.misses(), 1u);
  EXPECT_EQ(store.get_artifact("a"), (std::vector<uint8_t>{1, 2, 3}));
  EXPECT_EQ(store.get_artifact("b"), std::nullopt);
  EXPECT_EQ(store.damage(), "");
}

// It may be the one whose thread cannot be made.
TEST(Store, EndsWithoutAThreadWhenNothingWaits) {
  TemporaryFolder folder;
  EXPECT_EQ(end_of(start([&] {
              Store store(options(folder));
              rlimit none{0, 0};
              // What the kernel does not hold against root.
              return (geteuid() != 0 || setresuid(65534, 65534, 65534) == 0) && setrlimit(RLIMIT_NPROC, &none) == 0;
            })),
            0);
}

TEST(Store, KeepsTheLastOfOneKey) {
  TemporaryFolder folder;
  FunctionRecord other = record(1);
  other.back() ^= 1;  // of what was made of the unit
  ASSERT_EQ(key(other), key(record(1)));
  Store(options(folder)).put(record(1));
  Store(options(folder)).put(other);
  Store store(options(folder));
  EXPECT_TRUE(holds(store, other));
}

TEST(Store, FindsWhatSeveralHave) {
  TemporaryFolder folder;
  Store(options(folder, "a")).put({record(1), record(2), record(3), record(4)});
  Store(options(folder, "b")).put({record(2), record(3), record(4), record(5)});
  Store(options(folder, "c")).put({record(3), record(4)});
  Store(options(folder)).put(record(4));
  Store store(options(folder));
  auto add = [](std::set<std::string>& texts, const std::vector<FunctionRecord>& records) {
    for (const FunctionRecord& one : records) texts.emplace(one.begin(), one.end());
  };
  auto found = [&](size_t name_spaces, size_t most = 10) {
    std::set<std::string> texts;
    add(texts, store.find_common(name_spaces, 1, most, 1 << 20));
    return texts;
  };
  auto these = [&](const std::vector<FunctionRecord>& records) {
    std::set<std::string> texts;
    add(texts, records);
    return texts;
  };
  EXPECT_TRUE(found(1) == these({record(1), record(2), record(3), record(5)}));
  EXPECT_TRUE(found(2) == these({record(2), record(3)}));
  EXPECT_TRUE(found(3) == these({record(3)}));
  EXPECT_TRUE(found(4).empty());
  EXPECT_EQ(found(1, 2).size(), 2u);
  EXPECT_TRUE(store.find_common(1, 1, 10, 1).empty());
  // Whichever there is not room for is found another time.
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 100; ++seed) add(seen, store.find_common(1, seed, 1, 1 << 20));
  EXPECT_TRUE(seen == found(1));
}

TEST(Store, ShowsANamespaceToItsOwnerOnly) {
  TemporaryFolder folder;
  FunctionRecord of_a = record(1), of_all = record(2), poisoned = record(2);
  poisoned.back() ^= 1;
  {
    Store a(options(folder, "a"));
    a.put({of_a, poisoned});
    a.put_artifact("x", {1});
  }
  Store b(options(folder, "b")), ab(options(folder, "ab")), all(options(folder));
  for (Store* other : {&b, &ab, &all}) {
    EXPECT_FALSE(holds(*other, of_a));
    EXPECT_FALSE(holds(*other, poisoned));
    EXPECT_EQ(other->get_artifact("x"), std::nullopt);
  }
  all.put(of_all);
  all.flush();
  b.flush();  // until then it sees what there was
  EXPECT_TRUE(holds(b, of_all));
  Store a(options(folder, "a"));
  EXPECT_TRUE(holds(a, of_a));
  EXPECT_TRUE(holds(a, poisoned)) << "his own comes first";
}

// As somebody could who may write files, or an earlier version that took keys from others.
TEST(Store, BelievesNoKey) {
  TemporaryFolder folder;
  FunctionRecord wanted = record(1), forged = record(2), no_record = {9, 9, 9, 9, 9};
  auto name = [](const FunctionRecord& record) {
    FunctionKey bytes = key(record);
    std::string name(1, '\0');
    name.append(bytes.begin(), bytes.end());
    return name;
  };
  {
    Shelf shelf(folder.path + "/functions", 32 << 20);
    shelf.put(name(wanted), forged);
    shelf.put(name(record(3)), no_record);
    shelf.put(name(record(4)), record(4));
    shelf.flush();
  }
  Store store(options(folder));
  EXPECT_TRUE(store.get({key(wanted), key(record(3)), key(record(4))}) ==
              (std::vector<FunctionRecord>{{}, {}, record(4)}));
  EXPECT_EQ(store.damage(), "2 of what it holds is damaged, and not used");
  EXPECT_EQ(store.report(true).functions.damaged, 2u);
}

// As RocksDB could give it that mixed something up.
TEST(Shelf, TakesNoValueForAnother) {
  TemporaryFolder folder;
  {
    Shelf shelf(folder.path + "/shelf", 32 << 20);
    shelf.put("a", {1, 2, 3});
    shelf.put("b", {4, 5, 6});
    shelf.flush();
  }
  std::string of_a;
  llvm::cantFail(
      llvm::cantFail(Database::open_to_read(folder.path + "/shelf"))->get({"a"}, [&](size_t, llvm::StringRef value) {
        of_a = value.str();
      }));
  {
    auto database = llvm::cantFail(Database::open_to_write(folder.path + "/shelf", 32 << 20));
    llvm::cantFail(database->put("b", of_a));
    llvm::cantFail(database->put("c", of_a.substr(0, 15)));
    llvm::cantFail(database->finish());
  }
  Shelf shelf(folder.path + "/shelf", 32 << 20);
  size_t taken = 0;
  shelf.get({"a", "b", "c"}, [&](size_t index, llvm::ArrayRef<uint8_t> content) {
    EXPECT_EQ(index, 0u);
    EXPECT_EQ(content, llvm::ArrayRef<uint8_t>({1, 2, 3}));
    ++taken;
    return true;
  });
  EXPECT_EQ(taken, 1u);
  EXPECT_EQ(shelf.damaged_values(), 2u);
  EXPECT_FALSE(shelf.thrown_away());
}

TEST(Store, BoundsARecord) {
  TemporaryFolder folder;
  FunctionRecord large = record(1, kMostRecord), fits = record(2, kMostRecord - 4), no_record = {1, 0, 0, 0};
  {
    Store store(options(folder, "", 1 << 30));
    store.put({large, fits, no_record, {}});
  }
  Store store(options(folder, "", 1 << 30));
  EXPECT_FALSE(holds(store, large));
  EXPECT_TRUE(holds(store, fits));
  EXPECT_EQ(store.report(true).functions.values, 1u);
  EXPECT_EQ(store.report(true).functions.damaged, 0u);
}

TEST(Store, BoundsWhatOneGives) {
  TemporaryFolder folder;
  {
    Store store(options(folder, "", 8 << 20));
    for (uint32_t n = 0; n < 40; ++n) store.put(record(n, 100'000));
  }
  Store store(options(folder, "", 8 << 20));
  EXPECT_EQ(store.report(true).functions.values, 20u);  // a quarter of the limit
}

// Has the even ones.
class Next : public FunctionCache {
 public:
  void expect(llvm::ArrayRef<FunctionKey> keys, uint64_t bytes) override {
    expected.push_back(keys.size());
    expected_bytes += bytes;
  }
  std::vector<FunctionRecord> get(llvm::ArrayRef<FunctionKey> keys) override {
    asked.push_back(keys.size());
    std::vector<FunctionRecord> records;
    for (const FunctionKey& wanted : keys) {
      records.emplace_back();
      for (uint32_t n = 0; n < 10; n += 2)
        if (wanted == key(record(n))) records.back() = record(n);
    }
    return records;
  }
  void put(llvm::ArrayRef<FunctionRecord> records) override { given += records.size(); }
  std::vector<size_t> expected, asked;
  uint64_t expected_bytes = 0;
  size_t given = 0;
};

TEST(Store, AsksTheNextOneForWhatItHasNot) {
  TemporaryFolder folder;
  std::vector<FunctionKey> keys;
  for (uint32_t n = 0; n < 6; ++n) keys.push_back(key(record(n)));
  std::vector<FunctionRecord> even = {record(0), {}, record(2), {}, record(4), {}};
  Next next;
  {
    Store store(options(folder), &next);
    store.put({record(0), record(7)});
    EXPECT_EQ(next.given, 2u);
    store.flush();
    EXPECT_TRUE(store.get(keys) == even);
    EXPECT_EQ(next.asked, std::vector<size_t>{5});
    EXPECT_EQ(store.hits(), 3u);
    EXPECT_EQ(store.misses(), 3u);
  }
  // What came was kept, but not given back.
  EXPECT_EQ(next.given, 2u);
  EXPECT_TRUE(Store(options(folder)).get(keys) == even);
}

TEST(Store, LooksAheadForWhatIsExpected) {
  TemporaryFolder folder;
  Next next;
  Store store(options(folder), &next);
  std::vector<FunctionKey> first = {key(record(0)), key(record(1))}, second = {key(record(2))},
                           third = {key(record(3))};
  store.expect(first, 2000);
  store.expect(second, 500);
  store.expect(third, 70);  // one too many
  EXPECT_EQ(next.expected, (std::vector<size_t>{2, 1}));
  EXPECT_EQ(next.expected_bytes, 2500u);
  EXPECT_TRUE(store.get(first) == (std::vector<FunctionRecord>{record(0), {}}));
  // Another order than was said.
  EXPECT_TRUE(store.get(third).front().empty());
  EXPECT_TRUE(store.get(second).front() == record(2));
  EXPECT_EQ(next.asked, (std::vector<size_t>{2, 1, 1}));
}

TEST(Store, StaysWithinItsLimit) {
  constexpr uint64_t kLimit = 4 << 20;
  TemporaryFolder folder;
  for (uint32_t round = 0; round < 24; ++round) {
    Store store(options(folder, "", kLimit));
    for (uint32_t n = 0; n < 20; ++n) store.put(record(100 * round + n, 40'000, true));
    store.put_artifact(std::to_string(round), record(round, 400'000, true));
    store.flush();
    EXPECT_LE(folder.bytes(), kLimit + (64 << 10));  // and what says which files there are
  }
  Store store(options(folder, "", kLimit));
  EXPECT_TRUE(holds(store, record(2319, 40'000, true)));
  EXPECT_FALSE(holds(store, record(0, 40'000, true)));
  Store::Report before = store.report(true);
  EXPECT_GT(before.functions.bytes, kLimit / 4);
  EXPECT_GT(before.artifacts.bytes, kLimit / 8);
  ASSERT_TRUE(store.shrink(kLimit / 2));
  Store::Report after = store.report(true);
  EXPECT_LE(after.functions.bytes, kLimit / 4);
  EXPECT_GT(after.functions.values, 0u);
  EXPECT_TRUE(holds(store, record(2319, 40'000, true))) << "the youngest go last";
  ASSERT_TRUE(store.clear());
  EXPECT_EQ(store.report(true).functions.values, 0u);
}

TEST(Store, DropsFirstWhatWasNotUsed) {
  constexpr uint64_t kLimit = 8 << 20;  // 4 MiB of functions
  TemporaryFolder folder;
  FunctionRecord used = record(1, 1000, true), unused = record(2, 1000, true);
  Store(options(folder, "", kLimit)).put({used, unused});
  for (uint32_t round = 0; round < 40; ++round) {  // 10 MB
    Store store(options(folder, "", kLimit));
    EXPECT_TRUE(holds(store, used)) << round;
    for (uint32_t n = 0; n < 5; ++n) store.put(record(100 + 10 * round + n, 50'000, true));
  }
  Store store(options(folder, "", kLimit));
  EXPECT_TRUE(holds(store, used));
  EXPECT_FALSE(holds(store, unused));
  EXPECT_FALSE(holds(store, record(100, 50'000, true)));
}

TEST(Store, WritesNothingForWhatIsStillYoung) {
  TemporaryFolder folder;
  Store(options(folder)).put(record(1));
  uint64_t bytes = folder.bytes();
  auto written = std::filesystem::last_write_time(folder.path + "/functions");
  for (int i = 0; i < 3; ++i) {
    Store store(options(folder));
    EXPECT_TRUE(holds(store, record(1)));
  }
  EXPECT_EQ(folder.bytes(), bytes);
  EXPECT_EQ(std::filesystem::last_write_time(folder.path + "/functions"), written);
}

TEST(Store, FewFilesHoweverOftenSomethingIsPut) {
  TemporaryFolder folder;
  for (uint32_t n = 0; n < 60; ++n) Store(options(folder)).put(record(n));
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path + "/functions"))
    files += entry.path().extension() == ".sst";
  EXPECT_LE(files, 8u);
  EXPECT_EQ(Store(options(folder)).report(true).functions.values, 60u);
}

TEST(Store, IsNotUsedWhereOthersMayWrite) {
  TemporaryFolder folder;
  std::string inner = folder.path + "/a/b";
  EXPECT_EQ(llvm::toString(Store::prepare(inner)), "");
  EXPECT_EQ(std::filesystem::status(inner).permissions(), std::filesystem::perms::owner_all);
  std::filesystem::permissions(inner, std::filesystem::perms::all);
  EXPECT_EQ(llvm::toString(Store::prepare(inner)), "others may write into the folder");
  std::string file = folder.path + "/file";
  fclose(fopen(file.c_str(), "w"));
  EXPECT_EQ(llvm::toString(Store::prepare(file)), "cannot use the folder: Not a directory");
  EXPECT_EQ(llvm::toString(Store::prepare(file + "/x")), "cannot make the folder: Not a directory");
}

}  // namespace
}  // namespace aotc
