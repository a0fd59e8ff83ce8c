// job_runner.cpp - what a thread of the queue does with a job: a worker for each target, freezing, the image; then
// links, tags and record in one batch.
#include <sys/stat.h>

#include <fmt/format.h>

#include "http/http_message.h"
#include "llvm/ADT/STLExtras.h"
#include "log.h"
#include "process/worker.h"
#include "queued_job.h"
#include "support/error.h"
#include "worker_group.h"

namespace aotc::server {

namespace {

constexpr std::chrono::seconds kIdleCheck{1};
constexpr size_t kMaxLogLine = 400;
constexpr unsigned kMaxLogLines = 20;  // per worker

uint64_t size_of(const UniqueFd& file) {
  struct stat st;
  return fstat(file.get(), &st) == 0 ? static_cast<uint64_t>(st.st_size) : 0;
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

void JobQueue::work() {
  for (;;) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      bool may_idle = false;
      auto ready = [&] {
        return stopping_ || (job = next()) != nullptr || (may_idle = !idling_ && is_quiet() && idle_.has_step());
      };
      // Some idle work becomes ready with time alone.
      while (!changed_.wait_for(lock, kIdleCheck, ready)) continue;
      if (stopping_) return;
      idling_ = idling_ || may_idle;
    }
    if (!job) {
      idle_.step([this] { return is_wanted(); });
      std::lock_guard<std::mutex> lock(mutex_);
      idling_ = false;
      continue;
    }
    finish(*job, compile_job(*job));
    {
      std::lock_guard<std::mutex> lock(mutex_);
      --lanes_[job->tenant()].running;
      idle_.notice_job();
    }
    changed_.notify_all();  // the tenant may have another worker
  }
}

// No job waits or runs.
bool JobQueue::is_quiet() const {
  return llvm::all_of(lanes_, [](const auto& entry) {
    const Lane& lane = entry.second;
    return lane.asked.empty() && lane.others.empty() && lane.running == 0;
  });
}

bool JobQueue::is_wanted() {
  std::lock_guard<std::mutex> lock(mutex_);
  return stopping_ || !is_quiet();
}

llvm::Error JobQueue::compile_job(Job& job) {
  llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob(job.module);
  if (!blob) return blob.takeError();
  if (!*blob) return failure(job.module.digest + " is not in the store");
  llvm::Expected<UniqueFd> module = make_unnamed_file(folder_);
  if (!module) return module.takeError();
  if (llvm::Error error = copy_from_store(store_, **blob, *module)) return error;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    job.record.drop_results();
  }
  Accounts::Reservation space = catalog_.reserve(job.tenant(), quota_of(job.tenant(), job.cause));
  std::vector<Compiled> compiled;
  std::vector<CompiledTarget> targets;
  for (const CompileTarget& target : job.request.targets) {
    llvm::Expected<Compiled> made = compile_target(job, space, target, job.request.options.tier(), *module);
    if (!made) return made.takeError();
    targets.push_back({target, made->artifact});
    std::lock_guard<std::mutex> lock(mutex_);
    job.record.add_artifact(target, made->artifact, made->stats, made->seconds);
    tell(job, JobNews::Step);
    compiled.push_back(std::move(*made));
  }
  llvm::Expected<std::optional<FrozenProgram>> frozen = freeze_job(job, space, compiled, *module);
  if (!frozen) return frozen.takeError();
  for (Compiled& made : compiled) {
    if (!made.keeper) continue;
    if (llvm::Error error = made.keeper->end())
      return llvm::make_error<ModuleError>("module.wasm: the compiler " + llvm::toString(std::move(error)));
    if (made.keeper->shared()) counters_.remote_functions += made.keeper->shared()->hits;
  }
  Tier tier = job.request.options.tier();
  // Then it is the image that tier best makes.
  if (tier == Tier::Auto &&
      llvm::all_of(compiled, [](const Compiled& made) { return made.stats.quick_functions == 0; }))
    tier = Tier::Best;
  llvm::Expected<Image> image =
      store_image(store_, space, **blob, tier, targets, *frozen ? &**frozen : nullptr, job.request.options);
  if (!image) return image.takeError();
  std::lock_guard<std::mutex> lock(mutex_);
  job.record.set_image(*image);
  job.blobs = std::move(image->blobs);
  return llvm::Error::success();
}

