// dump.cpp - each phase's result as text, for tests and for people.
#include "artifact/link.h"
#include "compile_function.h"
#include "fmt/format.h"
#include "go/known_functions.h"
#include "llvm/Support/raw_ostream.h"
#include "native/disassemble.h"

namespace aotc {

using namespace llvm;

namespace {

const char* type_name(ValueType type) {
  switch (type) {
    case ValueType::I32:
      return "i32";
    case ValueType::I64:
      return "i64";
    case ValueType::F32:
      return "f32";
    case ValueType::F64:
      return "f64";
    case ValueType::V128:
      return "v128";
    case ValueType::FuncRef:
      return "funcref";
  }
  return "?";
}

std::string type_text(const FuncType& type) {
  std::string text = "(";
  for (size_t i = 0; i < type.params.size(); ++i) text += fmt::format("{}{}", i ? " " : "", type_name(type.params[i]));
  text += ")->(";
  for (size_t i = 0; i < type.results.size(); ++i)
    text += fmt::format("{}{}", i ? " " : "", type_name(type.results[i]));
  return text + ")";
}

// What was recognised and planned.
std::string describe_shape(const Compilation& c) {
  std::string out;
  auto line = [&]<typename... Args>(fmt::format_string<Args...> format, Args&&... args) {
    out += fmt::format(format, std::forward<Args>(args)...) + "\n";
  };
  auto name_of = [&](size_t defined) {
    return c.module.display_name(c.module.import_count() + static_cast<uint32_t>(defined));
  };
  if (c.go.recognised) {
    line("go-shaped: yes");
    line("stack pointer: global 0");
    line("resume loop: {}", c.module.display_name(static_cast<uint32_t>(c.go.resume_loop)));
    for (size_t i = 0; i < c.functions.size(); ++i)
      if (c.functions[i].never_returns) line("never returns: {}", name_of(i));
  } else {
    line("go-shaped: no, {}", c.go.reason);
  }
  for (size_t i = 0; i < c.functions.size(); ++i)
    if (c.functions[i].known) line("known: {} is {}", name_of(i), known_function_name(*c.functions[i].known));
  for (size_t i = 0; i < c.module.tables.size(); ++i) {
    if (c.tables.descriptor[i] >= 0) {
      line("table {}: in the instance, descriptor {}", i, c.tables.descriptor[i]);
      continue;
    }
    line("table {}: static, {} entries", i, c.tables.contents[i].size());
    for (const StaticTable& table : c.tables.static_tables)
      if (table.table == i) line("  called with type {}", table.type);
  }
  for (size_t i = 0; i < c.global_slots.size(); ++i)
    if (c.global_slots[i] >= 0) line("global {}: slot {}", i, c.global_slots[i]);
  for (const Thunk& thunk : c.thunks) line("thunk: {}", thunk.name);
  return out;
}

class Dumper {
 public:
  Dumper(const Compilation& c, const std::string& function) : c_(c), function_(function) {}

  std::string module() const {
    const Module& m = c_.module;
    std::string out;
    for (size_t i = 0; i < m.types.size(); ++i) out += fmt::format("type {}: {}\n", i, type_text(m.types[i]));
    for (size_t i = 0; i < m.imports.size(); ++i)
      out += fmt::format("import {}: {}.{} type {}\n", i, m.imports[i].module, m.imports[i].field, m.imports[i].type);
    if (m.has_memory) out += fmt::format("memory: {}..{} pages\n", m.memory_min, m.memory_max);
    for (size_t i = 0; i < m.tables.size(); ++i)
      out += fmt::format("table {}: min {} max {}\n", i, m.tables[i].min, m.tables[i].max);
    for (size_t i = 0; i < m.globals.size(); ++i)
      out += fmt::format("global {}: {}{} = {:#x}\n", i, m.globals[i].is_mutable ? "mutable " : "",
                         type_name(m.globals[i].type), m.globals[i].init[0]);
    for (const Export& exported : m.exports)
      out += fmt::format("export {:?}: kind {} index {}\n", exported.name, exported.kind, exported.index);
    if (m.start >= 0) out += fmt::format("start: {}\n", m.start);
    for (size_t i = 0; i < m.elems.size(); ++i)
      out += fmt::format("elem {}: mode {} table {} at {}, {} entries\n", i, static_cast<int>(m.elems[i].mode),
                         m.elems[i].table, m.elems[i].address, m.elems[i].entries.size());
    for (size_t i = 0; i < m.datas.size(); ++i)
      out += fmt::format("data {}: mode {} at {}, {} bytes\n", i, static_cast<int>(m.datas[i].mode), m.datas[i].address,
                         m.datas[i].bytes.size());
    for_each_function([&](uint32_t defined, uint32_t index) {
      const DefinedFunction& function = m.functions[defined];
      out += fmt::format("function {} ({}): {} locals {}, {} instructions\n", index, m.display_name(index),
                         type_text(m.types[function.type]), function.body.locals.size(), function.body.code.size());
      for (size_t i = 0; i < function.body.code.size(); ++i) out += instruction(function.body, i);
    });
    return out;
  }

  std::string fingerprints() const {
    std::string out;
    KnownFunctions known(c_.module, c_.go.never_returns);
    for_each_function([&](uint32_t defined, uint32_t index) {
      std::string fingerprint = known.fingerprint(defined);
      out += fmt::format("{}: {} instructions, {}\n", c_.module.display_name(index),
                         c_.module.functions[defined].body.code.size(),
                         fingerprint.empty() ? "too many with its callees" : "fingerprint " + fingerprint);
    });
    return out;
  }

