// store_open.cpp - what happens to a store as a whole: it is made, opened, brought up to date, backed up, restored.
#include <fcntl.h>
#include <rocksdb/table.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "log.h"
#include "store_impl.h"

namespace aotc::server {

namespace {

constexpr const char* kSchemaVersion = "4";
constexpr const char* kUpgradedVersion = "3";

// Makes the entries of a folder durable.
llvm::Error sync_folder(const std::filesystem::path& path) {
  int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool done = fd >= 0 && fsync(fd) == 0;
  std::error_code code(errno, std::generic_category());
  if (fd >= 0) close(fd);
  return done ? llvm::Error::success() : store_failure(path.string() + ": " + code.message());
}

// An Error when there is a database of another version that is not to be upgraded. It is only read: to open one for
// writing changes it, and fails with less to say when there are other tables.
llvm::Error check_schema(const std::string& path, Upgrade upgrade) {
  std::vector<std::string> families;
  if (!rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), path, &families).ok()) return llvm::Error::success();
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status = rocksdb::DB::OpenForReadOnly(rocksdb::Options(), path, &opened);
  if (!status.ok()) return to_error(status);
  std::unique_ptr<rocksdb::DB> db(opened);
  std::string version;
  status = db->Get(rocksdb::ReadOptions(), "schema", &version);
  if (status.IsNotFound()) return llvm::Error::success();  // its making was cut off
  if (!status.ok()) return to_error(status);
  if (version == kSchemaVersion || (version == kUpgradedVersion && upgrade != Upgrade::No))
    return llvm::Error::success();
  return store_failure(
      fmt::format("the data has schema version {}, this server reads version {}", version, kSchemaVersion));
}

}  // namespace

llvm::Error Store::Impl::set_schema(Upgrade upgrade) {
  std::string version;
  rocksdb::Status status = db->Get(rocksdb::ReadOptions(), families[kDefault], "schema", &version);
  if (status.ok() && version == kUpgradedVersion) {
    if (llvm::Error error = upgrade_from_3(upgrade == Upgrade::OneTenant)) return error;
    log(Level::Info, "the data was upgraded", {{"from", kUpgradedVersion}, {"to", kSchemaVersion}});
  } else if (!status.IsNotFound()) {
    return to_error(status);
  }
  return to_error(db->Put(synced, families[kDefault], "schema", kSchemaVersion));
}

// There, the keys of blobs, garbage and damaged were digests, owners named the tenants who shared a blob, and links
// were media types. Each owner gets a blob of its own, the first one with the chunks that are there. Can be cut off and
// begun again.
llvm::Error Store::Impl::upgrade_from_3(bool one_tenant) {
  auto scan = [this](int family) {
    return std::unique_ptr<rocksdb::Iterator>(db->NewIterator(rocksdb::ReadOptions(), families[family]));
  };
  std::unique_ptr<rocksdb::Iterator> chunks = scan(kChunks), blobs = scan(kBlobs), owners, links;
  chunks->SeekToLast();
  uint64_t last = chunks->Valid() ? id_of(chunks->key()) : 0;
  for (blobs->SeekToFirst(); blobs->Valid(); blobs->Next()) {
    std::string digest = blobs->key().ToString(), prefix = digest + '\0';
    if (digest.find('\0') != std::string::npos || blobs->value().size() != 16) continue;
    BlobInfo blob = read_record({"", digest}, blobs->value().ToString());
    rocksdb::WriteBatch batch;
    std::map<std::string, uint64_t> references;  // by tenant
    owners.reset(db->NewIterator(rocksdb::ReadOptions(), table(Table::Owners)));
    for (owners->Seek(prefix); owners->Valid() && owners->key().starts_with(prefix); owners->Next()) {
      std::string tenant = one_tenant ? "" : owners->key().ToString().substr(prefix.size());
      if (owners->value().size() == 16) references[tenant] += read_little_endian(owners->value().data());
      batch.Delete(table(Table::Owners), owners->key());
    }
    std::string damage_time;
    bool was_damaged = db->Get(rocksdb::ReadOptions(), table(Table::Damaged), digest, &damage_time).ok();
    uint64_t id = blob.id;
    for (const auto& [tenant, count] : references) {
      if (id != blob.id)
        for (chunks->Seek(chunk_key(blob.id, 0)); chunks->Valid() && id_of(chunks->key()) == blob.id; chunks->Next()) {
          std::string key = chunk_key(id, 0).substr(0, 8) + chunks->key().ToString().substr(8);
          rocksdb::Status status = db->Put(rocksdb::WriteOptions(), families[kChunks], key, chunks->value());
          if (!status.ok()) return to_error(status);
        }
      std::string key = prefix + tenant;
      batch.Put(families[kBlobs], key, blob_record(id, blob.size));
      batch.Put(table(Table::Owners), key, little_endian(count) + little_endian(blob.size));
      if (was_damaged) batch.Put(table(Table::Damaged), key, damage_time);
      id = ++last;
    }
    if (references.empty()) drop_chunks(batch, blob.id);
    batch.Delete(families[kBlobs], digest);
    for (Table name : {Table::Garbage, Table::Damaged}) batch.Delete(table(name), digest);
    if (rocksdb::Status status = db->Write(synced, &batch); !status.ok()) return to_error(status);
  }
  links.reset(db->NewIterator(rocksdb::ReadOptions(), table(Table::Links)));
  for (links->SeekToFirst(); links->Valid(); links->Next()) {
    std::string key = links->key().ToString(), value = links->value().ToString();
    if (value.find('\0') != std::string::npos) continue;
    value = (one_tenant ? "" : account_of(key)) + '\0' + value;
    rocksdb::Status status = db->Put(rocksdb::WriteOptions(), table(Table::Links), key, value);
    if (!status.ok()) return to_error(status);
  }
  for (const auto* it : {&chunks, &blobs, &owners, &links})
    if (*it && !(*it)->status().ok()) return to_error((*it)->status());
  return llvm::Error::success();
}

