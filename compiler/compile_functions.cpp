// compile_functions.cpp - see compile_functions.h.
//
// Threads take functions from a list sorted by size, largest first, so that the last one to finish is a small one. Each has
// its own LLVM state. Nothing is shared but the list, the results (one slot per function) and the first error.
#include "compile_functions.h"

#include <atomic>
#include <mutex>
#include <numeric>

#include "verify/check_fragment.h"
#include "lower/check_ir.h"
#include "llvm/Support/thread.h"
#include "lower/lower.h"

namespace aotc {

using namespace llvm;

namespace {

// Recursive algorithms, ours and LLVM's, follow the control flow graph; it is as deep as the input says.
constexpr unsigned kThreadStack = 512u << 20;

class Pool {
 public:
  explicit Pool(Compilation& c) : c_(c), total_(c.module.functions.size() + c.thunks.size()), order_(total_) {
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

  using Generators = std::unique_ptr<CodeGenerator>[kEfforts];

  void work() {
    Generators generators;
    for (size_t next = next_++; next < total_ && !failed_; next = next_++) {
      uint32_t item = order_[next];
      Effort effort = item < c_.module.functions.size() ? effort_for(c_, item) : Effort::Quick;
      Error error = compile(generators, effort, item);
      // Refused for good only if the plainest code is as well.
      if (error) ++plain_;
      for (Effort plainer : {Effort::Plain, Effort::Quick, Effort::Masked}) {
        if (!error) break;
        if (effort != Effort::Best && plainer != Effort::Masked) continue;
        consumeError(std::move(error));
        error = compile(generators, plainer, item);
      }
      if (error) {
        fail(createStringError(inconvertibleErrorCode(),
                               c_.options.module_name + ": " + name_of(item) + ": " + toString(std::move(error))));
        return;
      }
      report_progress();
    }
  }

  Error compile(Generators& generators, Effort effort, uint32_t item) {
    std::unique_ptr<CodeGenerator>& generator = generators[static_cast<size_t>(effort)];
    if (!generator) generator = std::make_unique<CodeGenerator>(c_.options.architecture, c_.options.cpu, effort);
    bool is_thunk = item >= c_.module.functions.size();
    Thunk* thunk = is_thunk ? &c_.thunks[item - c_.module.functions.size()] : nullptr;
    LLVMContext& context = generator->context();
    Expected<std::unique_ptr<llvm::Module>> module =
        is_thunk ? lower_thunk(c_, *thunk, context) : lower_function(c_, item, context);
    if (!module) return module.takeError();
    if (Error error = check_ir(**module)) return error;
    generator->optimize(**module);
    Expected<Fragment> fragment = generator->generate(**module);
    if (!fragment) return fragment.takeError();
    if (Error error = check_fragment(*fragment, c_.options.architecture)) return error;
    (is_thunk ? thunk->fragment : c_.fragments[item]) = std::move(*fragment);
    return Error::success();
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

namespace {

bool is_large(const FunctionBody& body) {
  if (body.code.size() > kLargeInstructions) return true;
  if (body.code.size() * body.locals.size() < kLargePhis) return false;
  size_t blocks = static_cast<size_t>(std::count_if(body.code.begin(), body.code.end(), [](const Instr& instr) {
    return instr.op == Op::Block || instr.op == Op::Loop || instr.op == Op::If || instr.op == Op::BrIf;
  }));
  return blocks * body.locals.size() > kLargePhis;
}

}  // namespace

Effort effort_for(const Compilation& c, uint32_t defined_index) {
  if (is_large(c.module.functions[defined_index].body)) return Effort::Large;
  return c.options.tier == Tier::Best ? Effort::Best : Effort::Quick;
}

Error compile_functions(Compilation& c) {
  for (uint32_t i = 0; i < c.module.functions.size(); ++i)
    if (effort_for(c, i) == Effort::Large) ++c.stats.reduced_functions;
  return Pool(c).run();
}

}  // namespace aotc
