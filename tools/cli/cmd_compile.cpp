// cmd_compile.cpp - `aotc compile`: one module in, one artifact per target out.
//
// Each artifact appears under its name only when it is complete. Targets are compiled one after the other, each on all
// threads, so that memory is bounded by the larger of them. A snapshot is made once, with this machine's artifact, and
// goes into all of them. All of that happens in confined processes; this one moves files.
#include <cstdio>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command.h"
#include "confined.h"
#include "exec/run_limits.h"
#include "files.h"
#include "local_compile.h"
#include "memory_file.h"
#include "output.h"
#include "phase_clock.h"
#include "process/freeze.h"
#include "progress_bar.h"
#include "remote_compile.h"
#include "support/error.h"

namespace {

constexpr uint64_t kMillisecond = aotc::kSecond / 1000;
constexpr uint64_t kMaxWarmup = 16 << 20;

struct CompileArguments {
  std::string file;
  std::string output;
  CodeOptions code;
  CacheOptions cache;
  bool time_report = false;
  bool json = false;
  aotc::FreezeLimits freeze;
  std::vector<std::string> warmup;  // files
  std::string server, name;

  aotc::OptionSet& options() { return code.asked; }
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
  bool cached;
  std::unique_ptr<CacheSession> session;  // which is keeping it
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
  std::optional<aotc::FreezeOutcome> tried;
  bool made() const { return tried && tried->reason.empty(); }
};

// Puts in front of what the compiler tells of its phases what it took besides: processes, and looking for the whole
// artifact.
void add_start(aotc::CompileStats& stats, aotc::PhaseTime all) {
  for (const aotc::PhaseTime& phase : stats.phases) {
    all.wall_seconds = std::max(0.0, all.wall_seconds - phase.wall_seconds);
    all.cpu_seconds = std::max(0.0, all.cpu_seconds - phase.cpu_seconds);
  }
  stats.phases.insert(stats.phases.begin(), all);
}

llvm::Error read_warmup(CompileArguments& arguments) {
  for (const std::string& path : arguments.warmup) {
    llvm::Expected<std::vector<uint8_t>> request = read_file(path, kMaxWarmup);
    if (!request) return request.takeError();
    std::string text = aotc::encode_request(llvm::StringRef(reinterpret_cast<char*>(request->data()), request->size()));
    if (llvm::Error error = arguments.options().add(aotc::Option::Warmup, text, false))
      return aotc::failure(path + ": " + llvm::toString(std::move(error)));
  }
  return llvm::Error::success();
}

llvm::Expected<Compiled> compile_target(const MemoryFile& module, aotc::CompileOptions& options,
                                        const std::string& path, const CacheOptions& cache) {
  aotc::PhaseClock clock(true);
  llvm::Expected<MemoryFile> artifact = MemoryFile::make(base_name(path));
  if (!artifact) return artifact.takeError();
  ProgressBar bar(base_name(path));
  bar.follow(options);
  std::unique_ptr<CacheSession> session;
  llvm::Expected<CompiledLocally> done = compile_locally(module, *artifact, options, cache, &session);
  if (!done) return done.takeError();
  aotc::PhaseTime all = clock.taken("start");
  add_start(done->stats, all);
  return Compiled{path, options, std::move(*artifact), done->stats, all.wall_seconds, done->cached, std::move(session)};
}

llvm::Expected<Snapshot> make_snapshot(const MemoryFile& module, const std::vector<Compiled>& outputs,
                                       CompileArguments& arguments) {
  llvm::Expected<MemoryFile> snapshot = MemoryFile::make("snapshot"), quick = MemoryFile::make("quick");
  if (!snapshot) return snapshot.takeError();
  if (!quick) return quick.takeError();
  llvm::Expected<std::string> directory = directory_of_this_program();
  if (!directory) return directory.takeError();
  aotc::FreezeRequest request{arguments.file, arguments.options(), arguments.freeze, {}};
  request.limits.program = *directory + "/aotc-exec";
  auto make_quick = [&](aotc::Architecture architecture, const std::string& cpu) -> llvm::Expected<int> {
    aotc::CompileOptions options = outputs.front().options;
    options.architecture = architecture;
    options.cpu = cpu;
    options.tier = aotc::Tier::Quick;
    options.progress = nullptr;
    llvm::Expected<CompiledLocally> done = compile_locally(module, *quick, options, arguments.cache);
    if (!done) return done.takeError();
    return quick->reader();
  };
  std::vector<aotc::FinishedArtifact> artifacts;
  for (const Compiled& output : outputs)
    artifacts.push_back({output.options.architecture, output.options.cpu, output.artifact.reader()});
  llvm::Expected<std::optional<aotc::FreezeOutcome>> tried =
      aotc::freeze_program(artifacts, outputs.front().stats.go_shaped, make_quick, snapshot->writer(), request);
  if (!tried) return tried.takeError();
  return Snapshot{std::move(*snapshot), *tried};
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
                               const aotc::CompileStats& stats, double seconds, bool cached) {
  nlohmann::ordered_json phases = nlohmann::ordered_json::array();
  for (const aotc::PhaseTime& phase : stats.phases)
    phases.push_back(
        {{"phase", phase.phase}, {"wall_seconds", phase.wall_seconds}, {"cpu_seconds", phase.cpu_seconds}});
  return {{"output", path},
          {"target", aotc::architecture_name(options.architecture)},
          {"tier", aotc::tier_name(options.tier)},
          {"functions", stats.functions},
          {"reduced_functions", stats.reduced_functions},
          {"plain_functions", stats.plain_functions},
          {"codegen_runs", stats.codegen_runs},
          {"go_shaped", stats.go_shaped},
          {"wasm_bytes", stats.wasm_bytes},
          {"code_bytes", stats.code_bytes},
          {"artifact_bytes", stats.artifact_bytes},
          {"seconds", seconds},
          {"cached", cached},
          {"cached_functions", stats.cached_functions},
          {"cached_bytes", stats.cached_bytes},
          {"quick_functions", stats.quick_functions},
          {"body_bytes", stats.body_bytes},
          {"phases", phases}};
}

std::string note_of_cache(const Compiled& output, const std::optional<aotc::SharedCounts>& shared) {
  if (output.cached) return ", from the cache";
  std::string note;
  if (output.stats.cached_functions != 0) note += fmt::format(", {} from the cache", output.stats.cached_functions);
  if (shared && shared->hits != 0) note += fmt::format(" ({} remote)", shared->hits);
  if (output.stats.quick_functions != 0) note += fmt::format(", {} quick", output.stats.quick_functions);
  return note;
}

void print_time_report(const aotc::CompileStats& stats, FILE* out) {
  print(out, "  {:<14} {:>9} {:>9}\n", "phase", "wall s", "cpu s");
  double wall = 0, cpu = 0;
  for (const aotc::PhaseTime& phase : stats.phases) {
    print(out, "  {:<14} {:>9.3f} {:>9.3f}\n", phase.phase, phase.wall_seconds, phase.cpu_seconds);
    wall += phase.wall_seconds;
    cpu += phase.cpu_seconds;
  }
  print(out, "  {:<14} {:>9.3f} {:>9.3f}\n", "total", wall, cpu);
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
    print(stderr, "no snapshot: {}\n", printable_lines(snapshot.value("reason", "")));
  for (const auto& note : snapshot.value("random", nlohmann::ordered_json::array()))
    print(stderr, "{}\n", printable(note.get<std::string>()));
  print("{}\n", printable(job.value("index", "")));
}

// What a server is asked; anything that it does not take is refused.
llvm::Expected<aotc::OptionSet> options_for_server(CompileArguments& arguments) {
  aotc::OptionSet options;
  CodeOptions code = arguments.code;
  code.asked.set(aotc::Option::Cpu, "");  // a server takes several for x86_64
  llvm::Expected<std::vector<aotc::CompileOptions>> targets = code.resolve(arguments.file);
  if (!targets) return targets.takeError();
  std::string names;
  for (const aotc::CompileOptions& target : *targets)
    names += std::string(names.empty() ? "" : ",") + aotc::architecture_name(target.architecture);
  arguments.options().set(aotc::Option::Target, names);
  size_t colon = arguments.name.find(':');
  arguments.options().set(aotc::Option::Name, arguments.name.substr(0, colon));
  if (colon != std::string::npos) arguments.options().set(aotc::Option::Tag, arguments.name.substr(colon + 1));
  for (const aotc::OptionInfo& row : aotc::option_table()) {
    if (row.user == aotc::OptionUser::Local && arguments.options().is(row.option, row.standard)) continue;
    for (const std::string& value : arguments.options().all(row.option))
      if (llvm::Error error = options.add(row.option, value, true))
        return llvm::make_error<UsageError>(fmt::format("{}: {}", row.word, llvm::toString(std::move(error))));
  }
  return options;
}

llvm::Error compile_remotely(CompileArguments& arguments) {
  if (llvm::Error error = read_warmup(arguments)) return error;
  llvm::Expected<aotc::OptionSet> options = options_for_server(arguments);
  if (!options) return options.takeError();
  llvm::Expected<std::vector<uint8_t>> wasm = read_file(arguments.file, arguments.code.max_input);
  if (!wasm) return wasm.takeError();
  if (llvm::Error error = confine_client({}, {})) return error;
  RemoteCompile remote{arguments.server, *options, {}};
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
  if (!job) return aotc::failure(arguments.file + ": " + llvm::toString(job.takeError()));
  if (arguments.json) {
    print("{}\n", *job);
    return llvm::Error::success();
  }
  try {
    print_job(nlohmann::ordered_json::parse(*job));
  } catch (const nlohmann::ordered_json::exception&) {
    return aotc::failure(arguments.file + ": the job that the server describes is none");
  }
  return llvm::Error::success();
}

llvm::Error compile_command(CompileArguments& arguments) {
  if (!arguments.server.empty()) return compile_remotely(arguments);
  if (llvm::Error error = read_warmup(arguments)) return error;
  llvm::Expected<std::vector<aotc::CompileOptions>> targets = arguments.code.resolve(arguments.file);
  if (!targets) return targets.takeError();
  if (llvm::Error error = check_outputs(arguments, *targets)) return error;
  llvm::Expected<MemoryFile> module = MemoryFile::copy_of(arguments.file, arguments.code.max_input);
  if (!module) return module.takeError();

  std::vector<Compiled> outputs;
  for (aotc::CompileOptions& options : *targets) {
    llvm::Expected<Compiled> output = compile_target(
        *module, options, output_path(arguments, options.architecture, targets->size()), arguments.cache);
    if (!output) return output.takeError();
    outputs.push_back(std::move(*output));
  }

  llvm::Expected<Snapshot> snapshot = make_snapshot(*module, outputs, arguments);
  if (!snapshot) return snapshot.takeError();
  if (arguments.options().is(aotc::Option::Snapshot, "required") && !snapshot->made())
    return aotc::failure("no snapshot: " + snapshot->tried->reason);

  FILE* summary = stream_beside(outputs.front().path);
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  for (Compiled& output : outputs) {
    aotc::PhaseClock clock(true);
    llvm::Expected<uint64_t> size = write_artifact(output, *snapshot);
    if (!size) return size.takeError();
    output.stats.artifact_bytes = *size;
    std::optional<aotc::SharedCounts> shared;
    if (output.session) {
      output.session->end();
      shared = output.session->shared();
    }
    output.stats.phases.push_back(clock.taken("write"));  // into the cache, too
    if (arguments.json) {
      report.push_back(to_json(output.path, output.options, output.stats, output.seconds, output.cached));
      if (shared)
        report.back()["remote"] = {{"asked", shared->asked},
                                   {"hits", shared->hits},
                                   {"rejected", shared->rejected},
                                   {"sent", shared->sent},
                                   {"left_out", shared->left_out}};
      if (snapshot->tried) {
        report.back()["snapshot_bytes"] = snapshot->file.size();
        report.back()["snapshot_seconds"] = snapshot->tried->seconds;
        if (!snapshot->tried->notes.empty()) report.back()["random"] = snapshot->tried->notes;
        if (!snapshot->made()) report.back()["no_snapshot"] = snapshot->tried->reason;
      }
      continue;
    }
    print(summary, "{}: {} functions, {} code, {} file, {:.2f} s{}\n", output.path, output.stats.functions,
          format_size(output.stats.code_bytes), format_size(*size), output.seconds, note_of_cache(output, shared));
    if (arguments.time_report) print_time_report(output.stats, summary);
  }
  if (arguments.json)
    print(summary, "{}\n", report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  else if (snapshot->made())
    print(summary, "snapshot: {}, {:.2f} s\n", format_size(snapshot->file.size()), snapshot->tried->seconds);
  else if (snapshot->tried)
    print(stderr, "no snapshot: {}\n", printable_lines(snapshot->tried->reason));
  if (!arguments.json && snapshot->tried)
    for (const std::string& note : snapshot->tried->notes) print(stderr, "{}\n", printable(note));
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
  arguments->cache.add_to(*command);
  arguments->cache.add_size_to(*command, "--cache-size", "bytes on disk that it may take");
  arguments->cache.add_remote_to(*command);
  aotc::OptionSet& options = arguments->options();
  add_option(*command, aotc::Option::Imports, options);
  for (const aotc::OptionInfo& row : aotc::option_table())
    if (row.option >= aotc::Option::Snapshot && row.kind != aotc::OptionKind::Request)
      add_option(*command, row.option, options,
                 row.option == aotc::Option::Snapshot ? "\n(options from here to --freeze-memory say how)" : "");
  const aotc::OptionInfo& warmup = aotc::info(aotc::Option::Warmup);
  command->add_option(warmup.word, arguments->warmup, warmup.help)->type_name(warmup.value)->allow_extra_args(false);
  command->add_flag_callback(
      "--no-rehearsal", [&options] { options.set(aotc::Option::Rehearsal, "off"); }, "the same as --rehearsal off");
  aotc::add_quantity(*command, "--freeze-timeout", arguments->freeze.wall_seconds, "how long it may run",
                     {AOTC_DURATION, kMillisecond, aotc::kDay});
  aotc::add_quantity(*command, "--freeze-memory", arguments->freeze.memory_bytes, "memory it may use",
                     {AOTC_SIZE, kLeastRunMemory, kMostRunMemory});
  CLI::Option* server = command->add_option(
      "--server", arguments->server,
      "URL of an aotc-server that compiles and keeps the module; AOTC_TOKEN holds the token.\nThe last line is the "
      "digest of the image");
  command->add_option("--name", arguments->name, "REPOSITORY[:TAG] on the server")->needs(server);
  add_ca_file(*command);
  command->add_flag("--time-report", arguments->time_report, "print what each phase cost");
  command->add_flag("--json", arguments->json, "print the result as JSON, phases included");
  for (const char* option : {"--output", "--time-report", "--freeze-timeout", "--freeze-memory"})
    server->excludes(command->get_option(option));
  command->footer(
      "Examples:\n"
      "  aotc compile hello.wasm                          hello.aotc for this machine\n"
      "  aotc compile hello.wasm --target all             hello.x86_64.aotc and hello.aarch64.aotc\n"
      "  aotc compile hello.wasm --cpu x86-64-v3 -o h.aotc\n"
      "  aotc compile hello.wasm --tier quick --time-report --cache off\n"
      "  aotc compile hello.wasm --cache redis://cache:6379 --cache-trust team.pub\n"
      "  aotc compile hello.wasm --target all --server http://127.0.0.1:8080 --name acme/hello:v1\n"
      "  aotc compile hello.wasm --cpu x86-64-v2,x86-64-v4 --server ...   variants, of which each node takes its best\n"
      "  aotc compile server.wasm --target all --snapshot required --env MODE=production\n"
      "  aotc compile server.wasm --warmup-request get.http   frozen after it answered that\n"
      "  aotc compile server.wasm --secret-env API_KEY:40     and API_KEY=... aotc run server.aotc --secret-env "
      "API_KEY\n"
      "  aotc compile job.wasm --snapshot off             do not run it");
  command->callback([arguments, &action] { action = [arguments] { return compile_command(*arguments); }; });
}
