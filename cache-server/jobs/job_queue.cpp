// job_queue.cpp - places, single flight, the bounded queue, and what is remembered of jobs.
#include "job_queue.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "log.h"
#include "queued_job.h"
#include "store/catalog.h"
#include "support/error.h"
#include "support/version.h"

namespace aotc::server {

namespace {

constexpr size_t kMaxNames = 1000;  // of one image

std::string default_name(const std::string& tenant, const std::string& module_digest) {
  return (tenant.empty() ? "" : tenant + "/") + "modules/" + module_digest.substr(7);
}

std::string today() {
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

// Conditions are for publishing, not for remembering.
std::vector<ImageName> unconditional(std::vector<ImageName> images) {
  for (ImageName& image : images) image.was.clear();
  return images;
}

// Takes leases of what a job made. False when a part has been removed or damaged since.
llvm::Expected<bool> is_complete(Store& store, const std::string& tenant, Image& image) {
  for (const ImagePart& part : image.parts) {
    llvm::Expected<std::optional<BlobInfo>> blob = store.find_blob({tenant, part.digest});
    if (!blob) return blob.takeError();
    if (!*blob || (*blob)->damaged) return false;
    image.blobs.push_back(std::move(**blob));
  }
  return !image.parts.empty();
}

llvm::Error check_names(const JobRecord& record) {
  if (record.images().size() <= kMaxNames) return llvm::Error::success();
  return llvm::make_error<Refusal>(403, fmt::format("the image has {} names; remove some", kMaxNames));
}

}  // namespace

char Refusal::ID;

JobQueue::JobQueue(Store& store, Catalog& catalog, Tenants& tenants, Counters& counters, const JobLimits& limits,
                   std::string folder)
    : store_(store),
      catalog_(catalog),
      tenants_(tenants),
      counters_(counters),
      limits_(limits),
      folder_(std::move(folder)),
      idle_(limits_, counters_, folder_) {}

JobQueue::~JobQueue() { stop(); }

llvm::Error JobQueue::start() {
  std::error_code code;
  std::filesystem::remove_all(folder_, code);
  std::filesystem::create_directories(folder_, code);
  if (code) return failure(folder_ + ": " + code.message());
  auto requeue = [&](const std::string& key, const std::string& text) -> llvm::Error {
    std::optional<JobRecord> record = JobRecord::parse(text);
    if (!record || record->state() != "queued") return llvm::Error::success();
    llvm::Expected<CompileRequest> request = record->request();
    if (!request) {
      log(Level::Error, llvm::toString(request.takeError()), {{"job", record->id()}});
      return llvm::Error::success();
    }
    BlobName name{tenant_in(key), record->module()};
    llvm::Expected<std::optional<BlobInfo>> module = store_.find_blob(name);
    if (!module) return module.takeError();
    uint64_t bytes = *module ? (*module)->size : 0;
    wait_in_lane(std::make_shared<Job>(Job{name, record->id(), *request, record->cause(), bytes, *record}), nullptr);
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Jobs, "", requeue)) return error;
  if (llvm::Error error = idle_.open()) return error;
  for (unsigned i = 0; i < limits_.workers; ++i) threads_.emplace_back([this] { work(); });
  return llvm::Error::success();
}

void JobQueue::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Quota JobQueue::quota_of(const std::string& tenant, JobCause cause) {
  return cause == JobCause::Again ? Quota() : tenants_.quota(tenant);
}

uint64_t JobQueue::processor_milliseconds_today(const std::string& tenant) {
  uint64_t used = 0;
  llvm::Expected<std::optional<std::string>> text = store_.get(Table::Usage, usage_key(tenant, today()));
  if (!text)
    llvm::consumeError(text.takeError());
  else if (*text && llvm::StringRef(**text).getAsInteger(10, used))
    used = 0;
  return used;
}

// What the next worker of the job may use of its tenant's processor time; charge() gives back what it did not.
uint64_t JobQueue::allow_cpu_seconds(const Job& job) {
  uint64_t quota = quota_of(job.tenant(), job.cause).cpu_seconds;
  if (quota == UINT64_MAX) return limits_.worker_cpu_seconds();
  std::lock_guard<std::mutex> writing(writes_);
  uint64_t used = processor_milliseconds_today(job.tenant()) / 1000;
  std::lock_guard<std::mutex> lock(mutex_);
  uint64_t& promised = lanes_[job.tenant()].cpu_seconds;
  uint64_t left = quota - std::min(quota, used + promised);
  uint64_t allowed = std::min(limits_.worker_cpu_seconds(), left + 1);
  promised += allowed;
  return allowed;
}

void JobQueue::charge(const Job& job, double cpu_seconds, uint64_t allowed) {
  if (job.cause == JobCause::Again) return;
  const std::string& tenant = job.tenant();
  std::lock_guard<std::mutex> writing(writes_);
  uint64_t used = processor_milliseconds_today(tenant) + static_cast<uint64_t>(cpu_seconds * 1000);
  if (llvm::Error error = store_.put({{Table::Usage, usage_key(tenant, today()), std::to_string(used)}}))
    log(Level::Error, llvm::toString(std::move(error)), {{"tenant", tenant}});
  std::lock_guard<std::mutex> lock(mutex_);
  uint64_t& promised = lanes_[tenant].cpu_seconds;
  promised -= std::min(promised, allowed);
}

void JobQueue::count(Lane& lane, int jobs, int64_t bytes) {
  for (Load* load : {&lane.load, &load_}) {
    load->jobs += static_cast<uint64_t>(jobs);
    load->bytes += static_cast<uint64_t>(bytes);
  }
}

// For one more job, whose module has so many bytes.
llvm::Error JobQueue::check_room(const std::string& tenant, const Lane& lane, uint64_t bytes) {
  const QueueLimits& limits = limits_.queue;
  auto over = [bytes](uint64_t used, uint64_t limit) { return bytes > limit - std::min(limit, used); };
  bool full = lane.load.jobs >= limits.jobs || lane.load.jobs + lane.running >= tenants_.quota(tenant).jobs ||
              over(lane.load.bytes, limits.bytes);
  bool all_full = load_.jobs >= limits.all_jobs || over(load_.bytes, limits.all_bytes);
  if (!stopping_ && !full && !all_full) return llvm::Error::success();
  ++counters_.refused_jobs;
  if (stopping_) return llvm::make_error<Refusal>(503, "the server is shutting down");
  if (full) return llvm::make_error<Refusal>(429, "too many of your jobs are waiting");
  return llvm::make_error<Refusal>(503, "too many jobs are waiting");
}

llvm::Expected<JobQueue::Place> JobQueue::take_place(const std::string& tenant) {
  Quota quota = tenants_.quota(tenant);
  if (quota.cpu_seconds != UINT64_MAX && processor_milliseconds_today(tenant) >= quota.cpu_seconds * 1000) {
    ++counters_.refused_jobs;
    return llvm::make_error<Refusal>(
        429, fmt::format("the quota of {} processor seconds a day is used up", quota.cpu_seconds));
  }
  std::lock_guard<std::mutex> lock(mutex_);
  Lane& lane = lanes_[tenant];
  if (llvm::Error error = check_room(tenant, lane, 0)) return error;
  count(lane, 1, 0);
  return Place(*this, tenant);
}

JobQueue::Place::Place(Place&& other) noexcept
    : queue_(std::exchange(other.queue_, nullptr)), tenant_(std::move(other.tenant_)), bytes_(other.bytes_) {}

JobQueue::Place::~Place() {
  if (!queue_) return;
  std::lock_guard<std::mutex> lock(queue_->mutex_);
  queue_->count(queue_->lanes_[tenant_], -1, -static_cast<int64_t>(bytes_));
}

llvm::Error JobQueue::Place::resize(uint64_t bytes) {
  std::lock_guard<std::mutex> lock(queue_->mutex_);
  Lane& lane = queue_->lanes_[tenant_];
  queue_->count(lane, -1, -static_cast<int64_t>(bytes_));
  llvm::Error error = queue_->check_room(tenant_, lane, bytes);
  if (!error) bytes_ = bytes;
  queue_->count(lane, 1, static_cast<int64_t>(bytes_));
  return error;
}

llvm::Expected<Submission> JobQueue::submit(const BlobInfo& module, const CompileRequest& request, Place* place,
                                            const std::string& was) {
  const auto& [tenant, digest] = module.name;
  std::string name = request.name().empty() ? default_name(tenant, digest) : request.name();
  std::lock_guard<std::mutex> writing(writes_);
  Order order{module.name, module.size, request, {{name, request.tag(), was}}};
  return request.options.tier() == Tier::Auto ? fulfil_auto(order, place) : fulfil(order, place);
}

// What is best may be there; else its tags go there as soon as it is.
llvm::Expected<Submission> JobQueue::fulfil_auto(const Order& order, Place* place) {
  Order best = order;
  best.request.options.set(Option::Tier, tier_name(Tier::Best));
  Image image;
  auto found = find_done(job_key(order.module.tenant, job_id(order.module.digest, best.request)), image);
  if (!found) return found.takeError();
  if (*found) return fulfil(best, place);
  llvm::Expected<Submission> submission = fulfil(order, place);
  if (!submission || !submission->done) return submission;
  auto record = find_done(job_key(order.module.tenant, submission->id), image);
  if (!record) return record.takeError();
  if (*record)
    if (llvm::Error error = make_better(order.module.tenant, **record)) return error;
  return submission;
}

// Nothing when there is none, or a part of its image is gone.
llvm::Expected<std::optional<JobRecord>> JobQueue::find_done(const std::string& key, Image& image) {
  llvm::Expected<std::optional<std::string>> known = store_.get(Table::Jobs, key);
  if (!known) return known.takeError();
  std::optional<JobRecord> record = *known ? done_record(**known) : std::nullopt;
  if (!record) return record;
  image = record->image();
  llvm::Expected<bool> complete = is_complete(store_, tenant_in(key), image);
  if (!complete) return complete.takeError();
  return *complete ? record : std::nullopt;
}

// Of the job with this record, which is done.
llvm::Error JobQueue::make_better(const std::string& tenant, const JobRecord& record) {
  if (!record.can_be_better()) return llvm::Error::success();
  llvm::Expected<CompileRequest> request = record.request();
  if (!request) return request.takeError();
  request->options.set(Option::Tier, tier_name(Tier::Best));
  std::vector<ImageName> images = record.images();
  for (ImageName& image : images) image.was = record.index();
  return fulfil({{tenant, record.module()}, 0, *request, images, JobCause::Better}, nullptr).takeError();
}

// An image that is there gets more names, so does a job under way; otherwise there is a new job.
llvm::Expected<Submission> JobQueue::fulfil(const Order& order, Place* place) {
  const std::string& tenant = order.module.tenant;
  std::string id = job_id(order.module.digest, order.request), key = job_key(tenant, id);
  std::shared_ptr<Job> job;
  std::optional<JobRecord> record;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (auto found = active_.find(key); found != active_.end()) job = found->second, record = job->record;
  }
  if (job) return add_names(order, job, std::move(*record));
  // Its images would not be published.
  for (const ImageName& name : order.images)
    if (std::string reason = catalog_.reason_against_compiler(name.repository); !reason.empty())
      return llvm::make_error<Refusal>(503, fmt::format("compiler {} was revoked: {}", aotc_version, reason));
  llvm::Expected<std::optional<std::string>> known = store_.get(Table::Jobs, key);
  if (!known) return known.takeError();
  std::optional<JobRecord> old = *known ? JobRecord::parse(**known) : std::nullopt;
  if (old && old->state() == "revoked")
    if (llvm::Error error = forget_revoked(key, *old)) return error;
  Image image;
  llvm::Expected<std::optional<JobRecord>> found = find_done(key, image);
  if (!found) return found.takeError();
  std::optional<JobRecord>& done = *found;
  if (!done) return enqueue(order, id, place);
  done->add_images(unconditional(order.images));
  if (llvm::Error error = drop_stale_names(*done)) return error;
  if (llvm::Error error = check_names(*done)) return error;
  if (llvm::Error error = catalog_.publish(tenant, order.images, image, quota_of(tenant, order.cause),
                                           {{Table::Jobs, key, done->text()}}))
    return error;
  ++counters_.cache_hits;
  return Submission{id, true};
}

