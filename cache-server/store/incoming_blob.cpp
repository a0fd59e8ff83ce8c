// incoming_blob.cpp - see incoming_blob.h.
#include "incoming_blob.h"

namespace aotc::server {

llvm::Expected<IncomingBlob> IncomingBlob::start(const std::string& folder, Accounts::Reservation space) {
  llvm::Expected<UniqueFd> file = make_unnamed_file(folder);
  if (!file) return file.takeError();
  return IncomingBlob(std::move(*file), std::move(space));
}

llvm::Error IncomingBlob::append(llvm::StringRef bytes) {
  if (llvm::Error error = cover(size_ + bytes.size())) return error;
  hash_->update(bytes.data(), bytes.size());
  size_ += bytes.size();
  return write_to(file_, bytes);
}

const std::string& IncomingBlob::digest() {
  if (digest_.empty()) digest_ = hash_->finish();
  return digest_;
}

llvm::Expected<BlobInfo> IncomingBlob::finish(Store& store) {
  llvm::Expected<std::optional<BlobInfo>> known = store.find_blob({space_.tenant(), digest()});
  if (!known) return known.takeError();
  if (*known && !(*known)->damaged) return **known;
  return copy_to_store(store, space_, file_, digest());
}

}  // namespace aotc::server
