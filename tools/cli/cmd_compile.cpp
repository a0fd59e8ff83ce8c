// cmd_compile.cpp - `aotc compile`: one module in, one artifact per target out.
//
// Each artifact appears under its name only when it is complete. Targets are compiled one after the other, each on all
// threads, so that memory is bounded by the larger of them. A snapshot is made once, with this machine's artifact, and
// goes into all of them. All of that happens in confined processes; this one moves files.
#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command.h"
#include "confined.h"
#include "exec/run_limits.h"
#include "files.h"
#include "local_compile.h"
#include "memory_file.h"
#include "output.h"
#include "process/freeze.h"
#include "remote_compile.h"

namespace {

constexpr uint64_t kMillisecond = aotc::kSecond / 1000;
constexpr uint64_t kMaxWarmup = 16 << 20, kMaxWarmupOnServer = 8 << 10;

struct CompileArguments {
  std::string file;
  std::string output;
  CodeOptions code;
  bool time_report = false;
  bool json = false;
  std::string snapshot = "auto";
  aotc::FreezeOptions freeze;
  uint64_t freeze_time = 10 * aotc::kSecond;
  std::vector<std::string> warmup;
  std::string server, name;
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
    print(stderr, "\r{} [{:=<{}}{: <{}}] {}/{} functions\033[K", label_, "", filled, "", kWidth - filled, done, total);
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

struct Compiled {
  std::string path;
  aotc::CompileOptions options;
  MemoryFile artifact;
  aotc::CompileStats stats;
  double seconds;
};

// Before minutes go into what could not be kept.
llvm::Error check_outputs(const CompileArguments& arguments, const std::vector<aotc::CompileOptions>& targets) {
  if (targets.size() > 1 && (is_device(arguments.output) || llvm::StringRef(arguments.output).ends_with("/")))
    return llvm::make_error<UsageError>("--output: " + arguments.output + ": several targets need the name of a file");
  for (const aotc::CompileOptions& options : targets)
    if (llvm::Error error = check_output(output_path(arguments, options.architecture, targets.size()), arguments.file))
      return error;
  return llvm::Error::success();
}

struct Snapshot {
  MemoryFile file;
  std::string reason;  // why there is none
  double seconds = 0;  // 0: none was tried
  bool made() const { return seconds != 0 && reason.empty(); }
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

llvm::Error read_warmup(CompileArguments& arguments) {
  for (const std::string& path : arguments.warmup) {
    llvm::Expected<std::vector<uint8_t>> request = read_file(path, kMaxWarmup);
    if (!request) return request.takeError();
    arguments.freeze.warmup.emplace_back(request->begin(), request->end());
  }
  return llvm::Error::success();
}

llvm::Error check_freeze_options(CompileArguments& arguments) {
  aotc::FreezeOptions& freeze = arguments.freeze;
  freeze.name = arguments.file;
  freeze.milliseconds = arguments.freeze_time / kMillisecond;
  if (llvm::Error error = read_warmup(arguments)) return error;
  for (const std::string& dir : freeze.dirs)
    if (!llvm::StringRef(dir).ends_with(":ro"))
      return llvm::make_error<UsageError>("--dir: " + dir +
                                          ": a snapshot is made with read-only directories, HOST::GUEST:ro");
  for (const std::string& variable : freeze.env)
    if (variable.find('=') == std::string::npos || variable[0] == '=')
      return llvm::make_error<UsageError>("--env: " + variable + ": expected KEY=VALUE");
  return llvm::Error::success();
}

llvm::Expected<Compiled> compile_target(const MemoryFile& module, aotc::CompileOptions& options,
                                        const std::string& path) {
  auto started = std::chrono::steady_clock::now();
  llvm::Expected<MemoryFile> artifact = MemoryFile::make(base_name(path));
  if (!artifact) return artifact.takeError();
  ProgressBar bar(base_name(path));
  if (isatty(STDERR_FILENO)) options.progress = [&bar](size_t done, size_t total) { bar.update(done, total); };
  llvm::Expected<aotc::CompileStats> stats = compile_locally(module, *artifact, options);
  if (!stats) return stats.takeError();
  return Compiled{path, options, std::move(*artifact), *stats, seconds_since(started)};
}

// Runs the program until it waits, with the artifact for this machine; one of quick code when that is no target.
llvm::Expected<Snapshot> make_snapshot(const MemoryFile& module, const std::vector<Compiled>& outputs,
                                       const CompileArguments& arguments) {
  llvm::Expected<MemoryFile> file = MemoryFile::make("snapshot");
  if (!file) return file.takeError();
  bool go = outputs.front().stats.go_shaped;
  if (arguments.snapshot == "off" || (!go && arguments.snapshot != "required")) return Snapshot{std::move(*file), {}};
  llvm::Expected<aotc::Architecture> host = aotc::parse_architecture("host");
  if (!host) return host.takeError();
  llvm::Expected<std::string> directory = directory_of_this_program();
  if (!directory) return directory.takeError();
  aotc::FreezeOptions options = arguments.freeze;
  options.program = *directory + "/aotc-exec";
  auto started = std::chrono::steady_clock::now();
  auto freeze = [&](const MemoryFile& artifact) -> llvm::Expected<Snapshot> {
    llvm::Expected<aotc::FreezeOutcome> outcome = aotc::freeze_file(artifact.reader(), file->writer(), options);
    if (!outcome) return outcome.takeError();
    return Snapshot{std::move(*file), outcome->reason, seconds_since(started)};
  };
  for (const Compiled& output : outputs)
    if (output.options.architecture == *host) return freeze(output.artifact);
  aotc::CompileOptions quick;
  quick.module_name = outputs.front().options.module_name;
  quick.architecture = *host;
  quick.tier = aotc::Tier::Quick;
  quick.jobs = outputs.front().options.jobs;
  llvm::Expected<MemoryFile> artifact = MemoryFile::make("quick");
  if (!artifact) return artifact.takeError();
  llvm::Expected<aotc::CompileStats> stats = compile_locally(module, *artifact, quick);
  if (!stats) return stats.takeError();
  return freeze(*artifact);
}

// Writes the artifact, with the snapshot behind it if there is one. Returns how large it is.
llvm::Expected<uint64_t> write_artifact(Compiled& output, const Snapshot& snapshot) {
  auto write = [&output](MemoryFile& file) -> llvm::Expected<uint64_t> {
    llvm::Expected<llvm::ArrayRef<uint8_t>> bytes = file.bytes();
    if (!bytes) return bytes.takeError();
    if (llvm::Error error = write_output(output.path, *bytes)) return error;
    return bytes->size();
  };
  if (!snapshot.made()) return write(output.artifact);
  llvm::Expected<MemoryFile> whole = MemoryFile::make(base_name(output.path));
  if (!whole) return whole.takeError();
  if (llvm::Error error = attach_locally(output.artifact, snapshot.file, *whole, output.options.module_name))
    return error;
  return write(*whole);
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
          {"plain_functions", stats.plain_functions},
          {"go_shaped", stats.go_shaped},
          {"wasm_bytes", stats.wasm_bytes},
          {"code_bytes", stats.code_bytes},
          {"artifact_bytes", stats.artifact_bytes},
          {"seconds", seconds},
          {"phases", phases}};
}

void print_time_report(const aotc::CompileStats& stats, FILE* out) {
  print(out, "  {:<12} {:>9} {:>9}\n", "phase", "wall s", "cpu s");
  double wall = 0, cpu = 0;
  for (const aotc::PhaseTime& phase : stats.phases) {
    print(out, "  {:<12} {:>9.3f} {:>9.3f}\n", phase.phase, phase.wall_seconds, phase.cpu_seconds);
    wall += phase.wall_seconds;
    cpu += phase.cpu_seconds;
  }
  print(out, "  {:<12} {:>9.3f} {:>9.3f}\n", "total", wall, cpu);
}

// Throws where the server did not send what it should.
void print_job(const nlohmann::ordered_json& job) {
  for (const auto& artifact : job.value("artifacts", nlohmann::ordered_json::array()))
    print("{} {}: {} functions, {} file, {:.2f} s\n", printable(artifact.value("target", "")),
          printable(artifact.value("cpu", "")), artifact.value("functions", uint64_t{0}),
          format_size(artifact.value("size", uint64_t{0})), artifact.value("seconds", 0.0));
  auto snapshot = job.value("snapshot", nlohmann::ordered_json::object());
  if (snapshot.contains("size"))
    print("snapshot: {}, {:.2f} s\n", format_size(snapshot.value("size", uint64_t{0})), snapshot.value("seconds", 0.0));
  else if (snapshot.contains("reason"))
    print(stderr, "no snapshot: {}\n", printable(snapshot.value("reason", "")));
  print("{}\n", printable(job.value("index", "")));
}

llvm::Error compile_remotely(CompileArguments& arguments) {
  const aotc::FreezeOptions& freeze = arguments.freeze;
  if (llvm::Error error = read_warmup(arguments)) return error;
  uint64_t warmup_bytes = 0;
  for (const std::string& request : freeze.warmup) warmup_bytes += request.size();
  if (warmup_bytes > kMaxWarmupOnServer)
    return llvm::make_error<UsageError>(
        fmt::format("--warmup-request: {} bytes in all, a server takes {}", warmup_bytes, kMaxWarmupOnServer));
  CodeOptions code = arguments.code;
  code.cpu.clear();  // the server takes several for x86_64
  llvm::Expected<std::vector<aotc::CompileOptions>> targets = code.resolve(arguments.file);
  if (!targets) return targets.takeError();
  llvm::Expected<std::vector<uint8_t>> wasm = read_file(arguments.file, arguments.code.max_input);
  if (!wasm) return wasm.takeError();
  if (llvm::Error error = confine_client({}, {})) return error;
  std::string names;
  for (const aotc::CompileOptions& options : *targets)
    names += std::string(names.empty() ? "" : ",") + aotc::architecture_name(options.architecture);
  RemoteCompile remote{arguments.server,    arguments.name,     names,           arguments.code.cpu,
                       arguments.code.tier, arguments.snapshot, freeze.env,      freeze.args,
                       freeze.warmup,       freeze.listeners,   freeze.rehearse, {}};
  llvm::Expected<std::string> job = [&] {
    std::unique_ptr<ProgressBar> bar;
    std::string shown;
    remote.progress = [&](const std::string& target, uint64_t done, uint64_t total) {
      if (!isatty(STDERR_FILENO)) return;
      if (!bar || shown != target) bar = std::make_unique<ProgressBar>(shown = target);
      bar->update(done, total);
    };
    return compile_on_server(std::string(wasm->begin(), wasm->end()), remote);
  }();
  if (!job)
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   arguments.file + ": " + llvm::toString(job.takeError()));
  if (arguments.json) {
    print("{}\n", *job);
    return llvm::Error::success();
  }
  try {
    print_job(nlohmann::ordered_json::parse(*job));
  } catch (const nlohmann::ordered_json::exception&) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   arguments.file + ": the job that the server describes is none");
  }
  return llvm::Error::success();
}

