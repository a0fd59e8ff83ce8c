// upload.cpp - see upload.h.
#include "upload.h"

namespace aotc::server {

llvm::Expected<Upload> Upload::start(const std::string& folder) {
  llvm::Expected<Descriptor> file = make_unnamed_file(folder);
  if (!file) return file.takeError();
  return Upload(std::move(*file));
}

llvm::Error Upload::append(llvm::StringRef bytes) {
  hash_->update(bytes.data(), bytes.size());
  size_ += bytes.size();
  return write_to(file_, bytes);
}

llvm::Expected<BlobInfo> Upload::finish(Store& store) {
  llvm::Expected<std::optional<BlobInfo>> known = store.touch_blob(hash_->finish());
  if (!known) return known.takeError();
  if (*known) return **known;
  return copy_to_store(store, file_);
}

}  // namespace aotc::server
