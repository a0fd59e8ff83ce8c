// incoming_blob.h - bytes on their way into the store: first a file without a name, whose digest is known at its end,
// so that what the tenant has already is not written again.
//
// Before a byte of it is kept there is room for it in its tenant's quota, until it is stored or goes. Its file goes
// with it.
#pragma once

#include <memory>
#include <string>

#include "registry/digest.h"
#include "store.h"
#include "unnamed_file.h"

namespace aotc::server {

class IncomingBlob {
 public:
  static llvm::Expected<IncomingBlob> start(const std::string& folder, Accounts::Reservation space);
  // Makes sure that there is room for so many bytes in all; a QuotaError when the tenant may not have them.
  llvm::Error cover(uint64_t bytes) { return space_.cover(bytes); }
  llvm::Error append(llvm::StringRef bytes);
  uint64_t size() const { return size_; }
  const std::string& tenant() const { return space_.tenant(); }
  // Once, after all of it has come.
  const std::string& digest();
  // Once. The blob is then on disk, or was there.
  llvm::Expected<BlobInfo> finish(Store& store);

 private:
  IncomingBlob(UniqueFd file, Accounts::Reservation space)
      : file_(std::move(file)), space_(std::move(space)), hash_(std::make_unique<Sha256>()) {}
  UniqueFd file_;
  Accounts::Reservation space_;
  std::unique_ptr<Sha256> hash_;
  std::string digest_;
  uint64_t size_ = 0;
};

}  // namespace aotc::server
