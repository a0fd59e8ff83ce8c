// store.cpp - the sole user of RocksDB. Chunks live in its blob files, so that compaction does not copy them.
#include "store.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>
#include <fcntl.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <mutex>

#include <fmt/format.h>

namespace aotc::server {

namespace {

constexpr const char* kSchemaVersion = "2";
constexpr const char* kFamilies[] = {"default",   "chunks",    "blobs",  "tags",    "links", "jobs",
                                     "referrers", "sequences", "owners", "garbage", "usage"};
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

struct Store::Impl {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::atomic<uint64_t> next_id{1};
  rocksdb::WriteOptions synced;
  std::mutex finish;  // one blob at a time becomes visible, so that equal ones are kept once

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

  llvm::Error check_schema() {
    std::string version;
    rocksdb::Status status = db->Get(rocksdb::ReadOptions(), families[kDefault], "schema", &version);
    if (status.IsNotFound()) return to_error(db->Put(synced, families[kDefault], "schema", kSchemaVersion));
    if (!status.ok()) return to_error(status);
    if (version != kSchemaVersion)
      return failure(
          fmt::format("the data has schema version {}, this server reads version {}", version, kSchemaVersion));
    return llvm::Error::success();
  }

  // Ids in use come from `blobs`; every other id found in `chunks` is an upload that was never acknowledged.
  llvm::Error drop_unfinished() {
    std::vector<uint64_t> used;
    std::unique_ptr<rocksdb::Iterator> blobs(db->NewIterator(rocksdb::ReadOptions(), families[kBlobs]));
    for (blobs->SeekToFirst(); blobs->Valid(); blobs->Next())
      if (blobs->value().size() == 16) used.push_back(read_little_endian(blobs->value().data()));
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
};

Store::Store() : impl_(std::make_unique<Impl>()) {}

Store::~Store() {
  if (!impl_->db) return;
  for (rocksdb::ColumnFamilyHandle* family : impl_->families) impl_->db->DestroyColumnFamilyHandle(family);
  impl_->db->Close();
}

llvm::Expected<std::unique_ptr<Store>> Store::open(const std::string& path, const StoreOptions& store_options) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_background_jobs = 2;
  options.keep_log_file_num = 2;
  options.max_total_wal_size = 64 << 20;  // what an open may have to replay
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const char* name : kFamilies) {
    rocksdb::ColumnFamilyOptions family;
    family.write_buffer_size = 16 << 20;
    if (std::strcmp(name, "chunks") == 0) {
      family.enable_blob_files = true;
      family.min_blob_size = 4096;
      family.enable_blob_garbage_collection = true;
    }
    descriptors.emplace_back(name, family);
  }
  std::unique_ptr<Store> store(new Store);
  store->impl_->synced.sync = store_options.sync;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(options, path, descriptors, &store->impl_->families, &db);
  if (!status.ok()) return to_error(status);
  store->impl_->db.reset(db);
  // RocksDB syncs its folder, but not the names of the folders that lead there.
  std::filesystem::path data = std::filesystem::absolute(path).parent_path();
  if (llvm::Error error = sync_folder(data)) return error;
  if (llvm::Error error = sync_folder(data.parent_path())) return error;
  if (llvm::Error error = store->impl_->check_schema()) return error;
  if (llvm::Error error = store->impl_->drop_unfinished()) return error;
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
  BlobInfo blob{hash_.finish(), id_, size_};
  std::lock_guard<std::mutex> lock(store_.impl_->finish);
  llvm::Expected<std::optional<BlobInfo>> known = store_.find_blob(blob.digest);
  if (!known) return known.takeError();
  rocksdb::WriteBatch batch;
  store_.impl_->add(batch, {{Table::Garbage, blob.digest, little_endian(seconds_since_1970())}});
  if (*known) {  // the destructor drops what this one wrote
    rocksdb::Status status = store_.impl_->db->Write(store_.impl_->synced, &batch);
    if (!status.ok()) return to_error(status);
    return **known;
  }
  batch.Put(store_.impl_->families[kChunks], chunk_key(id_, chunks_), chunk_value(pending_));
  batch.Put(store_.impl_->families[kBlobs], blob.digest, little_endian(id_) + little_endian(size_));
  rocksdb::Status status = store_.impl_->db->Write(store_.impl_->synced, &batch);
  if (!status.ok()) return to_error(status);
  finished_ = true;
  return blob;
}

llvm::Expected<BlobInfo> Store::put_blob(llvm::StringRef bytes) {
  BlobWriter writer(*this);
  if (llvm::Error error = writer.append(as_bytes(bytes))) return error;
  return writer.finish();
}

llvm::Expected<std::optional<BlobInfo>> Store::find_blob(const std::string& digest) {
  std::string value;
  rocksdb::Status status = impl_->db->Get(rocksdb::ReadOptions(), impl_->families[kBlobs], digest, &value);
  if (status.IsNotFound()) return std::optional<BlobInfo>();
  if (!status.ok()) return to_error(status);
  if (value.size() != 16) return failure("the record of " + digest + " is damaged");
  return BlobInfo{digest, read_little_endian(value.data()), read_little_endian(value.data() + 8)};
}

llvm::Expected<bool> Store::drop_garbage(const BlobInfo& blob, const std::string& since) {
  std::lock_guard<std::mutex> lock(impl_->finish);
  llvm::Expected<std::optional<std::string>> now = get(Table::Garbage, blob.digest);
  if (!now) return now.takeError();
  if (*now != since) return false;
  rocksdb::WriteBatch batch;
  batch.Delete(impl_->families[kBlobs], blob.digest);
  batch.DeleteRange(impl_->families[kChunks], chunk_key(blob.id, 0), chunk_key(blob.id + 1, 0));
  impl_->add(batch, {{Table::Garbage, blob.digest, std::nullopt}});
  if (rocksdb::Status status = impl_->db->Write(impl_->synced, &batch); !status.ok()) return to_error(status);
  return true;
}

llvm::Expected<std::string> Store::read_chunk(const BlobInfo& blob, uint32_t index) {
  rocksdb::PinnableSlice value;
  rocksdb::Status status =
      impl_->db->Get(rocksdb::ReadOptions(), impl_->families[kChunks], chunk_key(blob.id, index), &value);
  if (!status.ok()) return failure(fmt::format("{}: chunk {}: {}", blob.digest, index, status.ToString()));
  uint64_t begin = uint64_t{index} * kChunkSize;
  uint64_t expected = begin < blob.size ? std::min<uint64_t>(kChunkSize, blob.size - begin) : 0;
  if (value.size() != 8 + expected) return failure(fmt::format("{}: chunk {} has the wrong size", blob.digest, index));
  if (XXH3_64bits(value.data() + 8, expected) != read_little_endian(value.data()))
    return failure(fmt::format("{}: chunk {} is damaged", blob.digest, index));
  return std::string(value.data() + 8, expected);
}

llvm::Expected<std::string> Store::read_blob(const BlobInfo& blob, uint64_t limit) {
  if (blob.size > limit) return failure(fmt::format("{} has {} bytes, more than {}", blob.digest, blob.size, limit));
  std::string bytes;
  for (uint32_t index = 0; bytes.size() < blob.size; ++index) {
    llvm::Expected<std::string> chunk = read_chunk(blob, index);
    if (!chunk) return chunk.takeError();
    bytes += *chunk;
  }
  return bytes;
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

}  // namespace aotc::server