llvm::Expected<Submission> JobQueue::add_names(const Order& order, const std::shared_ptr<Job>& job, JobRecord record) {
  ++counters_.single_flight_hits;
  if (!record.add_images(order.images)) return Submission{job->id};
  if (llvm::Error error = check_names(record)) return error;
  if (llvm::Error error = catalog_.record(job->tenant(), quota_of(job->tenant(), order.cause),
                                          {{Table::Jobs, job->key(), record.text()}}))
    return error;
  std::lock_guard<std::mutex> lock(mutex_);
  job->record.add_images(order.images);
  tell(*job, JobNews::Step);
  return Submission{job->id};
}

// When there are too many: of those that name something else by now, only one for each repository that has the image.
llvm::Error JobQueue::drop_stale_names(JobRecord& record) {
  if (record.images().size() <= kMaxNames) return llvm::Error::success();
  std::vector<ImageName> kept, stale;
  std::set<std::string> repositories;
  const ImageName last = record.images().back();
  for (const ImageName& name : record.images()) {
    auto index = store_.get(Table::Tags, tag_key(name.repository, name.tag));
    if (!index) return index.takeError();
    bool current = *index == record.index() || (name.repository == last.repository && name.tag == last.tag);
    (current ? kept : stale).push_back(name);
    if (current) repositories.insert(name.repository);
  }
  for (const ImageName& name : stale) {
    auto image = store_.get(Table::Images, image_key(name.repository, record.index()));
    if (!image) return image.takeError();
    if (*image && repositories.insert(name.repository).second) kept.push_back(name);
  }
  record.set_images(kept);
  return llvm::Error::success();
}

