// compile_unit.cpp - see compile_unit.h.
#include "compile_unit.h"

#include "archive.h"
#include "build_identity.h"
#include "llvm/ADT/DenseMap.h"
#include "native/cpu_baseline.h"

namespace aotc {

using namespace llvm;

namespace {

bool is_between(Op op, Op first, Op last) { return first <= op && op <= last; }

// Arithmetic and comparisons in which LLVM makes something of a number that it knows.
bool uses_a_number(Op op) {
  bool is_plain_sum = op == Op::I64Add || op == Op::I64Eq || op == Op::I64Ne;
  bool is_arithmetic = is_between(op, Op::I32Clz, Op::I32Rotr) || is_between(op, Op::I64Clz, Op::I64Rotr);
  bool is_comparison = is_between(op, Op::I32Eqz, Op::F64Ge);
  bool is_conversion = is_between(op, Op::I64ExtendI32S, Op::F64ReinterpretI64);
  return ((is_arithmetic || is_comparison) && !is_plain_sum) || is_conversion || op == Op::Select ||
         op == Op::SelectT || op == Op::If || op == Op::BrIf || op == Op::BrTable || op == Op::CallIndirect ||
         op == Op::MemoryGrow;
}

// Numbers what a unit refers to as it meets it.
template <typename Key>
class Numbering {
 public:
  // The number of `key`, and whether it is new.
  std::pair<uint32_t, bool> operator()(Key key) {
    auto [entry, is_new] = numbers_.try_emplace(key, static_cast<uint32_t>(numbers_.size()));
    return {entry->second, is_new};
  }

 private:
  DenseMap<Key, uint32_t> numbers_;
};

class Builder {
 public:
  Builder(const Compilation& c, bool symbolic, CompileUnit& unit, UnitBinding& binding)
      : c_(c), m_(c.module), symbolic_(symbolic && c.go.recognised), unit_(unit), binding_(binding) {
    unit_ = {};
    binding_ = {};
    unit_.architecture = c.options.architecture;
    const CpuBaseline* baseline = find_cpu_baseline(c.options.architecture, c.options.cpu);
    unit_.cpu = baseline ? baseline->name : c.options.cpu;
    unit_.is_go = c.go.recognised;
  }

  void function(uint32_t defined) {
    unit_.effort = c_.functions[defined].effort;
    inlines_ = c_.functions[defined].inlines;
    if (unit_.is_go) {
      global(0);
      unit_.resumable_type = type(c_.go.resumable_type);
    }
    function(m_.import_count() + defined, 0);
    for (size_t i = 0; i < bodies_.size(); ++i) rewrite(bodies_[i].first, bodies_[i].second);
  }

  void thunk(const Thunk& thunk) {
    switch (thunk.kind) {
      case ThunkKind::Import:
        unit_.kind = UnitKind::Import;
        unit_.import = thunk.index;
        break;
      case ThunkKind::Entry:
        unit_.kind = UnitKind::Entry;
        break;
      case ThunkKind::TrapNull:
        unit_.kind = UnitKind::TrapNull;
        return;
      case ThunkKind::TrapType:
        unit_.kind = UnitKind::TrapType;
        return;
    }
    function(thunk.index, kDeepestInlined + 1);
  }

 private:
  uint32_t type(uint32_t index) {
    auto [number, is_new] = types_(index);
    if (is_new) unit_.types.push_back(m_.types[index]), unit_.type_ids.push_back(0);
    return number;
  }

  // A module has no more than fit, see kMaxBlockType.
  int16_t block_type(int16_t index) {
    auto [number, is_new] = block_types_(static_cast<uint32_t>(index));
    if (is_new) unit_.block_types.push_back(m_.types[static_cast<size_t>(index)]);
    return static_cast<int16_t>(number);
  }

  // `depth` 0 is the unit's own; the bodies of others come along only where they can be inlined.
  uint32_t function(uint32_t index, unsigned depth) {
    auto [number, is_new] = functions_(index);
    if (!is_new) return number;
    UnitFunction added;
    added.type = type(m_.type_index(index));
    added.is_import = index < m_.import_count();
    added.is_resumable = c_.is_resumable(index);
    if (!added.is_import) added.never_returns = c_.plan_of(index).never_returns;
    if (depth == 0 || can_be_inlined(index, depth)) {
      added.known = c_.plan_of(index).known;
      added.resume_points = c_.plan_of(index).resume_points;
      added.body = m_.functions[index - m_.import_count()].body;
      instructions_ += added.body.code.size();
      bodies_.emplace_back(number, depth);
    }
    unit_.functions.push_back(std::move(added));
    binding_.functions.push_back(index);
    return number;
  }

