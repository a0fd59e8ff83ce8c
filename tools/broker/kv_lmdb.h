// kv_lmdb.h - the key-value stores of all apps, in one LMDB environment: the only file that knows LMDB.
//
// A folder with `data.mdb`, `lock.mdb` and `in-use`, which is locked: one broker has it. Of each app two databases and
// a record of a third, so that no key of one app can be another's, whatever it is made of:
//
//   "v" APP   key -> checksum of key and rest, version, expiry, value
//   "t" APP   expiry as 8 bytes, high byte first, key -> nothing
//   "apps"    APP -> bytes that it takes, last version
//
// Reads are done at once, by the caller's thread. Writes are done by a thread, which takes all that wait into one
// transaction and answers when it is on the disk: while it is being written, others gather. What has expired is not
// there for anybody; it goes when its app writes.
//
// Whether all of it is well formed is seen once, by walking over it, in a process of its own: LMDB believes its file,
// and a damaged one can end whoever reads it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "kv_store.h"
#include "node/loop.h"

struct MDB_env;
struct MDB_txn;

class KvLmdb final : public KvStore, public Source {
 public:
  // `event` is an eventfd, which is closed with it.
  KvLmdb(Loop& loop, int event);
  ~KvLmdb() override;
  KvLmdb(const KvLmdb&) = delete;
  KvLmdb& operator=(const KvLmdb&) = delete;

  // Before the process is confined, with one thread. Returns what is wrong, or nothing: then it can be used after
  // start(). `apps` are in the order of their places; each may take `most` bytes.
  std::string open(const std::string& folder, const std::vector<std::string>& apps, uint64_t most);
  void start() override;

  void get(const App& app, std::string_view key, Then then) override;
  void list(const App& app, std::string_view prefix, std::string_view after, uint64_t most, Then then) override;
  // Of a put the request's times are from now on.
  void put(const App& app, std::string key, std::string value, uint64_t version, uint64_t milliseconds,
           Then then) override;
  void remove(const App& app, std::string key, uint64_t version, Then then) override;
  void add(const App& app, std::string key, int64_t number, Then then) override;

 private:
  struct Database {
    std::string app;
    unsigned values = 0, times = 0;
  };
  struct Write {
    size_t app;
    aotc_kv_operation operation;
    std::string key, value;
    uint64_t version, milliseconds;
    int64_t number;
    Then then;
    Answer answer;
  };
  class Transaction;
  void on_events(uint32_t events) override;
  void work();
  void write_all(std::deque<Write>& batch);
  int write_together(std::deque<Write>& batch, size_t first, size_t count);
  void push(Write write);
  Answer find(size_t app, std::string_view key);
  Answer find_keys(size_t app, std::string_view prefix, std::string_view after, uint64_t most);

  Loop& loop_;
  const int event_;
  int lock_ = -1;
  std::string fault_ = "there is none";
  MDB_env* env_ = nullptr;
  MDB_txn* reading_ = nullptr;
  unsigned apps_ = 0;
  std::vector<Database> databases_;
  uint64_t most_ = 0;
  std::mutex mutex_;  // of what follows
  std::condition_variable asked_;
  std::deque<Write> waiting_, done_;
  bool stopping_ = false;
  std::thread writer_;
};