const char* JobQueue::reason_to_stop(const Job& job) {
  std::lock_guard<std::mutex> lock(mutex_);
  return stopping_ ? "the server is shutting down" : job.cancelled ? "the job was cancelled" : nullptr;
}

llvm::Expected<JobQueue::Compiled> JobQueue::compile_target(Job& job, Accounts::Reservation& space,
                                                            const CompileTarget& target, Tier tier,
                                                            const UniqueFd& module) {
  const char* architecture = architecture_name(target.architecture);
  WorkerOptions options;
  options.start_anew = true;
  options.compile.module_name = "module.wasm";
  options.compile.architecture = target.architecture;
  options.compile.cpu = target.cpu;
  options.compile.tier = tier;
  options.compile.jobs = limits_.threads;
  Quota quota = quota_of(job.tenant(), job.cause);
  uint64_t allowed = allow_cpu_seconds(job);
  options.limits = limits_.worker(allowed, catalog_.room(job.tenant(), quota));
  options.wall_seconds = limits_.wall_seconds;
  options.stopped = [this, &job] { return reason_to_stop(job) != nullptr; };
  options.compile.progress = [this, &job](size_t done, size_t total) {
    std::lock_guard<std::mutex> lock(mutex_);
    job.progress.done = done, job.progress.total = total;
    tell(job, JobNews::Progress);
  };
  // What a worker says apart from messages, such as an assertion that failed, is for the operator to see.
  options.said = [lines = 0u](const std::string& line) mutable {
    if (++lines <= kMaxLogLines) log(Level::Info, "a worker said something", {{"text", line.substr(0, kMaxLogLine)}});
  };
  {
    std::lock_guard<std::mutex> lock(mutex_);
    job.progress = {architecture};
    tell(job, JobNews::Step);
  }
  llvm::Expected<WorkerGroup> group = WorkerGroup::make(limits_.groups, limits_.worker_memory(), limits_.threads);
  if (!group) return group.takeError();
  options.group = group->descriptor();
  std::unique_ptr<Keeper> keeper = start_keeper(limits_.functions, job.tenant());
  options.cache = keeper ? keeper->socket() : -1;
  llvm::Expected<UniqueFd> input = open_to_read(module), output = make_unnamed_file(folder_);
  llvm::Expected<WorkerResult> result = WorkerResult();
  double cpu_seconds = 0;
  if (input && output) result = compile_in_worker(input->get(), output->get(), options, cpu_seconds);
  if (keeper) keeper->part(nullptr);
  charge(job, cpu_seconds, allowed);
  if (!input) return input.takeError();
  if (!output) return output.takeError();
  if (!result) {
    std::string reason = llvm::toString(result.takeError());
    if (options.limits.file_bytes < limits_.artifact_bytes && size_of(*output) >= options.limits.file_bytes)
      return llvm::make_error<QuotaError>(quota.bytes);
    return llvm::make_error<ModuleError>(reason);
  }
  counters_.functions += result->stats.functions;
  counters_.cached_functions += result->stats.cached_functions;
  llvm::Expected<BlobInfo> stored = copy_to_store(store_, space, *output);
  if (!stored) return stored.takeError();
  return Compiled{*stored, std::move(*output), result->stats, result->seconds, std::move(keeper)};
}

