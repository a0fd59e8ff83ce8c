// upload.cpp - see upload.h.
#include "upload.h"

namespace aotc::server {

llvm::Expected<Upload> Upload::start(JobQueue& jobs, Accounts::Reservation space, uint64_t length) {
  llvm::Expected<JobQueue::Place> place = jobs.take_place(space.tenant());
  if (!place) return place.takeError();
  llvm::Expected<IncomingBlob> blob = IncomingBlob::start(jobs.folder(), std::move(space));
  if (!blob) return blob.takeError();
  Upload upload(std::move(*blob), std::move(*place));
  if (llvm::Error error = upload.cover(length)) return error;
  return upload;
}

llvm::Error Upload::cover(uint64_t bytes) {
  if (bytes <= covered_) return llvm::Error::success();
  if (llvm::Error error = place_.resize(bytes)) return error;
  if (llvm::Error error = blob_.cover(bytes)) return error;
  covered_ = bytes;
  return llvm::Error::success();
}

llvm::Error Upload::append(llvm::StringRef bytes) {
  if (llvm::Error error = cover(size() + bytes.size())) return error;
  return blob_.append(bytes);
}

}  // namespace aotc::server
