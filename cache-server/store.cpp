// store.cpp - the sole user of RocksDB. Chunks live in its blob files, so that compaction does not copy them.
#include "store.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/backup_engine.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "aotc/zstd_frames.h"
#include "blob_locks.h"
#include "log.h"

namespace aotc::server {

namespace {

constexpr size_t kPage = 256;
constexpr const char* kSchemaVersion = "3";
constexpr const char* kFamilies[] = {"default",   "chunks", "blobs",   "tags",  "links",   "jobs",   "referrers",
                                     "sequences", "owners", "garbage", "usage", "damaged", "images", "pins"};
enum Family { kDefault, kChunks, kBlobs, kTags };

llvm::Error failure(const std::string& message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "store: " + message);
}

llvm::Error to_error(const rocksdb::Status& status) {
  return status.ok() ? llvm::Error::success() : failure(status.ToString());
}

std::string chunk_key(uint64_t id, uint32_t index) {
  std::string key(12, '\0');
  for (int i = 0; i < 8; ++i) key[i] = static_cast<char>(id >> (56 - 8 * i));
  for (int i = 0; i < 4; ++i) key[8 + i] = static_cast<char>(index >> (24 - 8 * i));
  return key;
}

uint64_t id_of(const rocksdb::Slice& key) {
  uint64_t id = 0;
  for (int i = 0; i < 8; ++i) id = id << 8 | static_cast<uint8_t>(key[i]);
  return id;
}

BlobInfo read_record(const std::string& digest, const std::string& value) {
  return {digest, read_little_endian(value.data()), read_little_endian(value.data() + 8)};
}

std::string chunk_value(llvm::StringRef data) {
  return little_endian(XXH3_64bits(data.data(), data.size())) + data.str();
}

// Makes the entries of a folder durable.
llvm::Error sync_folder(const std::filesystem::path& path) {
  int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool done = fd >= 0 && fsync(fd) == 0;
  std::error_code code(errno, std::generic_category());
  if (fd >= 0) close(fd);
  return done ? llvm::Error::success() : failure(path.string() + ": " + code.message());
}

// An Error when there is a database of another version. It is only read: to open one for writing changes it, and fails
// with less to say when there are other tables.
llvm::Error check_schema(const std::string& path) {
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
  if (version == kSchemaVersion) return llvm::Error::success();
  return failure(fmt::format("the data has schema version {}, this server reads version {}", version, kSchemaVersion));
}

}  // namespace

std::string little_endian(uint64_t value) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

uint64_t read_little_endian(const char* bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  return value;
}

uint64_t seconds_since_1970() { return static_cast<uint64_t>(std::time(nullptr)); }

namespace {

// The last chunks read, checked.
class ChunkCache {
 public:
  explicit ChunkCache(uint64_t bytes) : cache_(rocksdb::NewLRUCache(bytes)) {}

  Chunk find(const std::string& key) {
    rocksdb::Cache::Handle* handle = cache_->Lookup(key);
    ++(handle ? hits : misses);
    if (!handle) return nullptr;
    Chunk chunk = *static_cast<Chunk*>(cache_->Value(handle));
    cache_->Release(handle);
    return chunk;
  }

  void keep(const std::string& key, const Chunk& chunk) {
    auto remove = [](const rocksdb::Slice&, void* value) { delete static_cast<Chunk*>(value); };
    auto* value = new Chunk(chunk);
    if (!cache_->Insert(key, value, chunk->size() + kOverhead, remove).ok()) delete value;
  }

  std::atomic<uint64_t> hits{0}, misses{0};

 private:
  static constexpr size_t kOverhead = 256;  // of an entry, however short the chunk
  std::shared_ptr<rocksdb::Cache> cache_;
};

}  // namespace

struct Store::Impl {
  explicit Impl(const StoreOptions& options) : cache(options.cache_bytes) { synced.sync = options.sync; }

  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::WriteOptions synced;
  std::atomic<uint64_t> next_id{1}, bytes{0};
  DigestLocks digests;  // whoever changes a blob's record holds its digest
  std::shared_ptr<Leases> leases = std::make_shared<Leases>();
  ChunkCache cache;
  std::mutex backup;  // of the pointer
  std::unique_ptr<rocksdb::BackupEngine> backup_engine;
  std::mutex damage;
  std::set<std::string> damaged;

