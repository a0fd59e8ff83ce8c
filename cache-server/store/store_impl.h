// store_impl.h - what the files of the store share.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "backend.h"
#include "blob_locks.h"
#include "store.h"

namespace aotc::server {

struct Store::Impl {
  explicit Impl(const StoreOptions& options) : sync(options.sync), cache(options.cache_bytes) {}

  std::unique_ptr<Backend> db;
  const bool sync;
  std::atomic<uint64_t> next_id{1}, bytes{0};
  std::atomic<uint64_t> writes{0}, synced_writes{0}, written_bytes{0};
  Accounts accounts;
  DigestLocks digests;  // whoever changes a blob's record holds its key
  std::shared_ptr<Leases> leases = std::make_shared<Leases>();
  ChunkCache cache;
  std::mutex damage;
  std::set<std::string> damaged;

  void add(Backend::Batch& batch, const std::vector<Record>& records);
  // All that is written comes through here, so that it can be counted.
  llvm::Error write(Backend::Batch& batch, bool synced);
  llvm::Error write_synced(Backend::Batch& batch) { return write(batch, sync); }
  llvm::Error put_chunk(uint64_t id, uint32_t index, llvm::StringRef data);
  void drop_chunks(Backend::Batch& batch, uint64_t id);
  llvm::Error drop_chunks(uint64_t id);
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
  llvm::Error upgrade_from_3(bool one_tenant);  // see store_upgrade.cpp
  llvm::Error drop_unfinished();
  llvm::Error read_damaged();
  llvm::Error account_for_records();
};

}  // namespace aotc::server
