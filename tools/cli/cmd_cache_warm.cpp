// cmd_cache_warm.cpp - `aotc cache warm`: Go's standard library is compiled before a program asks for it.
//
// Go itself builds the module: a program (standard_library.go) that links all that the library's packages export. What
// comes of compiling it is thrown away but for its functions, which are in the cache then. Programs that the same Go
// has built consist of the same functions.
#include <unistd.h>
#include <chrono>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command.h"
#include "files.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Program.h"
#include "local_compile.h"
#include "output.h"
#include "progress_bar.h"
#include "standard_library.h"
#include "support/error.h"
#include "temporary_folder.h"

extern char** environ;

namespace {

struct WarmArguments {
  CodeOptions code;
  CacheOptions cache;
  std::vector<std::string> go;        // versions, or commands
  std::vector<std::string> packages;  // none: the usual ones
  std::string output;                 // for the module, and then nothing is compiled
  bool json = false;
};

// One of the Go toolchains that are asked for: "1.26.8", which the go on the path becomes or fetches, or a go command.
class Toolchain {
 public:
  explicit Toolchain(const std::string& asked) : name_(asked.empty() ? "go" : asked) {
    if (asked.find('/') != std::string::npos) {
      command_ = asked;
    } else if (!asked.empty()) {
      version_ = "go" + asked;
    }
  }

  const std::string& name() const { return name_; }

  // "go1.26.8", whatever it was asked for as. Uses a file in `folder`.
  llvm::Expected<std::string> version(const std::string& folder) const {
    const std::string answer = folder + "/version";
    if (llvm::Error error = run({"env", "GOVERSION"}, false, answer)) return error;
    llvm::Expected<std::vector<uint8_t>> text = read_file(answer, 1 << 10);
    if (!text) return text.takeError();
    return printable(llvm::StringRef(reinterpret_cast<const char*>(text->data()), text->size()).trim());
  }

  // Its standard output goes to `out`, if that is not empty.
  llvm::Error run(std::vector<std::string> words, bool for_wasm, const std::string& out) const {
    llvm::ErrorOr<std::string> program = llvm::sys::findProgramByName(command_);
    if (!program) return failure("no such program: " + command_);
    words.insert(words.begin(), *program);
    std::vector<std::string> variables = environment(for_wasm);
    std::vector<llvm::StringRef> arguments(words.begin(), words.end()), values(variables.begin(), variables.end());
    std::optional<llvm::StringRef> redirects[] = {"", std::nullopt, std::nullopt};
    if (!out.empty()) redirects[1] = out;
    std::string problem;
    int code = llvm::sys::ExecuteAndWait(*program, arguments, llvm::ArrayRef(values), redirects, 0, 0, &problem);
    if (code == 0) return llvm::Error::success();
    return failure(fmt::format("{} failed{}{}", fmt::join(words, " "), problem.empty() ? "" : ": ", problem));
  }

 private:
  llvm::Error failure(const std::string& message) const { return aotc::failure("go " + name_ + ": " + message); }

  // Ours, without what would make it build something else.
  std::vector<std::string> environment(bool for_wasm) const {
    constexpr llvm::StringLiteral kReplaced[] = {
        "GOOS=", "GOARCH=", "GOFLAGS=", "GOWORK=", "GO111MODULE=", "GOTOOLCHAIN="};
    std::vector<std::string> all;
    for (char** variable = environ; *variable != nullptr; ++variable)
      if (llvm::none_of(kReplaced,
                        [&](llvm::StringRef name) { return llvm::StringRef(*variable).starts_with(name); }) ||
          (version_.empty() && llvm::StringRef(*variable).starts_with("GOTOOLCHAIN=")))
        all.emplace_back(*variable);
    all.emplace_back("GOWORK=off");
    if (!version_.empty()) all.push_back("GOTOOLCHAIN=" + version_);
    if (for_wasm) all.insert(all.end(), {"GOOS=wasip1", "GOARCH=wasm"});
    return all;
  }

