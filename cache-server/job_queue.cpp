// job_queue.cpp - single flight, the bounded queue, and what follows a compile: image, links, tags, record in one
// batch.
#include "job_queue.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <tuple>

#include <fmt/format.h>

#include "http_message.h"
#include "job_record.h"
#include "log.h"
#include "worker_process.h"

namespace aotc::server {

namespace {

constexpr uint64_t kMaxArtifact = uint64_t{2} << 30;

llvm::Error failure(const std::string& message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

std::string default_name(const std::string& tenant, const std::string& module_digest) {
  return (tenant.empty() ? "" : tenant + "/") + "modules/" + module_digest.substr(7);
}

std::string key_of(const std::string& tenant, const std::string& id) { return tenant + '\0' + id; }

std::string today() {
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

int64_t milliseconds_since_1970() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// Conditions are for publishing, not for remembering.
std::vector<ImageName> unconditional(std::vector<ImageName> images) {
  for (ImageName& image : images) image.was.clear();
  return images;
}

// The record of a job that was done; nothing for others.
std::optional<JobRecord> done_record(const std::string& text) {
  std::optional<JobRecord> record = JobRecord::parse(text);
  return record && record->state() == "done" ? record : std::nullopt;
}

// Whether what a job made has not been removed or damaged since.
llvm::Expected<bool> is_complete(Store& store, const Image& image) {
  for (const ImagePart& part : image.parts) {
    llvm::Expected<std::optional<BlobInfo>> blob = store.find_blob(part.digest);
    if (!blob) return blob.takeError();
    if (!*blob || (*blob)->damaged) return false;
  }
  return !image.parts.empty();
}

// What the module is to blame for, as opposed to the server.
class ModuleError : public llvm::ErrorInfo<ModuleError> {
 public:
  static char ID;
  explicit ModuleError(std::string message) : message(std::move(message)) {}
  void log(llvm::raw_ostream& os) const override { os << message; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }
  std::string message;
};
char ModuleError::ID;

}  // namespace

struct JobQueue::Job {
  std::string tenant, id, module;
  CompileRequest request;
  bool again = false;
  // Guarded by the queue's mutex:
  JobRecord record;
  JobProgress progress = {};
  bool cancelled = false;

  std::string key() const { return key_of(tenant, id); }
  Hold hold() const { return {tenant, module}; }
};

struct JobQueue::Order {
  std::string tenant, module;
  CompileRequest request;
  std::vector<ImageName> images;
  bool again = false;
};

JobQueue::JobQueue(Store& store, Catalog& catalog, Tenants& tenants, Counters& counters, const JobLimits& limits,
                   std::string folder)
    : store_(store),
      catalog_(catalog),
      tenants_(tenants),
      counters_(counters),
      limits_(limits),
      folder_(std::move(folder)) {}

JobQueue::~JobQueue() { stop(); }

llvm::Error JobQueue::start() {
  std::error_code code;
  std::filesystem::remove_all(folder_, code);
  std::filesystem::create_directories(folder_, code);
  if (code) return failure(folder_ + ": " + code.message());
  llvm::Error error = for_each(store_, Table::Jobs, "", [&](const std::string& key, const std::string& text) {
    std::optional<JobRecord> record = JobRecord::parse(text);
    if (!record || record->state() != "queued") return llvm::Error::success();
    llvm::Expected<CompileRequest> request = record->request();
    if (request)
      wait_in_lane(std::make_shared<Job>(
          Job{key.substr(0, key.find('\0')), record->id(), record->module(), *request, record->again(), *record}));
    else
      log(Level::Error, llvm::toString(request.takeError()), {{"job", record->id()}});
    return llvm::Error::success();
  });
  if (error) return error;
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

uint64_t JobQueue::processor_milliseconds_today(const std::string& tenant) {
  uint64_t used = 0;
  llvm::Expected<std::optional<std::string>> text = store_.get(Table::Usage, key_of(tenant, today()));
  if (!text)
    llvm::consumeError(text.takeError());
  else if (*text && llvm::StringRef(**text).getAsInteger(10, used))
    used = 0;
  return used;
}

void JobQueue::charge(const std::string& tenant, double cpu_seconds) {
  std::lock_guard<std::mutex> writing(writes_);
  uint64_t used = processor_milliseconds_today(tenant) + static_cast<uint64_t>(cpu_seconds * 1000);
  if (llvm::Error error = store_.put({{Table::Usage, key_of(tenant, today()), std::to_string(used)}}))
    log(Level::Error, llvm::toString(std::move(error)), {{"tenant", tenant}});
}

// Why the tenant cannot have another job now; empty when it can.
std::string JobQueue::refusal(const std::string& tenant) {
  Quota quota = tenants_.quota(tenant);
  if (quota.cpu_seconds != UINT64_MAX && processor_milliseconds_today(tenant) >= quota.cpu_seconds * 1000)
    return fmt::format("the quota of {} processor seconds a day is used up", quota.cpu_seconds);
  std::lock_guard<std::mutex> lock(mutex_);
  const Lane& lane = lanes_[tenant];
  if (stopping_) return "the server is shutting down";
  if (lane.waiting.size() >= limits_.queue || lane.waiting.size() + lane.running >= quota.jobs)
    return "too many of your jobs are waiting";
  return "";
}

llvm::Expected<Submission> JobQueue::submit(const std::string& tenant, const BlobInfo& module,
                                            const CompileRequest& request) {
  std::string name = request.name.empty() ? default_name(tenant, module.digest) : request.name;
  std::lock_guard<std::mutex> writing(writes_);
  return place({tenant, module.digest, request, {{name, request.tag}}});
}

// An image that is there gets more names, so does a job under way; otherwise there is a new job.
llvm::Expected<Submission> JobQueue::place(const Order& order) {
  Submission submission;
  submission.id = job_id(order.module, order.request);
  std::string key = key_of(order.tenant, submission.id);
  std::shared_ptr<Job> job;
  std::optional<JobRecord> record;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (auto found = active_.find(key); found != active_.end()) job = found->second, record = job->record;
  }
  if (job) {
    ++counters_.single_flight_hits;
    if (!record->add_images(order.images)) return submission;
    if (llvm::Error error = store_.put({{Table::Jobs, key, record->text()}})) return error;
    std::lock_guard<std::mutex> lock(mutex_);
    job->record.add_images(order.images);
    return submission;
  }
  llvm::Expected<std::optional<std::string>> known = store_.get(Table::Jobs, key);
  if (!known) return known.takeError();
  std::optional<JobRecord> done = *known ? done_record(**known) : std::nullopt;
  if (!done) return enqueue(order, submission.id);
  llvm::Expected<bool> complete = is_complete(store_, done->image());
  if (!complete) return complete.takeError();
  if (!*complete) return enqueue(order, submission.id);
  done->add_images(unconditional(order.images));
  Quota quota = order.again ? Quota() : tenants_.quota(order.tenant);
  if (llvm::Error error = catalog_.publish(order.images, done->image(), quota, {{Table::Jobs, key, done->text()}}))
    return error;
  submission.done = true;
  ++counters_.cache_hits;
  return submission;
}

llvm::Expected<Submission> JobQueue::enqueue(const Order& order, const std::string& id) {
  Submission submission;
  submission.id = id;
  if (!order.again) submission.refusal = refusal(order.tenant);
  if (!submission.refusal.empty()) {
    ++counters_.refused_jobs;
    return submission;
  }
  auto job = std::make_shared<Job>(Job{order.tenant, id, order.module, order.request, order.again,
                                       JobRecord(id, order.module, order.request, order.images, order.again)});
  Quota quota = order.again ? Quota() : tenants_.quota(order.tenant);
  if (llvm::Error error = catalog_.hold(job->hold(), quota, {{Table::Jobs, job->key(), job->record.text()}}))
    return error;
  wait_in_lane(job);
  changed_.notify_one();
  return submission;
}

void JobQueue::wait_in_lane(const std::shared_ptr<Job>& job) {
  std::lock_guard<std::mutex> lock(mutex_);
  active_[job->key()] = job;
  Lane& lane = lanes_[job->tenant];
  (job->again ? lane.again : lane.waiting).push_back(job);
}

// The tags that still name what this job made are to name what is made now.
llvm::Error JobQueue::do_again(const std::string& tenant, const JobRecord& record) {
  llvm::Expected<CompileRequest> request = record.request();
  if (!request) return request.takeError();
  std::vector<ImageName> images = record.images();
  for (ImageName& image : images) image.was = record.index();
  std::lock_guard<std::mutex> writing(writes_);
  return place({tenant, record.module(), *request, images, true}).takeError();
}

llvm::Expected<size_t> JobQueue::repair(const std::string& digest) {
  size_t count = 0;
  llvm::Error error =
      for_each(store_, Table::Jobs, "", [&](const std::string& key, const std::string& text) -> llvm::Error {
        std::optional<JobRecord> record = done_record(text);
        if (!record) return llvm::Error::success();
        Image image = record->image();
        if (std::none_of(image.parts.begin(), image.parts.end(),
                         [&](const ImagePart& part) { return part.digest == digest; }))
          return llvm::Error::success();
        llvm::Expected<std::optional<BlobInfo>> module = store_.find_blob(record->module());
        if (!module) return module.takeError();
        if (!*module || (*module)->damaged) return llvm::Error::success();
        ++count;
        return do_again(key.substr(0, key.find('\0')), *record);
      });
  if (error) return error;
  return count;
}

llvm::Expected<size_t> JobQueue::rebuild(const std::string& compiler) {
  if (compiler == kCompilerVersion) return failure("this server's own compiler is " + compiler);
  size_t count = 0;
  llvm::Error error =
      for_each(store_, Table::Jobs, "", [&](const std::string& key, const std::string& text) -> llvm::Error {
        std::optional<JobRecord> record = done_record(text);
        if (!record || record->compiler() != compiler) return llvm::Error::success();
        bool tagged = false;
        for (const ImageName& name : record->images()) {
          auto index = store_.get(Table::Tags, name.repository + '\0' + name.tag);
          if (!index) return index.takeError();
          tagged |= *index == record->index();
        }
        if (!tagged) return llvm::Error::success();
        ++count;
        return do_again(key.substr(0, key.find('\0')), *record);
      });
  if (error) return error;
  return count;
}

llvm::Expected<size_t> JobQueue::revoke(const std::string& compiler) {
  size_t count = 0;
  llvm::Error error =
      for_each(store_, Table::Jobs, "", [&](const std::string& key, const std::string& text) -> llvm::Error {
        std::optional<JobRecord> record = done_record(text);
        if (!record || record->compiler() != compiler) return llvm::Error::success();
        std::lock_guard<std::mutex> writing(writes_);  // nobody publishes it once more meanwhile
        llvm::Expected<std::optional<std::string>> now = store_.get(Table::Jobs, key);
        if (!now) return now.takeError();
        std::optional<JobRecord> latest = *now ? done_record(**now) : std::nullopt;
        if (!latest || latest->compiler() != compiler) return llvm::Error::success();
        for (const ImageName& name : latest->images()) {
          llvm::Expected<bool> removed = catalog_.remove_manifest(name.repository, latest->index());
          if (!removed) return removed.takeError();
          count += *removed;
        }
        return store_.put({{Table::Jobs, key, std::nullopt}});
      });
  if (error) return error;
  return count;
}

llvm::Expected<uint64_t> JobQueue::expire(uint64_t seconds) {
  uint64_t expired = 0;
  int64_t oldest = milliseconds_since_1970() - static_cast<int64_t>(seconds * 1000);
  llvm::Error error =
      for_each(store_, Table::Jobs, "", [&](const std::string& key, const std::string& text) -> llvm::Error {
        std::optional<JobRecord> record = JobRecord::parse(text);
        if (!record || record->finished().value_or(oldest) >= oldest) return llvm::Error::success();
        std::lock_guard<std::mutex> writing(writes_);
        llvm::Expected<std::optional<std::string>> now = store_.get(Table::Jobs, key);
        if (!now) return now.takeError();
        if (*now != text) return llvm::Error::success();
        if (record->state() == "done")
          for (const ImageName& name : record->images()) {
            auto image = store_.get(Table::Images, name.repository + '\0' + record->index());
            if (!image) return image.takeError();
            if (*image) return llvm::Error::success();
          }
        ++expired;
        return store_.put({{Table::Jobs, key, std::nullopt}});
      });
  if (error) return error;
  return expired;
}

llvm::Expected<std::optional<std::string>> JobQueue::describe(const std::string& tenant, const std::string& id) {
  std::string key = key_of(tenant, id);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (auto found = active_.find(key); found != active_.end())
      return std::optional<std::string>(found->second->record.shown(found->second->progress));
  }
  llvm::Expected<std::optional<std::string>> text = store_.get(Table::Jobs, key);
  if (!text || !*text) return text;
  std::optional<JobRecord> record = JobRecord::parse(**text);
  if (!record) return failure("job " + id + ": the record is damaged");
  return std::optional<std::string>(record->shown({}));
}

bool JobQueue::finished(const std::string& tenant, const std::string& id) {
  std::lock_guard<std::mutex> lock(mutex_);
  return active_.find(key_of(tenant, id)) == active_.end();
}

llvm::Expected<bool> JobQueue::cancel(const std::string& tenant, const std::string& id) {
  std::shared_ptr<Job> job;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = active_.find(key_of(tenant, id));
    if (found == active_.end()) return false;
    job = found->second;
    job->cancelled = true;
    Lane& lane = lanes_[tenant];
    std::deque<std::shared_ptr<Job>>& waiting = job->again ? lane.again : lane.waiting;
    auto place = std::find(waiting.begin(), waiting.end(), job);
    if (place == waiting.end()) return true;  // its worker's thread ends it
    waiting.erase(place);
  }
  finish(*job, failure("cancelled"));
  return true;
}

size_t JobQueue::waiting() {
  std::lock_guard<std::mutex> lock(mutex_);
  size_t count = 0;
  for (const auto& [tenant, lane] : lanes_) count += lane.waiting.size() + lane.again.size();
  return count;
}

// With tenants, one of them does not get the last worker, unless there is only one.
std::shared_ptr<JobQueue::Job> JobQueue::next() {
  uint64_t most = tenants_.open_to_all() ? limits_.workers : std::max(2u, limits_.workers) - 1;
  Lane* best = nullptr;
  for (auto& [tenant, lane] : lanes_) {
    if ((lane.waiting.empty() && lane.again.empty()) || lane.running >= std::min(most, tenants_.quota(tenant).workers))
      continue;
    if (!best || std::tie(lane.running, lane.turn) < std::tie(best->running, best->turn)) best = &lane;
  }
  if (!best) return nullptr;
  std::deque<std::shared_ptr<Job>>& waiting = best->waiting.empty() ? best->again : best->waiting;
  std::shared_ptr<Job> job = waiting.front();
  waiting.pop_front();
  ++best->running;
  best->turn = ++turns_;
  return job;
}

void JobQueue::work() {
  for (;;) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || (job = next()) != nullptr; });
      if (stopping_) return;
    }
    finish(*job, compile_job(*job));
    {
      std::lock_guard<std::mutex> lock(mutex_);
      --lanes_[job->tenant].running;
    }
    changed_.notify_all();  // the tenant may have another worker
  }
}

