// compile_functions.cpp - see compile_functions.h.
//
// What the cache has is taken from there, and of functions that are the same unit (a tenth of Go's: methods of types
// that look alike) one is compiled for all. Of the rest, threads take functions from a list sorted by size, largest
// first, so that the last one to finish is a small one; small ones several at a time, which share a run of code
// generation. Each thread has its own LLVM state. Nothing is shared but the list, the results (one slot per function),
// the first error, and what is about to be put into the cache.
//
// Units are made twice, once to be looked up and once to be compiled: a module's together are larger than the module.
#include "compile_functions.h"

#include <atomic>
#include <map>
#include <mutex>
#include <numeric>
#include <utility>

#include "compile_function.h"
#include "function_record.h"
#include "llvm/Support/thread.h"
#include "parallel.h"
#include "phase_clock.h"

namespace aotc {

using namespace llvm;

namespace {

// Recursive algorithms, ours and LLVM's, follow the control flow graph; it is as deep as the input says.
constexpr unsigned kThreadStack = 512u << 20;

// What is gained for each function of a batch is a third of what an empty one costs, nothing beside a larger one; while
// a batch is compiled the memory of all of its functions is held.
constexpr size_t kLargestOfBatch = 256, kInstructionsOfBatch = 2'048, kFunctionsOfBatch = 64;

// Memory for units and records on their way to and from the cache.
constexpr size_t kFunctionsOfLookup = 1'024, kRecordsOfPut = 256;

class Pool {
 public:
  explicit Pool(Compilation& c)
      : c_(c), total_(c.module.functions.size() + c.thunks.size()), order_(total_), twins_(total_) {
    std::iota(order_.begin(), order_.end(), 0u);
    sort_by_size();
    c_.fragments.resize(c_.module.functions.size());
    for (const DefinedFunction& function : c_.module.functions) c_.stats.body_bytes += function.body.size;
  }

  Error run() {
    PhaseClock looking_up;
    find_what_to_compile();
    record({"key"}, {key_seconds_}, looking_up.taken("lookup"));
    PhaseClock compiling;
    plan_batches();
    unsigned jobs = std::min(threads_of(c_.options), static_cast<unsigned>(batches_.size()));
    std::vector<llvm::thread> threads;
    for (unsigned i = 0; i < jobs; ++i) threads.emplace_back(std::optional<unsigned>(kThreadStack), [this] { work(); });
    for (llvm::thread& thread : threads) thread.join();
    if (!records_.empty()) c_.options.cache->put(records_);
    // What is left of the time is for what is made of the fragments.
    record(kStageNames, seconds_, compiling.taken("keep"));
    c_.stats.plain_functions = plain_;
    c_.stats.codegen_runs = runs_;
    return std::move(error_);
  }

 private:
  // Threads do all of it at once: each stage, of which the processor's seconds are known, is given its part of the
  // time, and what `all` is called gets the rest.
  void record(ArrayRef<const char*> stages, ArrayRef<double> seconds, PhaseTime all) {
    PhaseTime rest = all;
    for (size_t i = 0; i < stages.size(); ++i) {
      double part = all.cpu_seconds > 0 ? seconds[i] / all.cpu_seconds : 0;
      c_.stats.phases.push_back({stages[i], part * all.wall_seconds, seconds[i]});
      rest.wall_seconds = std::max(0.0, rest.wall_seconds - part * all.wall_seconds);
      rest.cpu_seconds = std::max(0.0, rest.cpu_seconds - seconds[i]);
    }
    c_.stats.phases.push_back(rest);
  }

  size_t size_of(uint32_t item) const {
    return item < c_.module.functions.size() ? c_.module.functions[item].body.code.size() : 0;
  }

  void sort_by_size() {
    std::stable_sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) { return size_of(a) > size_of(b); });
  }

  bool is_thunk(uint32_t item) const { return item >= c_.module.functions.size(); }
  Thunk& thunk_of(uint32_t item) const { return c_.thunks[item - c_.module.functions.size()]; }
  Effort effort_of(uint32_t item) const { return is_thunk(item) ? Effort::Quick : c_.functions[item].effort; }

  void make_unit(uint32_t item, bool symbolic, CompileUnit& unit, UnitBinding& binding) const {
    if (is_thunk(item)) {
      aotc::make_unit(c_, thunk_of(item), unit, binding);
    } else {
      aotc::make_unit(c_, item, symbolic, unit, binding);
    }
  }