llvm::Expected<std::optional<FrozenProgram>> JobQueue::freeze_job(Job& job, Accounts::Reservation& space,
                                                                  std::vector<Compiled>& compiled,
                                                                  const UniqueFd& module) {
  std::vector<UniqueFd> readers;
  std::vector<FinishedArtifact> artifacts;
  for (size_t i = 0; i < job.request.targets.size(); ++i) {
    llvm::Expected<UniqueFd> reader = open_to_read(compiled[i].file);
    if (!reader) return reader.takeError();
    const CompileTarget& target = job.request.targets[i];
    artifacts.push_back({target.architecture, target.cpu, readers.emplace_back(std::move(*reader)).get()});
  }
  auto make_quick = [&](Architecture architecture, const std::string& cpu) -> llvm::Expected<int> {
    llvm::Expected<Compiled> quick = compile_target(job, space, {architecture, cpu}, Tier::Quick, module);
    if (!quick) return quick.takeError();
    llvm::Expected<UniqueFd> reader = open_to_read(quick->file);
    if (!reader) return reader.takeError();
    compiled.push_back(std::move(*quick));  // its blob is held until the image is stored
    return readers.emplace_back(std::move(*reader)).get();
  };
  FreezeRequest request{"module.wasm", job.request.options, limits_.freeze,
                        [this, &job] { return reason_to_stop(job) != nullptr; }};
  double cpu_seconds = 0;
  llvm::Expected<std::optional<FrozenProgram>> frozen =
      freeze_and_store(store_, space, folder_, job.module.digest, artifacts, compiled.front().stats.go_shaped,
                       make_quick, request, cpu_seconds);
  charge(job, cpu_seconds);
  if (!frozen || !*frozen) return frozen;
  if (const char* reason = reason_to_stop(job)) return failure(reason);
  if (!(*frozen)->snapshot && request.options.is(Option::Snapshot, "required"))
    return llvm::make_error<ModuleError>("no snapshot: " + (*frozen)->reason);
  std::lock_guard<std::mutex> lock(mutex_);
  job.record.set_snapshot(**frozen);
  tell(job, JobNews::Step);
  return frozen;
}

void JobQueue::finish(Job& job, llvm::Error error) {
  std::lock_guard<std::mutex> writing(writes_);
  std::unique_lock<std::mutex> lock(mutex_);
  JobRecord record = job.record;
  bool cancelled = job.cancelled;
  if (error && stopping_ && !cancelled) {  // it goes on after the restart
    llvm::consumeError(std::move(error));
    active_.erase(job.key());
    tell(job, JobNews::End);
    return;
  }
  lock.unlock();
  std::string failure;  // of the server itself
  int64_t now = milliseconds_since_1970();
  if (!error && !cancelled) {
    std::vector<ImageName> names = record.images();
    record.end_done(now);
    error = catalog_.publish(job.tenant(), names, record.image(), quota_of(job.tenant(), job.cause),
                             {{Table::Jobs, job.key(), record.text()}}, &job.module);
    if (!error) ++counters_.compiled;
  }
  if (error || cancelled) {
    Response document;
    if (cancelled)
      document = problem(409, "the job was cancelled"), llvm::consumeError(std::move(error));
    else if (error.isA<ModuleError>())
      document = problem(422, llvm::toString(std::move(error)));
    else if (error.isA<QuotaError>() || error.isA<RevokedError>())
      document = problem(403, llvm::toString(std::move(error)));
    else
      document = internal_problem(std::move(error)), failure = document.failure;
    record.end_with_problem(now, cancelled ? "cancelled" : "failed", document.body);
    ++(cancelled ? counters_.cancelled : counters_.failed);
    job.blobs.clear();
    llvm::Error failed = catalog_.release(job.module, {{Table::Jobs, job.key(), record.text()}});
    if (!failed) failed = catalog_.drop_garbage(job.tenant()).takeError();
    if (failed) log(Level::Error, llvm::toString(std::move(failed)), {{"job", job.id}});
  }
  nlohmann::ordered_json fields = {{"job", job.id}, {"tenant", job.tenant()}, {"module", job.module.digest}};
  // Without what the program said.
  if (record.state() != "done") fields["reason"] = llvm::StringRef(record.reason()).split('\n').first.str();
  if (!failure.empty()) fields["error"] = failure;
  log(failure.empty() ? Level::Info : Level::Error, "job " + record.state(), fields);
  lock.lock();
  active_.erase(job.key());
  tell(job, JobNews::End);
  lock.unlock();
  if (record.state() != "done") return;
  if (llvm::Error refused = make_better(job.tenant(), record))
    log(Level::Info, "no better code: " + llvm::toString(std::move(refused)), fields);
}

}  // namespace aotc::server
