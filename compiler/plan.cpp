// plan.cpp - decisions about the whole module that lowering a single function needs: static tables, global slots, thunks.
#include "aotc/abi.h"
#include "go/go_shape.h"
#include "llvm/ADT/SetVector.h"

namespace aotc {

namespace {

// A table is static when no instruction can change it and its contents are known now. Every type that it is called with
// costs an array of its size, so there is a limit to what that may take.
constexpr uint64_t kMaxStaticEntries = 4u << 20;

class Planner {
 public:
  explicit Planner(Compilation& c) : c_(c), module_(c.module) {}

  void run() {
    scan();
    plan_tables();
    plan_globals();
    plan_thunks();
  }

 private:
  void scan() {
    touched_.assign(module_.tables.size(), false);
    called_types_.resize(module_.tables.size());
    for (const DefinedFunction& function : module_.functions) {
      for (const Instr& instr : function.body.code) {
        switch (instr.op) {
          case Op::TableGet:
          case Op::TableSet:
          case Op::TableSize:
          case Op::TableGrow:
          case Op::TableFill: touched_[instr.low()] = true; break;
          case Op::TableInit: touched_[instr.high()] = true; break;
          case Op::TableCopy: touched_[instr.low()] = touched_[instr.high()] = true; break;
          case Op::CallIndirect: called_types_[instr.high()].insert(instr.low()); break;
          case Op::Call:
            if (instr.low() < module_.import_count()) needed_imports_.insert(instr.low());
            break;
          case Op::RefFunc:
            if (instr.low() < module_.import_count()) needed_imports_.insert(instr.low());
            break;
          default: break;
        }
      }
    }
  }

  void plan_tables() {
    TablePlan& plan = c_.tables;
    plan.contents.resize(module_.tables.size());
    int32_t descriptors = 0;
    for (uint32_t table = 0; table < module_.tables.size(); ++table) {
      uint64_t size = module_.tables[table].min;
      bool is_static = !touched_[table] && size * called_types_[table].size() <= kMaxStaticEntries && size <= kMaxStaticEntries;
      if (is_static) is_static = fill(table);
      if (is_static) {
        plan.descriptor.push_back(-1);
        for (uint32_t type : called_types_[table]) plan.static_tables.push_back({table, type});
      } else {
        plan.contents[table].clear();
        plan.descriptor.push_back(descriptors++);
        plan.needs_function_refs = plan.needs_function_refs || !called_types_[table].empty();
      }
    }
    for (const ElemSegment& segment : module_.elems)
      for (uint32_t entry : segment.entries)
        if (entry != 0 && entry - 1 < module_.import_count()) needed_imports_.insert(entry - 1);
    for (const Global& global : module_.globals)
      if (global.type == ValueType::FuncRef && global.init[0] != 0 && global.init[0] - 1 < module_.import_count())
        needed_imports_.insert(static_cast<uint32_t>(global.init[0] - 1));
  }

  // False when a segment does not fit: instantiation has to trap, which only a table in the instance can do.
  bool fill(uint32_t table) {
    std::vector<uint32_t>& contents = c_.tables.contents[table];
    contents.assign(module_.tables[table].min, 0);
    for (const ElemSegment& segment : module_.elems) {
      if (segment.mode != SegmentMode::Active || segment.table != table) continue;
      if (uint64_t{segment.address} + segment.entries.size() > contents.size()) return false;
      std::copy(segment.entries.begin(), segment.entries.end(), contents.begin() + segment.address);
    }
    return true;
  }

  void plan_globals() {
    int32_t slots = 0;
    for (const Global& global : module_.globals) c_.global_slots.push_back(global.is_mutable ? slots++ : -1);
  }

  void plan_thunks() {
    llvm::SetVector<uint32_t> entries;
    llvm::DenseMap<uint32_t, const std::string*> export_names;  // the first of a function
    if (module_.start >= 0) entries.insert(static_cast<uint32_t>(module_.start));
    if (c_.go.recognised) entries.insert(static_cast<uint32_t>(c_.go.resume_loop));
    for (const Export& exported : module_.exports)
      if (exported.kind == 0) {
        entries.insert(exported.index);
        export_names.try_emplace(exported.index, &exported.name);
      }
    for (uint32_t function : entries)
      if (function < module_.import_count()) needed_imports_.insert(function);

    auto imports = needed_imports_.takeVector();
    std::sort(imports.begin(), imports.end());
    for (uint32_t function : imports)
      c_.thunks.push_back({ThunkKind::Import, function, "aotc.import." + module_.imports[function].field, {}});
    for (uint32_t function : entries) {
      const std::string* exported = export_names.lookup(function);
      std::string name = exported ? *exported : module_.display_name(function);
      c_.thunks.push_back({ThunkKind::Entry, function, "aotc.entry." + name, {}});
    }
    if (!c_.tables.static_tables.empty()) {
      c_.thunks.push_back({ThunkKind::TrapNull, 0, "aotc.trap.null", {}});
      c_.thunks.push_back({ThunkKind::TrapType, 0, "aotc.trap.type", {}});
    }
  }

  Compilation& c_;
  const Module& module_;
  std::vector<bool> touched_;
  std::vector<llvm::SetVector<uint32_t>> called_types_;
  llvm::SetVector<uint32_t> needed_imports_;
};

}  // namespace

void plan(Compilation& c) { Planner(c).run(); }

}  // namespace aotc