  std::string name_, command_ = "go", version_;
};

llvm::Expected<MemoryFile> build(const Toolchain& go, const std::string& path, const WarmArguments& arguments) {
  const std::string generator = path + "/generate/standard_library.go", wasm = path + "/library.wasm";
  std::error_code failed;
  std::filesystem::create_directory(path + "/generate", failed);
  auto write = [](const std::string& to, llvm::StringRef text) {
    return create_file(to, llvm::ArrayRef(text.bytes_begin(), text.size()), 0600);
  };
  if (llvm::Error error = write(generator, kStandardLibrary)) return error;
  if (llvm::Error error = write(path + "/go.mod", "module library\n\ngo 1.21\n")) return error;
  std::vector<std::string> words{"run", generator};
  words.insert(words.end(), arguments.packages.begin(), arguments.packages.end());
  if (llvm::Error error = go.run(words, false, path + "/main.go")) return error;
  if (llvm::Error error = go.run({"build", "-C", path, "-o", wasm, "."}, true, "")) return error;
  return MemoryFile::copy_of(wasm, arguments.code.max_input);
}

llvm::Error warm(const WarmArguments& arguments) {
  std::optional<std::string> folder = arguments.cache.folder();
  if (!folder && arguments.output.empty())
    return llvm::make_error<UsageError>("--cache: there is no cache to look after");
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  std::vector<std::string> toolchains = arguments.go;
  if (toolchains.empty()) toolchains.emplace_back();
  if (!arguments.output.empty() && toolchains.size() > 1)
    return llvm::make_error<UsageError>("--output: one file for several versions of Go");
  for (const std::string& asked : toolchains) {
    Toolchain go(asked);
    llvm::Expected<std::vector<aotc::CompileOptions>> targets = arguments.code.resolve("go " + go.name());
    if (!targets) return targets.takeError();
    llvm::Expected<std::unique_ptr<TemporaryFolder>> folder = TemporaryFolder::make("aotc-warm");
    if (!folder) return folder.takeError();
    llvm::Expected<std::string> version = go.version((*folder)->path());
    if (!version) return version.takeError();
    llvm::Expected<MemoryFile> module = build(go, (*folder)->path(), arguments);
    if (!module) return module.takeError();
    if (!arguments.output.empty()) {
      llvm::Expected<llvm::ArrayRef<uint8_t>> bytes = module->bytes();
      return bytes ? write_output(arguments.output, *bytes) : bytes.takeError();
    }
    for (aotc::CompileOptions& options : *targets) {
      auto started = std::chrono::steady_clock::now();
      llvm::Expected<MemoryFile> artifact = MemoryFile::make("library");
      if (!artifact) return artifact.takeError();
      if (options.cpu.empty()) options.cpu = aotc::cpu_baselines(options.architecture)[0];
      std::string label = fmt::format("{} {} {}", *version, aotc::architecture_name(options.architecture), options.cpu);
      llvm::Expected<CompiledLocally> done = [&] {
        ProgressBar bar(label);
        bar.follow(options);
        return compile_locally(*module, *artifact, options, arguments.cache);
      }();
      if (!done) return done.takeError();
      double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
      const aotc::CompileStats& stats = done->stats;
      if (arguments.json) {
        report.push_back({{"go", *version},
                          {"target", aotc::architecture_name(options.architecture)},
                          {"cpu", options.cpu},
                          {"tier", aotc::tier_name(options.tier)},
                          {"functions", stats.functions},
                          {"cached_functions", stats.cached_functions},
                          {"body_bytes", stats.body_bytes},
                          {"cached_bytes", stats.cached_bytes},
                          {"seconds", seconds}});
      } else {
        print("{}: {} functions, {} of them known, {} of {} in bytes, {:.2f} s\n", label, stats.functions,
              stats.cached_functions, format_size(stats.cached_bytes), format_size(stats.body_bytes), seconds);
      }
    }
  }
  if (arguments.json) print("{}\n", report.dump(2));
  return llvm::Error::success();
}

}  // namespace

void add_cache_warm(CLI::App& cache, Action& action) {
  auto arguments = std::make_shared<WarmArguments>();
  CLI::App* command = cache.add_subcommand("warm", "Compile Go's standard library for programs to come");
  command
      ->add_option("--go", arguments->go,
                   "versions of Go, as its own GOTOOLCHAIN has them, or go commands with a / in their path\n"
                   "(default: the go that is found)")
      ->type_name("VERSION|COMMAND ...");
  command->add_option("--package", arguments->packages, "packages of the library (default: those that programs use)")
      ->type_name("PATH ...");
  command
      ->add_option("-o,--output", arguments->output,
                   "write the module there and compile nothing (`aotc-server --warm`)")
      ->type_name("FILE");
  arguments->code.add_to(*command);
  arguments->cache.add_to(*command);
  arguments->cache.add_size_to(*command, "--cache-size", "bytes on disk that it may take");
  arguments->cache.wait = 60;  // nobody else waits
  arguments->cache.add_remote_to(*command);
  command->add_flag("--json", arguments->json, "print the result as JSON");
  command->footer(
      "Builds a program that links all that the packages export, with Go, and compiles it. A program that the same Go "
      "has\n"
      "built finds the functions that it shares with it; ask for the targets, processors and tiers that it will be "
      "compiled for.\n"
      "\nExamples:\n"
      "  aotc cache warm\n"
      "  aotc cache warm --go 1.25.5 1.26.8 --target all\n"
      "  aotc cache warm --go ~/sdk/go1.27/bin/go --tier quick\n"
      "  aotc cache warm --package encoding/json net/http\n"
      "  aotc cache warm --cache-remote redis://cache:6379 --cache-sign team.key\n"
      "  aotc cache warm --go 1.26.8 --output go1.26.8.wasm");
  command->callback([&action, arguments] { action = [arguments] { return warm(*arguments); }; });
}