llvm::Error JobQueue::compile_job(Job& job) {
  llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob(job.module);
  if (!blob) return blob.takeError();
  if (!*blob) return failure(job.module + " is not in the store");
  llvm::Expected<Descriptor> module = make_unnamed_file(folder_);
  if (!module) return module.takeError();
  if (llvm::Error error = copy_from_store(store_, **blob, *module)) return error;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    job.record.drop_results();
  }
  std::vector<Compiled> compiled;
  std::vector<CompiledTarget> targets;
  for (const CompileTarget& target : job.request.targets) {
    llvm::Expected<Compiled> made = compile_target(job, target, job.request.tier, *module);
    if (!made) return made.takeError();
    targets.push_back({target, made->artifact});
    std::lock_guard<std::mutex> lock(mutex_);
    job.record.add_artifact(target, made->artifact, made->functions, made->seconds);
    compiled.push_back(std::move(*made));
  }
  llvm::Expected<std::optional<FrozenProgram>> frozen = freeze_job(job, compiled, *module);
  if (!frozen) return frozen.takeError();
  llvm::Expected<Image> image = store_image(store_, **blob, job.request.tier, targets, *frozen ? &**frozen : nullptr);
  if (!image) return image.takeError();
  std::lock_guard<std::mutex> lock(mutex_);
  job.record.set_image(*image);
  return llvm::Error::success();
}