llvm::Expected<Submission> JobQueue::enqueue(const Order& order, const std::string& id, Place* place) {
  std::optional<Place> own;
  if (order.cause == JobCause::Asked && !place) {
    llvm::Expected<Place> taken = take_place(order.module.tenant);
    if (!taken) return taken.takeError();
    place = &own.emplace(std::move(*taken));
    if (llvm::Error error = place->resize(order.bytes)) return error;
  }
  auto job = std::make_shared<Job>(Job{order.module, id, order.request, order.cause, order.bytes,
                                       JobRecord(id, order.module.digest, order.request, order.images, order.cause)});
  if (llvm::Error error = catalog_.hold(job->module, quota_of(job->tenant(), order.cause),
                                        {{Table::Jobs, job->key(), job->record.text()}}))
    return error;
  wait_in_lane(job, place);
  changed_.notify_one();
  return Submission{id};
}

// In the place, if it has one.
void JobQueue::wait_in_lane(const std::shared_ptr<Job>& job, Place* place) {
  std::lock_guard<std::mutex> lock(mutex_);
  active_[job->key()] = job;
  job->watchers = std::make_shared<JobWatchers>();
  tell(*job, JobNews::Step);
  Lane& lane = lanes_[job->tenant()];
  (job->cause == JobCause::Asked ? lane.asked : lane.others).push_back(job);
  if (place) {
    place->queue_ = nullptr;
    job->bytes = place->bytes_;
  } else if (job->cause == JobCause::Asked) {
    count(lane, 1, static_cast<int64_t>(job->bytes));
  }
}

