// idle_work.cpp - see idle_work.h.
#include "idle_work.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <iterator>
#include <memory>
#include <random>

#include "cache/keeper.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "log.h"
#include "metrics.h"
#include "process/cache_channel.h"
#include "process/worker.h"
#include "support/error.h"
#include "support/io.h"
#include "worker_group.h"

namespace aotc::server {

namespace {

constexpr Architecture kArchitectures[] = {Architecture::X86_64, Architecture::AArch64};
constexpr size_t kRememberedWrong = 100'000;
// Looking at all of the cache takes as long as reading it, so it is done for a small part of the time only.
constexpr int kRestFactor = 20;
constexpr double kFunctionSeconds = 60;

llvm::Expected<std::vector<uint8_t>> read_all(const UniqueFd& file) {
  struct stat st;
  if (fstat(file.get(), &st) != 0) return system_failure("cannot read a file");
  std::vector<uint8_t> bytes(static_cast<size_t>(st.st_size));
  if (aotc_pread_all(file.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return system_failure("cannot read a file");
  return bytes;
}

}  // namespace

llvm::Error IdleWork::open() {
  for (const std::string& path : limits_.functions.warm) {
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return system_failure(path);
    modules_.push_back(std::move(file));
  }
  return llvm::Error::success();
}

bool IdleWork::has_step() const {
  if (!limits_.functions.kept()) return false;
  if (warmed_ < modules_.size() * std::size(kArchitectures)) return true;
  return limits_.functions.share != 0 && has_news_ && Clock::now() >= next_look_;
}

void IdleWork::step(const std::function<bool()>& stopped) {
  bool is_warming = warmed_ < modules_.size() * std::size(kArchitectures);
  llvm::Error error = is_warming ? warm(stopped) : share(stopped);
  if (error && !stopped()) log(Level::Error, llvm::toString(std::move(error)));
  llvm::consumeError(std::move(error));
}

llvm::Error IdleWork::warm(const std::function<bool()>& stopped) {
  size_t module = warmed_ / std::size(kArchitectures);
  Architecture architecture = kArchitectures[warmed_ % std::size(kArchitectures)];
  std::string name = std::filesystem::path(limits_.functions.warm[module]).filename();
  llvm::Expected<UniqueFd> input = open_to_read(modules_[module]), output = make_unnamed_file(folder_);
  if (!input) return llvm::joinErrors(input.takeError(), output.takeError());
  if (!output) return output.takeError();
  std::unique_ptr<Keeper> keeper = start_keeper_for_all(limits_.functions);
  WorkerOptions options;
  options.start_anew = true;
  options.compile.module_name = name;
  options.compile.architecture = architecture;
  options.compile.jobs = limits_.threads;
  options.limits = limits_.worker(UINT64_MAX, UINT64_MAX);
  options.wall_seconds = limits_.wall_seconds;
  options.stopped = stopped;
  options.cache = keeper->socket();
  llvm::Expected<WorkerGroup> group = WorkerGroup::make(limits_.groups, limits_.worker_memory(), limits_.threads);
  if (!group) return group.takeError();
  options.group = group->descriptor();
  double cpu_seconds = 0;
  llvm::Expected<WorkerResult> result = compile_in_worker(input->get(), output->get(), options, cpu_seconds);
  if (!result && stopped()) return result.takeError();
  ++warmed_;  // one that cannot be compiled is not tried again
  if (!result) return result.takeError();
  if (llvm::Error error = keeper->end()) return failure(name + ": the compiler " + llvm::toString(std::move(error)));
  counters_.warmed_functions += result->stats.functions;
  if (keeper->shared()) counters_.remote_functions += keeper->shared()->hits;
  log(Level::Info, "a module's functions are there for all",
      {{"module", name},
       {"target", architecture_name(architecture)},
       {"functions", result->stats.functions},
       {"known", result->stats.cached_functions},
       {"bytes", result->stats.body_bytes},
       {"known_bytes", result->stats.cached_bytes},
       {"seconds", result->seconds}});
  return llvm::Error::success();
}

llvm::Expected<std::vector<FunctionRecord>> IdleWork::find_common() {
  llvm::Expected<UniqueFd> file = make_unnamed_file(folder_);
  if (!file) return file.takeError();
  KeeperOptions options = keeper_options(limits_.functions, "");
  if (llvm::Error error =
          aotc::find_common(options.store, limits_.functions.share, std::random_device()(), file->get()))
    return error;
  llvm::Expected<std::vector<uint8_t>> bytes = read_all(*file);
  if (!bytes) return bytes.takeError();
  std::vector<FunctionRecord> records;
  for (llvm::ArrayRef<uint8_t> left(*bytes); left.size() >= 4;) {
    uint32_t size = llvm::support::endian::read32le(left.data());
    left = left.drop_front(4);
    if (size > left.size()) break;
    if (llvm::ArrayRef<uint8_t> record = left.take_front(size); unit_of_record(record)) records.push_back(record.vec());
    left = left.drop_front(size);
  }
  return records;
}

bool IdleWork::is_right(const FunctionRecord& record, const std::function<bool()>& stopped) {
  llvm::Expected<std::vector<uint8_t>> made = recompile(*unit_of_record(record), stopped);
  if (!made) return llvm::consumeError(made.takeError()), false;
  return *made == record;
}

llvm::Expected<std::vector<uint8_t>> IdleWork::recompile(llvm::ArrayRef<uint8_t> unit,
                                                         const std::function<bool()>& stopped) {
  llvm::Expected<UniqueFd> input = make_unnamed_file(folder_);
  if (!input) return input.takeError();
  llvm::Expected<UniqueFd> output = make_unnamed_file(folder_);
  if (!output) return output.takeError();
  if (llvm::Error error = write_to(*input, llvm::toStringRef(unit))) return error;
  llvm::Expected<UniqueFd> reader = open_to_read(*input);
  if (!reader) return reader.takeError();
  llvm::Expected<WorkerGroup> group = WorkerGroup::make(limits_.groups, limits_.worker_memory(), 1);
  if (!group) return group.takeError();
  WorkerOptions options;
  options.start_anew = true;
  options.compile.module_name = "function";
  options.compile.jobs = 1;
  options.limits = limits_.worker(UINT64_MAX, kMostRecord);
  options.wall_seconds = kFunctionSeconds;
  options.stopped = stopped;
  options.group = group->descriptor();
  double cpu_seconds = 0;
  if (llvm::Error error = recompile_in_worker(reader->get(), output->get(), options, cpu_seconds)) return error;
  return read_all(*output);
}

void IdleWork::keep(const std::vector<FunctionRecord>& records) {
  std::unique_ptr<Keeper> keeper = start_keeper_for_all(limits_.functions);
  if (keeper->socket() >= 0) ChannelCache(keeper->socket()).put(records);
  llvm::consumeError(keeper->end());
}

llvm::Error IdleWork::share(const std::function<bool()>& stopped) {
  auto began = Clock::now();
  has_news_ = false;
  llvm::Expected<std::vector<FunctionRecord>> found = find_common();
  next_look_ = Clock::now() + kRestFactor * (Clock::now() - began);
  if (!found) return found.takeError();
  std::vector<FunctionRecord> right;
  bool is_new = false;
  for (const FunctionRecord& record : *found) {
    FunctionKey key = function_key(*unit_of_record(record));
    if (wrong_.count(key) != 0) continue;
    is_new = true;
    if (stopped()) break;
    if (is_right(record, stopped)) {
      right.push_back(record);
    } else if (!stopped() && wrong_.size() < kRememberedWrong) {
      wrong_.insert(key);
      ++counters_.refused_functions;
    }
  }
  if (!right.empty()) keep(right);
  counters_.shared_functions += right.size();
  if (is_new) has_news_ = true;  // there may be more
  return llvm::Error::success();
}

}  // namespace aotc::server
