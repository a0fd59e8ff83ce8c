// compile_functions.cpp - see compile_functions.h.
//
// Threads take functions from a list sorted by size, largest first, so that the last one to finish is a small one. Each
// has its own LLVM state. Nothing is shared but the list, the results (one slot per function) and the first error.
#include "compile_functions.h"

#include <atomic>
#include <mutex>
#include <numeric>

#include "compile_function.h"
#include "llvm/Support/thread.h"

namespace aotc {

using namespace llvm;

namespace {

// Recursive algorithms, ours and LLVM's, follow the control flow graph; it is as deep as the input says.
constexpr unsigned kThreadStack = 512u << 20;

class Pool {
 public:
  explicit Pool(Compilation& c)
      : c_(c), facts_(c.facts()), total_(c.module.functions.size() + c.thunks.size()), order_(total_) {
    std::iota(order_.begin(), order_.end(), 0u);
    std::stable_sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) { return size_of(a) > size_of(b); });
    c_.fragments.resize(c_.module.functions.size());
  }

  Error run() {
    unsigned jobs = c_.options.jobs ? c_.options.jobs : std::max(1u, std::thread::hardware_concurrency());
    jobs = static_cast<unsigned>(std::min<size_t>(jobs, total_));
    std::vector<llvm::thread> threads;
    for (unsigned i = 0; i < jobs; ++i) threads.emplace_back(std::optional<unsigned>(kThreadStack), [this] { work(); });
    for (llvm::thread& thread : threads) thread.join();
    c_.stats.plain_functions = plain_;
    return std::move(error_);
  }

 private:
  size_t size_of(uint32_t item) const {
    return item < c_.module.functions.size() ? c_.module.functions[item].body.code.size() : 0;
  }

  Body body_of(uint32_t item) const {
    if (item < c_.module.functions.size()) return {item};
    return {0, &c_.thunks[item - c_.module.functions.size()]};
  }

  void work() {
    CodeGenerators generators;
    for (size_t next = next_++; next < total_ && !failed_; next = next_++) {
      uint32_t item = order_[next];
      Body body = body_of(item);
      Expected<Compiled> compiled = compile_function(body, facts_, generators);
      if (!compiled) {
        fail(createStringError(inconvertibleErrorCode(),
                               c_.options.module_name + ": " + name_of(item) + ": " + toString(compiled.takeError())));
        return;
      }
      if (compiled->effort != planned_effort(body, facts_)) ++plain_;
      (body.thunk ? c_.thunks[item - c_.module.functions.size()].fragment : c_.fragments[item]) =
          std::move(compiled->fragment);
      report_progress();
    }
  }

  // As in a message: function 412 (runtime.mallocgc).
  std::string name_of(uint32_t item) const {
    if (item >= c_.module.functions.size()) return "thunk " + c_.thunks[item - c_.module.functions.size()].name;
    return c_.module.full_name(c_.module.import_count() + item);
  }

  // The first error wins; which one that is may vary when a module has several.
  void fail(Error error) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (failed_.exchange(true)) {
      consumeError(std::move(error));
    } else {
      error_ = std::move(error);
    }
  }

  void report_progress() {
    if (!c_.options.progress) return;
    std::lock_guard<std::mutex> lock(mutex_);
    c_.options.progress(++done_, total_);
  }

  Compilation& c_;
  const Facts facts_;
  const size_t total_;
  std::vector<uint32_t> order_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::atomic<size_t> plain_ = 0;
  std::mutex mutex_;
  Error error_ = Error::success();
  size_t done_ = 0;
};

}  // namespace

Error compile_functions(Compilation& c) {
  c.stats.reduced_functions =
      static_cast<size_t>(count_if(c.functions, [](const FunctionPlan& plan) { return plan.effort == Effort::Large; }));
  return Pool(c).run();
}

}  // namespace aotc
