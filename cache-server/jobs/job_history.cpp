// job_history.cpp - jobs that have ended: done again, taken back, forgotten.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "queued_job.h"
#include "support/error.h"
#include "support/version.h"

namespace aotc::server {

constexpr size_t kRememberedFailures = 1000;  // of one tenant

int64_t milliseconds_since_1970() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string tenant_in(const std::string& key) { return split_key(key).first; }

// The record of a job that was done; nothing for others.
std::optional<JobRecord> done_record(const std::string& text) {
  std::optional<JobRecord> record = JobRecord::parse(text);
  return record && record->state() == "done" ? record : std::nullopt;
}

// The tags that still name what this job made are to name what is made now.
llvm::Error JobQueue::do_again(const std::string& tenant, const JobRecord& record) {
  llvm::Expected<CompileRequest> request = record.request();
  if (!request) return request.takeError();
  std::vector<ImageName> images = record.images();
  for (ImageName& image : images) image.was = record.index();
  std::lock_guard<std::mutex> writing(writes_);
  return fulfil({{tenant, record.module()}, 0, *request, images, JobCause::Again}, nullptr).takeError();
}

llvm::Expected<size_t> JobQueue::repair(const BlobName& part) {
  size_t count = 0;
  auto visit = [&](const std::string&, const std::string& text) -> llvm::Error {
    std::optional<JobRecord> record = done_record(text);
    if (!record) return llvm::Error::success();
    Image image = record->image();
    if (std::none_of(image.parts.begin(), image.parts.end(),
                     [&](const ImagePart& other) { return other.digest == part.digest; }))
      return llvm::Error::success();
    llvm::Expected<std::optional<BlobInfo>> module = store_.find_blob({part.tenant, record->module()});
    if (!module) return module.takeError();
    if (!*module || (*module)->damaged) return llvm::Error::success();
    ++count;
    return do_again(part.tenant, *record);
  };
  if (llvm::Error error = for_each(store_, Table::Jobs, keys_of(part.tenant), visit)) return error;
  return count;
}

llvm::Expected<size_t> JobQueue::rebuild(const std::string& compiler) {
  if (compiler == aotc_version) return failure("this server's own compiler is " + compiler);
  size_t count = 0;
  auto visit = [&](const std::string& key, const std::string& text) -> llvm::Error {
    std::optional<JobRecord> record = JobRecord::parse(text);
    if (!record || record->compiler() != compiler) return llvm::Error::success();
    llvm::Expected<bool> queued = rebuild_one(key, *record);
    if (!queued) return queued.takeError();
    count += *queued;
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Jobs, "", visit)) return error;
  return count;
}

llvm::Expected<bool> JobQueue::rebuild_one(const std::string& key, const JobRecord& record) {
  if (record.state() == "revoked") {
    llvm::Expected<CompileRequest> request = record.request();
    if (!request) return request.takeError();
    std::vector<ImageName> images = record.images();
    for (ImageName& image : images) image.was = kNoTag;
    std::lock_guard<std::mutex> writing(writes_);
    llvm::Expected<Submission> queued =
        fulfil({{tenant_in(key), record.module()}, 0, *request, images, JobCause::Again}, nullptr);
    if (!queued) return queued.takeError();
    if (llvm::Error error = forget_revoked(key, record)) return error;
    return true;
  }
  if (record.state() != "done") return false;
  for (const ImageName& name : record.images()) {
    auto index = store_.get(Table::Tags, tag_key(name.repository, name.tag));
    if (!index) return index.takeError();
    if (*index != record.index()) continue;
    if (llvm::Error error = do_again(tenant_in(key), record)) return error;
    return true;
  }
  return false;
}

llvm::Expected<size_t> JobQueue::revoke(const RevokedImages& which) {
  catalog_.wait_for_publishers();
  size_t count = 0;
  auto add = [&](llvm::Expected<size_t> removed) -> llvm::Error {
    if (!removed) return removed.takeError();
    count += *removed;
    return llvm::Error::success();
  };
  auto visit = [&](const std::string& key, const std::string&) { return add(revoke_one(key, which)); };
  if (llvm::Error error = for_each(store_, Table::Jobs, "", visit)) return error;
  if (which.index.empty()) return count;
  // Whatever no job knows of.
  llvm::Expected<std::set<std::string>> repositories = repositories_of(which.index);
  if (!repositories) return repositories.takeError();
  for (const std::string& repository : *repositories) {
    if (!which.repository.empty() && which.repository != repository) continue;
    llvm::Expected<bool> removed = catalog_.remove_manifest(repository, which.index);
    if (!removed) return removed.takeError();
    count += *removed;
  }
  return count;
}

