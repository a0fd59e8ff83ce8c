// kv_lmdb.cpp - see kv_lmdb.h.
#include "kv_lmdb.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <ctime>
#include <map>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "broker.h"

namespace {

constexpr size_t kMostInBatch = 4096, kMostPurged = 256, kMostListBytes = 64 << 10;
constexpr uint64_t kSpare = 64 << 20;  // of the file, for pages that are not given back yet
constexpr int kDamaged = 3;            // exit code of who has walked over it

struct Head {
  uint64_t checksum, version, expires;
};

struct AppRecord {
  uint64_t bytes, version;
};

MDB_val as_value(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
std::string_view as_text(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

uint64_t milliseconds_now() {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000 + static_cast<uint64_t>(t.tv_nsec) / 1'000'000;
}

uint64_t checksum_of(std::string_view key, std::string_view record) {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset_withSeed(&state, key.size());
  XXH3_64bits_update(&state, key.data(), key.size());
  XXH3_64bits_update(&state, record.data() + sizeof(uint64_t), record.size() - sizeof(uint64_t));
  return XXH3_64bits_digest(&state);
}

// False when it is no record of this key.
bool read_head(std::string_view key, std::string_view record, Head& head) {
  if (record.size() < sizeof head) return false;
  std::memcpy(&head, record.data(), sizeof head);
  return head.checksum == checksum_of(key, record);
}

std::string record_of(std::string_view key, uint64_t version, uint64_t expires, std::string_view value) {
  Head head{0, version, expires};
  std::string record(reinterpret_cast<const char*>(&head), sizeof head);
  record.append(value);
  head.checksum = checksum_of(key, record);
  std::memcpy(record.data(), &head.checksum, sizeof head.checksum);
  return record;
}

std::string time_key(uint64_t expires, std::string_view key) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(expires >> shift));
  return out.append(key);
}

uint64_t time_of(std::string_view time_key) {
  uint64_t time = 0;
  for (size_t i = 0; i < 8 && i < time_key.size(); ++i) time = time << 8 | static_cast<unsigned char>(time_key[i]);
  return time;
}

// In decimal as we write it; false if it is none.
bool read_number(std::string_view text, int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && std::to_string(number) == text;
}

// What it takes of the app's share.
uint64_t cost(std::string_view key, std::string_view record) { return 2 * key.size() + record.size() + 64; }

struct Cursor {
  explicit Cursor(MDB_txn* txn, MDB_dbi dbi) : error(mdb_cursor_open(txn, dbi, &at)) {}
  ~Cursor() {
    if (at != nullptr) mdb_cursor_close(at);
  }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  MDB_cursor* at = nullptr;
  int error;
};

}  // namespace

// One of a write's. After an error it cannot be used.
class KvLmdb::Transaction {
 public:
  Transaction(unsigned apps, const Database& database, MDB_txn* txn) : apps_(apps), database_(database), txn_(txn) {}
  int begin() {
    MDB_val key = as_value(database_.app), value;
    int error = mdb_get(txn_, apps_, &key, &value);
    if (error == 0 && value.mv_size == sizeof record_) std::memcpy(&record_, value.mv_data, sizeof record_);
    return error == MDB_NOTFOUND ? 0 : error;
  }
  int end() {
    MDB_val key = as_value(database_.app), value{sizeof record_, &record_};
    return mdb_put(txn_, apps_, &key, &value, 0);
  }
  int write(Write& write, uint64_t most) {
    std::string old;
    Head head{};
    const int error = find(write.key, old, head);
    if (error != 0) return error;
    switch (write.operation) {
      case AOTC_KV_DELETE:
        return remove(write, old, head);
      case AOTC_KV_ADD:
        return add(write, old, head, most);
      default:
        return put(write, old, head, most);
    }
  }
  // Some of what has expired.
  int purge() {
    std::vector<std::string> keys;
    {
      Cursor cursor(txn_, database_.times);
      MDB_val time, nothing;
      const uint64_t now = milliseconds_now();
      int error = cursor.error;
      if (error == 0) error = mdb_cursor_get(cursor.at, &time, &nothing, MDB_FIRST);
      for (; error == 0 && keys.size() < kMostPurged; error = mdb_cursor_get(cursor.at, &time, &nothing, MDB_NEXT)) {
        if (time_of(as_text(time)) > now) break;
        keys.emplace_back(as_text(time).substr(8));
      }
      if (error != 0 && error != MDB_NOTFOUND) return error;
    }
    for (const std::string& name : keys) {
      MDB_val key = as_value(name), value;
      int error = mdb_get(txn_, database_.values, &key, &value);
      if (error == 0) error = erase(name, std::string(as_text(value)));
      if (error != 0) return error;
    }
    return 0;
  }

