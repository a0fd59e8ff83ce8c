// database.h - a folder of values that may be forgotten: what is oldest goes when there is no more room.
//
// The database is RocksDB, but not as the server's store has it (cache-server/store/backend.h), which must not lose
// anything and has its folder for itself. Here nothing must wait for a disk, any number of processes come and go, and
// what is damaged is thrown away. So there is no log of writes, and of RocksDB's ways to keep order that in which the
// oldest file is dropped as a whole. Reading changes nothing and needs no lock; writing is for one process at a time,
// which the caller sees to (folder_lock.h).
//
// RocksDB loses a file for a block of it, and without a file does not open. mend() keeps the rest of both.
//
// Damage can make RocksDB itself fail, not only its calls: its files' ends have no checksum. So it is used in processes
// that may crash (keeper.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace aotc {

// What is there is no database, or not what was written.
class DamagedError : public llvm::ErrorInfo<DamagedError> {
 public:
  static char ID;
  explicit DamagedError(std::string message) : message(std::move(message)) {}
  void log(llvm::raw_ostream& os) const override { os << message; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }
  std::string message;
};

class Database {
 public:
  // Null when there is none.
  static llvm::Expected<std::unique_ptr<Database>> open_to_read(const std::string& path);
  // Creates it when there is none. `limit`: bytes on disk, compressed.
  static llvm::Expected<std::unique_ptr<Database>> open_to_write(const std::string& path, uint64_t limit);
  // Makes of a damaged one, which nobody else uses, one that can be read to its end: without the blocks that cannot be
  // read. Reads all of it. An Error: it could not be done, as when a process has ended while it mended this one: what
  // that has left out nobody knows, so it counts as damaged until it is removed.
  static llvm::Error mend(const std::string& path, uint64_t limit);
  ~Database();

  // Calls `visit` with the index of each key that has a value, in any order. A value that cannot be read is left out;
  // the Error is of the last such.
  llvm::Error get(llvm::ArrayRef<std::string> keys, llvm::function_ref<void(size_t, llvm::StringRef)> visit);
  llvm::Error each(llvm::function_ref<void(llvm::StringRef key, llvm::StringRef value)> visit);

  // How many values were put before; grows with each.
  uint64_t position() const;
  // How many bytes lie in files that were begun after that many.
  uint64_t bytes_after(uint64_t position) const;

  struct Size {
    uint64_t values = 0;  // about
    uint64_t bytes = 0;   // on disk
  };
  Size size() const;

  // Of one that is open to write. What was put is kept when finish() has succeeded, and the limit holds.
  llvm::Error put(llvm::StringRef key, llvm::StringRef value);
  llvm::Error finish();

 private:
  Database();
  llvm::Error take_in(const std::string& file);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aotc
