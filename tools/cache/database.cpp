// database.cpp - see database.h.
#include "database.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <vector>

#include <unistd.h>

namespace aotc {

using namespace llvm;

char DamagedError::ID;

namespace {

constexpr uint64_t kMostBuffered = 16 << 20, kLeastBuffered = 64 << 10;
// Small files are put together, that none has to be opened for each compilation that there ever was.
constexpr int kFilesToMerge = 8;

constexpr char kTable[] = ".sst", kDamagedTable[] = ".damaged";
// Empty, in the folder, for as long as it is mended: RocksDB begins with a list of files that has none.
constexpr char kMending[] = "/mending";
// Of a key, when one is looked for between two; what differs later only is taken for equal. A function's key has 272 at
// most (store.h).
constexpr size_t kToldApart = 272;

rocksdb::Slice slice(StringRef text) { return {text.data(), text.size()}; }

// RocksDB would otherwise write a log beside the files.
class Silence : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

Error to_error(const rocksdb::Status& status) {
  if (status.ok()) return Error::success();
  std::string message = status.ToString();
  // Of what can be wrong without a file being wrong.
  if (status.IsNoSpace() || status.IsTimedOut() || status.IsBusy() || status.IsAborted() || status.IsMemoryLimit())
    return createStringError(inconvertibleErrorCode(), message);
  return make_error<DamagedError>(message);
}

rocksdb::Options options_for(uint64_t limit) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.info_log = std::make_shared<Silence>();
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  options.max_background_jobs = 2;
  options.max_file_opening_threads = 2;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  options.compression = rocksdb::kZSTD;
  options.compression_opts.level = 1;

  options.compaction_style = rocksdb::kCompactionStyleFIFO;
  options.compaction_options_fifo.max_table_files_size = limit;
  options.compaction_options_fifo.allow_compaction = true;
  options.level0_file_num_compaction_trigger = kFilesToMerge;
  options.write_buffer_size = std::clamp(limit / 16, kLeastBuffered, kMostBuffered);
  options.max_compaction_bytes = limit / 8;
  options.disable_auto_compactions = true;  // finish() does it

  rocksdb::BlockBasedTableOptions tables;
  tables.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // A compiler asks for a thousand functions at a time, which lie everywhere.
  tables.block_cache = rocksdb::NewLRUCache(64 << 20);
  tables.block_size = 32 << 10;
  tables.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(tables));
  return options;
}

// In the middle between two keys.
std::string between(const std::string& low, const std::string& high) {
  std::string sum(kToldApart + 1, '\0');
  unsigned carry = 0;
  auto digit = [](const std::string& key, size_t i) {
    return i < key.size() ? static_cast<unsigned char>(key[i]) : 0u;
  };
  for (size_t i = kToldApart; i-- > 0;) {
    carry += digit(low, i) + digit(high, i);
    sum[i + 1] = static_cast<char>(carry);
    carry >>= 8;
  }
  sum[0] = static_cast<char>(carry);
  std::string half(kToldApart, '\0');
  for (size_t i = 0; i < kToldApart; ++i) half[i] = static_cast<char>(digit(sum, i) << 7 | digit(sum, i + 1) >> 1);
  return half;
}

using Iterator = std::unique_ptr<rocksdb::Iterator>;

// From the first key on that is found behind a block that cannot be read; `before` is a key in front of that. An
// iterator that has met damage is of no use any more.
Iterator behind_damage(function_ref<Iterator()> iterate, std::string before) {
  before.resize(kToldApart, '\0');
  std::string behind(kToldApart, '\xff');
  for (std::string middle; (middle = between(before, behind)) != before && middle != behind;) {
    Iterator it = iterate();
    it->Seek(middle);
    (it->status().ok() ? behind : before) = middle;
  }
  Iterator it = iterate();
  it->Seek(behind);
  return it;
}

Expected<std::unique_ptr<rocksdb::DB>> open_files(const std::string& path, uint64_t limit) {
  rocksdb::DB* db = nullptr;
  if (Error error = to_error(rocksdb::DB::Open(options_for(limit), path, &db))) return error;
  return std::unique_ptr<rocksdb::DB>(db);
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

Error half_mended() { return make_error<DamagedError>("it is being mended, or who mended it did not come to the end"); }

}  // namespace

struct Database::Impl {
  std::unique_ptr<rocksdb::DB> db;

  std::vector<rocksdb::LiveFileMetaData> files() const {
    std::vector<rocksdb::LiveFileMetaData> files;
    db->GetLiveFilesMetaData(&files);
    return files;
  }
};

Database::Database() : impl_(std::make_unique<Impl>()) {}

Database::~Database() {
  if (impl_->db) impl_->db->Close();
}

Expected<std::unique_ptr<Database>> Database::open_to_read(const std::string& path) {
  if (exists(path + kMending)) return half_mended();
  if (!exists(path + "/CURRENT")) return nullptr;
  std::unique_ptr<Database> database(new Database);
  rocksdb::DB* db = nullptr;
  if (Error error = to_error(rocksdb::DB::OpenForReadOnly(options_for(0), path, &db))) return error;
  database->impl_->db.reset(db);
  return database;
}

Expected<std::unique_ptr<Database>> Database::open_to_write(const std::string& path, uint64_t limit) {
  if (exists(path + kMending)) return half_mended();
  std::unique_ptr<Database> database(new Database);
  if (Error error = open_files(path, limit).moveInto(database->impl_->db)) return error;
  return database;
}

