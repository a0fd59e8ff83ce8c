// shelf.h - values under keys in one folder, for any number of processes at once: database.h with locks, checks and
// recency. Nothing here fails: what cannot be had is not there, what cannot be kept is forgotten, and of what is
// damaged the rest is kept.
//
//   FOLDER        the database, of values ::= position:u64 check:u64 content
//   FOLDER.lock   held by who changes it, for as long as that takes; the kernel gives it back
//
// What was used last goes last, roughly: a value that is read when half of the shelf has been written after it, which
// its position tells, is written anew when something is written next. So no read writes, and what is read now and then
// is copied at most twice while the shelf is filled once.
//
// `check` covers key and content, so that nothing is taken for something else, whatever became of the files.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cache/database.h"

namespace aotc {

struct ShelfReport {
  uint64_t values = 0, bytes = 0;  // `bytes` on disk
  uint64_t damaged = 0;            // values
  std::string failed;              // why it could not be read, or not to its end
};

class Shelf {
 public:
  // `limit`: bytes on disk. `patience`: how long to wait for others.
  Shelf(std::string folder, uint64_t limit, std::chrono::milliseconds patience = std::chrono::seconds(1));

  // Calls `take` for each that is there, in any order. False: it is not what it should be, and counts as damaged.
  void get(llvm::ArrayRef<std::string> keys,
           llvm::function_ref<bool(size_t index, llvm::ArrayRef<uint8_t> content)> take);

  // Kept when flush() returns, or before.
  void put(const std::string& key, llvm::ArrayRef<uint8_t> content);
  // Writes what was put, and what get() found to be in use but old.
  void flush();

  // Since it was made: values that were not what was written, and what became of the database for that.
  uint64_t damaged_values() const { return damaged_values_; }
  bool mended() const { return mended_; }
  bool thrown_away() const { return thrown_away_; }

  // About how much there is, or with `all` what is there and right. `visit`, if there is one, is asked of each.
  ShelfReport report(bool all, llvm::function_ref<bool(llvm::StringRef, llvm::ArrayRef<uint8_t>)> right = nullptr);
  // Now, and to another limit. False when others held it for too long.
  bool shrink(uint64_t limit);
  bool clear();

 private:
  std::string lock_path() const { return folder_ + ".lock"; }
  llvm::Error read_once(llvm::ArrayRef<std::string> keys,
                        llvm::function_ref<bool(size_t, llvm::ArrayRef<uint8_t>)> take);
  llvm::Error write_locked(uint64_t limit);
  llvm::Error use_locked(llvm::function_ref<llvm::Error()> use);
  void mend_locked();
  void throw_away_locked();
  void remove_locked();

  std::unique_ptr<Database> reading_;  // as it was at the first get() since the last flush()
  const std::string folder_;
  const uint64_t limit_;
  const std::chrono::milliseconds patience_;
  std::vector<std::pair<std::string, std::vector<uint8_t>>> waiting_;
  uint64_t waiting_bytes_ = 0;
  uint64_t damaged_values_ = 0;
  bool mended_ = false, thrown_away_ = false;
};

}  // namespace aotc