llvm::Error compile_command(CompileArguments& arguments) {
  if (!arguments.server.empty()) return compile_remotely(arguments);
  if (llvm::Error error = check_freeze_options(arguments)) return error;
  llvm::Expected<std::vector<aotc::CompileOptions>> targets = arguments.code.resolve(arguments.file);
  if (!targets) return targets.takeError();
  if (llvm::Error error = check_outputs(arguments, *targets)) return error;
  llvm::Expected<MemoryFile> module = MemoryFile::copy_of(arguments.file, arguments.code.max_input);
  if (!module) return module.takeError();

  std::vector<Compiled> outputs;
  for (aotc::CompileOptions& options : *targets) {
    llvm::Expected<Compiled> output =
        compile_target(*module, options, output_path(arguments, options.architecture, targets->size()));
    if (!output) return output.takeError();
    outputs.push_back(std::move(*output));
  }

  llvm::Expected<Snapshot> snapshot = make_snapshot(*module, outputs, arguments);
  if (!snapshot) return snapshot.takeError();
  if (arguments.snapshot == "required" && !snapshot->made())
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "no snapshot: " + snapshot->reason);

  FILE* summary = stream_beside(outputs.front().path);
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  for (Compiled& output : outputs) {
    llvm::Expected<uint64_t> size = write_artifact(output, *snapshot);
    if (!size) return size.takeError();
    output.stats.artifact_bytes = *size;
    if (arguments.json) {
      report.push_back(to_json(output.path, output.options, output.stats, output.seconds));
      if (snapshot->seconds != 0) {
        report.back()["snapshot_bytes"] = snapshot->file.size();
        report.back()["snapshot_seconds"] = snapshot->seconds;
        if (!snapshot->reason.empty()) report.back()["no_snapshot"] = snapshot->reason;
      }
      continue;
    }
    print(summary, "{}: {} functions, {} code, {} file, {:.2f} s\n", output.path, output.stats.functions,
          format_size(output.stats.code_bytes), format_size(*size), output.seconds);
    if (arguments.time_report) print_time_report(output.stats, summary);
  }
  if (arguments.json)
    print(summary, "{}\n", report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  else if (snapshot->made())
    print(summary, "snapshot: {}, {:.2f} s\n", format_size(snapshot->file.size()), snapshot->seconds);
  else if (!snapshot->reason.empty())
    print(stderr, "no snapshot: {}\n", snapshot->reason);
  return llvm::Error::success();
}

}  // namespace

