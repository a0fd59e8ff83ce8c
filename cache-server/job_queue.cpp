// job_queue.cpp - single flight, the bounded queue, and what follows a compile: image, links, tags, record in one
// batch.
#include "job_queue.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "http_message.h"
#include "oci_image.h"
#include "worker_process.h"

namespace aotc::server {

namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxArtifact = uint64_t{2} << 30;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

llvm::Error failure(const std::string& message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

std::string string_in(const Json& json, const char* key) {
  auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string default_name(const std::string& module_digest) { return "modules/" + module_digest.substr(7); }

// The records that let a repository serve an image.
void add_links(std::vector<Record>& records, const Json& job, const std::string& name, const std::string& tag) {
  for (const Json& part : job["parts"])
    records.push_back({Table::Links, name + '\0' + part[0].get<std::string>(), part[1].get<std::string>()});
  records.push_back({Table::Tags, name + '\0' + tag, string_in(job, "index")});
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
  std::string id;
  Json record;  // guarded by the queue's mutex
  CompileRequest request;
  std::string module;
  std::string progress_target;  // guarded too
  uint64_t done = 0, total = 0;
};

JobQueue::JobQueue(Store& store, Counters& counters, const JobLimits& limits, std::string folder)
    : store_(store), counters_(counters), limits_(limits), folder_(std::move(folder)) {}

JobQueue::~JobQueue() { stop(); }

llvm::Error JobQueue::start() {
  std::error_code code;
  std::filesystem::remove_all(folder_, code);
  std::filesystem::create_directories(folder_, code);
  if (code) return failure(folder_ + ": " + code.message());
  std::string after;
  for (;;) {
    auto page = store_.list(Table::Jobs, "", after, 256);
    if (!page) return page.takeError();
    for (const auto& [id, text] : *page) {
      after = id;
      Json record = Json::parse(text, nullptr, false);
      if (!record.is_object() || string_in(record, "state") != "queued") continue;
      std::vector<std::pair<std::string, std::string>> options = {{"tier", string_in(record, "tier")}};
      std::string targets, cpus;
      for (const Json& target : record["targets"]) {
        targets += string_in(target, "target") + ",";
        cpus += string_in(target, "cpu") + ",";
      }
      options.insert(options.end(), {{"target", targets}, {"cpu", cpus}});
      llvm::Expected<CompileRequest> request = parse_compile_request(options);
      if (!request) {
        fmt::print(stderr, "aotc-server: job {}: {}\n", id, llvm::toString(request.takeError()));
        continue;
      }
      auto job = std::make_shared<Job>();
      job->id = id, job->record = record, job->request = *request, job->module = string_in(record, "module");
      active_[id] = job;
      queue_.push_back(job);
    }
    if (page->empty()) break;
  }
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

llvm::Expected<Submission> JobQueue::submit(const BlobInfo& module, const CompileRequest& request) {
  Submission submission;
  submission.id = job_id(module.digest, request);
  std::string name = request.name.empty() ? default_name(module.digest) : request.name;
  Json image = {{"name", name}, {"tag", request.tag}};

  std::lock_guard<std::mutex> lock(mutex_);
  if (auto found = active_.find(submission.id); found != active_.end()) {
    ++counters_.single_flight_hits;
    Json& images = found->second->record["images"];
    if (std::find(images.begin(), images.end(), image) != images.end()) return submission;
    images.push_back(image);
    if (llvm::Error error = store_.put({{Table::Jobs, submission.id, text_of(found->second->record)}})) return error;
    return submission;
  }
  llvm::Expected<std::optional<std::string>> known = store_.get(Table::Jobs, submission.id);
  if (!known) return known.takeError();
  if (*known) {
    Json record = Json::parse(**known, nullptr, false);
    if (record.is_object() && string_in(record, "state") == "done") {
      submission.done = true;
      Json& images = record["images"];
      if (std::find(images.begin(), images.end(), image) == images.end()) images.push_back(image);
      std::vector<Record> records;
      add_links(records, record, name, request.tag);
      records.push_back({Table::Jobs, submission.id, text_of(record)});
      if (llvm::Error error = store_.put(records)) return error;
      ++counters_.cache_hits;
      return submission;
    }
  }
  if (queue_.size() >= limits_.queue || stopping_) {
    ++counters_.refused_jobs;
    submission.full = true;
    return submission;
  }
  auto job = std::make_shared<Job>();
  job->id = submission.id, job->request = request, job->module = module.digest;
  Json targets = Json::array();
  for (const CompileTarget& target : request.targets)
    targets.push_back({{"target", architecture_name(target.architecture)}, {"cpu", target.cpu}});
  job->record = {{"id", job->id},           {"state", "queued"},
                 {"module", module.digest}, {"tier", tier_name(request.tier)},
                 {"targets", targets},      {"images", Json::array({image})}};
  if (llvm::Error error = store_.put({{Table::Jobs, job->id, text_of(job->record)}})) return error;
  active_[job->id] = job;
  queue_.push_back(job);
  changed_.notify_one();
  return submission;
}

llvm::Expected<std::optional<std::string>> JobQueue::describe(const std::string& id) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (auto found = active_.find(id); found != active_.end()) {
      const Job& job = *found->second;
      Json record = job.record;
      if (!job.progress_target.empty()) {
        record["state"] = "running";
        record["progress"] = {{"target", job.progress_target}, {"done", job.done}, {"total", job.total}};
      }
      return std::optional<std::string>(text_of(record));
    }
  }
  llvm::Expected<std::optional<std::string>> text = store_.get(Table::Jobs, id);
  if (!text || !*text) return text;
  Json record = Json::parse(**text, nullptr, false);
  if (!record.is_object()) return failure("job " + id + ": the record is damaged");
  record.erase("parts");
  return std::optional<std::string>(text_of(record));
}

bool JobQueue::finished(const std::string& id) {
  std::lock_guard<std::mutex> lock(mutex_);
  return active_.find(id) == active_.end();
}

size_t JobQueue::waiting() {
  std::lock_guard<std::mutex> lock(mutex_);
  return queue_.size();
}

void JobQueue::work() {
  for (;;) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      job = queue_.front();
      queue_.pop_front();
    }
    finish(*job, compile_job(*job));
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
    job.record.erase("artifacts");  // of a run that a restart cut off
  }
  std::vector<CompiledTarget> compiled;
  for (const CompileTarget& target : job.request.targets) {
    compiled.push_back({target, {}});
    if (llvm::Error error = compile_target(job, target, *module, compiled.back().artifact)) return error;
  }
  llvm::Expected<Image> image = store_image(store_, job.module, job.request.tier, compiled);
  if (!image) return image.takeError();
  std::lock_guard<std::mutex> lock(mutex_);
  job.record["index"] = image->index;
  Json& parts = job.record["parts"] = Json::array();
  for (const ImagePart& part : image->parts) parts.push_back(Json::array({part.digest, part.media_type}));
  return llvm::Error::success();
}

