// compile_function.cpp - see compile_function.h.
#include "compile_function.h"

#include "llvm/Support/MathExtras.h"
#include "lower/check_ir.h"
#include "phase_clock.h"
#include "verify/check_fragment.h"

namespace aotc {

using namespace llvm;

namespace {

// Adds the processor time of this thread from here to the end of the scope.
class Timed {
 public:
  Timed(CodeGenerators& generators, Stage stage) : seconds_(generators.seconds[static_cast<size_t>(stage)]) {
    seconds_ -= thread_seconds();
  }
  ~Timed() { seconds_ += thread_seconds(); }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  double& seconds_;
};

Expected<Lowered> lower(const CompileUnit& unit, LLVMContext& context, CodeGenerators& generators) {
  Timed timed(generators, Stage::Lower);
  return lower_unit(unit, context);
}

Error prove(const Fragment& fragment, const CompileUnit& unit, CodeGenerators& generators) {
  Timed timed(generators, Stage::Prove);
  return check_fragment(fragment, unit.architecture);
}

std::vector<Expected<Fragment>> attempt(ArrayRef<const CompileUnit*> units, Effort effort, CodeGenerators& generators) {
  CodeGenerator& generator = generators.get(*units[0], effort);
  LLVMContext& context = generator.begin(units.size());
  std::vector<Lowered> batch;
  std::vector<std::string> refused(units.size());
  for (size_t i = 0; i < units.size(); ++i) {
    Expected<Lowered> lowered = lower(*units[i], context, generators);
    if (!lowered) {
      refused[i] = toString(lowered.takeError());
      continue;
    }
    Timed timed(generators, Stage::Optimize);
    generator.optimize(*lowered->ir);
    batch.push_back(std::move(*lowered));
  }
  std::vector<Expected<Fragment>> generated = [&] {
    Timed timed(generators, Stage::Emit);
    return generator.generate(batch);
  }();
  std::vector<Expected<Fragment>> fragments;
  auto next = generated.begin();
  for (size_t i = 0; i < units.size(); ++i) {
    if (!refused[i].empty()) {
      fragments.push_back(createStringError(inconvertibleErrorCode(), refused[i]));
      continue;
    }
    Expected<Fragment>& fragment = *next++;
    Error error = fragment ? prove(*fragment, *units[i], generators) : fragment.takeError();
    if (error) {
      fragments.push_back(std::move(error));
    } else {
      fragments.push_back(std::move(*fragment));
    }
  }
  return fragments;
}

// What is tried one after the other.
SmallVector<Effort, 4> efforts(const CompileUnit& unit) {
  SmallVector<Effort, 4> all{unit.effort};
  if (all[0] == Effort::Best || all[0] == Effort::Lean) all.append({Effort::Plain, Effort::Quick});
  all.push_back(Effort::Masked);
  return all;
}

}  // namespace

CodeGenerator& CodeGenerators::get(const CompileUnit& unit, Effort effort) {
  std::unique_ptr<CodeGenerator>& generator = generators_[static_cast<size_t>(effort)];
  if (!generator) generator = std::make_unique<CodeGenerator>(unit.architecture, unit.cpu, effort);
  return *generator;
}

size_t CodeGenerators::runs() const {
  size_t sum = 0;
  for (const auto& generator : generators_) sum += generator ? generator->runs() : 0;
  return sum;
}

Expected<Lowered> lower_unit(const CompileUnit& unit, LLVMContext& context) {
  Expected<Lowered> lowered =
      unit.kind == UnitKind::Function ? lower_function(unit, context) : lower_thunk(unit, context);
  if (!lowered) return lowered;
  if (Error error = check_ir(*lowered->ir)) return error;
  return lowered;
}

std::vector<Expected<Compiled>> compile_batch(ArrayRef<const CompileUnit*> units, CodeGenerators& generators) {
  std::vector<Expected<Compiled>> compiled;
  for (Expected<Fragment>& first : attempt(units, units[0]->effort, generators)) {
    const CompileUnit* unit = units[compiled.size()];
    assert(unit->effort == units[0]->effort);
    Expected<Fragment> fragment = std::move(first);
    // Refused for good only if the plainest code is as well.
    SmallVector<Effort, 4> left = efforts(*unit);
    while (!fragment && left.size() > 1) {
      consumeError(fragment.takeError());
      left.erase(left.begin());
      fragment = std::move(attempt(unit, left[0], generators).front());
    }
    if (fragment) {
      compiled.push_back(Compiled{std::move(*fragment), left[0]});
    } else {
      compiled.push_back(fragment.takeError());
    }
  }
  return compiled;
}

Expected<Compiled> compile_function(const CompileUnit& unit, CodeGenerators& generators) {
  return std::move(compile_batch(&unit, generators).front());
}

bool bind(Fragment& fragment, const UnitBinding& binding) {
  auto meant = [&](SymbolKind kind) -> const std::vector<uint32_t>* {
    switch (kind) {
      case SymbolKind::Function:
        return &binding.functions;
      case SymbolKind::StaticTable:
        return &binding.static_tables;
      case SymbolKind::Constant:
        return &binding.symbols;
      default:
        return nullptr;
    }
  };
  for (Symbol& symbol : fragment.symbols) {
    const std::vector<uint32_t>* list = meant(symbol.kind);
    if (list && symbol.index >= list->size()) return false;
    if (list) symbol.index = (*list)[symbol.index];
  }
  for (const Relocation& relocation : fragment.relocations) {
    const Symbol& symbol = fragment.symbol_of(relocation);
    if (symbol.kind == SymbolKind::Constant && !isUInt<31>(static_cast<uint64_t>(symbol.index + relocation.addend)))
      return false;
  }
  return true;
}

}  // namespace aotc
