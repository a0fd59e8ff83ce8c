// backend.h - all that the store asks of a database: ordered tables of bytes, writes that happen as a whole, backups.
//
// One backend is linked: RocksDB (backend_rocksdb.cpp). Another is another file with these members. Its promises: what
// is written with `sync` is on disk, and all that was written before it; a value is what was written, or a
// CorruptError; a cursor shows the tables as they were when it was made. Thread-safe, but for batches and cursors.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "records.h"

namespace aotc::server {

llvm::Error store_failure(const std::string& message);

// What was read is not what was written.
class CorruptError : public llvm::ErrorInfo<CorruptError> {
 public:
  static char ID;
  explicit CorruptError(std::string message) : message(std::move(message)) {}
  void log(llvm::raw_ostream& os) const override { os << message; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }
  std::string message;
};

class Backend {
 public:
  // Creates the database when there is none. Only one process can have it open.
  static llvm::Expected<std::unique_ptr<Backend>> open(const std::string& path);
  ~Backend();
  // A value of Table::Default of a database that nobody has open. It is only read: to open one for writing changes it,
  // and fails with less to say when there are other tables. Nothing when there is no database, or no such key.
  static llvm::Expected<std::optional<std::string>> peek(const std::string& path, llvm::StringRef key);

  // False when there is no such key. The value is there during the call only. Who will not read it again soon does not
  // `keep` it in memory.
  llvm::Expected<bool> read(Table table, llvm::StringRef key, llvm::function_ref<void(llvm::StringRef)> visit,
                            bool keep = true);
  llvm::Expected<std::optional<std::string>> get(Table table, llvm::StringRef key);

  class Batch {
   public:
    explicit Batch(Backend& backend);
    ~Batch();
    void put(Table table, llvm::StringRef key, llvm::StringRef value);
    void remove(Table table, llvm::StringRef key);
    void remove_range(Table table, llvm::StringRef from, llvm::StringRef to);  // without `to`
    size_t bytes() const;

   private:
    friend class Backend;
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };
  llvm::Error write(Batch& batch, bool sync);

  // Stands at a key, or is at the end.
  class Cursor {
   public:
    Cursor(Backend& backend, Table table);
    ~Cursor();
    void seek(llvm::StringRef key);  // to the first that is not less
    void seek_to_last();
    void next();
    bool at_end() const;
    llvm::StringRef key() const;  // until it is moved; so is the value
    llvm::StringRef value() const;
    llvm::Error error() const;  // why it came to the end, if it did so early

   private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };
  // Of every record of a table whose key starts like this.
  llvm::Error each(Table table, llvm::StringRef prefix,
                   llvm::function_ref<llvm::Error(llvm::StringRef key, llvm::StringRef value)> visit);

  // Adds a backup of everything written so far to those in the folder, copying only what they do not have, and keeps
  // the last `keep` of them. Others can use the database meanwhile; one backup at a time.
  llvm::Error back_up(const std::string& folder, unsigned keep);
  void stop_backup();
  // Makes a database, where there must be none, of the last backup; what is not finished is no database.
  static llvm::Error restore(const std::string& folder, const std::string& path);

 private:
  Backend();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aotc::server
