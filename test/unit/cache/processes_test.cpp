// processes_test.cpp - several processes at once, and processes that are killed while they write.
#include <csignal>

#include "cache/folder_lock.h"
#include "cache_test.h"

namespace aotc {
namespace {

constexpr uint32_t kRecords = 50;

// Whether each record is right or not there, and nothing is damaged.
bool all_right(const TemporaryFolder& folder, uint32_t records, bool complete) {
  Store store(options(folder));
  for (uint32_t n = 0; n < records; ++n) {
    FunctionRecord found = store.get(key(record(n))).front();
    if (found != record(n) && (complete || !found.empty())) return false;
  }
  return store.damage().empty() && store.report(true).functions.damaged == 0;
}

TEST(Processes, ShareAFolder) {
  TemporaryFolder folder;
  std::vector<pid_t> children;
  for (uint32_t process = 0; process < 4; ++process)
    children.push_back(start([&, process] {
      for (uint32_t n = process; n < kRecords; n += 4) {
        StoreOptions patient = options(folder);
        patient.patience = std::chrono::minutes(5);
        Store store(patient);
        store.put(record(n));
        store.flush();
        if (!all_right(folder, kRecords, false)) return false;
      }
      return true;
    }));
  for (pid_t child : children) EXPECT_EQ(end_of(child), 0);
  EXPECT_EQ(end_of(start([&] { return all_right(folder, kRecords, true); })), 0);
}

TEST(Processes, AreKilledWhileTheyWrite) {
  TemporaryFolder folder;
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    pid_t child = start([&] {
      for (uint32_t n = 0;; n = (n + 1) % kRecords) {
        Store store(options(folder));
        store.put({record(n), record(n + kRecords, 200'000, true)});
        if (write(ends[1], "x", 1) != 1) return false;
        store.flush();
      }
    });
    close(ends[1]);
    char byte;
    for (uint32_t flushes = 1 + random() % 4; flushes > 0; --flushes) ASSERT_EQ(read(ends[0], &byte, 1), 1);
    for (volatile uint32_t work = random() % 20'000'000; work > 0;) work = work - 1;
    kill(child, SIGKILL);
    EXPECT_TRUE(WIFSIGNALED(end_of(child)));
    close(ends[0]);
    ASSERT_EQ(end_of(start([&] { return all_right(folder, kRecords, false); })), 0) << round;
  }
  EXPECT_EQ(end_of(start([&] { return Store(options(folder)).report(true).functions.values > 0; })), 0);
}

// Nobody waits for long: what cannot be kept is forgotten.
TEST(Processes, DoWithoutWhenOthersTakeTheirTime) {
  TemporaryFolder folder;
  EXPECT_EQ(end_of(start([&] {
              std::optional<FolderLock> lock = FolderLock::take(folder.path + "/functions.lock",
                                                                FolderLock::Kind::Exclusive, std::chrono::seconds(0));
              StoreOptions impatient = options(folder);
              impatient.patience = std::chrono::milliseconds(0);
              Store(impatient).put(record(1));
              bool forgotten = Store(impatient).get(key(record(1))).front().empty();
              lock.reset();
              Store(impatient).put(record(1));
              return forgotten && Store(impatient).get(key(record(1))).front() == record(1);
            })),
            0);
}

}  // namespace
}  // namespace aotc