  Expected<std::string> ir(bool optimized) const {
    std::string out;
    Error error = Error::success();
    raw_string_ostream stream(out);
    CodeGenerators generators;
    for_each_function([&](uint32_t defined, uint32_t index) {
      CompileUnit unit;
      UnitBinding binding;
      make_unit(c_, defined, true, unit, binding);
      CodeGenerator& generator = generators.get(unit, unit.effort);
      Expected<Lowered> lowered = lower_unit(unit, generator.begin(1));
      if (!lowered) {
        error = joinErrors(std::move(error), lowered.takeError());
        return;
      }
      if (optimized) generator.optimize(*lowered->ir);
      for (size_t i = 0; i < binding.functions.size(); ++i)
        stream << "; f" << i << " is " << c_.module.display_name(binding.functions[i]) << "\n";
      for (size_t i = 0; i < binding.symbols.size(); ++i) stream << "; c" << i << " is " << binding.symbols[i] << "\n";
      lowered->ir->print(stream, nullptr);
    });
    if (error) return error;
    return out;
  }

  std::string fragments() const {
    std::string out;
    for_each_function([&](uint32_t defined, uint32_t index) {
      out += fragment(c_.fragments[defined], c_.module.display_name(index));
    });
    if (!function_.empty()) return out;
    for (const Thunk& thunk : c_.thunks) out += fragment(thunk.fragment, "thunk " + thunk.name);
    return out;
  }

 private:
  template <typename Visit>
  void for_each_function(Visit visit) const {
    const Module& m = c_.module;
    for (uint32_t defined = 0; defined < m.functions.size(); ++defined) {
      uint32_t index = m.import_count() + defined;
      if (function_.empty() || function_ == std::to_string(index) || function_ == m.display_name(index))
        visit(defined, index);
    }
  }

  static std::string instruction(const FunctionBody& body, size_t index) {
    const Instr& instr = body.code[index];
    std::string text = fmt::format("  {:6} {:#08x} {}", index, instr.offset, op_text(instr.op));
    if (instr.op == Op::BrTable) {
      for (uint32_t i = 0; i < instr.high(); ++i) text += fmt::format(" {}", body.br_targets[instr.low() + i]);
    } else if (instr.op == Op::CallIndirect) {
      text += fmt::format(" type {} table {}", instr.low(), instr.high());
    } else {
      text += fmt::format(" {}", instr.imm);
    }
    return text + "\n";
  }

  std::string fragment(const Fragment& fragment, const std::string& name) const {
    static constexpr const char* kKinds[] = {"pc32",   "pc64",   "call26",  "adrp21", "add12",     "load8",   "load16",
                                             "load32", "load64", "load128", "abs32",  "movhigh16", "movlow16"};
    static constexpr const char* kSymbols[] = {"function", "table", "refs", "text", "rodata", "constant"};
    static_assert(std::size(kKinds) == kRelocationKinds && std::size(kSymbols) == kSymbolKinds);
    std::string out = fmt::format("{}: {} bytes, rodata {} bytes, frame {} bytes\n", name, fragment.text.size(),
                                  fragment.rodata.size(), fragment.frame_size);
    out += disassemble(fragment.text, c_.options.architecture);
    for (const Relocation& r : fragment.relocations)
      out +=
          fmt::format("  relocation {}+{:#x} {} {} {} {:+}\n", r.section == FragmentSection::Text ? "text" : "rodata",
                      r.offset, kKinds[static_cast<int>(r.kind)],
                      kSymbols[static_cast<int>(fragment.symbol_of(r).kind)], fragment.symbol_of(r).index, r.addend);
    for (const TrapSite& site : fragment.trap_sites)
      out += fmt::format("  trap {:#x} instruction {} of function {}\n", site.offset, site.instruction,
                         fragment.symbols[site.symbol].index);
    return out;
  }

  const Compilation& c_;
  const std::string& function_;
};

}  // namespace

Expected<DumpPhase> parse_dump_phase(StringRef name) {
  static constexpr std::pair<const char*, DumpPhase> kNames[] = {
      {"read", DumpPhase::Read},         {"shape", DumpPhase::Shape},     {"lower", DumpPhase::Lower},
      {"optimize", DumpPhase::Optimize}, {"codegen", DumpPhase::Codegen}, {"link", DumpPhase::Link}};
  for (auto [known, phase] : kNames)
    if (name == known) return phase;
  return createStringError(inconvertibleErrorCode(),
                           "unknown phase '%s', known are read, shape, lower, optimize, codegen, link",
                           name.str().c_str());
}

Expected<std::string> dump(ArrayRef<uint8_t> wasm, const CompileOptions& options, DumpPhase phase,
                           const std::string& function) {
  Compilation c(wasm, options);
  if (Error error = run_phases(c, phase)) return error;
  Dumper dumper(c, function);
  switch (phase) {
    case DumpPhase::Read:
      return dumper.module();
    case DumpPhase::Shape:
      return function.empty() ? describe_shape(c) : dumper.fingerprints();
    case DumpPhase::Lower:
      return dumper.ir(false);
    case DumpPhase::Optimize:
      return dumper.ir(true);
    case DumpPhase::Codegen:
      return dumper.fragments();
    case DumpPhase::Link:
      return describe_layout(c);
  }
  llvm_unreachable("phase");
}

}  // namespace aotc