const char* JobQueue::reason_to_stop(const Job& job) {
  std::lock_guard<std::mutex> lock(mutex_);
  return stopping_ ? "the server is shutting down" : job.cancelled ? "the job was cancelled" : nullptr;
}

llvm::Expected<JobQueue::Compiled> JobQueue::compile_target(Job& job, const CompileTarget& target, Tier tier,
                                                            const Descriptor& module) {
  const char* architecture = architecture_name(target.architecture);
  WorkerOptions options;
  options.name = "module.wasm";
  options.target = architecture;
  options.cpu = target.cpu;
  options.tier = tier_name(tier);
  options.threads = limits_.threads;
  options.limits.memory_bytes = limits_.memory_bytes;
  options.limits.file_bytes = kMaxArtifact;
  options.limits.cpu_seconds = static_cast<uint64_t>(limits_.wall_seconds * limits_.threads) + 1;
  if (uint64_t quota = tenants_.quota(job.tenant).cpu_seconds; quota != UINT64_MAX && !job.again) {
    uint64_t used = processor_milliseconds_today(job.tenant) / 1000;
    options.limits.cpu_seconds = std::min(options.limits.cpu_seconds, (quota > used ? quota - used : 0) + 1);
  }
  WorkerWatch watch;
  watch.wall_seconds = limits_.wall_seconds;
  watch.stopped = [this, &job] { return reason_to_stop(job); };
  watch.progress = [this, &job](uint64_t done, uint64_t total) {
    std::lock_guard<std::mutex> lock(mutex_);
    job.progress.done = done, job.progress.total = total;
  };
  {
    std::lock_guard<std::mutex> lock(mutex_);
    job.progress = {architecture};
  }
  llvm::Expected<Descriptor> input = open_to_read(module);
  if (!input) return input.takeError();
  llvm::Expected<Descriptor> output = make_unnamed_file(folder_);
  if (!output) return output.takeError();
  double cpu_seconds = 0;
  llvm::Expected<WorkerResult> result = run_worker_process(options, *input, *output, watch, cpu_seconds);
  if (!job.again) charge(job.tenant, cpu_seconds);
  if (!result) return llvm::make_error<ModuleError>(llvm::toString(result.takeError()));
  llvm::Expected<BlobInfo> stored = copy_to_store(store_, *output);
  if (!stored) return stored.takeError();
  return Compiled{*stored, std::move(*output), result->functions, result->go, result->seconds};
}

