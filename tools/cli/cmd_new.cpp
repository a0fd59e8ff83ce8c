// cmd_new.cpp - `aotc new`: a folder with a small Go project, which `go test`, `aotc dev` and `aotc build` take as it
// is.
#include <sys/stat.h>
#include <algorithm>
#include <cctype>
#include <memory>

#include <fmt/format.h>

#include "command.h"
#include "files.h"
#include "llvm/ADT/StringRef.h"
#include "new_project_files.h"
#include "output.h"
#include "support/error.h"

namespace {

// What may be a Go module, a file and an app of a node.
bool is_name(llvm::StringRef name) {
  return !name.empty() && name.size() <= 64 && std::isalpha(static_cast<unsigned char>(name.front())) != 0 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; });
}

std::string with_name(std::string text, const std::string& name) {
  constexpr llvm::StringLiteral kPlace = "PROJECT";
  for (size_t at = 0; (at = text.find(kPlace.str(), at)) != std::string::npos; at += name.size())
    text.replace(at, kPlace.size(), name);
  return text;
}

llvm::Error make_project(const std::string& path) {
  const std::string name = base_name(path);
  if (!is_name(name))
    return llvm::make_error<UsageError>(name + ": a project's name has letters, digits, - and _, and a letter first");
  if (mkdir(path.c_str(), 0777) != 0) return aotc::system_failure(path + ": cannot make a folder");
  for (const ProjectFile& file : kProjectFiles) {
    std::string text = with_name(file.text, name);
    llvm::ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    if (llvm::Error error = create_file(fmt::format("{}/{}", path, file.name), bytes, 0666)) return error;
  }
  print("{}: main.go, main_test.go, go.mod, README.md\n\n  cd {} && go test && aotc dev\n", path, path);
  return llvm::Error::success();
}

}  // namespace

void add_new(CLI::App& app, Action& action) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("new", "Write a small Go project to begin with");
  command->add_option("NAME", *path, "a folder that is not there yet; its last part is the module's name")->required();
  command->footer(
      "A web server with a test, without dependencies.\n"
      "\nExamples:\n"
      "  aotc new site && cd site && go test && aotc dev");
  command->callback([path, &action] { action = [path] { return make_project(*path); }; });
}
