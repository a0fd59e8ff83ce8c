// cmd_dump.cpp - `aotc dump`: what a compiler phase left behind, as text for people and FileCheck.
#include <memory>

#include <fmt/format.h>

#include "command.h"
#include "confined.h"
#include "output.h"

namespace {

struct DumpArguments {
  std::string file;
  std::string phase;
  std::string function;
  CodeOptions code;
};

llvm::Error dump_command(const DumpArguments& arguments) {
  llvm::Expected<aotc::DumpPhase> phase = aotc::parse_dump_phase(arguments.phase);
  if (!phase) return llvm::make_error<UsageError>("--after: " + llvm::toString(phase.takeError()));
  llvm::Expected<std::vector<aotc::CompileOptions>> targets = arguments.code.resolve(arguments.file);
  if (!targets) return targets.takeError();
  llvm::Expected<std::vector<uint8_t>> wasm = read_file_confined(arguments.file, arguments.code.max_input);
  if (!wasm) return wasm.takeError();
  for (aotc::CompileOptions& options : *targets) {
    options.imports = aotc::Imports::Any;
    llvm::Expected<std::string> text = aotc::dump(*wasm, options, *phase, arguments.function);
    if (!text) return text.takeError();
    if (text->empty() && !arguments.function.empty())
      return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                     fmt::format("{}: no function \"{}\"", arguments.file, arguments.function));
    print("{}", *text);
  }
  return llvm::Error::success();
}

}  // namespace

void add_dump(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<DumpArguments>();
  CLI::App* command = app.add_subcommand("dump", "Print what a phase of the compiler produced");
  command->add_option("module", arguments->file, "the .wasm file")->required();
  command->add_option("--after", arguments->phase, "read, shape, lower, optimize, codegen or link")->required();
  command->add_option("--function", arguments->function, "only this function, by name or wasm index");
  arguments->code.add_to(*command);
  command->footer(
      "Examples:\n"
      "  aotc dump hello.wasm --after=shape\n"
      "  aotc dump hello.wasm --after=codegen --function main.main --target aarch64\n"
      "  aotc dump hello.wasm --after=lower --function 412 --tier quick");
  command->callback([arguments, &action] { action = [arguments] { return dump_command(*arguments); }; });
}
