// damage_test.cpp - whatever becomes of the files, a record is right or not there, and the folder can be used again.
#include <rocksdb/db.h>
#include <sys/resource.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "cache/folder_lock.h"
#include "cache_test.h"

namespace aotc {
namespace {

constexpr uint32_t kRecords = 30;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// What a process says that has read all: as its exit code, unless it crashed. Noticed: something is missing, or there
// is something to say.
enum Outcome { AllRight, Noticed, Wrong, Unusable };

Outcome use(const std::string& path) {
  StoreOptions options;
  options.folder = path;
  options.limit = 64 << 20;
  std::vector<FunctionKey> keys;
  for (uint32_t n = 0; n < kRecords; ++n) keys.push_back(key(record(n)));
  Store store(options);
  std::vector<FunctionRecord> found = store.get(keys);
  bool missing = false;
  for (uint32_t n = 0; n < kRecords; ++n) {
    if (!found[n].empty() && found[n] != record(n)) return Wrong;
    missing |= found[n].empty();
  }
  std::optional<std::vector<uint8_t>> artifact = store.get_artifact("artifact");
  if (artifact && *artifact != record(7, 50'000)) return Wrong;
  if (!missing && artifact && store.damage().empty()) return AllRight;
  // A compiler goes on without, and gives what it made.
  for (uint32_t n = 0; n < kRecords; ++n) store.put(record(n));
  store.flush();
  Store again(options);
  found = again.get(keys);
  for (uint32_t n = 0; n < kRecords; ++n)
    if (found[n] != record(n)) return Unusable;
  return Noticed;
}

class Damage : public testing::Test {
 protected:
  Damage() {
    EXPECT_EQ(end_of(start([this] {
                for (uint32_t part = 0; part < 3; ++part) {
                  Store store(options(folder_));
                  for (uint32_t n = part; n < kRecords; n += 3) store.put(record(n));
                  store.put_artifact("artifact", record(7, 50'000));
                }
                return true;
              })),
              0);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path))
      if (entry.is_regular_file() && entry.file_size() > 0)
        files_.push_back(std::filesystem::relative(entry.path(), folder_.path));
    EXPECT_GE(files_.size(), 10u);
  }

  // On a copy of the folder.
  void damage(const std::filesystem::path& file, const std::string& bytes, const std::string& how) {
    TemporaryFolder copy;
    std::filesystem::copy(folder_.path, copy.path, std::filesystem::copy_options::recursive);
    std::filesystem::remove(copy.path / file);
    if (how != "removed") write_file(copy.path / file, bytes);
    int status = end_of(start_quietly(copy.path));
    if (WIFEXITED(status)) {
      EXPECT_NE(WEXITSTATUS(status), Wrong) << file << " " << how;
      EXPECT_NE(WEXITSTATUS(status), Unusable) << file << " " << how;
      ++outcomes_[WEXITSTATUS(status)];
      return;
    }
    // As for somebody who runs it in a process that may crash: he clears it.
    ++crashes_;
    status = end_of(start([&] {
      Store(options(copy)).clear();
      return use(copy.path) == Noticed;
    }));
    EXPECT_EQ(status, 0) << file << " " << how;
  }

  static pid_t start_quietly(const std::string& path) {
    pid_t child = fork();
    if (child != 0) return child;
    if (freopen("/dev/null", "w", stderr) == nullptr) _exit(Unusable);
    try {
      _exit(use(path));
    } catch (const std::exception&) {
      abort();
    }
  }

  TemporaryFolder folder_;
  std::vector<std::filesystem::path> files_;
  int outcomes_[256] = {}, crashes_ = 0;
};

TEST_F(Damage, OfAByteAnywhere) {
  std::mt19937 random(1);
  for (const std::filesystem::path& file : files_) {
    std::string bytes = read_file(folder_.path / file);
    // The ends of a file say where everything else is.
    for (size_t i = 0; i < 10; ++i) {
      size_t at =
          i < 5 ? random() % bytes.size() : bytes.size() - 1 - std::min<size_t>(random() % 60, bytes.size() - 1);
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 + random() % 255));
      damage(file, flipped, "at " + std::to_string(at));
    }
  }
  EXPECT_GT(outcomes_[Noticed] + crashes_, 20);
}

TEST_F(Damage, OfWholeFiles) {
  for (const std::filesystem::path& file : files_) {
    std::string bytes = read_file(folder_.path / file);
    damage(file, "", "removed");
    damage(file, "", "emptied");
    damage(file, bytes.substr(0, bytes.size() / 2), "cut");
    damage(file, std::string(bytes.size(), '\0'), "zeroed");
    damage(file, bytes + bytes, "doubled");
  }
  EXPECT_GT(outcomes_[Noticed] + crashes_, 10);
}

constexpr char kMended[] = "it was damaged; what can be read of it is kept";
constexpr char kThrownAway[] = "it was damaged, and starts again empty";

TEST_F(Damage, IsFoundByWhoWritesOnly) {
  for (const char* file : {"/functions/CURRENT", "/artifacts/CURRENT"})
    write_file(folder_.path + file, "MANIFEST-none\n");
  EXPECT_EQ(end_of(start([this] {
              Store store(options(folder_));
              store.put(record(kRecords));
              store.put_artifact("other", record(8));
              store.flush();
              Store again(options(folder_));
              return store.damage() == kMended && again.get(key(record(kRecords))).front() == record(kRecords) &&
                     again.get(key(record(1))).front() == record(1) && again.get_artifact("other") == record(8) &&
                     again.get_artifact("artifact") == record(7, 50'000);
            })),
            0);
}

TEST_F(Damage, IsFoundByWhoReadsOnly) {
  write_file(folder_.path + "/functions/CURRENT", "MANIFEST-none\n");
  EXPECT_EQ(end_of(start([this] {
              Store store(options(folder_));
              return store.get(key(record(1))).front() == record(1) && store.damage() == kMended;
            })),
            0);
}

// What no file can be read of is another matter.
TEST_F(Damage, OfEverythingStartsAgainEmpty) {
  std::filesystem::remove_all(folder_.path + "/functions");
  std::filesystem::create_directories(folder_.path + "/functions/CURRENT");
  EXPECT_EQ(end_of(start([this] {
              Store store(options(folder_));
              return store.get(key(record(1))).front().empty() && store.damage() == kThrownAway &&
                     !std::filesystem::exists(folder_.path + "/functions");
            })),
            0);
}

// Nobody waits for a folder to be read through that is larger than any of ours.
TEST_F(Damage, OfMuchMoreThanWasWrittenIsNotReadThrough) {
  write_file(folder_.path + "/functions/CURRENT", "MANIFEST-none\n");
  std::ofstream(folder_.path + "/functions/999999.sst").close();
  std::filesystem::resize_file(folder_.path + "/functions/999999.sst", uint64_t{1} << 40);
  EXPECT_EQ(end_of(start([this] {
              Store store(options(folder_));
              return store.get(key(record(1))).front().empty() && store.damage() == kThrownAway;
            })),
            0);
}

// Who was killed while he mended may have left a database without the files that were not looked at yet.
TEST_F(Damage, WithAnInterruptedMendStartsAgainEmpty) {
  for (bool writes : {false, true}) {
    write_file(folder_.path + "/functions/mending", "");
    EXPECT_EQ(end_of(start([&] {
                Store store(options(folder_));
                if (writes) store.put(record(2));
                if (!writes && !store.get(key(record(1))).front().empty()) return false;
                store.flush();
                return store.damage() == kThrownAway && store.get(key(record(1))).front().empty();
              })),
              0);
    EXPECT_EQ(end_of(start([&] {
                {
                  Store store(options(folder_));
                  store.put(record(1));
                }
                Store store(options(folder_));
                return store.get(key(record(1))).front() == record(1) && store.damage().empty();
              })),
              0);
  }
}

// Killed at the first byte behind the limit of any file.
TEST_F(Damage, IsNotForgottenByWhoIsKilledMendingIt) {
  int killed = 0;
  for (rlim_t limit = 0; limit < 600; limit += 30) {
    TemporaryFolder copy;
    std::filesystem::copy(folder_.path, copy.path, std::filesystem::copy_options::recursive);
    write_file(copy.path + "/functions/CURRENT", "MANIFEST-none\n");
    int status = end_of(start([&] {
      rlimit bound{limit, limit}, none{0, 0};
      setrlimit(RLIMIT_FSIZE, &bound);
      setrlimit(RLIMIT_CORE, &none);
      return Store(options(copy)).get(key(record(1))).front() == record(1);
    }));
    killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ;
    EXPECT_EQ(end_of(start([&] {
                Store store(options(copy));
                std::vector<FunctionKey> keys;
                for (uint32_t n = 0; n < kRecords; ++n) keys.push_back(key(record(n)));
                bool complete = true;
                for (const FunctionRecord& found : store.get(keys)) complete &= !found.empty();
                return complete || !store.damage().empty();
              })),
              0)
        << limit;
  }
  EXPECT_GT(killed, 10);
}

// A value that lies in a file of another kind, which is gone: what mending finds is whole.
TEST_F(Damage, ThatMendingDoesNotCureStartsAgainEmpty) {
  EXPECT_EQ(end_of(start([this] {
              rocksdb::Options with_blobs;
              with_blobs.enable_blob_files = true;
              with_blobs.disable_auto_compactions = true;
              rocksdb::DB* db = nullptr;
              if (!rocksdb::DB::Open(with_blobs, folder_.path + "/functions", &db).ok()) return false;
              FunctionKey wanted = key(record(1));
              std::string name = std::string(1, '\0') + std::string(wanted.begin(), wanted.end());
              return db->Put({}, name, "elsewhere").ok() && db->Flush({}).ok() && db->Close().ok();
            })),
            0);
  size_t removed = 0;
  for (const std::filesystem::path& file : std::filesystem::directory_iterator(folder_.path + "/functions"))
    removed += file.extension() == ".blob" && std::filesystem::remove(file);
  EXPECT_EQ(removed, 1u);
  EXPECT_EQ(end_of(start([this] {
              {
                Store store(options(folder_));
                if (!store.get(key(record(1))).front().empty() || store.damage() != kThrownAway) return false;
                store.put(record(1));
              }
              Store store(options(folder_));
              return store.get(key(record(1))).front() == record(1) && store.damage().empty();
            })),
            0);
}

// Who waits for another who mends it finds it mended.
TEST_F(Damage, IsMendedByOneOfMany) {
  write_file(folder_.path + "/functions/CURRENT", "MANIFEST-none\n");
  constexpr int kProcesses = 8;
  int gate[2];
  ASSERT_EQ(pipe(gate), 0);
  // Until then all of them can find the damage, and none can mend it.
  std::optional<FolderLock> lock =
      FolderLock::take(folder_.path + "/functions.lock", FolderLock::Kind::Shared, std::chrono::minutes(1));
  std::vector<pid_t> processes;
  for (int n = 0; n < kProcesses; ++n) {
    processes.push_back(fork());
    if (processes.back() != 0) continue;
    close(gate[1]);
    lock.reset();
    char nothing;
    if (read(gate[0], &nothing, 1) != 0) _exit(9);
    StoreOptions patient = options(folder_);
    patient.patience = std::chrono::minutes(1);
    Store store(patient);
    bool found = store.get(key(record(1))).front() == record(1);
    _exit(!found ? 9 : store.damage() == kMended ? 1 : store.damage().empty() ? 0 : 9);
  }
  close(gate[0]);
  close(gate[1]);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  lock.reset();
  int mended = 0;
  for (pid_t process : processes) {
    int status = end_of(process);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_LE(WEXITSTATUS(status), 1);
    mended += WEXITSTATUS(status) == 1;
  }
  EXPECT_EQ(mended, 1);
}

// Three files of 200 functions that cannot be compressed, so that each has many blocks.
class LargeDamage : public testing::Test {
 protected:
  static constexpr uint32_t kParts = 3, kOfPart = 200;
  static FunctionRecord large(uint32_t n) { return record(n, 2000, true); }

  explicit LargeDamage(std::string name_space = "") : name_space_(std::move(name_space)) {
    EXPECT_EQ(end_of(start([this] {
                for (uint32_t part = 0; part < kParts; ++part) {
                  Store store(options(folder_, name_space_));
                  for (uint32_t n = 0; n < kOfPart; ++n) store.put(large(part * kOfPart + n));
                }
                return true;
              })),
              0);
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path + "/functions"))
      if (entry.path().extension() == ".sst") tables_.push_back(entry.path());
    EXPECT_EQ(tables_.size(), kParts);
  }

