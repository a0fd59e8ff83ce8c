// cmd_compile.cpp - `aotc compile`: one module in, one artifact per target out.
//
// Each artifact appears under its name only when it is complete. Targets are compiled one after the other, each on all
// threads, so that memory is bounded by the larger of them.
#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command.h"
#include "files.h"

namespace {

struct CompileArguments {
  std::string file;
  std::string output;
  CodeOptions code;
  bool time_report = false;
  bool json = false;
};

// Redraws one line on the terminal, at most ten times a second.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label) : label_(std::move(label)) {}
  ~ProgressBar() {
    if (drawn_) std::fputs("\r\033[K", stderr);
  }
  void update(size_t done, size_t total) {
    auto now = std::chrono::steady_clock::now();
    if (total == 0 || (drawn_ && now - last_ < std::chrono::milliseconds(100))) return;
    last_ = now;
    drawn_ = true;
    constexpr size_t kWidth = 30;
    size_t filled = kWidth * done / total;
    fmt::print(stderr, "\r{} [{:=<{}}{: <{}}] {}/{} functions\033[K", label_, "", filled, "", kWidth - filled, done,
               total);
    std::fflush(stderr);
  }

 private:
  std::string label_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

// mod.aotc, or mod.x86_64.aotc when there are several targets; -o OUT replaces "mod.aotc" or the part before the
// target.
std::string output_path(const CompileArguments& arguments, aotc::Architecture architecture, size_t targets) {
  if (targets == 1) return arguments.output.empty() ? stem(arguments.file) + ".aotc" : arguments.output;
  std::string base = arguments.output.empty() ? stem(arguments.file) : arguments.output;
  constexpr llvm::StringLiteral kExtension = ".aotc";
  if (llvm::StringRef(base).ends_with(kExtension)) base.resize(base.size() - kExtension.size());
  return fmt::format("{}.{}.aotc", base, aotc::architecture_name(architecture));
}

nlohmann::ordered_json to_json(const std::string& path, const aotc::CompileOptions& options,
                               const aotc::CompileStats& stats, double seconds) {
  nlohmann::ordered_json phases = nlohmann::ordered_json::array();
  for (const aotc::PhaseTime& phase : stats.phases)
    phases.push_back(
        {{"phase", phase.phase}, {"wall_seconds", phase.wall_seconds}, {"cpu_seconds", phase.cpu_seconds}});
  return {{"output", path},
          {"target", aotc::architecture_name(options.architecture)},
          {"tier", options.tier == aotc::Tier::Quick ? "quick" : "best"},
          {"functions", stats.functions},
          {"reduced_functions", stats.reduced_functions},
          {"go_shaped", stats.go_shaped},
          {"wasm_bytes", stats.wasm_bytes},
          {"code_bytes", stats.code_bytes},
          {"artifact_bytes", stats.artifact_bytes},
          {"seconds", seconds},
          {"phases", phases}};
}

void print_time_report(const aotc::CompileStats& stats) {
  fmt::print("  {:<12} {:>9} {:>9}\n", "phase", "wall s", "cpu s");
  double wall = 0, cpu = 0;
  for (const aotc::PhaseTime& phase : stats.phases) {
    fmt::print("  {:<12} {:>9.3f} {:>9.3f}\n", phase.phase, phase.wall_seconds, phase.cpu_seconds);
    wall += phase.wall_seconds;
    cpu += phase.cpu_seconds;
  }
  fmt::print("  {:<12} {:>9.3f} {:>9.3f}\n", "total", wall, cpu);
}

llvm::Error compile_command(const CompileArguments& arguments) {
  llvm::Expected<uint64_t> limit = arguments.code.input_limit();
  if (!limit) return limit.takeError();
  llvm::Expected<std::vector<aotc::CompileOptions>> targets = arguments.code.resolve(arguments.file);
  if (!targets) return targets.takeError();
  llvm::Expected<std::vector<uint8_t>> wasm = read_file(arguments.file, *limit);
  if (!wasm) return wasm.takeError();

  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  for (aotc::CompileOptions& options : *targets) {
    std::string path = output_path(arguments, options.architecture, targets->size());
    auto started = std::chrono::steady_clock::now();
    llvm::Expected<aotc::CompileResult> result = [&] {
      ProgressBar bar(base_name(path));
      if (isatty(STDERR_FILENO)) options.progress = [&bar](size_t done, size_t total) { bar.update(done, total); };
      return aotc::compile(*wasm, options);
    }();
    if (!result) return result.takeError();
    if (llvm::Error error = write_file_atomically(path, result->artifact)) return error;
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();

    const aotc::CompileStats& stats = result->stats;
    if (arguments.json) {
      report.push_back(to_json(path, options, stats, seconds));
      continue;
    }
    fmt::print("{}: {} functions, {} code, {} file, {:.2f} s\n", path, stats.functions, format_size(stats.code_bytes),
               format_size(result->artifact.size()), seconds);
    if (arguments.time_report) print_time_report(stats);
  }
  if (arguments.json) fmt::print("{}\n", report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  return llvm::Error::success();
}

}  // namespace

void add_compile(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<CompileArguments>();
  CLI::App* command = app.add_subcommand("compile", "Compile a module to native artifacts");
  command->add_option("module", arguments->file, "the .wasm file")->required();
  command->add_option("-o,--output", arguments->output,
                      "output file (default: MODULE.aotc in the current directory);\n"
                      "with several targets each writes MODULE.TARGET.aotc or OUT.TARGET.aotc");
  arguments->code.add_to(*command);
  command->add_flag("--time-report", arguments->time_report, "print what each phase cost");
  command->add_flag("--json", arguments->json, "print the result as JSON, phases included");
  command->footer(
      "Examples:\n"
      "  aotc compile hello.wasm                          hello.aotc for this machine\n"
      "  aotc compile hello.wasm --target all             hello.x86_64.aotc and hello.aarch64.aotc\n"
      "  aotc compile hello.wasm --cpu x86-64-v3 -o h.aotc\n"
      "  aotc compile hello.wasm --tier quick --time-report");
  command->callback([arguments, &action] { action = [arguments] { return compile_command(*arguments); }; });
}
