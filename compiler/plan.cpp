// plan.cpp - see plan.h.
#include "plan.h"

#include "aotc/abi.h"
#include "go/known_functions.h"
#include "go/resume_points.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "parallel.h"

namespace aotc {

using namespace llvm;

namespace {

// A table is static when no instruction can change it and its contents are known now. Every type that it is called with
// costs an array of its size, so there is a limit to what that may take.
constexpr uint64_t kMaxStaticEntries = 4u << 20;

// Functions with more instructions than this, with so many locals and blocks that SSA form could need this many phis
// (each local may be live into each block), or with a br_table that leads to this many places (LLVM looks at all
// predecessors of a block for each of them), get Effort::Large whatever the tier.
constexpr size_t kLargeInstructions = 50'000;
constexpr size_t kLargePhis = 1'000'000;
constexpr size_t kLargeTargets = 3'000;

// Leaves of up to this many instructions are inlined in any module, see FunctionLowering::body_to_inline.
constexpr size_t kLargestLeaf = 16;
// Go's of one block may be longer: there, arguments and results travel through memory.
constexpr size_t kLargestStraightLeaf = 160;

template <typename Visit>
void for_each_instruction(const Module& module, Visit visit) {
  for (const DefinedFunction& function : module.functions)
    for (const Instr& instr : function.body.code) visit(instr);
}

// What instructions do with a table.
struct TableUse {
  bool is_touched = false;  // other than by a call through it
  SetVector<uint32_t> called_types;
};

std::vector<TableUse> find_table_uses(const Module& module) {
  std::vector<TableUse> uses(module.tables.size());
  for_each_instruction(module, [&](const Instr& instr) {
    switch (instr.op) {
      case Op::TableGet:
      case Op::TableSet:
      case Op::TableSize:
      case Op::TableGrow:
      case Op::TableFill:
        uses[instr.low()].is_touched = true;
        break;
      case Op::TableInit:
        uses[instr.high()].is_touched = true;
        break;
      case Op::TableCopy:
        uses[instr.low()].is_touched = uses[instr.high()].is_touched = true;
        break;
      case Op::CallIndirect:
        uses[instr.high()].called_types.insert(instr.low());
        break;
      default:
        break;
    }
  });
  return uses;
}

// What a table holds after instantiation; nothing when a segment does not fit: instantiation has to trap, which only a
// table in the instance can do.
std::optional<std::vector<uint32_t>> contents_of(const Module& module, uint32_t table) {
  std::vector<uint32_t> contents(module.tables[table].min, 0);
  for (const ElemSegment& segment : module.elems) {
    if (segment.mode != SegmentMode::Active || segment.table != table) continue;
    if (uint64_t{segment.address} + segment.entries.size() > contents.size()) return std::nullopt;
    copy(segment.entries, contents.begin() + segment.address);
  }
  return contents;
}

// Imports that something refers to, ascending; `entries` are called from outside.
std::vector<uint32_t> find_needed_imports(const Module& module, ArrayRef<uint32_t> entries) {
  std::vector<bool> is_needed(module.import_count());
  auto need = [&](uint64_t function) {
    if (function < is_needed.size()) is_needed[function] = true;
  };
  for_each_instruction(module, [&](const Instr& instr) {
    if (instr.op == Op::Call || instr.op == Op::RefFunc) need(instr.low());
  });
  for (const ElemSegment& segment : module.elems)
    for (uint32_t entry : segment.entries)
      if (entry != 0) need(entry - 1);
  for (const Global& global : module.globals)
    if (global.type == ValueType::FuncRef && global.init[0] != 0) need(global.init[0] - 1);
  for (uint32_t function : entries) need(function);
  std::vector<uint32_t> needed;
  for (uint32_t i = 0; i < is_needed.size(); ++i)
    if (is_needed[i]) needed.push_back(i);
  return needed;
}

bool is_small_leaf(const FunctionBody& body) {
  return body.code.size() <= kLargestLeaf &&
         none_of(body.code, [](const Instr& instr) { return instr.op == Op::Call || instr.op == Op::CallIndirect; });
}

bool is_between(Op op, Op first, Op last) { return first <= op && op <= last; }

// Of a Go function the table at its entry is the only branch.
bool is_straight_leaf(const FunctionBody& body) {
  return body.code.size() <= kLargestStraightLeaf && none_of(body.code, [](const Instr& instr) {
           return instr.op == Op::Call || instr.op == Op::CallIndirect || instr.op == Op::If || instr.op == Op::Loop ||
                  instr.op == Op::Br || instr.op == Op::BrIf;
         });
}

// Only what becomes a machine instruction or two, in one block.
bool is_straight(const FunctionBody& body) {
  return all_of(body.code, [](const Instr& instr) {
    Op op = instr.op;
    bool divides = is_between(op, Op::I32DivS, Op::I32RemU) || is_between(op, Op::I64DivS, Op::I64RemU);
    return op == Op::End || op == Op::Return || op == Op::Drop || op == Op::I32WrapI64 || op == Op::I64ExtendI32S ||
           op == Op::I64ExtendI32U || is_between(op, Op::LocalGet, Op::GlobalSet) ||
           is_between(op, Op::I32Load, Op::I64Store32) || is_between(op, Op::I32Const, Op::I64Const) ||
           is_between(op, Op::I32Eqz, Op::I64GeU) || (is_between(op, Op::I32Clz, Op::I64Rotr) && !divides);
  });
}

// For a few instructions in a row Quick makes what Best makes, or a move more, in a fourth of the time; and callers
// inline them, with their own effort. Only Go's keep theirs: there nearly every function has a branch.
Effort usual_effort(const Compilation& c, const FunctionBody& body) {
  if (c.options.tier == Tier::Quick || (!c.go.recognised && is_small_leaf(body) && is_straight(body)))
    return Effort::Quick;
  return c.go.recognised ? Effort::Best : Effort::Lean;
}

bool has_large_table(const FunctionBody& body) {
  return body.br_targets.size() > kLargeTargets && any_of(body.code, [&](const Instr& instr) {
           if (instr.op != Op::BrTable || instr.high() <= kLargeTargets) return false;
           ArrayRef<uint32_t> targets = ArrayRef<uint32_t>(body.br_targets).slice(instr.low(), instr.high());
           return DenseSet<uint32_t>(targets.begin(), targets.end()).size() > kLargeTargets;
         });
}

bool is_large(const FunctionBody& body) {
  if (body.code.size() > kLargeInstructions || has_large_table(body)) return true;
  if (body.code.size() * body.locals.size() < kLargePhis) return false;
  auto blocks = static_cast<size_t>(count_if(body.code, [](const Instr& instr) {
    return instr.op == Op::Block || instr.op == Op::Loop || instr.op == Op::If || instr.op == Op::BrIf;
  }));
  return blocks * body.locals.size() > kLargePhis;
}

}  // namespace

void plan_tables(Compilation& c) {
  std::vector<TableUse> uses = find_table_uses(c.module);
  TablePlan& plan = c.tables;
  plan.contents.resize(uses.size());
  int32_t descriptors = 0;
  for (uint32_t table = 0; table < uses.size(); ++table) {
    const TableUse& use = uses[table];
    uint64_t size = c.module.tables[table].min;
    bool may_be_static =
        !use.is_touched && size * use.called_types.size() <= kMaxStaticEntries && size <= kMaxStaticEntries;
    if (std::optional<std::vector<uint32_t>> contents = may_be_static ? contents_of(c.module, table) : std::nullopt) {
      plan.contents[table] = std::move(*contents);
      plan.descriptor.push_back(-1);
      for (uint32_t type : use.called_types) plan.static_tables.push_back({table, type});
    } else {
      plan.descriptor.push_back(descriptors++);
      plan.needs_function_refs = plan.needs_function_refs || !use.called_types.empty();
    }
  }
}

void plan_globals(Compilation& c) {
  int32_t slots = 0;
  for (const Global& global : c.module.globals) c.global_slots.push_back(global.is_mutable ? slots++ : -1);
}

void plan_thunks(Compilation& c) {
  const Module& module = c.module;
  SetVector<uint32_t> entries;
  DenseMap<uint32_t, const std::string*> export_names;  // the first of a function
  if (module.start >= 0) entries.insert(static_cast<uint32_t>(module.start));
  if (c.go.recognised) entries.insert(static_cast<uint32_t>(c.go.resume_loop));
  for (const Export& exported : module.exports)
    if (exported.kind == 0) {
      entries.insert(exported.index);
      export_names.try_emplace(exported.index, &exported.name);
    }
  for (uint32_t function : find_needed_imports(module, entries.getArrayRef()))
    c.thunks.push_back({ThunkKind::Import, function, "aotc.import." + module.imports[function].field, {}});
  for (uint32_t function : entries) {
    const std::string* exported = export_names.lookup(function);
    std::string name = exported ? *exported : module.display_name(function);
    c.thunks.push_back({ThunkKind::Entry, function, "aotc.entry." + name, {}});
  }
  if (!c.tables.static_tables.empty()) {
    c.thunks.push_back({ThunkKind::TrapNull, 0, "aotc.trap.null", {}});
    c.thunks.push_back({ThunkKind::TrapType, 0, "aotc.trap.type", {}});
  }
}

void plan_functions(Compilation& c, const std::optional<std::vector<GoFunction>>& table) {
  const Module& module = c.module;
  c.functions.resize(module.functions.size());
  std::vector<std::vector<uint32_t>> resume_points(module.functions.size());
  if (table) resume_points = find_resume_points(module, c.tables, *table);
  KnownFunctions known(module, c.go.never_returns);
  unsigned threads = threads_of(c.options);
  on_threads(threads, [&](unsigned thread) {
    for (uint32_t i = thread; i < c.functions.size(); i += threads) {
      const FunctionBody& body = module.functions[i].body;
      c.functions[i] = {is_large(body) ? Effort::Large : usual_effort(c, body),
                        c.options.tier != Tier::Quick,
                        known.find(i, c.is_resumable(module.import_count() + i)),
                        c.go.never_returns.contains(module.import_count() + i),
                        is_small_leaf(body),
                        c.go.recognised && is_straight_leaf(body),
                        std::move(resume_points[i])};
    }
  });
}

}  // namespace aotc