  // Functions that are looked up together.
  struct Lookup {
    ArrayRef<uint32_t> items;
    std::vector<std::vector<uint8_t>> units;
    std::vector<UnitBinding> bindings;
    std::vector<FunctionKey> keys;
  };

  Lookup prepare(ArrayRef<uint32_t> items) {
    size_t count = items.size();
    Lookup lookup{items, std::vector<std::vector<uint8_t>>(count), std::vector<UnitBinding>(count),
                  std::vector<FunctionKey>(count)};
    unsigned threads = threads_of(c_.options);
    on_threads(std::min(threads, static_cast<unsigned>(count)), [&](unsigned thread) {
      double before = thread_seconds();
      for (size_t i = thread; i < count; i += threads) {
        CompileUnit unit;
        make_unit(items[i], true, unit, lookup.bindings[i]);
        lookup.units[i] = encode_unit(unit);
        lookup.keys[i] = function_key(lookup.units[i]);
      }
      std::lock_guard<std::mutex> lock(mutex_);
      key_seconds_ += thread_seconds() - before;
    });
    return lookup;
  }

  void expect(const Lookup& lookup) const {
    uint64_t bytes = 0;
    for (const std::vector<uint8_t>& unit : lookup.units) bytes += unit.size();
    if (c_.options.cache) c_.options.cache->expect(lookup.keys, bytes);
  }

  // Leaves in order_ what neither the cache has nor another function is.
  void find_what_to_compile() {
    look_up_all();
    if (c_.options.tier != Tier::Auto || order_.empty()) return;
    for (std::vector<uint32_t>& twins : twins_) append_range(order_, std::exchange(twins, {}));
    sort_by_size();
    for (uint32_t item : order_) make_quick(item);
    look_up_all();
  }

  void make_quick(uint32_t item) {
    if (is_thunk(item)) return;
    FunctionPlan& plan = c_.functions[item];
    if (plan.effort == Effort::Quick) return;  // that is its best
    if (plan.effort != Effort::Large) plan.effort = Effort::Quick;
    plan.inlines = false;
    ++c_.stats.quick_functions;
  }

  void look_up_all() {
    std::vector<uint32_t> missing;
    std::map<FunctionKey, uint32_t> first;
    ArrayRef<uint32_t> left = order_;
    auto prepare_next = [&]() -> std::optional<Lookup> {
      ArrayRef<uint32_t> items = left.take_front(kFunctionsOfLookup);
      left = left.drop_front(items.size());
      if (items.empty()) return std::nullopt;
      return prepare(items);
    };
    // While the cache looks for some, and has heard of the next, those after them are prepared.
    std::optional<Lookup> now = prepare_next(), next = prepare_next();
    if (now) expect(*now);
    while (now) {
      if (next) expect(*next);
      std::vector<FunctionRecord> records;
      std::optional<Lookup> after_next;
      on_threads(2, [&](unsigned thread) {
        if (thread == 0) {
          after_next = prepare_next();
        } else if (c_.options.cache) {
          records = c_.options.cache->get(now->keys);
        }
      });
      take(*now, std::move(records), first, missing);
      now = std::move(next);
      next = std::move(after_next);
    }
    order_ = std::move(missing);
  }

  void take(const Lookup& lookup, std::vector<FunctionRecord> records, std::map<FunctionKey, uint32_t>& first,
            std::vector<uint32_t>& missing) {
    const auto& [items, units, bindings, keys] = lookup;
    records.resize(items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      std::optional<Compiled> found = read_record(records[i], units[i]);
      if (found && bind(found->fragment, bindings[i])) {
        if (!is_thunk(items[i])) {
          ++c_.stats.cached_functions;
          c_.stats.cached_bytes += c_.module.functions[items[i]].body.size;
        }
        keep(items[i], std::move(*found));
        continue;
      }
      auto [entry, is_new] = first.try_emplace(keys[i], items[i]);
      if (is_new) {
        missing.push_back(items[i]);
      } else {
        twins_[entry->second].push_back(items[i]);
      }
    }
  }

