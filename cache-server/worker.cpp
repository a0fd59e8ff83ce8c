// worker.cpp - compiles one module for one target inside its limits. Never sees the store or a socket.
#include "worker.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "compile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

namespace aotc::server {

namespace {

void say(const nlohmann::json& message) {
  std::string line = message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  // The parent is the only reader; when it is gone the next line of a dead pipe ends this process.
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) _exit(1);
}

bool limit(int resource, uint64_t value) {
  rlimit limits{value, value};
  return setrlimit(static_cast<__rlimit_resource_t>(resource), &limits) == 0;
}

// RLIMIT_DATA rather than RLIMIT_AS: address space that is only reserved costs nothing.
bool confine(const WorkerOptions& options) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != options.parent) return false;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && limit(RLIMIT_CORE, 0) &&
         limit(RLIMIT_DATA, options.memory_bytes) && limit(RLIMIT_CPU, options.cpu_seconds) &&
         limit(RLIMIT_FSIZE, uint64_t{4} << 30) && limit(RLIMIT_NOFILE, 64);
}

llvm::Error compile_file(const WorkerOptions& options) {
  auto wasm = llvm::MemoryBuffer::getFile(options.wasm, false, false);
  if (!wasm) return llvm::createStringError(wasm.getError(), options.name + ": cannot read the module");
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
  llvm::StringRef text = (*wasm)->getBuffer();
  llvm::Expected<CompileResult> result = compile({text.bytes_begin(), text.size()}, compile_options);
  if (!result) return result.takeError();
  std::error_code code;
  llvm::raw_fd_ostream output(options.output, code);
  if (!code) {
    output.write(reinterpret_cast<const char*>(result->artifact.data()), result->artifact.size());
    output.close();
    code = output.error();
    output.clear_error();
  }
  if (code) return llvm::createStringError(code, options.name + ": cannot write the artifact");
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  say({{"functions", result->stats.functions}, {"seconds", seconds}});
  return llvm::Error::success();
}

}  // namespace

int run_worker(const WorkerOptions& options) {
  if (!confine(options)) return 3;
  if (llvm::Error error = compile_file(options)) {
    say({{"error", llvm::toString(std::move(error))}});
    return 1;
  }
  return 0;
}

}  // namespace aotc::server