 private:
  int put(Write& write, const std::string& old, const Head& head, uint64_t most) {
    if (is_another(write, head)) return 0;
    const uint64_t expires =
        write.milliseconds == 0 ? 0 : milliseconds_now() + std::min<uint64_t>(write.milliseconds, uint64_t{1} << 52);
    return replace(write, old, write.value, expires, most);
  }
  int replace(Write& write, const std::string& old, std::string_view text, uint64_t expires, uint64_t most) {
    const std::string record = record_of(write.key, record_.version + 1, expires, text);
    const uint64_t bytes = record_.bytes - (old.empty() ? 0 : cost(write.key, old)) + cost(write.key, record);
    if (bytes > most) {
      write.answer.status = AOTC_KV_FULL;
      return 0;
    }
    int error = old.empty() ? 0 : erase(write.key, old);
    if (error != 0) return error;
    MDB_val key = as_value(write.key), value = as_value(record), nothing{};
    if ((error = mdb_put(txn_, database_.values, &key, &value, 0)) != 0) return error;
    if (expires != 0) {
      const std::string time = time_key(expires, write.key);
      MDB_val at = as_value(time);
      if ((error = mdb_put(txn_, database_.times, &at, &nothing, 0)) != 0) return error;
    }
    record_ = {record_.bytes + cost(write.key, record), record_.version + 1};
    write.answer.version = record_.version;
    return 0;
  }
  int add(Write& write, const std::string& old, const Head& head, uint64_t most) {
    int64_t sum = 0;
    if ((head.version != 0 && !read_number(std::string_view(old).substr(sizeof head), sum)) ||
        __builtin_add_overflow(sum, write.number, &sum)) {
      write.answer.status = AOTC_KV_NO_NUMBER;
      return 0;
    }
    const std::string text = std::to_string(sum);
    const int error = replace(write, old, text, head.version != 0 ? head.expires : 0, most);
    if (write.answer.status == AOTC_KV_OK) write.answer.bytes = text;
    return error;
  }
  int remove(Write& write, const std::string& old, const Head& head) {
    if (head.version == 0) {
      write.answer.status = AOTC_KV_NOT_THERE;
      return 0;
    }
    return is_another(write, head) ? 0 : erase(write.key, old);
  }
  static bool is_another(Write& write, const Head& head) {
    if (write.version == AOTC_KV_ANY || write.version == head.version) return false;
    write.answer.status = AOTC_KV_CONFLICT;
    write.answer.version = head.version;
    return true;
  }
  // What is there, expired or not; then head.version is 0.
  int find(const std::string& name, std::string& record, Head& head) {
    MDB_val key = as_value(name), value;
    const int error = mdb_get(txn_, database_.values, &key, &value);
    if (error != 0) return error == MDB_NOTFOUND ? 0 : error;
    record = as_text(value);
    if (!read_head(name, record, head)) return MDB_CORRUPTED;
    if (head.expires != 0 && head.expires <= milliseconds_now()) head.version = 0;
    return 0;
  }
  int erase(const std::string& name, const std::string& record) {
    Head head{};
    if (!read_head(name, record, head)) return MDB_CORRUPTED;
    MDB_val key = as_value(name);
    int error = mdb_del(txn_, database_.values, &key, nullptr);
    if (error == 0 && head.expires != 0) {
      const std::string time = time_key(head.expires, name);
      MDB_val at = as_value(time);
      error = mdb_del(txn_, database_.times, &at, nullptr);
    }
    record_.bytes -= std::min(record_.bytes, cost(name, record));
    return error;
  }

  const unsigned apps_;
  const Database& database_;
  MDB_txn* const txn_;
  AppRecord record_{};
};

KvLmdb::KvLmdb(Loop& loop, int event) : loop_(loop), event_(event) {}

KvLmdb::~KvLmdb() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_all();
  if (writer_.joinable()) writer_.join();
  if (reading_ != nullptr) mdb_txn_abort(reading_);
  if (env_ != nullptr) mdb_env_close(env_);
  if (lock_ >= 0) ::close(lock_);
  ::close(event_);
}