// Runs the artifact that is for this machine; one of quick code if there is none.
llvm::Expected<std::optional<FrozenProgram>> JobQueue::freeze_job(Job& job, std::vector<Compiled>& compiled,
                                                                  const Descriptor& module) {
  const FreezeRequest& request = job.request.freeze;
  bool required = request.mode == SnapshotMode::Required;
  if (request.mode == SnapshotMode::Off || (!compiled.front().go && !required)) return std::nullopt;
  llvm::Expected<Architecture> host = parse_architecture("host");
  if (!host) return host.takeError();
  const Descriptor* artifact = nullptr;
  std::string usual = cpu_baselines(*host).front();  // more cannot be expected of this machine
  for (size_t i = 0; i < job.request.targets.size() && !artifact; ++i)
    if (job.request.targets[i].architecture == *host && job.request.targets[i].cpu <= usual)
      artifact = &compiled[i].file;
  if (!artifact) {
    llvm::Expected<Compiled> quick = compile_target(job, {*host, usual}, Tier::Quick, module);
    if (!quick) return quick.takeError();
    compiled.push_back(std::move(*quick));
    artifact = &compiled.back().file;
  }
  double cpu_seconds = 0;
  llvm::Expected<FrozenProgram> frozen = freeze_program(
      store_, folder_, *artifact, job.module, request, limits_.freeze,
      [this, &job] { return reason_to_stop(job) != nullptr; }, cpu_seconds);
  if (!job.again) charge(job.tenant, cpu_seconds);
  if (!frozen) return frozen.takeError();
  if (const char* reason = reason_to_stop(job)) return failure(reason);
  if (!frozen->snapshot && required) return llvm::make_error<ModuleError>("no snapshot: " + frozen->reason);
  std::lock_guard<std::mutex> lock(mutex_);
  job.record.set_snapshot(*frozen);
  return std::optional<FrozenProgram>(std::move(*frozen));
}

