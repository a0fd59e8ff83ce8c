// worker.cpp - the worker's side. Its options come as one JSON object, from its own parent.
#include "worker.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "cache_channel.h"
#include "function_record.h"
#include "sandbox/sandbox.h"
#include "support/error.h"
#include "support/exit_codes.h"
#include "support/io.h"
#include "worker_messages.h"

namespace aotc {

using namespace llvm;

namespace {

void say(const nlohmann::json& message) {
  std::string line = message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  // The parent is the only reader; when it is gone the next line of a dead pipe ends this process.
  if (!aotc_write_all(kMessages, line.data(), line.size())) _exit(kExitFailed);
}

// All of a file, mapped: it is one that nobody else can open.
Expected<ArrayRef<uint8_t>> map_file(int fd, const WorkerJob& job) {
  off_t size = lseek(fd, 0, SEEK_END);
  if (size == 0) return ArrayRef<uint8_t>();
  void* bytes = size < 0 ? MAP_FAILED : mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED) return system_failure(job.compile.module_name + ": cannot map a file");
  return ArrayRef<uint8_t>(static_cast<const uint8_t*>(bytes), static_cast<size_t>(size));
}

Error write_output(ArrayRef<uint8_t> bytes, const WorkerJob& job) {
  if (!aotc_write_all(kOutput, bytes.data(), bytes.size()))
    return system_failure(job.compile.module_name + ": cannot keep the artifact");
  return Error::success();
}

Error compile_module(const WorkerJob& job) {
  Expected<ArrayRef<uint8_t>> wasm = map_file(kInput, job);
  if (!wasm) return wasm.takeError();
  CompileOptions options = job.compile;
  ChannelCache cache(kCache);
  if (job.cached) {
    options.cache = &cache;
    signal(SIGPIPE, SIG_IGN);  // whoever serves it may end at any time
  }
  auto started = std::chrono::steady_clock::now();
  auto last = started;
  options.progress = [&last](size_t done, size_t total) {
    auto now = std::chrono::steady_clock::now();
    if (now - last < std::chrono::milliseconds(100)) return;
    last = now;
    say({{"done", done}, {"total", total}});
  };
  Expected<CompileResult> result = compile(*wasm, options);
  if (!result) return result.takeError();
  if (Error error = write_output(result->artifact, job)) return error;
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  say({{"stats", to_json(result->stats)}, {"seconds", seconds}});
  return Error::success();
}

Error recompile(const WorkerJob& job) {
  Expected<ArrayRef<uint8_t>> bytes = map_file(kInput, job);
  if (!bytes) return bytes.takeError();
  std::optional<CompileUnit> unit = decode_unit(*bytes);
  if (!unit) return failure(job.compile.module_name + ": not a unit of this compiler");
  CodeGenerators generators;
  Expected<Compiled> compiled = compile_function(*unit, generators);
  if (!compiled) return compiled.takeError();
  if (Error error = write_output(make_record(*bytes, *compiled), job)) return error;
  say({{"stats", to_json(CompileStats())}, {"seconds", 0}});
  return Error::success();
}

Error attach(const WorkerJob& job) {
  Expected<ArrayRef<uint8_t>> artifact = map_file(kInput, job);
  if (!artifact) return artifact.takeError();
  Expected<ArrayRef<uint8_t>> snapshot = map_file(kSnapshot, job);
  if (!snapshot) return snapshot.takeError();
  std::vector<uint8_t> bytes = artifact->vec();
  if (Error error = attach_snapshot(bytes, *snapshot)) return error;
  if (Error error = write_output(bytes, job)) return error;
  say({{"stats", to_json(CompileStats())}, {"seconds", 0}});
  return Error::success();
}

Error confine(const WorkerJob& job) {
  aotc_grants grants{};
  grants.memory = job.limits.memory_bytes;
  grants.file_bytes = job.limits.file_bytes;
  grants.cpu_seconds = job.limits.cpu_seconds;
  grants.threads = job.compile.jobs == 0
                       ? 0
                       : job.compile.jobs + 1;  // one waits for the cache, or works on what takes time meanwhile
  grants.parent = job.parent;
  grants.group = job.in_group ? kGroup : 0;
  const char* failed = aotc_sandbox_enter(AOTC_COMPILER, &grants);
  if (failed == nullptr) return Error::success();
  return system_failure(job.compile.module_name + ": cannot confine the compiler: " + failed);
}

}  // namespace

int run_worker(const WorkerJob& job) {
  Error error = confine(job);
  if (!error)
    error = job.task == WorkerTask::Compile     ? compile_module(job)
            : job.task == WorkerTask::Recompile ? recompile(job)
                                                : attach(job);
  if (!error) return 0;
  say({{"error", toString(std::move(error))}});
  return 1;
}

std::optional<int> worker_main(int argc, char** argv) {
  if (argc != 3 || std::strcmp(argv[1], kWorkerWord) != 0) return std::nullopt;
  try {
    return run_worker(job_from_json(nlohmann::json::parse(argv[2])));
  } catch (const nlohmann::json::exception&) {
    return 2;
  }
}

}  // namespace aotc