  bool can_be_inlined(uint32_t index, unsigned depth) const {
    // Beyond these code grows and no kernel of `benchmarks/run speed` gets faster. Other compilers than Go's have
    // inlined already; with the same limits SQLite takes four times as long to compile, to two and a half times the
    // code (`benchmarks/run compile sqljs`).
    constexpr size_t kLargestBody = 60, kLargestUnit = 20'000;
    if (!inlines_ || depth > kDeepestInlined || instructions_ > kLargestUnit || index < m_.import_count()) return false;
    const FunctionPlan& plan = c_.plan_of(index);
    size_t size = m_.functions[index - m_.import_count()].body.code.size();
    return !plan.never_returns &&
           (plan.is_straight_leaf || (size <= kLargestBody && (unit_.is_go || plan.is_small_leaf)));
  }

  uint32_t global(uint32_t index) {
    auto [number, is_new] = globals_(index);
    if (is_new) {
      const Global& global = m_.globals[index];
      unit_.globals.push_back(
          {global.type, c_.global_slots[index], c_.global_slots[index] < 0 ? global.init[0] : uint64_t{0}});
    }
    return number;
  }

  uint32_t table(uint32_t index) {
    auto [number, is_new] = tables_(index);
    if (!is_new) return number;
    UnitTable added{.descriptor = c_.tables.descriptor[index], .max = m_.tables[index].max};
    if (added.descriptor < 0) {
      added.size = static_cast<uint32_t>(c_.tables.contents[index].size());
      added.max = 0;  // it cannot change
      if (symbolic_ && can_be_symbol(added.size)) added.size = symbol(added.size), added.size_is_symbol = true;
    }
    unit_.tables.push_back(added);
    return number;
  }

  void called_through(uint32_t table_index, uint32_t type_index) {
    uint32_t local_table = table(table_index), local_type = type(type_index);
    int found = c_.tables.find(table_index, type_index);
    if (found < 0) {
      unit_.type_ids[local_type] = type_index;
    } else if (unit_.find_static_table(local_table, local_type) < 0) {
      unit_.static_tables.push_back({local_table, local_type});
      binding_.static_tables.push_back(static_cast<uint32_t>(found));
    }
  }

  static bool can_be_symbol(uint64_t value) { return value >= kLeastConstant && value < kMostConstant; }

  uint32_t symbol(uint64_t value) {
    auto [number, is_new] = symbols_(static_cast<uint32_t>(value));
    if (is_new) binding_.symbols.push_back(static_cast<uint32_t>(value)), ++unit_.symbols;
    return number;
  }

  void rewrite(uint32_t number, unsigned depth) {
    // Other bodies are added meanwhile.
    FunctionBody body = std::move(unit_.functions[number].body);
    body.offset = body.size = 0;
    for (size_t i = 0; i < body.code.size(); ++i) {
      Instr& instr = body.code[i];
      instr.offset = 0;
      if (instr.block_type >= 0) instr.block_type = block_type(instr.block_type);
      uint64_t high = uint64_t{instr.high()} << 32;
      switch (instr.op) {
        case Op::Call:
          instr.imm = function(instr.low(), depth + 1);
          break;
        case Op::CallIndirect:
          called_through(instr.high(), instr.low());
          instr.imm = type(instr.low()) | uint64_t{table(instr.high())} << 32;
          break;
        case Op::GlobalGet:
        case Op::GlobalSet:
          instr.imm = global(instr.low());
          break;
        case Op::TableGet:
        case Op::TableSet:
        case Op::TableSize:
        case Op::TableGrow:
        case Op::TableFill:
          instr.imm = table(instr.low());
          break;
        case Op::TableInit:
          instr.imm = instr.low() | uint64_t{table(instr.high())} << 32;
          break;
        case Op::TableCopy:
          high = uint64_t{table(instr.high())} << 32;
          instr.imm = table(instr.low()) | high;
          break;
        case Op::I32Const:
        case Op::I64Const:
          if (!symbolic_ || !can_be_symbol(instr.imm) || uses_a_number(body.code[i + 1].op)) break;
          if (instr.op == Op::I32Const && body.code[i + 1].op == Op::I32Add) break;
          instr.op = instr.op == Op::I32Const ? Op::I32Symbol : Op::I64Symbol;
          instr.imm = symbol(instr.imm);
          break;
        default:
          break;
      }
    }
    unit_.functions[number].body = std::move(body);
  }