// What can be read of a file and is not there.
Error Database::take_in(const std::string& file) {
  rocksdb::SstFileReader table(options_for(0));
  if (!table.Open(file).ok()) return Error::success();
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  auto iterate = [&] { return Iterator(table.NewIterator(options)); };
  Iterator it = iterate();
  std::string last;
  rocksdb::PinnableSlice ignored;
  for (it->SeekToFirst();;) {
    for (; it->Valid(); it->Next()) {
      last = it->key().ToString();
      ignored.Reset();
      if (!impl_->db->Get(options, impl_->db->DefaultColumnFamily(), it->key(), &ignored).IsNotFound()) continue;
      if (Error error = put({last.data(), last.size()}, {it->value().data(), it->value().size()})) return error;
    }
    if (it->status().ok()) return Error::success();
    it = behind_damage(iterate, last);
    if (!it->Valid()) return Error::success();
  }
}

Error Database::mend(const std::string& path, uint64_t limit) {
  if (exists(path + kMending)) return half_mended();
  if (!std::ofstream(path + kMending)) return errorCodeToError({errno, std::generic_category()});
  std::error_code error;
  std::vector<std::filesystem::path> files, damaged;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) files.push_back(entry.path());
  for (const std::filesystem::path& file : files) {
    std::filesystem::path aside = file;
    aside.replace_extension(kDamagedTable);
    if (file.extension() == kTable) {
      rocksdb::SstFileReader table(options_for(0));
      if (table.Open(file).ok() && table.VerifyChecksum().ok()) continue;
      std::filesystem::rename(file, aside, error);
    } else if (file != aside) {
      continue;
    }
    damaged.push_back(aside);
  }
  if (Error failed = to_error(rocksdb::RepairDB(path, options_for(limit)))) return failed;
  std::filesystem::remove_all(path + "/lost", error);  // where RocksDB puts what it leaves out
  Database database;
  if (Error failed = open_files(path, limit).moveInto(database.impl_->db)) return failed;
  for (const std::filesystem::path& file : damaged)
    if (Error failed = database.take_in(file)) return failed;
  if (Error failed = database.finish()) return failed;
  for (const std::filesystem::path& file : damaged) std::filesystem::remove(file, error);
  std::filesystem::remove(path + kMending, error);
  return errorCodeToError(error);
}

Error Database::get(ArrayRef<std::string> keys, function_ref<void(size_t, StringRef)> visit) {
  constexpr size_t kAtOnce = 1024, kBytesAtOnce = 64 << 20;  // in memory
  // In their order, so that what was compressed together is read once.
  std::vector<uint32_t> wanted(keys.size());
  std::iota(wanted.begin(), wanted.end(), 0u);
  std::sort(wanted.begin(), wanted.end(), [&](uint32_t a, uint32_t b) { return keys[a] < keys[b]; });
  rocksdb::ReadOptions options;
  options.value_size_soft_limit = kBytesAtOnce;
  Error failed = Error::success();
  while (!wanted.empty()) {
    size_t count = std::min(kAtOnce, wanted.size());
    std::vector<rocksdb::Slice> slices(count);
    std::vector<rocksdb::PinnableSlice> values(count);
    std::vector<rocksdb::Status> states(count);
    for (size_t i = 0; i < count; ++i) slices[i] = slice(keys[wanted[i]]);
    impl_->db->MultiGet(options, impl_->db->DefaultColumnFamily(), count, slices.data(), values.data(), states.data(),
                        /*sorted_input=*/true);
    std::vector<uint32_t> later;  // what there was no room for
    for (size_t i = 0; i < count; ++i) {
      if (states[i].ok()) {
        visit(wanted[i], StringRef(values[i].data(), values[i].size()));
      } else if (states[i].IsAborted()) {
        later.push_back(wanted[i]);
      } else if (!states[i].IsNotFound()) {
        consumeError(std::move(failed));
        failed = to_error(states[i]);
      }
    }
    if (later.size() == count) return to_error(states.front());
    std::copy(later.begin(), later.end(), wanted.begin() + static_cast<ptrdiff_t>(count - later.size()));
    wanted.erase(wanted.begin(), wanted.begin() + static_cast<ptrdiff_t>(count - later.size()));
  }
  return failed;
}

Error Database::each(function_ref<void(StringRef, StringRef)> visit) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(options));
  for (it->SeekToFirst(); it->Valid(); it->Next())
    visit({it->key().data(), it->key().size()}, {it->value().data(), it->value().size()});
  return to_error(it->status());
}

uint64_t Database::position() const { return impl_->db->GetLatestSequenceNumber(); }

uint64_t Database::bytes_after(uint64_t position) const {
  uint64_t bytes = 0;
  for (const rocksdb::LiveFileMetaData& file : impl_->files())
    if (file.smallest_seqno > position) bytes += file.size;
  return bytes;
}

Database::Size Database::size() const {
  Size size;
  for (const rocksdb::LiveFileMetaData& file : impl_->files()) size.bytes += file.size;
  rocksdb::TablePropertiesCollection files;
  if (impl_->db->GetPropertiesOfAllTables(&files).ok())
    for (const auto& file : files) size.values += file.second->num_entries;
  return size;
}

Error Database::put(StringRef key, StringRef value) {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return to_error(impl_->db->Put(options, slice(key), slice(value)));
}

Error Database::finish() {
  if (Error error = to_error(impl_->db->Flush(rocksdb::FlushOptions()))) return error;
  // Each round drops a file or puts some together, until there is nothing to do.
  for (size_t before = 0, now = impl_->files().size(); now != before; now = impl_->files().size()) {
    before = now;
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    if (Error error = to_error(impl_->db->CompactRange(options, nullptr, nullptr))) return error;
  }
  return Error::success();
}

}  // namespace aotc