  rocksdb::ColumnFamilyHandle* table(Table table) { return families[kTags + static_cast<int>(table)]; }

  void add(rocksdb::WriteBatch& batch, const std::vector<Record>& records) {
    for (const Record& record : records) {
      if (record.value)
        batch.Put(table(record.table), record.key, *record.value);
      else
        batch.Delete(table(record.table), record.key);
    }
  }

  rocksdb::Status drop_chunks(uint64_t id) {
    return db->DeleteRange(rocksdb::WriteOptions(), families[kChunks], chunk_key(id, 0), chunk_key(id + 1, 0));
  }

  // Without a lease.
  llvm::Expected<std::optional<BlobInfo>> find_record(const std::string& digest) {
    std::string value;
    rocksdb::Status status = db->Get(rocksdb::ReadOptions(), families[kBlobs], digest, &value);
    if (status.IsNotFound()) return std::optional<BlobInfo>();
    if (!status.ok()) return to_error(status);
    if (value.size() != 16) return failure("the record of " + digest + " is damaged");
    BlobInfo blob = read_record(digest, value);
    std::lock_guard<std::mutex> lock(damage);
    blob.damaged = damaged.count(digest) != 0;
    return blob;
  }

  void set_damaged(const std::string& digest, bool value) {
    std::lock_guard<std::mutex> lock(damage);
    if (value)
      damaged.insert(digest);
    else
      damaged.erase(digest);
  }

  // Marks it, unless it was stored anew since. What was wrong.
  llvm::Error damage_in(const BlobInfo& blob, const std::string& what) {
    std::string message = blob.digest + ": " + what;
    DigestLocks::Guard guard(digests, blob.digest);
    llvm::Expected<std::optional<BlobInfo>> current = find_record(blob.digest);
    if (!current) return llvm::joinErrors(failure(message), current.takeError());
    if (!*current || (*current)->id != blob.id) return failure(message);
    rocksdb::Status status = db->Put(synced, table(Table::Damaged), blob.digest, little_endian(seconds_since_1970()));
    set_damaged(blob.digest, true);
    log(Level::Error, "a blob is damaged", {{"digest", blob.digest}, {"error", what}});
    return llvm::joinErrors(failure(message), to_error(status));
  }

  llvm::Expected<Chunk> load_chunk(const BlobInfo& blob, uint32_t index) {
    rocksdb::PinnableSlice value;
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    rocksdb::Status status = db->Get(options, families[kChunks], chunk_key(blob.id, index), &value);
    if (status.IsNotFound() || status.IsCorruption())
      return damage_in(blob, fmt::format("chunk {}: {}", index, status.ToString()));
    if (!status.ok()) return failure(fmt::format("{}: chunk {}: {}", blob.digest, index, status.ToString()));
    uint64_t begin = uint64_t{index} * kChunkSize;
    uint64_t expected = begin < blob.size ? std::min<uint64_t>(kChunkSize, blob.size - begin) : 0;
    if (value.size() != 8 + expected) return damage_in(blob, fmt::format("chunk {} has the wrong size", index));
    if (XXH3_64bits(value.data() + 8, expected) != read_little_endian(value.data()))
      return damage_in(blob, fmt::format("chunk {} does not match its checksum", index));
    return std::make_shared<const std::string>(value.data() + 8, expected);
  }

  llvm::Error set_schema() {
    std::string version;
    rocksdb::Status status = db->Get(rocksdb::ReadOptions(), families[kDefault], "schema", &version);
    if (status.IsNotFound()) status = db->Put(synced, families[kDefault], "schema", kSchemaVersion);
    return to_error(status);
  }