llvm::Expected<std::optional<JobView>> JobQueue::describe(const std::string& tenant, const std::string& id) {
  std::string key = job_key(tenant, id);
  ++counters_.job_looks;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (auto found = active_.find(key); found != active_.end()) {
      const Job& job = *found->second;
      return JobView{job.record.shown(job.progress), false, job.version};
    }
  }
  llvm::Expected<std::optional<std::string>> text = store_.get(Table::Jobs, key);
  if (!text) return text.takeError();
  if (!*text) return std::nullopt;
  std::optional<JobRecord> record = JobRecord::parse(**text);
  if (!record) return failure("job " + id + ": the record is damaged");
  return JobView{record->shown({}), true};
}

JobWatch JobQueue::watch(const std::string& tenant, const std::string& id, JobVersion seen, JobNews least,
                         std::function<void()> wake) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = active_.find(job_key(tenant, id));
  bool ended = found == active_.end();
  const JobVersion now = ended ? seen : found->second->version;
  if (!ended && (least == JobNews::End || now.step == seen.step) &&
      (least != JobNews::Progress || now.progress == seen.progress))
    return found->second->watchers->add(least, std::move(wake));
  wake();
  return JobWatch();
}

// Of what has changed, under the lock of that.
void JobQueue::tell(Job& job, JobNews news) {
  (news == JobNews::Progress ? job.version.progress : job.version.step) = ++versions_;
  job.watchers->tell(news);
}

