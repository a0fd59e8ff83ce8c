// upload.h - a body on its way into the store: first a file without a name, whose digest is known at its end, so that
// what the store has already is not written to it again.
#pragma once

#include "aotc/digest.h"
#include "unnamed_file.h"

namespace aotc::server {

class Upload {
 public:
  static llvm::Expected<Upload> start(const std::string& folder);
  llvm::Error append(llvm::StringRef bytes);
  uint64_t size() const { return size_; }
  // Once. The blob is then on disk, or was there.
  llvm::Expected<BlobInfo> finish(Store& store);

 private:
  explicit Upload(Descriptor file) : file_(std::move(file)), hash_(std::make_unique<Sha256>()) {}
  Descriptor file_;
  std::unique_ptr<Sha256> hash_;
  uint64_t size_ = 0;
};

}  // namespace aotc::server