  // Ids in use come from `blobs`; every other id found in `chunks` is an upload that was never acknowledged.
  llvm::Error drop_unfinished() {
    std::vector<uint64_t> used;
    std::unique_ptr<rocksdb::Iterator> blobs(db->NewIterator(rocksdb::ReadOptions(), families[kBlobs]));
    for (blobs->SeekToFirst(); blobs->Valid(); blobs->Next()) {
      if (blobs->value().size() != 16) continue;
      BlobInfo blob = read_record(blobs->key().ToString(), blobs->value().ToString());
      used.push_back(blob.id);
      bytes += blob.size;
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

  llvm::Error read_damaged() {
    std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions(), table(Table::Damaged)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) damaged.insert(it->key().ToString());
    return to_error(it->status());
  }
};

Store::Store(const StoreOptions& options) : impl_(std::make_unique<Impl>(options)) {}

Store::~Store() {
  if (!impl_->db) return;
  for (rocksdb::ColumnFamilyHandle* family : impl_->families) impl_->db->DestroyColumnFamilyHandle(family);
  impl_->db->Close();
}

llvm::Expected<std::unique_ptr<Store>> Store::open(const std::string& path, const StoreOptions& store_options) {
  if (llvm::Error error = check_schema(path)) return error;
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
  // RocksDB syncs its folder, but not the names of the folders that lead there.
  std::filesystem::path data = std::filesystem::absolute(path).parent_path();
  if (llvm::Error error = sync_folder(data)) return error;
  if (llvm::Error error = sync_folder(data.parent_path())) return error;
  if (llvm::Error error = store->impl_->set_schema()) return error;
  if (llvm::Error error = store->impl_->drop_unfinished()) return error;
  if (llvm::Error error = store->impl_->read_damaged()) return error;
  return store;
}

Store::BlobWriter::BlobWriter(Store& store) : store_(store), id_(store.impl_->next_id++) {}

Store::BlobWriter::~BlobWriter() {
  if (!finished_ && chunks_ > 0) store_.impl_->drop_chunks(id_);
}

llvm::Error Store::BlobWriter::append(llvm::ArrayRef<uint8_t> bytes) {
  hash_.update(bytes.data(), bytes.size());
  size_ += bytes.size();
  while (!bytes.empty()) {
    if (pending_.size() == kChunkSize) {
      rocksdb::Status status = store_.impl_->db->Put(rocksdb::WriteOptions(), store_.impl_->families[kChunks],
                                                     chunk_key(id_, chunks_), chunk_value(pending_));
      if (!status.ok()) return to_error(status);
      ++chunks_;
      pending_.clear();
    }
    size_t take = std::min(bytes.size(), kChunkSize - pending_.size());
    pending_.append(reinterpret_cast<const char*>(bytes.data()), take);
    bytes = bytes.drop_front(take);
  }
  return llvm::Error::success();
}

llvm::Expected<BlobInfo> Store::BlobWriter::finish() {
  Impl& store = *store_.impl_;
  BlobInfo blob{hash_.finish(), id_, size_};
  DigestLocks::Guard guard(store.digests, blob.digest);
  llvm::Expected<std::optional<BlobInfo>> known = store_.find_blob(blob.digest);
  if (!known) return known.takeError();
  rocksdb::WriteBatch batch;
  store.add(batch, {{Table::Garbage, blob.digest, little_endian(seconds_since_1970())}});
  if (*known && !(*known)->damaged) {  // the destructor drops what this one wrote
    if (rocksdb::Status status = store.db->Write(store.synced, &batch); !status.ok()) return to_error(status);
    return **known;
  }
  if (*known) {
    batch.DeleteRange(store.families[kChunks], chunk_key((*known)->id, 0), chunk_key((*known)->id + 1, 0));
    store.add(batch, {{Table::Damaged, blob.digest, std::nullopt}});
  }
  batch.Put(store.families[kChunks], chunk_key(id_, chunks_), chunk_value(pending_));
  batch.Put(store.families[kBlobs], blob.digest, little_endian(id_) + little_endian(size_));
  blob.lease = store.leases->take(id_);
  if (rocksdb::Status status = store.db->Write(store.synced, &batch); !status.ok()) return to_error(status);
  finished_ = true;
  if (*known) {
    store.set_damaged(blob.digest, false);
    log(Level::Info, "a damaged blob is whole again", {{"digest", blob.digest}});
  } else {
    store.bytes += size_;
  }
  return blob;
}

llvm::Expected<BlobInfo> Store::put_blob(llvm::StringRef bytes) {
  BlobWriter writer(*this);
  if (llvm::Error error = writer.append(as_bytes(bytes))) return error;
  return writer.finish();
}

llvm::Expected<std::optional<BlobInfo>> Store::find_blob(const std::string& digest) {
  for (;;) {
    uint64_t generation = impl_->leases->generation();
    llvm::Expected<std::optional<BlobInfo>> blob = impl_->find_record(digest);
    if (!blob || !*blob) return blob;
    if (!impl_->leases->take((*blob)->id, generation, (*blob)->lease)) continue;
    if (!(*blob)->lease) return std::optional<BlobInfo>();
    return blob;
  }
}

llvm::Expected<std::optional<BlobInfo>> Store::touch_blob(const std::string& digest) {
  DigestLocks::Guard guard(impl_->digests, digest);
  llvm::Expected<std::optional<BlobInfo>> blob = find_blob(digest);
  if (!blob || !*blob) return blob;
  if ((*blob)->damaged) return std::optional<BlobInfo>();
  if (llvm::Error error = put({{Table::Garbage, digest, little_endian(seconds_since_1970())}})) return error;
  return blob;
}

llvm::Expected<bool> Store::drop_garbage(const std::string& digest, const std::string& since) {
  DigestLocks::Guard guard(impl_->digests, digest);
  llvm::Expected<std::optional<std::string>> now = get(Table::Garbage, digest);
  if (!now) return now.takeError();
  llvm::Expected<std::optional<BlobInfo>> blob = impl_->find_record(digest);
  if (!blob) return blob.takeError();
  if (*now != since) return false;
  if (!*blob) {
    if (llvm::Error error = put({{Table::Garbage, digest, std::nullopt}})) return error;
    return false;
  }
  if (!impl_->leases->begin_drop((*blob)->id)) return false;
  rocksdb::WriteBatch batch;
  batch.Delete(impl_->families[kBlobs], digest);
  batch.DeleteRange(impl_->families[kChunks], chunk_key((*blob)->id, 0), chunk_key((*blob)->id + 1, 0));
  impl_->add(batch, {{Table::Garbage, digest, std::nullopt}, {Table::Damaged, digest, std::nullopt}});
  rocksdb::Status status = impl_->db->Write(impl_->synced, &batch);
  impl_->leases->end_drop((*blob)->id);
  if (!status.ok()) return to_error(status);
  impl_->bytes -= (*blob)->size;
  impl_->set_damaged(digest, false);
  return true;
}

llvm::Expected<Chunk> Store::read_chunk(const BlobInfo& blob, uint32_t index, bool keep) {
  std::string key = chunk_key(blob.id, index);
  if (Chunk chunk = impl_->cache.find(key)) return chunk;
  llvm::Expected<Chunk> chunk = impl_->load_chunk(blob, index);
  if (chunk && keep) impl_->cache.keep(key, *chunk);
  return chunk;
}

llvm::Expected<Chunk> Store::read_frame(const BlobInfo& blob, uint32_t index) {
  std::string key = chunk_key(blob.id, index) + "zstd";
  if (Chunk frame = impl_->cache.find(key)) return frame;
  llvm::Expected<Chunk> chunk = read_chunk(blob, index);
  if (!chunk) return chunk;
  Chunk frame = std::make_shared<const std::string>(zstd_frame(**chunk));
  if (frame->empty()) return failure(blob.digest + ": no memory to compress it");
  impl_->cache.keep(key, frame);
  return frame;
}

llvm::Error Store::check_blob(const BlobInfo& blob, llvm::function_ref<bool(uint64_t)> pace) {
  Sha256 hash;
  for (uint64_t index = 0; index * kChunkSize < blob.size; ++index) {
    llvm::Expected<Chunk> chunk = impl_->load_chunk(blob, static_cast<uint32_t>(index));
    if (!chunk) return chunk.takeError();
    hash.update((*chunk)->data(), (*chunk)->size());
    if (!pace((*chunk)->size())) return llvm::Error::success();
  }
  if (hash.finish() != blob.digest) return impl_->damage_in(blob, "the bytes do not have this digest");
  return llvm::Error::success();
}

llvm::Expected<std::vector<std::string>> Store::list_blobs(const std::string& after, size_t limit) {
  std::vector<std::string> digests;
  std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(rocksdb::ReadOptions(), impl_->families[kBlobs]));
  for (it->Seek(after); it->Valid() && digests.size() < limit; it->Next())
    if (it->key() != rocksdb::Slice(after)) digests.push_back(it->key().ToString());
  if (!it->status().ok()) return to_error(it->status());
  return digests;
}

