// compile.cpp - the compiler as a list of phases. Each reads what earlier ones left in the Compilation and fills its
// part.
#include "compile.h"

#include "artifact/link.h"
#include "compilation.h"
#include "compile_functions.h"
#include "go/go_shape.h"
#include "go/pclntab.h"
#include "go/signal_wait.h"
#include "llvm/ADT/StringExtras.h"
#include "native/cpu_baseline.h"
#include "parallel.h"
#include "phase_clock.h"
#include "plan.h"
#include "registry/digest.h"
#include "wasm/check_imports.h"
#include "wasm/read_module.h"

namespace aotc {

using namespace llvm;

namespace {

// Runs one phase and records what it took.
Error timed(Compilation& c, const char* phase, function_ref<Error()> run) {
  PhaseClock clock;
  Error error = run();
  c.stats.phases.push_back(clock.taken(phase));
  return error;
}

Error read(Compilation& c) {
  c.digest = std::async(std::launch::async, [wasm = c.wasm] { return sha256_raw(toStringRef(wasm)); });
  Expected<Module> module = read_module(c.wasm, c.options.module_name, threads_of(c.options));
  if (!module) return module.takeError();
  if (c.options.imports == Imports::Known)
    if (Error error = check_imports(*module, c.options.module_name)) return error;
  c.module = std::move(*module);
  c.stats.functions = c.module.functions.size();
  c.stats.wasm_bytes = c.wasm.size();
  return Error::success();
}

void take_names(Module& module, std::vector<GoFunction> functions) {
  module.names.resize(module.function_count());
  for (size_t i = 0; i < functions.size(); ++i) module.names[module.import_count() + i] = std::move(functions[i].name);
}

Error unknown_cpu(const CompileOptions& options) {
  std::string known;
  for (const std::string& name : cpu_baselines(options.architecture)) known += (known.empty() ? "" : ", ") + name;
  return createStringError(inconvertibleErrorCode(), "unknown cpu '%s' for %s, known are %s", options.cpu.c_str(),
                           architecture_name(options.architecture), known.c_str());
}

}  // namespace

Error run_phases(Compilation& c, DumpPhase last) {
  if (!find_cpu_baseline(c.options.architecture, c.options.cpu)) return unknown_cpu(c.options);

  // Parse and validate the module into flat instruction arrays; unless any will do, its imports are those of a host.
  if (Error error = timed(c, "read, validate", [&] { return read(c); })) return error;
  if (last == DumpPhase::Read) return Error::success();

  if (Error error = timed(c, "shape", [&] {
        // Each of these looks at every instruction, so they go two at a time.
        auto both = [&](auto first, auto second) {
          on_threads(std::min(2u, threads_of(c.options)), [&](unsigned thread) {
            if (thread == 0) first(c);
            if (thread == 1 || threads_of(c.options) == 1) second(c);
          });
        };
        // Is it Go's? Then one register holds its stack pointer, and functions can be resumed. What can be constant.
        both(recognise_go, plan_tables);
        // What needs a place in the instance, what is called from outside and what is called there; where a frozen
        // program goes on.
        plan_globals(c);
        both(plan_thunks, find_import_wrappers);
        // Go's own function table, which knows where a function can be entered.
        std::optional<std::vector<GoFunction>> table = c.go.recognised ? read_pclntab(c.module) : std::nullopt;
        if (table) park_signal_receiver(c.module, *table);
        // All that compiling one function has to know of it.
        plan_functions(c, table);
        if (table) take_names(c.module, std::move(*table));
        return Error::success();
      }))
    return error;
  if (last == DumpPhase::Shape || last == DumpPhase::Lower || last == DumpPhase::Optimize) return Error::success();

  // Each function on its own: is it known already, or else lower to LLVM IR, optimise, emit code, prove the code.
  if (Error error = compile_functions(c)) return error;
  if (last == DumpPhase::Codegen) return Error::success();

  // Lay the fragments out, patch their relocations, write the ELF file.
  return timed(c, "link", [&] { return link(c); });
}

Expected<CompileResult> compile(ArrayRef<uint8_t> wasm, const CompileOptions& options) {
  Compilation c(wasm, options);
  if (Error error = run_phases(c, DumpPhase::Link)) return error;
  c.stats.artifact_bytes = c.artifact.size();
  for (const Fragment& fragment : c.fragments) c.stats.code_bytes += fragment.text.size() + fragment.rodata.size();
  for (const Thunk& thunk : c.thunks) c.stats.code_bytes += thunk.fragment.text.size() + thunk.fragment.rodata.size();
  return CompileResult{std::move(c.artifact), std::move(c.stats)};
}

Error validate(ArrayRef<uint8_t> wasm, const std::string& module_name, Imports imports) {
  Expected<Module> module = read_module(wasm, module_name);
  if (!module) return module.takeError();
  return imports == Imports::Known ? check_imports(*module, module_name) : Error::success();
}

Expected<Architecture> parse_architecture(StringRef name) {
  if (name == "x86_64" || name == "amd64") return Architecture::X86_64;
  if (name == "aarch64" || name == "arm64") return Architecture::AArch64;
#if defined(__x86_64__)
  if (name == "host") return Architecture::X86_64;
#elif defined(__aarch64__)
  if (name == "host") return Architecture::AArch64;
#endif
  return createStringError(inconvertibleErrorCode(), "unknown target '%s', known are x86_64, aarch64, host",
                           name.str().c_str());
}

const char* tier_name(Tier tier) { return tier == Tier::Quick ? "quick" : tier == Tier::Best ? "best" : "auto"; }

const char* architecture_name(Architecture architecture) {
  return architecture == Architecture::X86_64 ? "x86_64" : "aarch64";
}

}  // namespace aotc
