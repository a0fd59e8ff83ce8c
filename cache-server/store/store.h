// store.h - everything the server keeps, in one RocksDB: blobs by SHA-256 and small records in tables.
//
// How they look is in records.h, the database in backend.h.
//
// A blob belongs to one tenant, "" where there are none. What others have makes no difference to anything that happens
// to it, so nobody can tell what that is: equal bytes of two tenants are stored twice. Its bytes, and those of records
// in jobs, tags, links, referrers, sequences, images and pins, are in the tenant's account (accounts.h). A database of
// schema version 3, in which tenants shared blobs, becomes one of this when it is opened.
//
// Acknowledged means synced: BlobWriter::finish and put return after the write-ahead log is on disk. A blob's chunks
// are written unsynced as they arrive; the record that makes the blob visible is synced, and with it the whole log
// before it. Chunks without such a record (an upload that was cut off) are dropped at the next open.
//
// Every chunk is checked against its checksum when it is read from the disk; the last ones read stay in a cache of
// bounded size. A blob with a chunk that is damaged or missing is marked, and answered for by nobody, until the same
// bytes are stored again. A blob that was found can be read until its BlobInfo is gone: drop_garbage waits for that.
// Memory per transfer is one chunk. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "blob_info.h"
#include "chunk_cache.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "registry/digest.h"
#include "tenants/accounts.h"

namespace aotc::server {

uint64_t seconds_since_1970();

inline llvm::ArrayRef<uint8_t> as_bytes(llvm::StringRef text) { return {text.bytes_begin(), text.size()}; }

constexpr size_t kChunkSize = 256 << 10;

struct StoreStats {
  uint64_t bytes;     // of all blobs
  uint64_t promised;  // to what is under way
  uint64_t cache_hits, cache_misses;
  uint64_t damaged;                // blobs marked now
  uint64_t writes, synced_writes;  // of one or more records or chunks
  uint64_t written_bytes;          // before the database does anything with them
};

// What to do with a database of schema version 3. Without tenants everything in it is of the tenant "", whatever the
// names of the repositories.
enum class Upgrade { No, OneTenant, Tenants };

struct StoreOptions {
  uint64_t cache_bytes = 64 << 20;
  Upgrade upgrade = Upgrade::No;
  bool sync = true;  // false only for the test that shows what is lost without
};

class Store {
 public:
  // Creates the database when there is none. Only one process can have it open.
  static llvm::Expected<std::unique_ptr<Store>> open(const std::string& path, const StoreOptions& options = {});
  ~Store();

  Accounts& accounts();

  // Takes the bytes of one blob, for whom they are reserved, and hashes them unless their digest is known. Destroyed
  // before finish, it leaves nothing behind. Must not outlive the store or the reservation.
  class BlobWriter {
   public:
    BlobWriter(Store& store, Accounts::Reservation& space, std::string digest = "");
    ~BlobWriter();
    BlobWriter(const BlobWriter&) = delete;
    BlobWriter& operator=(const BlobWriter&) = delete;
    llvm::Error append(llvm::ArrayRef<uint8_t> bytes);
    llvm::Expected<BlobInfo> finish();

   private:
    Store& store_;
    Accounts::Reservation& space_;
    uint64_t id_;
    uint64_t size_ = 0;
    uint32_t chunks_ = 0;
    std::string pending_;
    std::string digest_;
    Sha256 hash_;
    bool finished_ = false;
  };

  llvm::Expected<BlobInfo> put_blob(Accounts::Reservation& space, llvm::StringRef bytes);
  llvm::Expected<std::optional<BlobInfo>> find_blob(const BlobName& name);
  // Drops a blob, unless somebody has a lease of it or its record in `garbage` is not `since` any more.
  llvm::Expected<bool> drop_garbage(const BlobName& name, const std::string& since);
  // The bytes of chunk `index`: kChunkSize of them unless it is the last one. Who reads a blob that others will not ask
  // for soon does not `keep` it in the cache.
  llvm::Expected<Chunk> read_chunk(const BlobInfo& blob, uint32_t index, bool keep = true);
  // The same as a zstd frame.
  llvm::Expected<Chunk> read_frame(const BlobInfo& blob, uint32_t index);
  // Compares the whole blob on disk with its checksums and its digest, and marks it when it is damaged. `pace` hears of
  // every chunk's size and ends the check with false.
  llvm::Error check_blob(const BlobInfo& blob, llvm::function_ref<bool(uint64_t)> pace);
  // Keys after this one, in order.
  llvm::Expected<std::vector<std::string>> list_blobs(const std::string& after, size_t limit);
  StoreStats stats() const;
  // For documents; fails for blobs larger than `limit`.
  llvm::Expected<std::string> read_blob(const BlobInfo& blob, uint64_t limit);

  // Adds a backup of everything acknowledged so far to those in the folder, copying only what they do not have, and
  // keeps the last `keep` of them. Others can use the store meanwhile; one backup at a time.
  llvm::Error back_up(const std::string& folder, unsigned keep);
  void stop_backup();
  // Makes a folder, for stores or for backups, and those that lead there; their names are durable.
  static llvm::Error make_folder(const std::string& folder);
  // Makes a store, where there must be none, of the last backup.
  static llvm::Error restore(const std::string& folder, const std::string& path);

  // All or nothing. A QuotaError when records that are in a tenant's account grow, and it has then more than `limit`;
  // one thread at a time writes those of a table.
  llvm::Error put(const std::vector<Record>& records, uint64_t limit = UINT64_MAX);
  llvm::Expected<std::optional<std::string>> get(Table table, const std::string& key);
  // Keys that start with `prefix` and are greater than `after`, in order, at most `limit` of them.
  llvm::Expected<std::vector<std::pair<std::string, std::string>>> list(Table table, const std::string& prefix,
                                                                        const std::string& after, size_t limit);

 private:
  explicit Store(const StoreOptions& options);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Calls `visit(rest of the key, value)` for every key that starts with `prefix`, a page at a time: what `visit` changes
// further on is seen.
llvm::Error for_each(Store& store, Table table, const std::string& prefix,
                     llvm::function_ref<llvm::Error(const std::string&, const std::string&)> visit);

}  // namespace aotc::server
