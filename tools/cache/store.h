// store.h - what has been compiled before, in a folder: functions (compiler/function_cache.h) and whole artifacts.
//
//   FOLDER/functions    key ::= size-of-namespace:u8 namespace function-key    value: a record
//   FOLDER/artifacts    key ::= size-of-namespace:u8 namespace any             value: what the caller keeps
//
// Each has half of the room. Whoever puts something puts it into his namespace, where nobody else finds it; the one
// without a name is for all, who find there what they do not have themselves. So who may write without a name is
// believed by everyone. The key of a record is worked out from its unit, never taken from who brings it, and so again
// when it is read.
//
// With a `next` one, functions that are not in the folder are asked of that, and kept; it is given what is put. Its
// records are what it says, so it must be one that is believed.
//
// Used by one thread, which may be anybody's: any number of stores on one folder are safe, in any processes. One sees
// what there was when it first looked, until it flushes.
#pragma once

#include <deque>
#include <optional>

#include "cache/shelf.h"
#include "function_cache.h"

namespace aotc {

constexpr uint64_t kLeastCache = 1 << 20, kMostCache = uint64_t{1} << 40;

struct StoreOptions {
  std::string folder;
  uint64_t limit = uint64_t{1} << 30;  // bytes on disk
  std::string name_space;              // at most 255 bytes
  std::chrono::milliseconds patience = std::chrono::seconds(1);
};

class Store : public FunctionCache {
 public:
  // Makes the folder when there is none. An Error: it is not ours alone, and what is in it becomes code.
  static llvm::Error prepare(const std::string& folder);
  explicit Store(const StoreOptions& options, FunctionCache* next = nullptr);
  ~Store() override;  // flushes

  void expect(llvm::ArrayRef<FunctionKey> keys, uint64_t bytes) override;
  std::vector<FunctionRecord> get(llvm::ArrayRef<FunctionKey> keys) override;
  void put(llvm::ArrayRef<FunctionRecord> records) override;

  std::optional<std::vector<uint8_t>> get_artifact(llvm::StringRef key);
  void put_artifact(llvm::StringRef key, llvm::ArrayRef<uint8_t> bytes);

  // Functions that lie in so many namespaces, and not in the one without a name. Looks at everything.
  // `seed` decides which, when there are more than may be found.
  std::vector<FunctionRecord> find_common(size_t name_spaces, uint64_t seed, size_t most_records, uint64_t most_bytes);

  void flush();
  uint64_t hits() const { return hits_; }
  uint64_t misses() const { return misses_; }
  // One sentence, empty if there is nothing to say.
  std::string damage() const;

  struct Report {
    ShelfReport functions, artifacts;
  };
  // About, or with `all` every byte of it.
  Report report(bool all);
  bool shrink(uint64_t limit);
  bool clear();

 private:
  std::string key_in(llvm::StringRef name_space, llvm::StringRef key) const;
  void get_from(llvm::StringRef name_space, llvm::ArrayRef<FunctionKey> keys, std::vector<FunctionRecord>& records,
                uint64_t& room);
  // Of the folder alone, and into it.
  std::vector<FunctionRecord> look_up(llvm::ArrayRef<FunctionKey> keys);
  void keep(llvm::ArrayRef<FunctionRecord> records);

  const StoreOptions options_;
  FunctionCache* const next_;
  Shelf functions_, artifacts_;
  uint64_t room_;  // for what is put through this one
  uint64_t hits_ = 0, misses_ = 0;
  struct Expected {
    std::vector<FunctionKey> keys;
    std::vector<FunctionRecord> records;
  };
  std::deque<Expected> expected_;
};

}  // namespace aotc