void add_compile(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<CompileArguments>();
  CLI::App* command = app.add_subcommand("compile", "Compile a module to native artifacts");
  command->add_option("module", arguments->file, "the .wasm file")->required();
  command->add_option(
      "-o,--output", arguments->output,
      "output file (default: MODULE.aotc in the current directory);\n"
      "with several targets each writes MODULE.TARGET.aotc or OUT.TARGET.aotc. A file is replaced as a\n"
      "whole, where a link leads; devices, pipes and /dev/stdout are written through");
  arguments->code.add_to(*command);
  command
      ->add_option("--snapshot", arguments->snapshot,
                   "auto, off or required: run a Go program, confined, until it waits for input and keep that state\n"
                   "in the artifact; `required` fails when that is not possible, `auto` says why")
      ->check(CLI::IsMember({"auto", "off", "required"}))
      ->capture_default_str();
  aotc::FreezeOptions& freeze = arguments->freeze;
  command->add_option("--env", freeze.env, "KEY=VALUE for the program while the snapshot is made")
      ->allow_extra_args(false);
  command
      ->add_option("--secret-env", freeze.secrets,
                   "NAME:LENGTH: a variable that gets its value, of LENGTH bytes, when the snapshot is run;\nreading a "
                   "byte of it earlier refuses the snapshot")
      ->allow_extra_args(false);
  command->add_option("--arg", freeze.args, "an argument of the program, likewise")->allow_extra_args(false);
  command->add_option("--dir", freeze.dirs, "HOST::GUEST:ro: a directory it can read, likewise")
      ->allow_extra_args(false);
  command
      ->add_option("--warmup-request", arguments->warmup,
                   "file with an HTTP request that a server answers before the snapshot is made;\nmay be repeated")
      ->allow_extra_args(false);
  command->add_flag(
      "!--no-rehearsal", freeze.rehearse,
      "do not let a server of Go's net/http answer \"OPTIONS *\" before the snapshot is made, which it does\n"
      "itself without calling a handler, so that later requests find done what all have in common");
  aotc::add_quantity(*command, "--listeners", freeze.listeners, "how many listening sockets it finds, from fd 3 on",
                     {AOTC_COUNT, 0, 9});
  aotc::add_quantity(*command, "--freeze-timeout", arguments->freeze_time, "how long it may run",
                     {AOTC_DURATION, kMillisecond, aotc::kDay});
  aotc::add_quantity(*command, "--freeze-memory", freeze.max_memory, "memory it may use",
                     {AOTC_SIZE, kLeastRunMemory, kMostRunMemory});
  CLI::Option* server = command->add_option(
      "--server", arguments->server,
      "URL of an aotc-server that compiles and keeps the module; AOTC_TOKEN holds the token.\nThe last line is the "
      "digest of the image");
  command->add_option("--name", arguments->name, "REPOSITORY[:TAG] on the server")->needs(server);
  add_ca_file(*command);
  command->add_flag("--time-report", arguments->time_report, "print what each phase cost");
  command->add_flag("--json", arguments->json, "print the result as JSON, phases included");
  for (const char* option :
       {"--output", "--time-report", "--dir", "--secret-env", "--freeze-timeout", "--freeze-memory"})
    server->excludes(command->get_option(option));
  command->footer(
      "Examples:\n"
      "  aotc compile hello.wasm                          hello.aotc for this machine\n"
      "  aotc compile hello.wasm --target all             hello.x86_64.aotc and hello.aarch64.aotc\n"
      "  aotc compile hello.wasm --cpu x86-64-v3 -o h.aotc\n"
      "  aotc compile hello.wasm --tier quick --time-report\n"
      "  aotc compile hello.wasm --target all --server http://127.0.0.1:8080 --name acme/hello:v1\n"
      "  aotc compile hello.wasm --cpu x86-64-v2,x86-64-v4 --server ...   variants, of which each node takes its best\n"
      "  aotc compile server.wasm --target all --snapshot required --env MODE=production\n"
      "  aotc compile server.wasm --warmup-request get.http   frozen after it answered that\n"
      "  aotc compile server.wasm --secret-env API_KEY:40     and API_KEY=... aotc run server.aotc --secret-env "
      "API_KEY\n"
      "  aotc compile job.wasm --snapshot off             do not run it");
  command->callback([arguments, &action] { action = [arguments] { return compile_command(*arguments); }; });
}
