// worker.cpp - compiles one module for one target inside its limits. Never sees the store, a path or a socket.
#include "worker.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>

#include "compile.h"
#include "sandbox/sandbox.h"

namespace aotc::server {

namespace {

void say(const nlohmann::json& message) {
  std::string line = message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  // The parent is the only reader; when it is gone the next line of a dead pipe ends this process.
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) _exit(1);
}

llvm::Error system_failure(const std::string& message) {
  return llvm::createStringError(std::error_code(errno, std::generic_category()), message);
}

llvm::Expected<std::vector<uint8_t>> read_module() {
  off_t size = lseek(kModuleDescriptor, 0, SEEK_END);
  if (size < 0 || lseek(kModuleDescriptor, 0, SEEK_SET) < 0) return system_failure("cannot read the module");
  std::vector<uint8_t> bytes(static_cast<size_t>(size));
  for (size_t done = 0; done < bytes.size();) {
    ssize_t count = read(kModuleDescriptor, bytes.data() + done, bytes.size() - done);
    if (count <= 0) return system_failure("cannot read the module");
    done += static_cast<size_t>(count);
  }
  return bytes;
}

llvm::Error write_artifact(llvm::ArrayRef<uint8_t> bytes) {
  while (!bytes.empty()) {
    ssize_t count = write(kArtifactDescriptor, bytes.data(), bytes.size());
    if (count < 0) return system_failure("cannot write the artifact");
    bytes = bytes.drop_front(static_cast<size_t>(count));
  }
  return llvm::Error::success();
}

llvm::Error compile_module(const WorkerOptions& options) {
  llvm::Expected<std::vector<uint8_t>> wasm = read_module();
  if (!wasm) return wasm.takeError();
  CompileOptions compile_options;
  compile_options.module_name = options.name;
  llvm::Expected<Architecture> architecture = parse_architecture(options.target);
  if (!architecture) return architecture.takeError();
  compile_options.architecture = *architecture;
  compile_options.cpu = options.cpu;
  compile_options.tier = options.tier == "quick" ? Tier::Quick : Tier::Best;
  compile_options.jobs = options.threads;
  auto started = std::chrono::steady_clock::now();
  auto last = started;
  compile_options.progress = [&last](size_t done, size_t total) {
    auto now = std::chrono::steady_clock::now();
    if (now - last < std::chrono::milliseconds(100)) return;
    last = now;
    say({{"done", done}, {"total", total}});
  };
  llvm::Expected<CompileResult> result = compile(*wasm, compile_options);
  if (!result) return result.takeError();
  if (llvm::Error error = write_artifact(result->artifact)) return error;
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  say({{"functions", result->stats.functions}, {"go", result->stats.go_shaped}, {"seconds", seconds}});
  return llvm::Error::success();
}

}  // namespace

int run_worker(const WorkerOptions& options) {
  aotc_grants grants{};
  grants.memory = options.limits.memory_bytes;
  grants.file_bytes = options.limits.file_bytes;
  grants.cpu_seconds = options.limits.cpu_seconds;
  grants.threads = options.threads;
  grants.parent = options.limits.parent;
  if (const char* failed = aotc_sandbox_enter(AOTC_COMPILER, &grants)) {
    say({{"error", std::string("cannot confine the compiler: ") + failed + ": " + std::strerror(errno)}});
    return 3;
  }
  if (llvm::Error error = compile_module(options)) {
    say({{"error", llvm::toString(std::move(error))}});
    return 1;
  }
  return 0;
}

}  // namespace aotc::server