llvm::Error JobQueue::compile_target(Job& job, const CompileTarget& target, const Descriptor& module,
                                     BlobInfo& artifact) {
  const char* architecture = architecture_name(target.architecture);
  WorkerOptions options;
  options.name = "module.wasm";
  options.target = architecture;
  options.cpu = target.cpu;
  options.tier = tier_name(job.request.tier);
  options.threads = limits_.threads;
  options.limits.memory_bytes = limits_.memory_bytes;
  options.limits.file_bytes = kMaxArtifact;
  options.limits.cpu_seconds = static_cast<uint64_t>(limits_.wall_seconds * limits_.threads) + 1;
  WorkerWatch watch;
  watch.wall_seconds = limits_.wall_seconds;
  watch.stopped = [this] {
    std::lock_guard<std::mutex> lock(mutex_);
    return stopping_;
  };
  watch.progress = [this, &job](uint64_t done, uint64_t total) {
    std::lock_guard<std::mutex> lock(mutex_);
    job.done = done, job.total = total;
  };
  {
    std::lock_guard<std::mutex> lock(mutex_);
    job.progress_target = architecture, job.done = job.total = 0;
  }
  llvm::Expected<Descriptor> input = open_to_read(module);
  if (!input) return input.takeError();
  llvm::Expected<Descriptor> output = make_unnamed_file(folder_);
  if (!output) return output.takeError();
  llvm::Expected<WorkerResult> result = run_worker_process(options, *input, *output, watch);
  if (!result) return llvm::make_error<ModuleError>(llvm::toString(result.takeError()));
  llvm::Expected<BlobInfo> stored = copy_to_store(store_, *output);
  if (!stored) return stored.takeError();
  artifact = *stored;
  std::lock_guard<std::mutex> lock(mutex_);
  job.record["artifacts"].push_back({{"target", architecture},
                                     {"cpu", target.cpu},
                                     {"digest", artifact.digest},
                                     {"size", artifact.size},
                                     {"functions", result->functions},
                                     {"seconds", result->seconds}});
  return llvm::Error::success();
}

void JobQueue::finish(Job& job, llvm::Error error) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (error && stopping_) {  // it goes on after the restart
    llvm::consumeError(std::move(error));
    active_.erase(job.id);
    return;
  }
  std::vector<Record> records;
  if (error) {
    bool module_is_to_blame = error.isA<ModuleError>();
    Response document =
        module_is_to_blame ? problem(422, llvm::toString(std::move(error))) : internal_problem(std::move(error));
    job.record["state"] = "failed";
    job.record["error"] = Json::parse(document.body);
    job.record.erase("artifacts");
    job.record.erase("parts");
    ++counters_.failed;
  } else {
    job.record["state"] = "done";
    for (const Json& image : job.record["images"])
      add_links(records, job.record, string_in(image, "name"), string_in(image, "tag"));
    ++counters_.compiled;
  }
  records.push_back({Table::Jobs, job.id, text_of(job.record)});
  if (llvm::Error failed = store_.put(records))
    fmt::print(stderr, "aotc-server: job {}: {}\n", job.id, llvm::toString(std::move(failed)));
  active_.erase(job.id);
}

}  // namespace aotc::server
