// go_shape.cpp - see go_shape.h. Everything here is one linear scan over the instructions.
#include "go_shape.h"

#include "aotc/artifact_format.h"
#include "fmt/format.h"
#include "llvm/ADT/DenseMap.h"

namespace aotc {

using namespace llvm;

namespace {

class Recogniser {
 public:
  explicit Recogniser(const Compilation& c) : module_(c.module) {}
  const DenseSet<uint32_t>& ordinary() const { return ordinary_; }

  GoShape run() {
    GoShape shape;
    shape.reason = find_reason_against(shape);
    shape.recognised = shape.reason.empty();
    if (!shape.recognised) shape.never_returns.clear();
    return shape;
  }

 private:
  std::string find_reason_against(GoShape& shape) {
    const auto& globals = module_.globals;
    if (globals.empty() || globals[0].type != ValueType::I32 || !globals[0].is_mutable)
      return "global 0 is no mutable i32";
    for (const Export& exported : module_.exports)
      if (exported.kind == 3 && exported.index == 0) return "global 0 is exported";
    const FuncType wanted{{ValueType::I32}, {ValueType::I32}};
    auto found = std::find(module_.types.begin(), module_.types.end(), wanted);
    if (found == module_.types.end()) return "no type (i32)->i32";
    resumable_ = shape.resumable_type = static_cast<uint32_t>(found - module_.types.begin());
    find_ordinary_exports();

    for (const ElemSegment& segment : module_.elems)
      for (uint32_t entry : segment.entries)
        if (entry != 0 && entry - 1 < module_.import_count()) return "a table holds an import";
    size_t resumable_functions = 0;
    for (size_t i = 0; i < module_.functions.size(); ++i) {
      uint32_t index = module_.import_count() + static_cast<uint32_t>(i);
      const DefinedFunction& function = module_.functions[i];
      for (const Instr& instr : function.body.code)
        if (instr.op == Op::RefFunc && instr.low() < module_.import_count()) return "an import's reference is taken";
      if (ordinary_.contains(index)) continue;
      if (function.type == resumable_) {
        ++resumable_functions;
        Exits exits;
        if (!only_unwinds_or_returns(function.body, exits))
          return fmt::format("{} returns something other than an unwinding flag", module_.display_name(index));
        if (!exits.returns_zero) unwinding_.emplace_back(index, std::move(exits.tail_calls));
      } else if (shape.resume_loop < 0 && is_resume_loop(function)) {
        shape.resume_loop = index;
      }
    }
    if (shape.resume_loop < 0) return "no loop that restarts goroutines";
    if (resumable_functions * 2 < module_.functions.size()) return "most functions are not (i32)->i32";
    shape.never_returns = find_never_returning();
    return "";
  }

  // Exports of the resumable type whose result is a value: `//go:wasmexport` functions that take and return an int32.
  void find_ordinary_exports() {
    for (bool changed = true; changed;) {
      changed = false;
      for (const Export& exported : module_.exports) {
        if (exported.kind != 0 || exported.index < module_.import_count() || ordinary_.contains(exported.index))
          continue;
        const DefinedFunction& function = module_.functions[exported.index - module_.import_count()];
        Exits exits;
        if (function.type != resumable_ || only_unwinds_or_returns(function.body, exits)) continue;
        changed = ordinary_.insert(exported.index).second;
      }
    }
  }

  // Functions that leave only by unwinding or through calls, of which all callees are of the same kind.
  DenseSet<uint32_t> find_never_returning() const {
    DenseSet<uint32_t> result;
    for (const auto& [function, tail_calls] : unwinding_) result.insert(function);
    for (bool changed = true; changed;) {
      changed = false;
      for (const auto& [function, tail_calls] : unwinding_) {
        bool may_return =
            std::any_of(tail_calls.begin(), tail_calls.end(), [&](uint32_t f) { return !result.contains(f); });
        if (may_return && result.erase(function)) changed = true;
      }
    }
    return result;
  }

  struct Exits {
    bool returns_zero = false;         // some way out may return 0, whatever is called
    std::vector<uint32_t> tail_calls;  // functions whose result is returned
  };

  // Looks at every way out of the body.
  bool only_unwinds_or_returns(const FunctionBody& body, Exits& exits) const {
    uint32_t depth = 0;
    for (size_t i = 0; i < body.code.size(); ++i) {
      const Instr& instr = body.code[i];
      switch (instr.op) {
        case Op::Block:
        case Op::Loop:
        case Op::If:
          ++depth;
          break;
        case Op::End:
          if (depth-- == 0) return is_flag_or_unreachable(body, i, exits);
          break;
        case Op::Return:
          if (!is_flag_or_unreachable(body, i, exits)) return false;
          break;
        case Op::Br:
        case Op::BrIf:
          if (instr.low() >= depth) return false;
          break;
        case Op::BrTable:
          for (uint32_t k = 0; k < instr.high(); ++k)
            if (body.br_targets[instr.low() + k] >= depth) return false;
          break;
        default:
          break;
      }
    }
    return false;
  }

