// store_upgrade.cpp - makes a store of schema version 4 of one of version 3.
//
// There, the keys of blobs, garbage and damaged were digests, owners named the tenants who shared a blob, and links
// were media types. Each owner gets a blob of its own, the first one with the chunks that are there. Can be cut off and
// begun again.
#include <map>

#include "store_impl.h"

namespace aotc::server {

namespace {

llvm::Error copy_chunks(Backend& db, uint64_t from, uint64_t to) {
  auto copy = [&](llvm::StringRef key, llvm::StringRef value) {
    Backend::Batch batch(db);
    batch.put(Table::Chunks, chunk_key(to, chunk_index(key)), value);
    return db.write(batch, false);
  };
  return db.each(Table::Chunks, chunk_key(from, 0).substr(0, 8), copy);
}

}  // namespace

llvm::Error Store::Impl::upgrade_from_3(bool one_tenant) {
  Backend::Cursor chunks(*db, Table::Chunks);
  chunks.seek_to_last();
  if (llvm::Error error = chunks.error()) return error;
  uint64_t last = chunks.at_end() ? 0 : chunk_owner(chunks.key());
  auto give_to_owners = [&](llvm::StringRef digest, llvm::StringRef value) -> llvm::Error {
    std::optional<StoredBlob> blob = StoredBlob::of_value(value);
    if (digest.contains('\0') || !blob) return llvm::Error::success();
    Backend::Batch batch(*db);
    std::map<std::string, uint64_t> references;  // by tenant
    auto count = [&](llvm::StringRef key, llvm::StringRef text) {
      if (std::optional<Owners> owners = Owners::of_value(text))
        references[one_tenant ? "" : BlobName::of_key(key).tenant] += owners->references;
      batch.remove(Table::Owners, key);
      return llvm::Error::success();
    };
    if (llvm::Error error = db->each(Table::Owners, keys_of(digest), count)) return error;
    llvm::Expected<std::optional<std::string>> damage_time = db->get(Table::Damaged, digest);
    if (!damage_time) return damage_time.takeError();
    uint64_t id = blob->id;
    for (const auto& [tenant, number] : references) {
      if (id != blob->id)
        if (llvm::Error error = copy_chunks(*db, blob->id, id)) return error;
      std::string key = BlobName{tenant, digest.str()}.key();
      batch.put(Table::Blobs, key, StoredBlob{id, blob->size}.value());
      batch.put(Table::Owners, key, Owners{number, blob->size}.value());
      if (*damage_time) batch.put(Table::Damaged, key, **damage_time);
      id = ++last;
    }
    if (references.empty()) drop_chunks(batch, blob->id);
    for (Table table : {Table::Blobs, Table::Garbage, Table::Damaged}) batch.remove(table, digest);
    return db->write(batch, sync);
  };
  if (llvm::Error error = db->each(Table::Blobs, "", give_to_owners)) return error;
  auto name_owner = [&](llvm::StringRef key, llvm::StringRef media_type) -> llvm::Error {
    if (media_type.contains('\0')) return llvm::Error::success();
    Backend::Batch batch(*db);
    batch.put(Table::Links, key, Link{one_tenant ? "" : account_of(key), media_type.str()}.value());
    return db->write(batch, false);
  };
  return db->each(Table::Links, "", name_owner);
}

}  // namespace aotc::server
