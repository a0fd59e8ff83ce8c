// compile.h - the compiler's public interface: wasm bytes in, artifact bytes out.
//
// Thread-safe: any number of compilations may run at once. Every failure that input can cause is an llvm::Error whose
// message starts with the module's name; nothing here exits or aborts on hostile input.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

namespace aotc {

enum class Architecture : uint8_t { X86_64 = 1, AArch64 = 2 };
// Auto is Best where the cache has it, and Quick for the rest.
enum class Tier : uint8_t { Quick = 1, Best = 2, Auto = 3 };
// Which imports a module may have: those that hosts of this project offer, or whatever somebody's own host may.
enum class Imports : uint8_t { Known = 1, Any = 2 };

// "x86_64" or "aarch64"; "host" is the machine this runs on.
llvm::Expected<Architecture> parse_architecture(llvm::StringRef name);
const char* architecture_name(Architecture architecture);
const char* tier_name(Tier tier);
// Names accepted as CompileOptions::cpu, the default first.
std::vector<std::string> cpu_baselines(Architecture architecture);
// Whether this machine's processor has what code for that baseline (empty: the default) relies on.
bool runs_here(Architecture architecture, llvm::StringRef cpu);

struct CompileOptions {
  std::string module_name = "module";  // leads every message
  Architecture architecture = Architecture::X86_64;
  std::string cpu;  // one of cpu_baselines(); empty for the default
  Tier tier = Tier::Best;
  Imports imports = Imports::Known;
  unsigned jobs = 0;                     // threads; 0 for one per core
  class FunctionCache* cache = nullptr;  // not owned; null: none
  // Called from compiling threads, one at a time, with functions done and their number.
  std::function<void(size_t done, size_t total)> progress;
};

struct PhaseTime {
  std::string phase;
  double wall_seconds;
  double cpu_seconds;  // all threads
};

struct CompileStats {
  std::vector<PhaseTime> phases;
  size_t functions = 0;
  size_t wasm_bytes = 0;
  size_t code_bytes = 0;
  size_t artifact_bytes = 0;
  size_t reduced_functions = 0;  // compiled with a cheaper pipeline because of their size
  size_t plain_functions = 0;    // or with fewer passes, as addresses could not be proved
  size_t codegen_runs = 0;       // of LLVM's code generation; small functions share one
  size_t quick_functions = 0;    // of Tier::Auto: those for which more could be done
  size_t cached_functions = 0;   // that were found in the cache
  size_t cached_bytes = 0;       // of their bodies
  size_t body_bytes = 0;         // of all bodies
  bool go_shaped = false;
};

struct CompileResult {
  std::vector<uint8_t> artifact;
  CompileStats stats;
};

llvm::Expected<CompileResult> compile(llvm::ArrayRef<uint8_t> wasm, const CompileOptions& options);

// Puts a snapshot, as the node runtime writes it, behind an artifact of the same module, for whatever target.
llvm::Error attach_snapshot(std::vector<uint8_t>& artifact, llvm::ArrayRef<uint8_t> snapshot);

// Reads and validates without compiling.
llvm::Error validate(llvm::ArrayRef<uint8_t> wasm, const std::string& module_name, Imports imports);

// What a phase left behind, as text for FileCheck.
//   read      the module: types, imports, functions with their instructions, segments
//   shape     what was recognised: Go's stack pointer, restart loop, dispatch loops, calls that unwind, table plan
//   lower     LLVM IR before optimisation
//   optimize  LLVM IR after the pass list
//   codegen   the fragment: disassembly, relocations, trap sites
//   link      the artifact's layout: sections, functions with addresses
enum class DumpPhase { Read, Shape, Lower, Optimize, Codegen, Link };
llvm::Expected<DumpPhase> parse_dump_phase(llvm::StringRef name);
// `function` limits the output to one function, by name or by wasm index; empty for all.
llvm::Expected<std::string> dump(llvm::ArrayRef<uint8_t> wasm, const CompileOptions& options, DumpPhase phase,
                                 const std::string& function);

}  // namespace aotc