StoreStats Store::stats() const {
  std::lock_guard<std::mutex> lock(impl_->damage);
  return {impl_->bytes, impl_->cache.hits, impl_->cache.misses, impl_->damaged.size()};
}

llvm::Expected<std::string> Store::read_blob(const BlobInfo& blob, uint64_t limit) {
  if (blob.size > limit) return failure(fmt::format("{} has {} bytes, more than {}", blob.digest, blob.size, limit));
  std::string bytes;
  for (uint32_t index = 0; bytes.size() < blob.size; ++index) {
    llvm::Expected<Chunk> chunk = read_chunk(blob, index);
    if (!chunk) return chunk.takeError();
    bytes += **chunk;
  }
  return bytes;
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

llvm::Error Store::restore(const std::string& folder, const std::string& path) {
  std::error_code code;
  if (std::filesystem::exists(path, code)) return failure(path + " exists; a restore needs a place of its own");
  rocksdb::BackupEngineReadOnly* engine = nullptr;
  rocksdb::Status status =
      rocksdb::BackupEngineReadOnly::Open(rocksdb::Env::Default(), rocksdb::BackupEngineOptions(folder), &engine);
  if (!status.ok()) return to_error(status);
  std::unique_ptr<rocksdb::BackupEngineReadOnly> owner(engine);
  std::string unfinished = path + ".unfinished";
  std::filesystem::remove_all(unfinished, code);
  std::filesystem::create_directories(std::filesystem::path(unfinished).parent_path(), code);
  if (code) return failure(path + ": " + code.message());
  status = engine->RestoreDBFromLatestBackup(rocksdb::RestoreOptions(), unfinished, unfinished);  // with checksums
  owner.reset();  // with its threads, which after a failure may still be copying
  if (!status.ok()) {
    std::filesystem::remove_all(unfinished, code);
    return to_error(status);
  }
  std::filesystem::rename(unfinished, path, code);
  if (code) return failure(path + ": " + code.message());
  return sync_folder(std::filesystem::absolute(path).parent_path());
}

llvm::Error Store::put(const std::vector<Record>& records) {
  rocksdb::WriteBatch batch;
  impl_->add(batch, records);
  return to_error(impl_->db->Write(impl_->synced, &batch));
}

llvm::Expected<std::optional<std::string>> Store::get(Table table, const std::string& key) {
  std::string value;
  rocksdb::Status status = impl_->db->Get(rocksdb::ReadOptions(), impl_->table(table), key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return to_error(status);
  return std::optional<std::string>(std::move(value));
}

llvm::Expected<std::vector<std::pair<std::string, std::string>>> Store::list(Table table, const std::string& prefix,
                                                                             const std::string& after, size_t limit) {
  std::vector<std::pair<std::string, std::string>> found;
  std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(rocksdb::ReadOptions(), impl_->table(table)));
  for (it->Seek(std::max(prefix, after)); it->Valid() && found.size() < limit; it->Next()) {
    if (!it->key().starts_with(prefix)) break;
    if (it->key() != rocksdb::Slice(after)) found.emplace_back(it->key().ToString(), it->value().ToString());
  }
  if (!it->status().ok()) return to_error(it->status());
  return found;
}

llvm::Error for_each(Store& store, Table table, const std::string& prefix,
                     llvm::function_ref<llvm::Error(const std::string&, const std::string&)> visit) {
  for (std::string after;;) {
    auto page = store.list(table, prefix, after, kPage);
    if (!page) return page.takeError();
    if (page->empty()) return llvm::Error::success();
    for (const auto& [key, value] : *page)
      if (llvm::Error error = visit(key.substr(prefix.size()), value)) return error;
    after = page->back().first;
  }
}

}  // namespace aotc::server
