// upload.h - a module on its way into the store (store/incoming_blob.h), for which there is a place in the queue before
// a byte of it is kept.
#pragma once

#include "jobs/job_queue.h"
#include "store/incoming_blob.h"

namespace aotc::server {

class Upload {
 public:
  // `length` of the body, as far as it is known. A Refusal or QuotaError when the tenant may not have it.
  static llvm::Expected<Upload> start(JobQueue& jobs, Accounts::Reservation space, uint64_t length);
  llvm::Error append(llvm::StringRef bytes);
  uint64_t size() const { return blob_.size(); }
  // Once. The blob is then on disk, or was there.
  llvm::Expected<BlobInfo> finish(Store& store) { return blob_.finish(store); }
  JobQueue::Place& place() { return place_; }

 private:
  Upload(IncomingBlob blob, JobQueue::Place place) : blob_(std::move(blob)), place_(std::move(place)) {}
  llvm::Error cover(uint64_t bytes);
  IncomingBlob blob_;
  JobQueue::Place place_;
  uint64_t covered_ = 0;
};

}  // namespace aotc::server