namespace {

// `apps` are those that may be used at the same time.
int open_environment(const std::string& folder, size_t apps, uint64_t most, MDB_env** env) {
  int error = mdb_env_create(env);
  if (error != 0) return error;
  struct stat info{};
  const bool there = stat((folder + "/data.mdb").c_str(), &info) == 0;
  const uint64_t wanted = 2 * most * apps + kSpare, size = there ? static_cast<uint64_t>(info.st_size) : 0;
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  mdb_env_set_mapsize(*env, std::max(wanted, size + kSpare) / page * page);
  mdb_env_set_maxdbs(*env, static_cast<MDB_dbi>(2 * apps + 4));
  mdb_env_set_maxreaders(*env, 8);
  return mdb_env_open(*env, folder.c_str(), MDB_NOTLS, 0600);
}

// Whether each record of the database with this name is one.
bool is_well_formed(MDB_txn* txn, std::string_view name) {
  MDB_dbi database;
  if (mdb_dbi_open(txn, std::string(name).c_str(), 0, &database) != 0) return false;
  MDB_val key, value;
  Head head;
  Cursor cursor(txn, database);
  int error = cursor.error != 0 ? cursor.error : mdb_cursor_get(cursor.at, &key, &value, MDB_FIRST);
  for (; error == 0; error = mdb_cursor_get(cursor.at, &key, &value, MDB_NEXT))
    if (name == "apps"        ? value.mv_size != sizeof(AppRecord)
        : name.front() == 'v' ? !read_head(as_text(key), as_text(value), head)
                              : key.mv_size <= 8)
      return false;
  return error == MDB_NOTFOUND;
}

// The exit code of a process that has walked over all of it: 0 if it is well formed.
int walk(const std::string& folder) {
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi names;
  const int error = open_environment(folder, 4096, 0, &env);
  if (error != 0) return error < 0 ? kDamaged : 0;  // a system's error is said by who opens it
  if (mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn) != 0 || mdb_dbi_open(txn, nullptr, 0, &names) != 0) return kDamaged;
  MDB_val name, value;
  Cursor cursor(txn, names);
  int next = cursor.error != 0 ? cursor.error : mdb_cursor_get(cursor.at, &name, &value, MDB_FIRST);
  for (; next == 0; next = mdb_cursor_get(cursor.at, &name, &value, MDB_NEXT))
    if (name.mv_size == 0 || !is_well_formed(txn, as_text(name))) return kDamaged;
  return next == MDB_NOTFOUND ? 0 : kDamaged;
}

// In a process of its own.
bool is_damaged(const std::string& folder) {
  const pid_t child = fork();
  if (child < 0) return true;
  if (child == 0) {
    for (int number : {SIGBUS, SIGSEGV, SIGABRT}) signal(number, SIG_DFL);
    _exit(walk(folder));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

}  // namespace

std::string KvLmdb::open(const std::string& folder, const std::vector<std::string>& apps, uint64_t most) {
  most_ = most;
  auto failed = [&](const std::string& why) { return fault_ = folder + ": " + why; };
  if (event_ < 0 || (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)) return failed(std::strerror(errno));
  lock_ = ::open((folder + "/in-use").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0) return failed(std::strerror(errno));
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) return failed("another broker has it");
  if (is_damaged(folder)) return failed("it is damaged");
  MDB_txn* txn = nullptr;
  int error = open_environment(folder, apps.size(), most, &env_);
  if (error == 0) error = mdb_txn_begin(env_, nullptr, 0, &txn);
  if (error == 0) error = mdb_dbi_open(txn, "apps", MDB_CREATE, &apps_);
  for (const std::string& app : apps) {
    Database database{.app = app};
    if (error == 0) error = mdb_dbi_open(txn, ("v" + app).c_str(), MDB_CREATE, &database.values);
    if (error == 0) error = mdb_dbi_open(txn, ("t" + app).c_str(), MDB_CREATE, &database.times);
    databases_.push_back(database);
  }
  if (error == 0)
    error = mdb_txn_commit(txn);
  else if (txn != nullptr)
    mdb_txn_abort(txn);
  if (error == 0) error = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &reading_);
  if (error != 0) return failed(mdb_strerror(error));
  mdb_txn_reset(reading_);
  fault_.clear();
  return {};
}

void KvLmdb::start() {
  if (!fault_.empty()) return;
  loop_.add(event_, EPOLLIN, this);
  writer_ = std::thread([this] { work(); });
}

KvStore::Answer KvLmdb::find(size_t app, std::string_view name) {
  Answer answer{.status = AOTC_KV_FAILED};
  if (!fault_.empty() || mdb_txn_renew(reading_) != 0) return answer;
  MDB_val key = as_value(name), value;
  Head head;
  const int error = mdb_get(reading_, databases_[app].values, &key, &value);
  if (error == MDB_NOTFOUND) {
    answer.status = AOTC_KV_NOT_THERE;
  } else if (error == 0 && read_head(name, as_text(value), head)) {
    const bool expired = head.expires != 0 && head.expires <= milliseconds_now();
    answer = {.status = expired ? AOTC_KV_NOT_THERE : AOTC_KV_OK,
              .version = expired ? 0 : head.version,
              .expires = expired ? 0 : head.expires,
              .bytes = expired ? "" : std::string(as_text(value).substr(sizeof head))};
  }
  mdb_txn_reset(reading_);
  return answer;
}

