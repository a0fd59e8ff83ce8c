// revocation_book.h - what has been revoked, as signed lists (aotc/revocations.h): the only writer of the store's table
// `revocations`.
//
//   repository | "*" -> {"sequence", "issued": seconds since 1970, "compilers": {version: reason}, "indexes": {digest:
//                        reason}, "through", "through_reason", "keys": ids, "text": the list, signed by them}
//
// Nothing is ever taken out of a list. Without keys nothing is signed: then only this server obeys what is added, until
// there are keys. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "registry/revocations.h"
#include "store/store.h"

namespace aotc::server {

class RevokedError : public llvm::ErrorInfo<RevokedError> {
 public:
  static char ID;
  explicit RevokedError(std::string message) : message(std::move(message)) {}
  void log(llvm::raw_ostream& os) const override { os << message; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }
  std::string message;
};

class RevocationBook {
 public:
  RevocationBook(Store& store, std::vector<Signer> keys) : store_(store), keys_(std::move(keys)) {}
  // Reads the table, and signs what other keys have signed. Call it first.
  llvm::Error open();

  // Each adds to the list of a repository, or of the fleet for kWholeFleet, which is then on disk.
  llvm::Error add_compiler(const std::string& repository, const std::string& version, const std::string& reason);
  llvm::Error add_index(const std::string& repository, const std::string& index, const std::string& reason);
  llvm::Error add_all_through(const std::string& repository, uint64_t sequence, const std::string& reason);

  bool signs() const { return !keys_.empty(); }
  // Empty when nothing is against it.
  std::string reason_against(const std::string& repository, const aotc::SignedRelease& release);
  // The signed lists that are for a repository: its own, then the fleet's.
  std::vector<std::string> texts(const std::string& repository);

 private:
  struct List {
    aotc::Revocations entries;
    std::string keys, text;
  };
  List list_of(const std::string& repository) const;
  llvm::Error write(List list, bool is_last_resort);
  std::string key_ids() const;

  Store& store_;
  const std::vector<Signer> keys_;
  std::mutex mutex_;
  std::map<std::string, List> lists_;
};

}  // namespace aotc::server