  const Compilation& c_;
  const Module& m_;
  const bool symbolic_;
  bool inlines_ = false;
  CompileUnit& unit_;
  UnitBinding& binding_;
  Numbering<uint32_t> types_, block_types_, functions_, globals_, tables_, symbols_;
  std::vector<std::pair<uint32_t, unsigned>> bodies_;  // functions, and how deep their callers are
  size_t instructions_ = 0;                            // of all bodies
};

// --- Bytes --------------------------------------------------------------------------------------------------------

constexpr char kFormat[] = "aotc unit 1 ";

template <typename Archive>
void transfer(Archive& archive, std::vector<ValueType>& types) {
  archive.list(types, [&](ValueType& type) { archive.number(type); });
}

template <typename Archive>
void transfer(Archive& archive, std::vector<FuncType>& types) {
  archive.list(types, [&](FuncType& type) {
    transfer(archive, type.params);
    transfer(archive, type.results);
  });
}

template <typename Archive>
void transfer(Archive& archive, FunctionBody& body) {
  transfer(archive, body.locals);
  archive.list(body.code, [&](Instr& instr) {
    archive.number(instr.op);
    archive.number(instr.block_type);
    archive.number(instr.imm);
  });
  archive.list(body.br_targets, [&](uint32_t& target) { archive.number(target); });
}

template <typename Archive>
void transfer(Archive& archive, UnitFunction& function) {
  archive.number(function.type);
  archive.number(function.is_import);
  archive.number(function.is_resumable);
  archive.number(function.never_returns);
  size_t known = function.known ? static_cast<size_t>(*function.known) + 1 : 0;
  archive.choice(known, kKnownFunctions + 1);
  if (known != 0) function.known = static_cast<KnownFunction>(known - 1);
  archive.list(function.resume_points, [&](uint32_t& point) { archive.number(point); });
  transfer(archive, function.body);
}

template <typename Archive>
void transfer(Archive& archive, CompileUnit& unit) {
  archive.choice(unit.kind, kUnitKinds);
  archive.number(unit.architecture);
  archive.text(unit.cpu);
  archive.choice(unit.effort, kEfforts);
  archive.number(unit.is_go);
  archive.number(unit.resumable_type);
  archive.number(unit.import);
  transfer(archive, unit.types);
  transfer(archive, unit.block_types);
  archive.list(unit.type_ids, [&](uint32_t& id) { archive.number(id); });
  archive.list(unit.functions, [&](UnitFunction& function) { transfer(archive, function); });
  archive.list(unit.globals, [&](UnitGlobal& global) {
    archive.number(global.type);
    archive.number(global.slot);
    archive.number(global.init);
  });
  archive.list(unit.tables, [&](UnitTable& table) {
    archive.number(table.descriptor);
    archive.number(table.max);
    archive.number(table.size);
    archive.number(table.size_is_symbol);
  });
  archive.list(unit.static_tables, [&](UnitStaticTable& table) {
    archive.number(table.table);
    archive.number(table.type);
  });
  archive.number(unit.symbols);
}

std::string format() { return kFormat + build_identity().str(); }

}  // namespace

int CompileUnit::find_static_table(uint32_t table, uint32_t type) const {
  auto found = find(static_tables, UnitStaticTable{table, type});
  return found == static_tables.end() ? -1 : static_cast<int>(found - static_tables.begin());
}

void make_unit(const Compilation& c, uint32_t defined_index, bool symbolic, CompileUnit& unit, UnitBinding& binding) {
  Builder(c, symbolic, unit, binding).function(defined_index);
}

void make_unit(const Compilation& c, const Thunk& thunk, CompileUnit& unit, UnitBinding& binding) {
  Builder(c, false, unit, binding).thunk(thunk);
}

std::vector<uint8_t> encode_unit(const CompileUnit& unit) {
  ArchiveWriter archive;
  archive.text(format());
  transfer(archive, const_cast<CompileUnit&>(unit));  // a writer changes nothing
  return archive.take();
}

std::optional<CompileUnit> decode_unit(ArrayRef<uint8_t> bytes) {
  ArchiveReader archive(bytes);
  std::string made_by;
  archive.text(made_by);
  CompileUnit unit;
  if (made_by == format()) transfer(archive, unit);
  if (made_by != format() || !archive.ok() || !archive.at_end()) return std::nullopt;
  return unit;
}

}  // namespace aotc
