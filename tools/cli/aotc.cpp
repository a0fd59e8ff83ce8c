// aotc.cpp - the command line. main registers the commands, parses, runs the chosen one and turns its failure into a
// message and an exit code: 0 done, 1 the input is at fault, 2 the command line is. `aotc run` exits as its guest does.
// No exception passes it, and none is thrown for output that does not arrive (output.h).
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "aotc/program.h"
#include "command.h"
#include "llvm/Support/ErrorHandling.h"
#include "output.h"
#include "sandbox/sandbox.h"
#include "support/exit_codes.h"
#include "support/version.h"

char UsageError::ID;

void UsageError::log(llvm::raw_ostream& os) const { os << message_; }

namespace {

llvm::Error usage(std::string message) { return llvm::make_error<UsageError>(std::move(message)); }

int report(llvm::Error error) {
  int code = error.isA<UsageError>() ? kExitUsage : kExitFailed;
  llvm::handleAllErrors(std::move(error), [](const llvm::ErrorInfoBase& info) {
    print(stderr, "aotc: {}\n", printable_lines(info.message()));
  });
  return code;
}

// From whichever thread: there may be no memory to unwind with, and nothing needs it.
[[noreturn]] void give_up(const char* reason) {
  std::fprintf(stderr, "aotc: %s\n", reason);
  _exit(1);
}

void catch_what_does_not_return() {
  llvm::install_bad_alloc_error_handler([](void*, const char*, bool) { give_up("out of memory"); });
  llvm::install_fatal_error_handler([](void*, const char* reason, bool) { give_up(reason); });
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= list.size();) {
    size_t end = std::min(list.find(',', begin), list.size());
    if (end > begin) parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// Ends as --version does.
void print_sandbox(const std::string& process) {
  std::unique_ptr<char, decltype(&std::free)> text(aotc_sandbox_text("aotc", process.c_str()), std::free);
  if (!text) throw CLI::ValidationError("--print-sandbox", "no such process: " + process);
  throw CLI::CallForVersion(std::string(llvm::StringRef(text.get()).rtrim()), 0);
}

std::string join(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, ", ")); }

}  // namespace

void add_option(CLI::App& command, aotc::Option option, aotc::OptionSet& options, const std::string& more) {
  const aotc::OptionInfo& row = aotc::info(option);
  auto take = [&options, &row](const std::string& value) {
    if (llvm::Error error = options.add(row.option, value, false))
      throw CLI::ValidationError(row.word, llvm::toString(std::move(error)));
  };
  auto take_all = [take](const std::vector<std::string>& values) { std::for_each(values.begin(), values.end(), take); };
  CLI::Option* added =
      row.repeated()
          ? command.add_option_function<std::vector<std::string>>(row.word, take_all, row.explanation() + more)
                ->allow_extra_args(false)
          : command.add_option_function<std::string>(row.word, take, row.explanation() + more);
  added->type_name(row.value)->default_str(options.get(option));
}

void CodeOptions::add_to(CLI::App& command) {
  add_option(command, aotc::Option::Target, asked);
  add_option(command, aotc::Option::Cpu, asked,
             "\nx86_64: " + join(aotc::cpu_baselines(aotc::Architecture::X86_64)) + "\naarch64: " +
                 join(aotc::cpu_baselines(aotc::Architecture::AArch64)) + "\n(the first of each is the default)");
  add_option(command, aotc::Option::Tier, asked);
  aotc::add_quantity(command, "-j,--jobs", jobs, "threads that compile; 0 for one per core", {AOTC_COUNT, 0, 1024});
  add_max_input_to(command);
}

void CodeOptions::add_max_input_to(CLI::App& command) {
  aotc::add_quantity(command, "--max-input", max_input, "refuse larger input files", kFileSize);
}

