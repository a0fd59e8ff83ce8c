// store_impl.h - what the files of the store share: RocksDB, its tables and how keys and values look in it.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/utilities/backup_engine.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "blob_locks.h"
#include "store.h"

namespace aotc::server {

constexpr const char* kFamilies[] = {"default",   "chunks", "blobs",   "tags",  "links",   "jobs",   "referrers",
                                     "sequences", "owners", "garbage", "usage", "damaged", "images", "pins",
                                     "revocations"};
enum Family { kDefault, kChunks, kBlobs, kTags };

llvm::Error store_failure(const std::string& message);
llvm::Error to_error(const rocksdb::Status& status);
std::string chunk_key(uint64_t id, uint32_t index);
uint64_t id_of(const rocksdb::Slice& chunk_key);
BlobInfo read_record(const BlobName& name, const std::string& value);
std::string blob_record(uint64_t id, uint64_t size);

// Whose account a record is in; its key starts with a tenant or with a repository.
std::string account_of(const std::string& key);
bool is_accounted(Table table);

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

struct Store::Impl {
  explicit Impl(const StoreOptions& options) : cache(options.cache_bytes) { synced.sync = options.sync; }

  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::WriteOptions synced;
  std::atomic<uint64_t> next_id{1}, bytes{0};
  std::atomic<uint64_t> writes{0}, synced_writes{0}, written_bytes{0};
  Accounts accounts;
  DigestLocks digests;  // whoever changes a blob's record holds its key
  std::shared_ptr<Leases> leases = std::make_shared<Leases>();
  ChunkCache cache;
  std::mutex backup;  // of the pointer
  std::unique_ptr<rocksdb::BackupEngine> backup_engine;
  std::mutex damage;
  std::set<std::string> damaged;

  rocksdb::ColumnFamilyHandle* table(Table table) { return families[kTags + static_cast<int>(table)]; }

  void add(rocksdb::WriteBatch& batch, const std::vector<Record>& records);
  // All that is written comes through here, so that it can be counted.
  rocksdb::Status write(rocksdb::WriteBatch& batch, const rocksdb::WriteOptions& options);
  rocksdb::Status put_chunk(uint64_t id, uint32_t index, llvm::StringRef data);
  void drop_chunks(rocksdb::WriteBatch& batch, uint64_t id);
  rocksdb::Status drop_chunks(uint64_t id);
  // Without a lease.
  llvm::Expected<std::optional<BlobInfo>> find_record(const BlobName& name);
  void set_damaged(const std::string& key, bool value);
  // Marks it, unless it was stored anew since. What was wrong.
  llvm::Error damage_in(const BlobInfo& blob, const std::string& what);
  // What the records will take, by account, more than they take now.
  llvm::Expected<std::map<std::string, int64_t>> growth(const std::vector<Record>& records);
  llvm::Expected<Chunk> load_chunk(const BlobInfo& blob, uint32_t index);

  // The steps of Store::open, see store_open.cpp.
  llvm::Error set_schema(Upgrade upgrade);
  llvm::Error upgrade_from_3(bool one_tenant);
  llvm::Error drop_unfinished();
  llvm::Error read_damaged();
  llvm::Error account_for_records();
};

}  // namespace aotc::server
