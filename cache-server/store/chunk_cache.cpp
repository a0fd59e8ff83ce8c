// chunk_cache.cpp - RocksDB's cache, which many threads can use at once.
#include "chunk_cache.h"

#include <rocksdb/cache.h>

namespace aotc::server {

constexpr size_t kOverhead = 256;  // of an entry, however short the chunk

struct ChunkCache::Impl {
  std::shared_ptr<rocksdb::Cache> cache;
};

ChunkCache::ChunkCache(uint64_t bytes) : impl_(new Impl{rocksdb::NewLRUCache(bytes)}) {}
ChunkCache::~ChunkCache() = default;

Chunk ChunkCache::find(const std::string& key) {
  rocksdb::Cache::Handle* handle = impl_->cache->Lookup(key);
  ++(handle ? hits : misses);
  if (!handle) return nullptr;
  Chunk chunk = *static_cast<Chunk*>(impl_->cache->Value(handle));
  impl_->cache->Release(handle);
  return chunk;
}

void ChunkCache::keep(const std::string& key, const Chunk& chunk) {
  auto remove = [](const rocksdb::Slice&, void* value) { delete static_cast<Chunk*>(value); };
  auto* value = new Chunk(chunk);
  if (!impl_->cache->Insert(key, value, chunk->size() + kOverhead, remove).ok()) delete value;
}

}  // namespace aotc::server