// Ids in use come from `blobs`; every other id found in `chunks` is an upload that was never acknowledged.
llvm::Error Store::Impl::drop_unfinished() {
  std::vector<uint64_t> used;
  std::unique_ptr<rocksdb::Iterator> blobs(db->NewIterator(rocksdb::ReadOptions(), families[kBlobs]));
  for (blobs->SeekToFirst(); blobs->Valid(); blobs->Next()) {
    if (blobs->value().size() != 16) continue;
    BlobInfo blob = read_record(BlobName::of_key(blobs->key().ToString()), blobs->value().ToString());
    used.push_back(blob.id);
    bytes += blob.size;
    llvm::cantFail(accounts.change(blob.name.tenant, static_cast<int64_t>(blob.size)));
  }
  if (!blobs->status().ok()) return to_error(blobs->status());
  std::sort(used.begin(), used.end());
  uint64_t last = used.empty() ? 0 : used.back();
  std::unique_ptr<rocksdb::Iterator> chunks(db->NewIterator(rocksdb::ReadOptions(), families[kChunks]));
  for (chunks->SeekToFirst(); chunks->Valid();) {
    uint64_t id = id_of(chunks->key());
    last = std::max(last, id);
    if (!std::binary_search(used.begin(), used.end(), id))
      if (rocksdb::Status status = drop_chunks(id); !status.ok()) return to_error(status);
    chunks->Seek(chunk_key(id + 1, 0));
  }
  next_id = last + 1;
  return to_error(chunks->status());
}

llvm::Error Store::Impl::read_damaged() {
  std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions(), table(Table::Damaged)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) damaged.insert(it->key().ToString());
  return to_error(it->status());
}

llvm::Error Store::Impl::account_for_records() {
  for (int number = 0; number <= static_cast<int>(Table::Revocations); ++number) {
    if (!is_accounted(static_cast<Table>(number))) continue;
    std::unique_ptr<rocksdb::Iterator> it(
        db->NewIterator(rocksdb::ReadOptions(), table(static_cast<Table>(number))));
    for (it->SeekToFirst(); it->Valid(); it->Next())
      llvm::cantFail(accounts.change(account_of(it->key().ToString()),
                                     static_cast<int64_t>(it->key().size() + it->value().size())));
    if (!it->status().ok()) return to_error(it->status());
  }
  return llvm::Error::success();
}

Store::Store(const StoreOptions& options) : impl_(std::make_unique<Impl>(options)) {}