  void damage(const std::filesystem::path& table, std::initializer_list<double> places) {
    std::string bytes = read_file(table);
    for (double place : places) {
      char& byte = bytes[static_cast<size_t>(static_cast<double>(bytes.size()) * place)];
      byte = static_cast<char>(byte ^ 0x5a);
    }
    write_file(table, bytes);
  }

  // How many functions are missed when it is noticed, and ever after.
  void expect_missed(size_t least, size_t most) {
    EXPECT_EQ(end_of(start([&] {
                for (bool first : {true, false}) {
                  Store store(options(folder_, name_space_));
                  size_t missed = 0;
                  for (uint32_t n = 0; n < kParts * kOfPart; n += 50) {
                    std::vector<FunctionKey> keys;
                    for (uint32_t i = n; i < n + 50; ++i) keys.push_back(key(large(i)));
                    std::vector<FunctionRecord> found = store.get(keys);
                    for (uint32_t i = 0; i < 50; ++i) {
                      if (!found[i].empty() && found[i] != large(n + i)) return false;
                      missed += found[i].empty();
                    }
                  }
                  EXPECT_GE(missed, least);
                  EXPECT_LE(missed, most);
                  EXPECT_EQ(store.damage(), first ? kMended : "");
                  ShelfReport all = store.report(true).functions;
                  EXPECT_EQ(all.values, kParts * kOfPart - missed);
                  EXPECT_EQ(all.failed, "");
                }
                for (const auto& entry : std::filesystem::directory_iterator(folder_.path + "/functions"))
                  if (entry.path().extension() == ".damaged" || entry.path().filename() == "lost") return false;
                return !HasFailure();
              })),
              0);
  }

