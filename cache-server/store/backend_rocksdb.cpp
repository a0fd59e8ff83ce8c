// backend_rocksdb.cpp - the database is RocksDB, with a column family for each table. Chunks live in its blob files, so
// that compaction does not copy them.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/backup_engine.h>
#include <rocksdb/write_batch.h>

#include <mutex>
#include <vector>

#include "backend.h"

namespace aotc::server {

namespace {

rocksdb::Slice slice(llvm::StringRef text) { return {text.data(), text.size()}; }
llvm::StringRef text_of(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

llvm::Error to_error(const rocksdb::Status& status) {
  if (status.ok()) return llvm::Error::success();
  if (status.IsCorruption()) return llvm::make_error<CorruptError>("store: " + status.ToString());
  return store_failure(status.ToString());
}

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_background_jobs = 2;
  options.keep_log_file_num = 2;
  options.max_open_files = 512;           // of the many that a large store has
  options.max_total_wal_size = 32 << 20;  // what an open may have to replay
  // Together, of all families: memory stays flat however much is written. Records are small and read where the kernel
  // has them cached, so little of it is for them: what is full early does not grow later.
  options.db_write_buffer_size = 12 << 20;
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> families_of_tables() {
  rocksdb::BlockBasedTableOptions tables;
  tables.block_cache = rocksdb::NewLRUCache(2 << 20);
  tables.cache_index_and_filter_blocks = true;
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (size_t table = 0; table < kTables; ++table) {
    rocksdb::ColumnFamilyOptions family;
    family.write_buffer_size = 1 << 20;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(tables));
    if (static_cast<Table>(table) == Table::Chunks) {
      family.write_buffer_size = 8 << 20;
      family.enable_blob_files = true;
      family.min_blob_size = 4096;
      family.enable_blob_garbage_collection = true;
    }
    descriptors.emplace_back(kTableNames[table], family);
  }
  return descriptors;
}

}  // namespace

char CorruptError::ID;

llvm::Error store_failure(const std::string& message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "store: " + message);
}

struct Backend::Impl {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::mutex backup;  // of the pointer
  std::unique_ptr<rocksdb::BackupEngine> backup_engine;

  rocksdb::ColumnFamilyHandle* family(Table table) const { return families[static_cast<size_t>(table)]; }
};

Backend::Backend() : impl_(std::make_unique<Impl>()) {}

Backend::~Backend() {
  if (!impl_->db) return;
  for (rocksdb::ColumnFamilyHandle* family : impl_->families) impl_->db->DestroyColumnFamilyHandle(family);
  impl_->db->Close();
}

llvm::Expected<std::unique_ptr<Backend>> Backend::open(const std::string& path) {
  std::unique_ptr<Backend> backend(new Backend);
  rocksdb::DB* db = nullptr;
  rocksdb::Status status =
      rocksdb::DB::Open(database_options(), path, families_of_tables(), &backend->impl_->families, &db);
  if (!status.ok()) return to_error(status);
  backend->impl_->db.reset(db);
  return backend;
}

llvm::Expected<std::optional<std::string>> Backend::peek(const std::string& path, llvm::StringRef key) {
  std::vector<std::string> names;
  if (!rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), path, &names).ok()) return std::nullopt;
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status = rocksdb::DB::OpenForReadOnly(rocksdb::Options(), path, &opened);
  if (!status.ok()) return to_error(status);
  std::unique_ptr<rocksdb::DB> db(opened);
  std::string value;
  status = db->Get(rocksdb::ReadOptions(), slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return to_error(status);
  return std::optional(std::move(value));
}

llvm::Expected<bool> Backend::read(Table table, llvm::StringRef key, llvm::function_ref<void(llvm::StringRef)> visit,
                                   bool keep) {
  rocksdb::PinnableSlice value;
  rocksdb::ReadOptions options;
  options.fill_cache = keep;
  rocksdb::Status status = impl_->db->Get(options, impl_->family(table), slice(key), &value);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return to_error(status);
  visit(text_of(value));
  return true;
}

llvm::Expected<std::optional<std::string>> Backend::get(Table table, llvm::StringRef key) {
  std::optional<std::string> value;
  llvm::Expected<bool> found = read(table, key, [&](llvm::StringRef bytes) { value = bytes.str(); });
  if (!found) return found.takeError();
  return value;
}

