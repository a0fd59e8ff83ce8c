// command.h - what main and the commands of `aotc` share.
//
// A command registers itself with the parser: options, help, examples, and a callback that stores the command's work in
// `action`. main parses, then runs the action. An action that fails returns an Error whose message names the file; main
// prints it as `aotc: <message>` and exits with 1. A wrong use of options found only after parsing is a UsageError, 2.
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <string>
#include <vector>

#include "compile.h"
#include "process/option_set.h"
#include "support/quantity_option.h"

using Action = std::function<llvm::Error()>;

// Takes what goes to `go build` out of `args`.
void add_build(CLI::App& app, Action& action, std::vector<std::string>& args);
void add_dev(CLI::App& app, Action& action, std::vector<std::string>& args);
void add_compile(CLI::App& app, Action& action);
// Takes what belongs to the guest, everything after `--invoke` or `--`, out of `args` before they are parsed.
void add_run(CLI::App& app, Action& action, std::vector<std::string>& args);
void add_new(CLI::App& app, Action& action);
void add_inspect(CLI::App& app, Action& action);
void add_validate(CLI::App& app, Action& action);
void add_registry(CLI::App& app, Action& action);
void add_jobs(CLI::App& app, Action& action);
void add_release(CLI::App& app, Action& action);
void add_sign(CLI::App& app, Action& action);
void add_dump(CLI::App& app, Action& action);
void add_cache(CLI::App& app, Action& action);
void add_cache_warm(CLI::App& cache, Action& action);

// --ca-file, for commands that speak to a server.
void add_ca_file(CLI::App& command);

// Options that do not fit each other.
class UsageError : public llvm::ErrorInfo<UsageError> {
 public:
  static char ID;
  explicit UsageError(std::string message) : message_(std::move(message)) {}
  void log(llvm::raw_ostream& os) const override;
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

 private:
  std::string message_;
};

constexpr aotc::Range kFileSize{AOTC_SIZE, 1, uint64_t{1} << 40};

// A row of compile_options.def, with its value in `options`. `more` is said after its help.
void add_option(CLI::App& command, aotc::Option option, aotc::OptionSet& options, const std::string& more = "");

// The options that choose how code is made, the same for every command that compiles.
struct CodeOptions {
  CodeOptions() { asked.set(aotc::Option::Target, "host"); }

  aotc::OptionSet asked;
  unsigned jobs = 0;
  uint64_t max_input = 256 << 20;

  void add_to(CLI::App& command);
  void add_max_input_to(CLI::App& command);

  // One entry per target, in the order x86_64, aarch64 for `all`. `file` leads the compiler's messages.
  llvm::Expected<std::vector<aotc::CompileOptions>> resolve(const std::string& file) const;
};

// 1234567 -> "1.2 MB"
std::string format_size(uint64_t bytes);