// Of the job with this record. While writes are held nobody publishes its image once more.
llvm::Expected<size_t> JobQueue::revoke_one(const std::string& key, const RevokedImages& which) {
  std::lock_guard<std::mutex> writing(writes_);
  llvm::Expected<std::optional<std::string>> text = store_.get(Table::Jobs, key);
  if (!text) return text.takeError();
  std::optional<JobRecord> record = *text ? done_record(**text) : std::nullopt;
  if (!record || (!which.compiler.empty() && record->compiler() != which.compiler) ||
      (!which.index.empty() && record->index() != which.index))
    return 0;
  std::vector<ImageName> kept, tags;
  std::set<std::string> repositories;
  for (const ImageName& name : record->images()) {
    if (!which.repository.empty() && name.repository != which.repository) {
      kept.push_back(name);
      continue;
    }
    repositories.insert(name.repository);
    auto index = store_.get(Table::Tags, tag_key(name.repository, name.tag));
    if (!index) return index.takeError();
    if (*index == record->index()) tags.push_back(name);
  }
  if (repositories.empty()) return 0;
  BlobName module{tenant_in(key), record->module()};
  llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob(module);  // its lease keeps it for the hold
  if (!blob) return blob.takeError();
  size_t removed = 0;
  for (const std::string& repository : repositories) {
    llvm::Expected<bool> gone = catalog_.remove_manifest(repository, record->index());
    if (!gone) return gone.takeError();
    removed += *gone;
  }
  // Of other repositories, or for rebuild().
  bool other = !kept.empty(), again = !other && !which.compiler.empty() && !tags.empty() && *blob;
  if (other) record->set_images(kept);
  if (again) record->end_revoked(tags);
  std::vector<Record> records = {{Table::Jobs, key, other || again ? std::optional(record->text()) : std::nullopt}};
  if (llvm::Error error = again ? catalog_.hold(module, Quota(), records) : store_.put(records)) return error;
  return removed;
}

llvm::Error JobQueue::forget_revoked(const std::string& key, const JobRecord& record) {
  return catalog_.release({tenant_in(key), record.module()}, {{Table::Jobs, key, std::nullopt}});
}

llvm::Expected<std::set<std::string>> JobQueue::repositories_of(const std::string& index) {
  std::set<std::string> repositories;
  auto image = [&](const std::string& key, const std::string&) -> llvm::Error {
    auto [repository, digest] = split_key(key);
    if (digest == index) repositories.insert(repository);
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Images, "", image)) return error;
  auto job = [&](const std::string&, const std::string& text) -> llvm::Error {
    std::optional<JobRecord> record = done_record(text);
    if (record && record->index() == index)
      for (const ImageName& name : record->images()) repositories.insert(name.repository);
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Jobs, "", job)) return error;
  return repositories;
}

// Removes a record, unless it has changed or its image is there.
llvm::Expected<bool> JobQueue::forget(const std::string& key, const std::string& text) {
  std::lock_guard<std::mutex> writing(writes_);
  llvm::Expected<std::optional<std::string>> now = store_.get(Table::Jobs, key);
  if (!now) return now.takeError();
  std::optional<JobRecord> record = JobRecord::parse(text);
  if (*now != text || !record) return false;
  if (record->state() == "done")
    for (const ImageName& name : record->images()) {
      auto image = store_.get(Table::Images, image_key(name.repository, record->index()));
      if (!image) return image.takeError();
      if (*image) return false;
    }
  llvm::Error error =
      record->state() == "revoked" ? forget_revoked(key, *record) : store_.put({{Table::Jobs, key, std::nullopt}});
  if (error) return error;
  return true;
}

llvm::Expected<uint64_t> JobQueue::expire(uint64_t seconds) {
  uint64_t expired = 0;
  int64_t oldest = milliseconds_since_1970() - static_cast<int64_t>(seconds * 1000);
  std::map<std::string, std::multimap<int64_t, std::string>> failures;  // by tenant: time and key
  auto forget_one = [&](const std::string& key, const std::string& text) -> llvm::Error {
    llvm::Expected<bool> forgotten = forget(key, text);
    if (!forgotten) return forgotten.takeError();
    expired += *forgotten;
    return llvm::Error::success();
  };
  auto visit = [&](const std::string& key, const std::string& text) -> llvm::Error {
    std::optional<JobRecord> record = JobRecord::parse(text);
    std::optional<int64_t> finished = record ? record->finished() : std::nullopt;
    if (!finished) return llvm::Error::success();
    if (*finished < oldest) return forget_one(key, text);
    if (record->state() != "done") failures[tenant_in(key)].emplace(*finished, key);
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Jobs, "", visit)) return error;
  for (auto& [tenant, jobs] : failures)
    for (; jobs.size() > kRememberedFailures; jobs.erase(jobs.begin())) {
      const std::string& key = jobs.begin()->second;
      llvm::Expected<std::optional<std::string>> text = store_.get(Table::Jobs, key);
      if (!text) return text.takeError();
      if (*text)
        if (llvm::Error failed = forget_one(key, **text)) return failed;
    }
  return expired;
}

}  // namespace aotc::server
