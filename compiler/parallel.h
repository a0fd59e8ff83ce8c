// parallel.h - the same work on several threads.
#pragma once

#include <algorithm>
#include <thread>
#include <vector>

#include "compile.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/thread.h"

namespace aotc {

// How many may work at once.
inline unsigned threads_of(const CompileOptions& options) {
  return options.jobs ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
}

// Calls work(0) to work(count - 1), the first here.
inline void on_threads(unsigned count, llvm::function_ref<void(unsigned)> work) {
  std::vector<llvm::thread> threads;
  for (unsigned i = 1; i < count; ++i) threads.emplace_back([work, i] { work(i); });
  work(0);
  for (llvm::thread& thread : threads) thread.join();
}

}  // namespace aotc
