// cmd_build.cpp - `aotc build`: the user's own `go build`, for programs that listen and connect as they do everywhere.
//
// It does what `go build` does, with the user's rights, and parses nothing of a stranger's: what comes of it goes the
// confined way once it is compiled.
#include <sys/stat.h>
#include <chrono>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command.h"
#include "go_build.h"
#include "llvm/ADT/StringRef.h"
#include "output.h"
#include "subprocess.h"

namespace {

struct BuildArguments {
  std::string go = "go";
  bool json = false;
  std::vector<std::string> packages;  // never set, here so that --help shows them: `words` holds them
  std::string output;                 // likewise
  std::vector<std::string> words;
};

std::optional<uint64_t> size_of(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return static_cast<uint64_t>(info.st_size);
}

void print_json(const GoBuilt& built, double seconds) {
  nlohmann::ordered_json overlay = nlohmann::ordered_json::array(), outputs = nlohmann::ordered_json::array();
  for (const GoOverlay::Change& change : built.changes)
    overlay.push_back({{"file", change.file}, {"change", change.what}});
  for (const std::string& path : built.outputs) {
    outputs.push_back({{"path", path}});
    if (std::optional<uint64_t> size = size_of(path)) outputs.back()["bytes"] = *size;
  }
  nlohmann::ordered_json report = {{"go", built.version},
                                   {"goroot", built.goroot},
                                   {"overlay", overlay},
                                   {"outputs", outputs},
                                   {"seconds", seconds}};
  print("{}\n", report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

llvm::Error build_command(const BuildArguments& arguments) {
  auto started = std::chrono::steady_clock::now();
  llvm::Expected<GoBuilt> built = build_go(arguments.go, read_go_words(arguments.words));
  if (!built) return end_as_asked(built.takeError());
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  if (arguments.json) {
    print_json(*built, seconds);
    return llvm::Error::success();
  }
  print("{} with an overlay:\n", built->version);
  for (const GoOverlay::Change& change : built->changes) print("  {}: {}\n", change.file, change.what);
  for (const std::string& path : built->outputs) {
    std::optional<uint64_t> size = size_of(path);
    print("{}: {}{:.2f} s\n", printable(path), size ? format_size(*size) + ", " : "", seconds);
  }
  return llvm::Error::success();
}

}  // namespace

void add_build(CLI::App& app, Action& action, std::vector<std::string>& args) {
  auto arguments = std::make_shared<BuildArguments>();
  if (!args.empty() && args.front() == "build") arguments->words = take_go_words(args, {"--go"}, {"--json"});

  CLI::App* command = app.add_subcommand("build", "Build a Go program with your Go, so that net reaches the host");
  command->add_option("packages", arguments->packages, "as go build has them (default: the one in this folder)")
      ->type_name("[PACKAGE...] [GO FLAGS...]");
  command->add_option("-o", arguments->output, "where go build writes (default: NAME.wasm in this folder)")
      ->type_name("OUT");
  command->add_option("--go", arguments->go, "the go command")->capture_default_str()->type_name("COMMAND");
  command->add_flag("--json", arguments->json, "print what was changed and built as JSON");
  command->footer(
      "Runs `go build` for wasip1 with an overlay that is made from your GOROOT, Go 1.21 to 1.27: net.Listen on tcp\n"
      "takes the listener of aotc-node or `aotc run --tcplisten`, whatever the address, once at a time. An address "
      "like\n"
      "127.0.0.1:0 stays inside of the program, which can connect to it. net.Dial on tcp and the resolver ask the "
      "host,\n"
      "which connects to what --allow says; by TLS, as net/http's default transport does, it is the host that speaks "
      "it.\n"
      "All other flags, and whatever follows --, go to go build as they are.\n"
      "\nExamples:\n"
      "  aotc build                                       the package in this folder\n"
      "  aotc build ./cmd/site -o site.wasm -trimpath -tags prod\n"
      "  aotc build --go ~/sdk/go1.27.3/bin/go ./cmd/site -ldflags \"-s -w\"\n"
      "and then\n"
      "  aotc compile site.wasm --snapshot required\n"
      "  aotc run site.aotc --tcplisten 127.0.0.1:8080");
  command->callback([arguments, &action] { action = [arguments] { return build_command(*arguments); }; });
}