  // Is the operand on top before instruction `at` a flag? Go reloads its stack pointer into a local in between;
  // wasm-opt keeps the flag in a local meanwhile.
  bool is_flag_or_unreachable(const FunctionBody& body, size_t at, Exits& exits) const {
    auto skip_reload = [&] {
      if (at >= 3 && body.code[at - 1].op == Op::LocalSet && body.code[at - 2].op == Op::GlobalGet) at -= 2;
    };
    skip_reload();
    if (at >= 3 && body.code[at - 1].op == Op::LocalGet) {
      uint32_t kept = body.code[--at].low();
      if (body.code[at - 1].low() != kept) skip_reload();
      if (body.code[at - 1].op != Op::LocalSet || body.code[at - 1].low() != kept) return false;
      --at;
    }
    if (at == 0) return false;
    const Instr& before = body.code[at - 1];
    switch (before.op) {
      case Op::I32Const:
        if (before.low() == 0) exits.returns_zero = true;
        return before.low() <= 1;
      case Op::Call:
        exits.tail_calls.push_back(before.low());
        return before.low() >= module_.import_count() && module_.type_index(before.low()) == resumable_ &&
               !ordinary_.contains(before.low());
      case Op::CallIndirect:
        exits.returns_zero = true;
        return before.low() == resumable_;
      case Op::Unreachable:
      case Op::Return:
      case Op::Br:
      case Op::BrTable:
        return true;  // what follows is dead
      default:
        return false;
    }
  }

  bool is_resume_loop(const DefinedFunction& function) const {
    const FuncType& type = module_.types[function.type];
    if (!type.params.empty() || !type.results.empty()) return false;
    bool has_loop = false, loads_pc = false;
    for (const Instr& instr : function.body.code) {
      if (instr.op == Op::Loop) has_loop = true;
      if (instr.op == Op::I32Load16U) loads_pc = true;
      if (instr.op == Op::CallIndirect && instr.low() == resumable_ && has_loop && loads_pc) return true;
    }
    return false;
  }

  const Module& module_;
  uint32_t resumable_ = 0;
  DenseSet<uint32_t> ordinary_;                                        // function indices
  std::vector<std::pair<uint32_t, std::vector<uint32_t>>> unwinding_;  // candidates: function, tail calls
};

}  // namespace

void recognise_go(Compilation& c) {
  Recogniser recogniser(c);
  c.go = recogniser.run();
  c.stats.go_shaped = c.go.recognised;
  if (!c.go.recognised || recogniser.ordinary().empty()) return;
  // A type of their own: they are called like other functions, and not at all where a table's entry is to be resumed.
  uint32_t type = static_cast<uint32_t>(c.module.types.size());
  c.module.types.push_back(FuncType(c.module.types[c.go.resumable_type]));
  for (uint32_t index : recogniser.ordinary()) c.module.functions[index - c.module.import_count()].type = type;
}

void find_import_wrappers(Compilation& c) {
  if (!c.go.recognised) return;
  const Module& m = c.module;
  c.go.import_wrappers.assign(m.import_count(), AOTC_NONE);
  std::vector<size_t> shortest(m.import_count(), SIZE_MAX);
  std::vector<uint32_t> wrapper(m.import_count(), 0);  // function index + 1
  for (size_t i = 0; i < m.functions.size(); ++i) {
    const auto& code = m.functions[i].body.code;
    if (m.functions[i].type != c.go.resumable_type) continue;
    for (const Instr& instr : code) {
      if (instr.op != Op::Call || instr.low() >= m.import_count() || code.size() >= shortest[instr.low()]) continue;
      shortest[instr.low()] = code.size();
      wrapper[instr.low()] = m.import_count() + static_cast<uint32_t>(i) + 1;
    }
  }
  DenseMap<uint32_t, uint32_t> table_index;
  for (const std::vector<uint32_t>& contents : c.tables.contents)
    for (size_t i = 0; i < contents.size(); ++i)
      if (contents[i] != 0) table_index.try_emplace(contents[i], static_cast<uint32_t>(i));
  for (size_t i = 0; i < wrapper.size(); ++i)
    if (auto found = table_index.find(wrapper[i]); wrapper[i] != 0 && found != table_index.end())
      c.go.import_wrappers[i] = found->second;
}

}  // namespace aotc