struct Backend::Batch::Impl {
  Backend::Impl& backend;
  rocksdb::WriteBatch batch = rocksdb::WriteBatch();
};

Backend::Batch::Batch(Backend& backend) : impl_(new Impl{*backend.impl_}) {}
Backend::Batch::~Batch() = default;

void Backend::Batch::put(Table table, llvm::StringRef key, llvm::StringRef value) {
  impl_->batch.Put(impl_->backend.family(table), slice(key), slice(value));
}

void Backend::Batch::remove(Table table, llvm::StringRef key) {
  impl_->batch.Delete(impl_->backend.family(table), slice(key));
}

void Backend::Batch::remove_range(Table table, llvm::StringRef from, llvm::StringRef to) {
  impl_->batch.DeleteRange(impl_->backend.family(table), slice(from), slice(to));
}

size_t Backend::Batch::bytes() const { return impl_->batch.GetDataSize(); }

llvm::Error Backend::write(Batch& batch, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  return to_error(impl_->db->Write(options, &batch.impl_->batch));
}

struct Backend::Cursor::Impl {
  std::unique_ptr<rocksdb::Iterator> it;
};

Backend::Cursor::Cursor(Backend& backend, Table table)
    : impl_(new Impl{std::unique_ptr<rocksdb::Iterator>(
          backend.impl_->db->NewIterator(rocksdb::ReadOptions(), backend.impl_->family(table)))}) {}
Backend::Cursor::~Cursor() = default;

void Backend::Cursor::seek(llvm::StringRef key) { impl_->it->Seek(slice(key)); }
void Backend::Cursor::seek_to_last() { impl_->it->SeekToLast(); }
void Backend::Cursor::next() { impl_->it->Next(); }
bool Backend::Cursor::at_end() const { return !impl_->it->Valid(); }
llvm::StringRef Backend::Cursor::key() const { return text_of(impl_->it->key()); }
llvm::StringRef Backend::Cursor::value() const { return text_of(impl_->it->value()); }
llvm::Error Backend::Cursor::error() const { return to_error(impl_->it->status()); }

llvm::Error Backend::each(Table table, llvm::StringRef prefix,
                          llvm::function_ref<llvm::Error(llvm::StringRef, llvm::StringRef)> visit) {
  Cursor cursor(*this, table);
  for (cursor.seek(prefix); !cursor.at_end() && cursor.key().starts_with(prefix); cursor.next())
    if (llvm::Error error = visit(cursor.key(), cursor.value())) return error;
  return cursor.error();
}

llvm::Error Backend::back_up(const std::string& folder, unsigned keep) {
  rocksdb::BackupEngine* engine = nullptr;
  rocksdb::Status status =
      rocksdb::BackupEngine::Open(rocksdb::Env::Default(), rocksdb::BackupEngineOptions(folder), &engine);
  if (!status.ok()) return to_error(status);
  {
    std::lock_guard<std::mutex> lock(impl_->backup);
    impl_->backup_engine.reset(engine);
  }
  rocksdb::CreateBackupOptions options;
  options.flush_before_backup = true;  // otherwise the log is copied whole each time
  status = engine->CreateNewBackup(options, impl_->db.get());
  if (status.ok()) status = engine->PurgeOldBackups(keep);
  std::lock_guard<std::mutex> lock(impl_->backup);
  impl_->backup_engine.reset();
  return to_error(status);
}

void Backend::stop_backup() {
  std::lock_guard<std::mutex> lock(impl_->backup);
  if (impl_->backup_engine) impl_->backup_engine->StopBackup();
}

llvm::Error Backend::restore(const std::string& folder, const std::string& path) {
  rocksdb::BackupEngineReadOnly* engine = nullptr;
  rocksdb::Status status =
      rocksdb::BackupEngineReadOnly::Open(rocksdb::Env::Default(), rocksdb::BackupEngineOptions(folder), &engine);
  if (!status.ok()) return to_error(status);
  // Its threads, which after a failure may still be copying, go with it.
  std::unique_ptr<rocksdb::BackupEngineReadOnly> owner(engine);
  return to_error(engine->RestoreDBFromLatestBackup(rocksdb::RestoreOptions(), path, path));  // with checksums
}

}  // namespace aotc::server
