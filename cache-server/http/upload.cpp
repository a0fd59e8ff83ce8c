// upload.cpp - see upload.h.
#include "upload.h"

#include "store/store.h"

namespace aotc::server {

llvm::Expected<Upload> Upload::start(JobQueue& jobs, Accounts::Reservation space, uint64_t length) {
  llvm::Expected<JobQueue::Place> place = jobs.take_place(space.tenant());
  if (!place) return place.takeError();
  llvm::Expected<UniqueFd> file = make_unnamed_file(jobs.folder());
  if (!file) return file.takeError();
  Upload upload(std::move(*file), std::move(*place), std::move(space));
  if (llvm::Error error = upload.cover(length)) return error;
  return upload;
}

llvm::Error Upload::cover(uint64_t bytes) {
  if (bytes <= covered_) return llvm::Error::success();
  if (llvm::Error error = place_.resize(bytes)) return error;
  if (llvm::Error error = space_.cover(bytes)) return error;
  covered_ = bytes;
  return llvm::Error::success();
}

llvm::Error Upload::append(llvm::StringRef bytes) {
  if (llvm::Error error = cover(size_ + bytes.size())) return error;
  hash_->update(bytes.data(), bytes.size());
  size_ += bytes.size();
  return write_to(file_, bytes);
}

llvm::Expected<BlobInfo> Upload::finish(Store& store) {
  std::string digest = hash_->finish();
  llvm::Expected<std::optional<BlobInfo>> known = store.find_blob({space_.tenant(), digest});
  if (!known) return known.takeError();
  if (*known && !(*known)->damaged) return **known;
  return copy_to_store(store, space_, file_, digest);
}

}  // namespace aotc::server