void JobQueue::finish(Job& job, llvm::Error error) {
  std::lock_guard<std::mutex> writing(writes_);
  std::unique_lock<std::mutex> lock(mutex_);
  JobRecord record = job.record;
  bool cancelled = job.cancelled;
  if (error && stopping_ && !cancelled) {  // it goes on after the restart
    llvm::consumeError(std::move(error));
    active_.erase(job.key());
    return;
  }
  lock.unlock();
  std::string failure;  // of the server itself
  int64_t now = milliseconds_since_1970();
  if (!error && !cancelled) {
    std::vector<ImageName> names = record.images();
    record.end_done(now);
    Hold hold = job.hold();
    Quota quota = job.again ? Quota() : tenants_.quota(job.tenant);
    error = catalog_.publish(names, record.image(), quota, {{Table::Jobs, job.key(), record.text()}}, &hold);
    if (!error) ++counters_.compiled;
  }
  if (error || cancelled) {
    Response document;
    if (cancelled)
      document = problem(409, "the job was cancelled"), llvm::consumeError(std::move(error));
    else if (error.isA<ModuleError>())
      document = problem(422, llvm::toString(std::move(error)));
    else if (error.isA<QuotaError>())
      document = problem(403, llvm::toString(std::move(error)));
    else
      document = internal_problem(std::move(error)), failure = document.failure;
    record.end_badly(now, cancelled ? "cancelled" : "failed", document.body);
    ++(cancelled ? counters_.cancelled : counters_.failed);
    if (llvm::Error failed = catalog_.release(job.hold(), {{Table::Jobs, job.key(), record.text()}}))
      log(Level::Error, llvm::toString(std::move(failed)), {{"job", job.id}});
  }
  lock.lock();
  active_.erase(job.key());
  lock.unlock();
  nlohmann::ordered_json fields = {{"job", job.id}, {"tenant", job.tenant}, {"module", job.module}};
  if (record.state() != "done") fields["reason"] = record.reason();
  if (!failure.empty()) fields["error"] = failure;
  log(failure.empty() ? Level::Info : Level::Error, "job " + record.state(), fields);
}

}  // namespace aotc::server
