// store.cpp - reads and writes of blobs and records. Chunks live in RocksDB's blob files, so that compaction does not
// copy them.
#include "store.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include "registry/zstd_frames.h"
#include "log.h"
#include "store_impl.h"

namespace aotc::server {

namespace {

constexpr size_t kPage = 256;

std::string chunk_value(llvm::StringRef data) {
  return little_endian(XXH3_64bits(data.data(), data.size())) + data.str();
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

BlobName BlobName::of_key(llvm::StringRef key) {
  auto [digest, tenant] = key.split('\0');
  return {tenant.str(), digest.str()};
}

uint64_t seconds_since_1970() { return static_cast<uint64_t>(std::time(nullptr)); }

llvm::Error store_failure(const std::string& message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "store: " + message);
}

llvm::Error to_error(const rocksdb::Status& status) {
  return status.ok() ? llvm::Error::success() : store_failure(status.ToString());
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

BlobInfo read_record(const BlobName& name, const std::string& value) {
  return {name, read_little_endian(value.data()), read_little_endian(value.data() + 8)};
}

std::string blob_record(uint64_t id, uint64_t size) { return little_endian(id) + little_endian(size); }

std::string account_of(const std::string& key) {
  return key.substr(0, key.find_first_of(std::string_view("/\0", 2)));
}

bool is_accounted(Table table) {
  switch (table) {
    case Table::Tags:
    case Table::Links:
    case Table::Jobs:
    case Table::Referrers:
    case Table::Sequences:
    case Table::Images:
    case Table::Pins:
      return true;
    default:
      return false;
  }
}

void Store::Impl::add(rocksdb::WriteBatch& batch, const std::vector<Record>& records) {
  for (const Record& record : records) {
    if (record.value)
      batch.Put(table(record.table), record.key, *record.value);
    else
      batch.Delete(table(record.table), record.key);
  }
}

rocksdb::Status Store::Impl::write(rocksdb::WriteBatch& batch, const rocksdb::WriteOptions& options) {
  ++writes;
  synced_writes += options.sync;
  written_bytes += batch.GetDataSize();
  return db->Write(options, &batch);
}

rocksdb::Status Store::Impl::put_chunk(uint64_t id, uint32_t index, llvm::StringRef data) {
  rocksdb::WriteBatch batch;
  batch.Put(families[kChunks], chunk_key(id, index), chunk_value(data));
  return write(batch, rocksdb::WriteOptions());
}

void Store::Impl::drop_chunks(rocksdb::WriteBatch& batch, uint64_t id) {
  batch.DeleteRange(families[kChunks], chunk_key(id, 0), chunk_key(id + 1, 0));
}

rocksdb::Status Store::Impl::drop_chunks(uint64_t id) {
  rocksdb::WriteBatch batch;
  drop_chunks(batch, id);
  return write(batch, rocksdb::WriteOptions());
}

llvm::Expected<std::optional<BlobInfo>> Store::Impl::find_record(const BlobName& name) {
  std::string key = name.key(), value;
  rocksdb::Status status = db->Get(rocksdb::ReadOptions(), families[kBlobs], key, &value);
  if (status.IsNotFound()) return std::optional<BlobInfo>();
  if (!status.ok()) return to_error(status);
  if (value.size() != 16) return store_failure("the record of " + name.digest + " is damaged");
  BlobInfo blob = read_record(name, value);
  std::lock_guard<std::mutex> lock(damage);
  blob.damaged = damaged.count(key) != 0;
  return blob;
}

void Store::Impl::set_damaged(const std::string& key, bool value) {
  std::lock_guard<std::mutex> lock(damage);
  if (value)
    damaged.insert(key);
  else
    damaged.erase(key);
}

llvm::Error Store::Impl::damage_in(const BlobInfo& blob, const std::string& what) {
  std::string message = blob.digest() + ": " + what, key = blob.name.key();
  DigestLocks::Guard guard(digests, key);
  llvm::Expected<std::optional<BlobInfo>> current = find_record(blob.name);
  if (!current) return llvm::joinErrors(store_failure(message), current.takeError());
  if (!*current || (*current)->id != blob.id) return store_failure(message);
  rocksdb::WriteBatch batch;
  add(batch, {{Table::Damaged, key, little_endian(seconds_since_1970())}});
  rocksdb::Status status = write(batch, synced);
  set_damaged(key, true);
  log(Level::Error, "a blob is damaged", {{"digest", blob.digest()}, {"tenant", blob.name.tenant}, {"error", what}});
  return llvm::joinErrors(store_failure(message), to_error(status));
}

llvm::Expected<std::map<std::string, int64_t>> Store::Impl::growth(const std::vector<Record>& records) {
  std::map<std::pair<Table, std::string>, int64_t> sizes;  // in the end, of each
  std::map<std::string, int64_t> differences;
  for (const Record& record : records) {
    if (!is_accounted(record.table)) continue;
    auto [found, first] = sizes.try_emplace({record.table, record.key}, 0);
    if (first) {
      rocksdb::PinnableSlice value;
      rocksdb::Status status = db->Get(rocksdb::ReadOptions(), table(record.table), record.key, &value);
      if (status.ok())
        found->second = static_cast<int64_t>(record.key.size() + value.size());
      else if (!status.IsNotFound())
        return to_error(status);
    }
    int64_t size = record.value ? static_cast<int64_t>(record.key.size() + record.value->size()) : 0;
    differences[account_of(record.key)] += size - found->second;
    found->second = size;
  }
  return differences;
}

llvm::Expected<Chunk> Store::Impl::load_chunk(const BlobInfo& blob, uint32_t index) {
  rocksdb::PinnableSlice value;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  rocksdb::Status status = db->Get(options, families[kChunks], chunk_key(blob.id, index), &value);
  if (status.IsNotFound() || status.IsCorruption())
    return damage_in(blob, fmt::format("chunk {}: {}", index, status.ToString()));
  if (!status.ok()) return store_failure(fmt::format("{}: chunk {}: {}", blob.digest(), index, status.ToString()));
  uint64_t begin = uint64_t{index} * kChunkSize;
  uint64_t expected = begin < blob.size ? std::min<uint64_t>(kChunkSize, blob.size - begin) : 0;
  if (value.size() != 8 + expected) return damage_in(blob, fmt::format("chunk {} has the wrong size", index));
  if (XXH3_64bits(value.data() + 8, expected) != read_little_endian(value.data()))
    return damage_in(blob, fmt::format("chunk {} does not match its checksum", index));
  return std::make_shared<const std::string>(value.data() + 8, expected);
}

Accounts& Store::accounts() { return impl_->accounts; }

Store::BlobWriter::BlobWriter(Store& store, Accounts::Reservation& space)
    : store_(store), space_(space), id_(store.impl_->next_id++) {}

Store::BlobWriter::~BlobWriter() {
  if (!finished_ && chunks_ > 0) store_.impl_->drop_chunks(id_);
}

llvm::Error Store::BlobWriter::append(llvm::ArrayRef<uint8_t> bytes) {
  if (llvm::Error error = space_.cover(size_ + bytes.size())) return error;
  hash_.update(bytes.data(), bytes.size());
  size_ += bytes.size();
  while (!bytes.empty()) {
    if (pending_.size() == kChunkSize) {
      if (rocksdb::Status status = store_.impl_->put_chunk(id_, chunks_, pending_); !status.ok())
        return to_error(status);
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
  BlobInfo blob{{space_.tenant(), hash_.finish()}, id_, size_};
  std::string key = blob.name.key();
  DigestLocks::Guard guard(store.digests, key);
  llvm::Expected<std::optional<BlobInfo>> known = store_.find_blob(blob.name);
  if (!known) return known.takeError();
  if (*known && !(*known)->damaged) return **known;  // the destructor drops what this one wrote
  rocksdb::WriteBatch batch;
  if (*known) {
    store.drop_chunks(batch, (*known)->id);
    store.add(batch, {{Table::Damaged, key, std::nullopt}});
  } else {
    store.add(batch, {{Table::Garbage, key, little_endian(seconds_since_1970())}});
  }
  batch.Put(store.families[kChunks], chunk_key(id_, chunks_), chunk_value(pending_));
  batch.Put(store.families[kBlobs], key, blob_record(id_, size_));
  blob.lease = store.leases->take(id_);
  if (rocksdb::Status status = store.write(batch, store.synced); !status.ok()) return to_error(status);
  finished_ = true;
  if (*known) {
    store.set_damaged(key, false);
    log(Level::Info, "a damaged blob is whole again", {{"digest", blob.digest()}, {"tenant", blob.name.tenant}});
  } else {
    store.bytes += size_;
    space_.keep(size_);
  }
  return blob;
}

llvm::Expected<BlobInfo> Store::put_blob(Accounts::Reservation& space, llvm::StringRef bytes) {
  BlobWriter writer(*this, space);
  if (llvm::Error error = writer.append(as_bytes(bytes))) return error;
  return writer.finish();
}

llvm::Expected<std::optional<BlobInfo>> Store::find_blob(const BlobName& name) {
  for (;;) {
    uint64_t generation = impl_->leases->generation();
    llvm::Expected<std::optional<BlobInfo>> blob = impl_->find_record(name);
    if (!blob || !*blob) return blob;
    if (!impl_->leases->take((*blob)->id, generation, (*blob)->lease)) continue;
    if (!(*blob)->lease) return std::optional<BlobInfo>();
    return blob;
  }
}

llvm::Expected<bool> Store::drop_garbage(const BlobName& name, const std::string& since) {
  std::string key = name.key();
  DigestLocks::Guard guard(impl_->digests, key);
  llvm::Expected<std::optional<std::string>> now = get(Table::Garbage, key);
  if (!now) return now.takeError();
  llvm::Expected<std::optional<BlobInfo>> blob = impl_->find_record(name);
  if (!blob) return blob.takeError();
  if (*now != since) return false;
  if (!*blob) {
    if (llvm::Error error = put({{Table::Garbage, key, std::nullopt}})) return error;
    return false;
  }
  if (!impl_->leases->begin_drop((*blob)->id)) return false;
  rocksdb::WriteBatch batch;
  batch.Delete(impl_->families[kBlobs], key);
  impl_->drop_chunks(batch, (*blob)->id);
  impl_->add(batch, {{Table::Garbage, key, std::nullopt}, {Table::Damaged, key, std::nullopt}});
  rocksdb::Status status = impl_->write(batch, impl_->synced);
  impl_->leases->end_drop((*blob)->id);
  if (!status.ok()) return to_error(status);
  impl_->bytes -= (*blob)->size;
  llvm::cantFail(impl_->accounts.change(name.tenant, -static_cast<int64_t>((*blob)->size)));
  impl_->set_damaged(key, false);
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
  if (frame->empty()) return store_failure(blob.digest() + ": no memory to compress it");
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
  if (hash.finish() != blob.digest()) return impl_->damage_in(blob, "the bytes do not have this digest");
  return llvm::Error::success();
}

llvm::Expected<std::vector<std::string>> Store::list_blobs(const std::string& after, size_t limit) {
  std::vector<std::string> keys;
  std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(rocksdb::ReadOptions(), impl_->families[kBlobs]));
  for (it->Seek(after); it->Valid() && keys.size() < limit; it->Next())
    if (it->key() != rocksdb::Slice(after)) keys.push_back(it->key().ToString());
  if (!it->status().ok()) return to_error(it->status());
  return keys;
}

StoreStats Store::stats() const {
  uint64_t promised = impl_->accounts.promised_bytes();
  std::lock_guard<std::mutex> lock(impl_->damage);
  return {impl_->bytes,          promised,        impl_->cache.hits,     impl_->cache.misses,
          impl_->damaged.size(), impl_->writes,   impl_->synced_writes, impl_->written_bytes};
}

llvm::Expected<std::string> Store::read_blob(const BlobInfo& blob, uint64_t limit) {
  if (blob.size > limit)
    return store_failure(fmt::format("{} has {} bytes, more than {}", blob.digest(), blob.size, limit));
  std::string bytes;
  for (uint32_t index = 0; bytes.size() < blob.size; ++index) {
    llvm::Expected<Chunk> chunk = read_chunk(blob, index);
    if (!chunk) return chunk.takeError();
    bytes += **chunk;
  }
  return bytes;
}

llvm::Error Store::put(const std::vector<Record>& records, uint64_t limit) {
  auto differences = impl_->growth(records);
  if (!differences) return differences.takeError();
  auto take_back = [&](auto end) {
    for (auto it = differences->begin(); it != end; ++it)
      llvm::cantFail(impl_->accounts.change(it->first, -it->second));
  };
  for (auto it = differences->begin(); it != differences->end(); ++it)
    if (llvm::Error error = impl_->accounts.change(it->first, it->second, limit)) {
      take_back(it);
      return error;
    }
  rocksdb::WriteBatch batch;
  impl_->add(batch, records);
  rocksdb::Status status = impl_->write(batch, impl_->synced);
  if (!status.ok()) take_back(differences->end());
  return to_error(status);
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
