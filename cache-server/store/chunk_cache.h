// chunk_cache.h - the last chunks read, checked, in memory of bounded size. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace aotc::server {

using Chunk = std::shared_ptr<const std::string>;

class ChunkCache {
 public:
  explicit ChunkCache(uint64_t bytes);
  ~ChunkCache();
  Chunk find(const std::string& key);  // null when it is not there
  void keep(const std::string& key, const Chunk& chunk);

  std::atomic<uint64_t> hits{0}, misses{0};

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aotc::server