Store::~Store() {
  if (!impl_->db) return;
  for (rocksdb::ColumnFamilyHandle* family : impl_->families) impl_->db->DestroyColumnFamilyHandle(family);
  impl_->db->Close();
}

llvm::Expected<std::unique_ptr<Store>> Store::open(const std::string& path, const StoreOptions& store_options) {
  if (llvm::Error error = check_schema(path, store_options.upgrade)) return error;
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_background_jobs = 2;
  options.keep_log_file_num = 2;
  options.max_open_files = 512;  // of the many that a large store has
  options.max_total_wal_size = 32 << 20;  // what an open may have to replay
  // Together, of all families: memory stays flat however much is written. Records are small and read where the kernel
  // has them cached, so little of it is for them: what is full early does not grow later.
  options.db_write_buffer_size = 12 << 20;
  rocksdb::BlockBasedTableOptions tables;
  tables.block_cache = rocksdb::NewLRUCache(2 << 20);
  tables.cache_index_and_filter_blocks = true;
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const char* name : kFamilies) {
    rocksdb::ColumnFamilyOptions family;
    family.write_buffer_size = 1 << 20;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(tables));
    if (std::strcmp(name, "chunks") == 0) {
      family.write_buffer_size = 8 << 20;
      family.enable_blob_files = true;
      family.min_blob_size = 4096;
      family.enable_blob_garbage_collection = true;
    }
    descriptors.emplace_back(name, family);
  }
  std::unique_ptr<Store> store(new Store(store_options));
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(options, path, descriptors, &store->impl_->families, &db);
  if (!status.ok()) return to_error(status);
  store->impl_->db.reset(db);
  // RocksDB syncs its folder, but not its name.
  if (llvm::Error error = sync_folder(std::filesystem::absolute(path).parent_path())) return error;
  if (llvm::Error error = store->impl_->set_schema(store_options.upgrade)) return error;
  if (llvm::Error error = store->impl_->drop_unfinished()) return error;
  if (llvm::Error error = store->impl_->read_damaged()) return error;
  if (llvm::Error error = store->impl_->account_for_records()) return error;
  return store;
}

llvm::Error Store::back_up(const std::string& folder, unsigned keep) {
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

void Store::stop_backup() {
  std::lock_guard<std::mutex> lock(impl_->backup);
  if (impl_->backup_engine) impl_->backup_engine->StopBackup();
}

llvm::Error Store::make_folder(const std::string& folder) {
  std::error_code code;
  std::filesystem::path path = std::filesystem::absolute(folder, code);
  if (code) return store_failure(folder + ": " + code.message());
  if (std::filesystem::is_directory(path, code)) return llvm::Error::success();
  if (path.has_relative_path())
    if (llvm::Error error = make_folder(path.parent_path().string())) return error;
  if (!std::filesystem::create_directory(path, code) && code) return store_failure(folder + ": " + code.message());
  return sync_folder(path.parent_path());
}

llvm::Error Store::restore(const std::string& folder, const std::string& path) {
  std::error_code code;
  if (std::filesystem::exists(path, code)) return store_failure(path + " exists; a restore needs a place of its own");
  rocksdb::BackupEngineReadOnly* engine = nullptr;
  rocksdb::Status status =
      rocksdb::BackupEngineReadOnly::Open(rocksdb::Env::Default(), rocksdb::BackupEngineOptions(folder), &engine);
  if (!status.ok()) return to_error(status);
  std::unique_ptr<rocksdb::BackupEngineReadOnly> owner(engine);
  std::string unfinished = path + ".unfinished";
  std::filesystem::remove_all(unfinished, code);
  if (llvm::Error error = make_folder(std::filesystem::path(path).parent_path().string())) return error;
  status = engine->RestoreDBFromLatestBackup(rocksdb::RestoreOptions(), unfinished, unfinished);  // with checksums
  owner.reset();  // with its threads, which after a failure may still be copying
  if (!status.ok()) {
    std::filesystem::remove_all(unfinished, code);
    return to_error(status);
  }
  std::filesystem::rename(unfinished, path, code);
  if (code) return store_failure(path + ": " + code.message());
  return sync_folder(std::filesystem::absolute(path).parent_path());
}

}  // namespace aotc::server
