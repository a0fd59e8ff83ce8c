// cmd_validate.cpp - `aotc validate`: is this a module that aotc can compile?
#include <memory>

#include <fmt/format.h>

#include "command.h"
#include "confined.h"
#include "output.h"

namespace {

llvm::Error validate_command(const std::string& file, const CodeOptions& options) {
  llvm::Expected<std::vector<uint8_t>> wasm = read_file_confined(file, options.max_input);
  if (!wasm) return wasm.takeError();
  if (llvm::Error error = aotc::validate(*wasm, file, options.asked.imports())) return error;
  print("{}: valid\n", file);
  return llvm::Error::success();
}

}  // namespace

void add_validate(CLI::App& app, Action& action) {
  auto file = std::make_shared<std::string>();
  auto options = std::make_shared<CodeOptions>();
  CLI::App* command = app.add_subcommand("validate", "Check a module without compiling it");
  command->add_option("module", *file, "the .wasm file")->required();
  options->add_max_input_to(*command);
  add_option(*command, aotc::Option::Imports, options->asked);
  command->footer("Example:\n  aotc validate hello.wasm && echo fine");
  command->callback([=, &action] { action = [=] { return validate_command(*file, *options); }; });
}