KvStore::Answer KvLmdb::find_keys(size_t app, std::string_view prefix, std::string_view after, uint64_t most) {
  Answer answer{.status = AOTC_KV_FAILED};
  if (!fault_.empty() || mdb_txn_renew(reading_) != 0) return answer;
  {
    Cursor cursor(reading_, databases_[app].values);
    const std::string from(std::max(prefix, after));
    MDB_val key = as_value(from), value;
    const uint64_t now = milliseconds_now();
    uint64_t looked_at = 0;
    auto add = [&](std::string_view name) {
      const auto size = static_cast<uint16_t>(name.size());
      answer.bytes.append(reinterpret_cast<const char*>(&size), sizeof size).append(name);
    };
    int error = cursor.error;
    if (error == 0) error = mdb_cursor_get(cursor.at, &key, &value, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
    for (; error == 0; error = mdb_cursor_get(cursor.at, &key, &value, MDB_NEXT)) {
      const std::string_view name = as_text(key);
      Head head{};
      if (!name.starts_with(prefix)) break;
      if (value.mv_size >= sizeof head) std::memcpy(&head, value.mv_data, sizeof head);
      if (name != after && (head.expires == 0 || head.expires > now)) {
        add(name);
        if (most > 0) --most;
      }
      if (++looked_at < kMostInBatch && most > 0 && answer.bytes.size() < kMostListBytes) continue;
      add(name);
      answer.version = 1;
      break;
    }
    if (error == 0 || error == MDB_NOTFOUND) answer.status = AOTC_KV_OK;
  }
  mdb_txn_reset(reading_);
  return answer;
}

void KvLmdb::get(const App& app, std::string_view key, Then then) { then(find(app.place, key)); }

void KvLmdb::list(const App& app, std::string_view prefix, std::string_view after, uint64_t most, Then then) {
  then(find_keys(app.place, prefix, after, most));
}

void KvLmdb::put(const App& app, std::string key, std::string value, uint64_t version, uint64_t milliseconds,
                 Then then) {
  push({app.place, AOTC_KV_PUT, std::move(key), std::move(value), version, milliseconds, 0, std::move(then), {}});
}

void KvLmdb::remove(const App& app, std::string key, uint64_t version, Then then) {
  push({app.place, AOTC_KV_DELETE, std::move(key), "", version, 0, 0, std::move(then), {}});
}

void KvLmdb::add(const App& app, std::string key, int64_t number, Then then) {
  push({app.place, AOTC_KV_ADD, std::move(key), "", AOTC_KV_ANY, 0, number, std::move(then), {}});
}

void KvLmdb::push(Write write) {
  if (!fault_.empty()) return write.then({.status = AOTC_KV_FAILED});
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(write));
  }
  asked_.notify_one();
}

void KvLmdb::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    asked_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    std::deque<Write> batch;
    while (!waiting_.empty() && batch.size() < kMostInBatch) {
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    lock.unlock();
    write_all(batch);
    lock.lock();
    for (Write& write : batch) done_.push_back(std::move(write));
    const uint64_t one = 1;
    (void)!::write(event_, &one, sizeof one);
  }
}

// All in one transaction; where that fails, each in its own, so that only who asks for too much gets nothing.
void KvLmdb::write_all(std::deque<Write>& batch) {
  if (write_together(batch, 0, batch.size()) == 0) return;
  for (size_t i = 0; i < batch.size(); ++i) {
    const int error = write_together(batch, i, 1);
    if (error != 0) batch[i].answer = {.status = error == MDB_MAP_FULL ? AOTC_KV_FULL : AOTC_KV_FAILED};
  }
}

int KvLmdb::write_together(std::deque<Write>& batch, size_t first, size_t count) {
  MDB_txn* txn = nullptr;
  int error = mdb_txn_begin(env_, nullptr, 0, &txn);
  if (error != 0) return error;
  std::map<size_t, Transaction> apps;
  for (size_t i = first; i < first + count && error == 0; ++i) {
    Write& write = batch[i];
    write.answer = {};
    auto [at, added] = apps.try_emplace(write.app, apps_, databases_[write.app], txn);
    if (added) error = at->second.begin();
    if (added && error == 0) error = at->second.purge();
    if (error == 0) error = at->second.write(write, most_);
  }
  for (auto& [app, transaction] : apps)
    if (error == 0) error = transaction.end();
  if (error == 0) return mdb_txn_commit(txn);
  mdb_txn_abort(txn);
  return error;
}

void KvLmdb::on_events(uint32_t) {
  uint64_t count;
  (void)!::read(event_, &count, sizeof count);
  std::deque<Write> done;
  {
    std::lock_guard lock(mutex_);
    done.swap(done_);
  }
  for (const Write& write : done) write.then(write.answer);
}
