// local_compile.cpp - see local_compile.h.
#include "local_compile.h"

#include <algorithm>
#include <thread>

#include "output.h"
#include "process/worker.h"
#include "support/error.h"

namespace {

// What a module may make the compiler use is in proportion to it; a thread's stack counts whether it is used or not.
constexpr uint64_t kMemory = uint64_t{2} << 30, kMemoryPerThread = uint64_t{1} << 30, kMemoryPerByte = 32;

}  // namespace

llvm::Expected<CompiledLocally> compile_locally(const MemoryFile& module, const MemoryFile& artifact,
                                                const aotc::CompileOptions& options, const CacheOptions& cache,
                                                std::unique_ptr<CacheSession>* session) {
  llvm::Expected<std::optional<aotc::RemoteCache>> remote = cache.find_remote();
  if (!remote) return remote.takeError();
  auto opened = std::make_unique<CacheSession>(cache, std::move(*remote), module, artifact, options);
  if (opened->found()) return CompiledLocally{*opened->found(), true};
  aotc::WorkerOptions worker;
  worker.compile = options;
  worker.compile.jobs = options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  worker.limits.memory_bytes = kMemory + worker.compile.jobs * kMemoryPerThread + module.size() * kMemoryPerByte;
  worker.said = [](const std::string& line) { print(stderr, "{}\n", line); };
  worker.cache = opened->socket();
  double cpu_seconds = 0;
  llvm::Expected<aotc::WorkerResult> result =
      aotc::compile_in_worker(module.reader(), artifact.writer(), worker, cpu_seconds);
  if (!result) return result.takeError();
  if (llvm::Error error = opened->part(result->stats))
    return aotc::failure(options.module_name + ": the compiler " + llvm::toString(std::move(error)));
  if (session)
    *session = std::move(opened);
  else
    opened->end();
  return CompiledLocally{result->stats, false};
}

llvm::Error attach_locally(const MemoryFile& artifact, const MemoryFile& snapshot, const MemoryFile& out,
                           const std::string& name) {
  aotc::WorkerOptions worker;
  worker.compile.module_name = name;
  worker.compile.jobs = 1;
  return aotc::attach_in_worker(artifact.reader(), snapshot.reader(), out.writer(), worker);
}
