// store.cpp - blobs: chunks in a table of their own, and a record that makes them one. For the records of others see
// store_records.cpp.
#include "store.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include "log.h"
#include "registry/zstd_frames.h"
#include "store_impl.h"

namespace aotc::server {

namespace {

std::string checksum(llvm::StringRef data) { return number_value(XXH3_64bits(data.data(), data.size())); }

std::string chunk_value(llvm::StringRef data) { return checksum(data) + data.str(); }

}  // namespace

uint64_t seconds_since_1970() { return static_cast<uint64_t>(std::time(nullptr)); }

llvm::Error Store::Impl::put_chunk(uint64_t id, uint32_t index, llvm::StringRef data) {
  Backend::Batch batch(*db);
  batch.put(Table::Chunks, chunk_key(id, index), chunk_value(data));
  return write(batch, false);
}

void Store::Impl::drop_chunks(Backend::Batch& batch, uint64_t id) {
  batch.remove_range(Table::Chunks, chunk_key(id, 0), chunk_key(id + 1, 0));
}

llvm::Error Store::Impl::drop_chunks(uint64_t id) {
  Backend::Batch batch(*db);
  drop_chunks(batch, id);
  return write(batch, false);
}

llvm::Expected<std::optional<BlobInfo>> Store::Impl::find_record(const BlobName& name) {
  std::string key = name.key();
  llvm::Expected<std::optional<std::string>> value = db->get(Table::Blobs, key);
  if (!value) return value.takeError();
  if (!*value) return std::optional<BlobInfo>();
  std::optional<StoredBlob> stored = StoredBlob::of_value(**value);
  if (!stored) return store_failure("the record of " + name.digest + " is damaged");
  std::lock_guard<std::mutex> lock(damage);
  return BlobInfo{name, stored->id, stored->size, damaged.count(key) != 0};
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
  Backend::Batch batch(*db);
  batch.put(Table::Damaged, key, number_value(seconds_since_1970()));
  llvm::Error error = write_synced(batch);
  set_damaged(key, true);
  log(Level::Error, "a blob is damaged", {{"digest", blob.digest()}, {"tenant", blob.name.tenant}, {"error", what}});
  return llvm::joinErrors(store_failure(message), std::move(error));
}

llvm::Expected<Chunk> Store::Impl::load_chunk(const BlobInfo& blob, uint32_t index) {
  uint64_t begin = uint64_t{index} * kChunkSize;
  uint64_t expected = begin < blob.size ? std::min<uint64_t>(kChunkSize, blob.size - begin) : 0;
  Chunk chunk;
  const char* wrong = "is missing";
  auto check = [&](llvm::StringRef value) {
    llvm::StringRef data = value.drop_front(std::min<size_t>(value.size(), 8));
    if (value.size() != 8 + expected)
      wrong = "has the wrong size";
    else if (!value.starts_with(checksum(data)))
      wrong = "does not match its checksum";
    else
      chunk = std::make_shared<const std::string>(data);
  };
  llvm::Expected<bool> found = db->read(Table::Chunks, chunk_key(blob.id, index), check, false);
  if (chunk) return chunk;
  if (found) return damage_in(blob, fmt::format("chunk {} {}", index, wrong));
  bool corrupt = found.errorIsA<CorruptError>();
  std::string what = fmt::format("chunk {}: {}", index, llvm::toString(found.takeError()));
  if (corrupt) return damage_in(blob, what);
  return store_failure(blob.digest() + ": " + what);
}

Accounts& Store::accounts() { return impl_->accounts; }

Store::BlobWriter::BlobWriter(Store& store, Accounts::Reservation& space, std::string digest)
    : store_(store), space_(space), id_(store.impl_->next_id++), digest_(std::move(digest)) {}

Store::BlobWriter::~BlobWriter() {
  if (!finished_ && chunks_ > 0) llvm::consumeError(store_.impl_->drop_chunks(id_));  // the next open does it
}

llvm::Error Store::BlobWriter::append(llvm::ArrayRef<uint8_t> bytes) {
  if (llvm::Error error = space_.cover(size_ + bytes.size())) return error;
  if (digest_.empty()) hash_.update(bytes.data(), bytes.size());
  size_ += bytes.size();
  while (!bytes.empty()) {
    if (pending_.size() == kChunkSize) {
      if (llvm::Error error = store_.impl_->put_chunk(id_, chunks_, pending_)) return error;
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
  BlobInfo blob{{space_.tenant(), digest_.empty() ? hash_.finish() : digest_}, id_, size_};
  std::string key = blob.name.key();
  DigestLocks::Guard guard(store.digests, key);
  llvm::Expected<std::optional<BlobInfo>> known = store_.find_blob(blob.name);
  if (!known) return known.takeError();
  if (*known && !(*known)->damaged) return **known;  // the destructor drops what this one wrote
  Backend::Batch batch(*store.db);
  if (*known) {
    store.drop_chunks(batch, (*known)->id);
    batch.remove(Table::Damaged, key);
  } else {
    batch.put(Table::Garbage, key, number_value(seconds_since_1970()));
  }
  batch.put(Table::Chunks, chunk_key(id_, chunks_), chunk_value(pending_));
  batch.put(Table::Blobs, key, StoredBlob{id_, size_}.value());
  blob.lease = store.leases->take(id_);
  if (llvm::Error error = store.write_synced(batch)) return error;
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
  Backend::Batch batch(*impl_->db);
  impl_->drop_chunks(batch, (*blob)->id);
  for (Table table : {Table::Blobs, Table::Garbage, Table::Damaged}) batch.remove(table, key);
  llvm::Error error = impl_->write_synced(batch);
  impl_->leases->end_drop((*blob)->id);
  if (error) return error;
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
  Backend::Cursor cursor(*impl_->db, Table::Blobs);
  for (cursor.seek(after); !cursor.at_end() && keys.size() < limit; cursor.next())
    if (cursor.key() != after) keys.push_back(cursor.key().str());
  if (llvm::Error error = cursor.error()) return error;
  return keys;
}

StoreStats Store::stats() const {
  uint64_t promised = impl_->accounts.promised_bytes();
  std::lock_guard<std::mutex> lock(impl_->damage);
  return {impl_->bytes,          promised,      impl_->cache.hits,    impl_->cache.misses,
          impl_->damaged.size(), impl_->writes, impl_->synced_writes, impl_->written_bytes};
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

}  // namespace aotc::server