  const std::string name_space_;
  TemporaryFolder folder_;
  std::vector<std::filesystem::path> tables_;
};

TEST_F(LargeDamage, OfABlockCostsThatBlock) {
  damage(tables_[1], {0.5});
  expect_missed(1, 20);
}

TEST_F(LargeDamage, OfTheFirstBlockCostsThatBlock) {
  damage(tables_[1], {0.001});
  expect_missed(1, 20);
}

TEST_F(LargeDamage, OfSomeBlocksCostsWhatLiesBetweenAtMost) {
  damage(tables_[0], {0.2, 0.3});
  damage(tables_[2], {0.4});
  expect_missed(3, 60);
}

// Where it says what is in it.
TEST_F(LargeDamage, OfTheEndOfAFileCostsThatFile) {
  std::filesystem::resize_file(tables_[1], std::filesystem::file_size(tables_[1]) - 10);
  expect_missed(kOfPart, kOfPart);
}

TEST_F(LargeDamage, OfAFileThatIsGoneCostsThatFile) {
  std::filesystem::remove(tables_[0]);
  expect_missed(kOfPart, kOfPart);
}

// All keys begin alike.
class LongNames : public LargeDamage {
 protected:
  LongNames() : LargeDamage(std::string(200, 'x')) {}
};

TEST_F(LongNames, OfABlockCostsThatBlock) {
  damage(tables_[1], {0.5});
  expect_missed(1, 20);
}

// A database of something else's where ours should be.
TEST_F(Damage, ByAnExchange) {
  TemporaryFolder copy;
  std::filesystem::copy(folder_.path, copy.path, std::filesystem::copy_options::recursive);
  std::filesystem::rename(copy.path + "/functions", copy.path + "/other");
  std::filesystem::rename(copy.path + "/artifacts", copy.path + "/functions");
  std::filesystem::rename(copy.path + "/other", copy.path + "/artifacts");
  EXPECT_EQ(WEXITSTATUS(end_of(start_quietly(copy.path))), Noticed);
}

}  // namespace
}  // namespace aotc
