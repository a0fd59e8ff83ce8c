// compile_functions.cpp - see compile_functions.h.
//
// Threads take functions from a list sorted by size, largest first, so that the last one to finish is a small one;
// small ones several at a time, which share a run of code generation. Each thread has its own LLVM state. Nothing is
// shared but the list, the results (one slot per function) and the first error.
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

// What is gained for each function of a batch is a third of what an empty one costs, nothing beside a larger one; while
// a batch is compiled the memory of all of its functions is held.
constexpr size_t kLargestOfBatch = 256, kInstructionsOfBatch = 2'048, kFunctionsOfBatch = 64;

class Pool {
 public:
  explicit Pool(Compilation& c)
      : c_(c), facts_(c.facts()), total_(c.module.functions.size() + c.thunks.size()), order_(total_) {
    std::iota(order_.begin(), order_.end(), 0u);
    std::stable_sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) { return size_of(a) > size_of(b); });
    plan_batches();
    c_.fragments.resize(c_.module.functions.size());
  }

  Error run() {
    unsigned jobs = c_.options.jobs ? c_.options.jobs : std::max(1u, std::thread::hardware_concurrency());
    jobs = static_cast<unsigned>(std::min(jobs, static_cast<unsigned>(batches_.size())));
    std::vector<llvm::thread> threads;
    for (unsigned i = 0; i < jobs; ++i) threads.emplace_back(std::optional<unsigned>(kThreadStack), [this] { work(); });
    for (llvm::thread& thread : threads) thread.join();
    c_.stats.plain_functions = plain_;
    c_.stats.codegen_runs = runs_;
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

  // Neighbours of the sorted list; decided by the module alone, so that what is compiled how often is, too.
  void plan_batches() {
    size_t instructions = 0;
    for (size_t i = 0; i < total_; ++i) {
      size_t size = size_of(order_[i]);
      bool joins = !batches_.empty() && size <= kLargestOfBatch && instructions + size <= kInstructionsOfBatch &&
                   batches_.back().size() < kFunctionsOfBatch &&
                   planned_effort(body_of(order_[i]), facts_) == planned_effort(body_of(batches_.back()[0]), facts_);
      if (!joins) {
        batches_.push_back(ArrayRef(order_).slice(i, 0));
        instructions = 0;
      }
      batches_.back() = ArrayRef(batches_.back().data(), batches_.back().size() + 1);
      instructions += size;
    }
  }

  void work() {
    CodeGenerators generators;
    for (size_t next = next_++; next < batches_.size() && !failed_; next = next_++) {
      SmallVector<Body, 0> bodies;
      for (uint32_t item : batches_[next]) bodies.push_back(body_of(item));
      std::vector<Expected<Compiled>> compiled = compile_batch(bodies, facts_, generators);
      for (size_t i = 0; i < bodies.size(); ++i) keep(batches_[next][i], bodies[i], std::move(compiled[i]));
    }
    runs_ += generators.runs();
  }

  void keep(uint32_t item, const Body& body, Expected<Compiled> compiled) {
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
  std::vector<ArrayRef<uint32_t>> batches_;  // of order_
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::atomic<size_t> plain_ = 0, runs_ = 0;
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
