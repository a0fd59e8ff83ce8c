// blob_locks.h - who reads and who changes which blob of the store. Nothing here waits for a disk.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

namespace aotc::server {

// A lease keeps a blob's chunks. Who looks a blob up asks for the generation first, then reads its record, then takes
// the lease; when something was dropped in between, once more.
class Leases : public std::enable_shared_from_this<Leases> {
 public:
  // Changes with every end_drop: what was looked up before may be gone.
  uint64_t generation() {
    std::lock_guard<std::mutex> lock(mutex_);
    return generation_;
  }

  // False when `generation` is not the current one any more; without a lease when the blob is being dropped.
  bool take(uint64_t id, uint64_t generation, std::shared_ptr<const void>& lease) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (generation != generation_) return false;
    if (dropping_.count(id) == 0) lease = count(id);
    return true;
  }

  // For a blob that nobody else knows yet.
  std::shared_ptr<const void> take(uint64_t id) {
    std::lock_guard<std::mutex> lock(mutex_);
    return count(id);
  }

  bool begin_drop(uint64_t id) {
    std::lock_guard<std::mutex> lock(mutex_);
    return readers_.count(id) == 0 && dropping_.insert(id).second;
  }

  void end_drop(uint64_t id) {
    std::lock_guard<std::mutex> lock(mutex_);
    dropping_.erase(id);
    ++generation_;
  }

 private:
  std::shared_ptr<const void> count(uint64_t id) {
    ++readers_[id];
    return {this, [self = shared_from_this(), id](const void*) { self->give_back(id); }};
  }

  void give_back(uint64_t id) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = readers_.find(id);
    if (--found->second == 0) readers_.erase(found);
  }

  std::mutex mutex_;
  std::unordered_map<uint64_t, uint64_t> readers_;  // by blob id
  std::set<uint64_t> dropping_;
  uint64_t generation_ = 0;
};

// A lock for each digest, so that writes of different blobs reach the disk together.
class DigestLocks {
 public:
  class Guard {
   public:
    Guard(DigestLocks& locks, std::string digest) : locks_(locks), digest_(std::move(digest)) {
      std::unique_lock<std::mutex> lock(locks_.mutex_);
      locks_.released_.wait(lock, [this] { return locks_.held_.insert(digest_).second; });
    }
    ~Guard() {
      std::lock_guard<std::mutex> lock(locks_.mutex_);
      locks_.held_.erase(digest_);
      locks_.released_.notify_all();
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    DigestLocks& locks_;
    std::string digest_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable released_;
  std::set<std::string> held_;
};

}  // namespace aotc::server