size_t JobQueue::watchers() {
  std::lock_guard<std::mutex> lock(mutex_);
  size_t count = 0;
  for (const auto& [key, job] : active_) count += job->watchers->size();
  return count;
}

llvm::Expected<bool> JobQueue::cancel(const std::string& tenant, const std::string& id) {
  std::shared_ptr<Job> job;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = active_.find(job_key(tenant, id));
    if (found == active_.end()) return false;
    job = found->second;
    job->cancelled = true;
    Lane& lane = lanes_[tenant];
    std::deque<std::shared_ptr<Job>>& waiting = job->cause == JobCause::Asked ? lane.asked : lane.others;
    auto place = std::find(waiting.begin(), waiting.end(), job);
    if (place == waiting.end()) return true;  // its worker's thread ends it
    waiting.erase(place);
    if (job->cause == JobCause::Asked) count(lane, -1, -static_cast<int64_t>(job->bytes));
  }
  finish(*job, failure("cancelled"));
  return true;
}

size_t JobQueue::waiting() {
  std::lock_guard<std::mutex> lock(mutex_);
  size_t count = 0;
  for (const auto& [tenant, lane] : lanes_) count += lane.asked.size() + lane.others.size();
  return count;
}

// With tenants, one of them does not get the last worker, unless there is only one.
std::shared_ptr<JobQueue::Job> JobQueue::next() {
  uint64_t most = tenants_.open_to_all() ? limits_.workers : std::max(2u, limits_.workers) - 1;
  Lane* best = nullptr;
  for (auto& [tenant, lane] : lanes_) {
    if ((lane.asked.empty() && lane.others.empty()) || lane.running >= std::min(most, tenants_.quota(tenant).workers))
      continue;
    if (!best || std::tie(lane.running, lane.turn) < std::tie(best->running, best->turn)) best = &lane;
  }
  if (!best) return nullptr;
  std::deque<std::shared_ptr<Job>>& waiting = best->asked.empty() ? best->others : best->asked;
  std::shared_ptr<Job> job = waiting.front();
  waiting.pop_front();
  if (job->cause == JobCause::Asked) count(*best, -1, -static_cast<int64_t>(job->bytes));
  ++best->running;
  best->turn = ++turns_;
  return job;
}

}  // namespace aotc::server