llvm::Expected<std::vector<aotc::CompileOptions>> CodeOptions::resolve(const std::string& file) const {
  std::vector<aotc::Architecture> targets;
  std::string target = asked.get(aotc::Option::Target);
  for (const std::string& name : split(target == "all" ? "x86_64,aarch64" : target)) {
    llvm::Expected<aotc::Architecture> architecture = aotc::parse_architecture(name);
    if (!architecture) return usage("--target: " + llvm::toString(architecture.takeError()));
    if (std::find(targets.begin(), targets.end(), *architecture) == targets.end()) targets.push_back(*architecture);
  }
  if (targets.empty()) return usage("--target: no target given");

  std::vector<std::string> unused = split(asked.get(aotc::Option::Cpu));
  std::vector<aotc::CompileOptions> all;
  for (aotc::Architecture architecture : targets) {
    aotc::CompileOptions options;
    options.module_name = file;
    options.architecture = architecture;
    options.tier = asked.tier();
    options.imports = asked.imports();
    options.jobs = jobs;
    std::vector<std::string> known = aotc::cpu_baselines(architecture);
    for (auto name = unused.begin(); name != unused.end(); ++name) {
      if (std::find(known.begin(), known.end(), *name) == known.end()) continue;
      options.cpu = *name;
      unused.erase(name);
      break;
    }
    all.push_back(std::move(options));
  }
  if (!unused.empty()) {
    std::string known;
    for (const aotc::CompileOptions& options : all)
      known += fmt::format("{}{}: {}", known.empty() ? "" : "; ", aotc::architecture_name(options.architecture),
                           join(aotc::cpu_baselines(options.architecture)));
    return usage(fmt::format("--cpu: unknown baseline \"{}\" ({})", unused.front(), known));
  }
  return all;
}

std::string format_size(uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  double value = static_cast<double>(bytes) / 1000;
  const char* unit = "kB";
  if (value >= 1000) value /= 1000, unit = "MB";
  if (value >= 1000) value /= 1000, unit = "GB";
  return fmt::format("{:.{}f} {}", value, value < 10 ? 2 : 1, unit);
}

namespace {

// Parses, runs what was asked for, returns the exit code.
int run(std::vector<std::string> args) {
  CLI::App app("aotc compiles WebAssembly modules, Go's above all, ahead of time to native x86-64 and AArch64 code.",
               "aotc");
  app.set_version_flag("--version", std::string("aotc ") + aotc_version);
  app.add_option_function<std::string>("--print-sandbox", print_sandbox,
                                       "[=PROCESS] what the processes of these commands may do, or one of them")
      ->expected(0, 1)
      ->type_name("");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  GOOS=wasip1 GOARCH=wasm go build -o hello.wasm ./hello\n"
      "  aotc compile hello.wasm --target all\n"
      "  aotc run hello.x86_64.aotc -- world\n"
      "\nExit codes: 0 done, 1 bad input, 2 wrong usage; `aotc run` exits as the guest does (1 for\n"
      "its codes above 125), 134 after a trap.");

  Action action;
  add_new(app, action);
  add_build(app, action, args);
  add_dev(app, action, args);
  add_compile(app, action);
  add_run(app, action, args);
  add_inspect(app, action);
  add_validate(app, action);
  add_registry(app, action);
  add_release(app, action);
  add_jobs(app, action);
  add_sign(app, action);
  add_dump(app, action);
  add_cache(app, action);

  try {
    std::reverse(args.begin(), args.end());  // CLI11 takes them from the back
    app.parse(args);
  } catch (const CLI::Success& done) {  // --help, --version
    std::ostringstream text;
    app.exit(done, text);
    write_text(stdout, text.str());
    action = [] { return llvm::Error::success(); };
  } catch (const CLI::ParseError& error) {
    CLI::App* command = app.get_subcommands().empty() ? &app : app.get_subcommands().front();
    print(stderr, "aotc: {}\nRun `aotc {}{}--help` for how to use it.\n", error.what(),
          command == &app ? "" : command->get_name(), command == &app ? "" : " ");
    return kExitUsage;
  }
  if (llvm::Error error = action()) return report(std::move(error));
  if (llvm::Error error = finish_stdout()) return report(std::move(error));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  aotc_begin_program();
  catch_what_does_not_return();
  try {
    return run(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  } catch (const std::exception& error) {
    print(stderr, "aotc: {}\n", error.what());
    return kExitFailed;
  }
}