  // Neighbours of the sorted list; decided by the module alone, so that what is compiled how often is, too.
  void plan_batches() {
    size_t instructions = 0;
    for (size_t i = 0; i < order_.size(); ++i) {
      size_t size = size_of(order_[i]);
      bool joins = !batches_.empty() && size <= kLargestOfBatch && instructions + size <= kInstructionsOfBatch &&
                   batches_.back().size() < kFunctionsOfBatch && effort_of(order_[i]) == effort_of(batches_.back()[0]);
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
      ArrayRef<uint32_t> batch = batches_[next];
      std::vector<CompileUnit> units(batch.size());
      std::vector<UnitBinding> bindings(batch.size());
      SmallVector<const CompileUnit*, 0> all;
      for (size_t i = 0; i < batch.size(); ++i) {
        make_unit(batch[i], true, units[i], bindings[i]);
        all.push_back(&units[i]);
      }
      std::vector<Expected<Compiled>> compiled = compile_batch(all, generators);
      for (size_t i = 0; i < batch.size(); ++i) {
        if (compiled[i]) {
          share(batch[i], units[i], *compiled[i], generators);
          settle(batch[i], bindings[i], std::move(*compiled[i]), generators);
        } else {
          fail(batch[i], compiled[i].takeError());
        }
      }
    }
    runs_ += generators.runs();
    std::lock_guard<std::mutex> lock(mutex_);
    for (size_t i = 0; i < kStages; ++i) seconds_[i] += generators.seconds[i];
  }

  // With those who are the same, and with the cache.
  void share(uint32_t item, const CompileUnit& unit, const Compiled& compiled, CodeGenerators& generators) {
    const std::vector<uint32_t>& twins = twins_[item];
    if (!c_.options.cache && twins.empty()) return;
    std::vector<uint8_t> bytes = encode_unit(unit);
    for (uint32_t twin : twins) {
      CompileUnit same;
      UnitBinding binding;
      make_unit(twin, true, same, binding);
      // Somebody may have made the two for their hashes to be equal.
      Expected<Compiled> its_own = encode_unit(same) == bytes ? compiled : compile_function(same, generators);
      if (its_own) {
        settle(twin, binding, std::move(*its_own), generators);
      } else {
        fail(twin, its_own.takeError());
      }
    }
    if (c_.options.cache) put_into_cache(make_record(bytes, compiled));
  }

  void settle(uint32_t item, const UnitBinding& binding, Compiled compiled, CodeGenerators& generators) {
    if (bind(compiled.fragment, binding)) return keep(item, std::move(compiled));
    // A symbol that is no address may be part of a sum that has another sign, or is too large: then with numbers alone.
    CompileUnit literal;
    UnitBinding of_literal;
    make_unit(item, false, literal, of_literal);
    Expected<Compiled> exact = compile_function(literal, generators);
    if (!exact) return fail(item, exact.takeError());
    bind(exact->fragment, of_literal);
    keep(item, std::move(*exact));
  }

  void keep(uint32_t item, Compiled compiled) {
    if (compiled.effort != effort_of(item)) ++plain_;
    (is_thunk(item) ? thunk_of(item).fragment : c_.fragments[item]) = std::move(compiled.fragment);
    report_progress();
  }

  void put_into_cache(FunctionRecord record) {
    std::lock_guard<std::mutex> lock(mutex_);
    records_.push_back(std::move(record));
    if (records_.size() < kRecordsOfPut) return;
    c_.options.cache->put(records_);
    records_.clear();
  }

  // As in a message: function 412 (runtime.mallocgc).
  std::string name_of(uint32_t item) const {
    if (is_thunk(item)) return "thunk " + thunk_of(item).name;
    return c_.module.full_name(c_.module.import_count() + item);
  }

  // The first error wins; which one that is may vary when a module has several.
  void fail(uint32_t item, Error error) {
    std::string message = c_.options.module_name + ": " + name_of(item) + ": " + toString(std::move(error));
    std::lock_guard<std::mutex> lock(mutex_);
    if (!failed_.exchange(true)) error_ = createStringError(inconvertibleErrorCode(), message);
  }

  void report_progress() {
    if (!c_.options.progress) return;
    std::lock_guard<std::mutex> lock(mutex_);
    c_.options.progress(++done_, total_);
  }

  Compilation& c_;
  const size_t total_;
  std::vector<uint32_t> order_;
  std::vector<ArrayRef<uint32_t>> batches_;   // of order_
  std::vector<std::vector<uint32_t>> twins_;  // per item: those that are taken to be the same
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::atomic<size_t> plain_ = 0, runs_ = 0;
  std::mutex mutex_;
  Error error_ = Error::success();
  size_t done_ = 0;
  StageSeconds seconds_{};
  double key_seconds_ = 0;
  std::vector<FunctionRecord> records_;  // for the cache
};

}  // namespace

Error compile_functions(Compilation& c) {
  c.stats.reduced_functions =
      static_cast<size_t>(count_if(c.functions, [](const FunctionPlan& plan) { return plan.effort == Effort::Large; }));
  return Pool(c).run();
}

}  // namespace aotc
