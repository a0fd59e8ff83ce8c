// upload.h - a body on its way into the store: first a file without a name, whose digest is known at its end, so that
// what the tenant has already is not written again.
//
// Before a byte of it is kept, there is a place in the queue for its job and room in its tenant's quota; it has both
// until it is stored or goes. Its file goes with it.
#pragma once

#include "jobs/job_queue.h"
#include "registry/digest.h"
#include "store/unnamed_file.h"

namespace aotc::server {

class Upload {
 public:
  // `length` of the body, as far as it is known. A Refusal or QuotaError when the tenant may not have it.
  static llvm::Expected<Upload> start(JobQueue& jobs, Accounts::Reservation space, uint64_t length);
  llvm::Error append(llvm::StringRef bytes);
  uint64_t size() const { return size_; }
  // Once. The blob is then on disk, or was there.
  llvm::Expected<BlobInfo> finish(Store& store);
  JobQueue::Place& place() { return place_; }

 private:
  Upload(UniqueFd file, JobQueue::Place place, Accounts::Reservation space)
      : file_(std::move(file)), place_(std::move(place)), space_(std::move(space)), hash_(std::make_unique<Sha256>()) {}
  llvm::Error cover(uint64_t bytes);
  UniqueFd file_;
  JobQueue::Place place_;
  Accounts::Reservation space_;
  std::unique_ptr<Sha256> hash_;
  uint64_t size_ = 0, covered_ = 0;
};

}  // namespace aotc::server
