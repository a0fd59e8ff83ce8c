// cmd_inspect.cpp - `aotc inspect`: what is in an artifact, without running it.
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "artifact_view.h"
#include "command.h"
#include "confined.h"
#include "files.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"
#include "output.h"

namespace {

struct InspectArguments {
  std::string file;
  uint64_t max_input = uint64_t{4} << 30;
  bool json = false;
  bool verify = false;
  bool functions = false;
};

const char* architecture(const aotc_header& header) {
  return header.architecture == AOTC_ARCH_X86_64 ? "x86_64" : "aarch64";
}
const char* tier(const aotc_header& header) { return header.tier == AOTC_TIER_QUICK ? "quick" : "best"; }
std::string hex(llvm::ArrayRef<uint8_t> bytes) { return llvm::toHex(bytes, /*LowerCase=*/true); }
std::string module_digest(const aotc_header& header) { return hex(llvm::ArrayRef<uint8_t>(header.module_sha256)); }
const char* kExportKinds[] = {"function", "table", "memory", "global"};

uint64_t code_size(const ArtifactView& view) {
  uint64_t total = 0;
  for (const aotc_function& f : view.functions()) total += f.code_size;
  return total;
}

uint32_t largest_frame(const ArtifactView& view) {
  uint32_t largest = 0;
  for (const aotc_function& f : view.functions()) largest = std::max(largest, f.frame_size);
  return largest;
}

nlohmann::ordered_json to_json(const ArtifactView& view, const std::string& file_digest) {
  const aotc_header& header = view.header();
  nlohmann::ordered_json json = {
      {"format_version", header.format_version},
      {"abi_version", header.abi_version},
      {"target", architecture(header)},
      {"cpu", header.cpu},
      {"cpu_features", cpu_feature_names(header.architecture, header.cpu_features)},
      {"tier", tier(header)},
      {"compiler_version", header.compiler_version},
      {"go_shaped", (header.flags & AOTC_FLAG_GO) != 0},
      {"module_sha256", module_digest(header)},
      {"file_sha256", file_digest},
      {"file_bytes", header.file_size},
      {"mapped_bytes", header.load_size},
      {"code_bytes", code_size(view)},
  };
  if (header.flags & AOTC_FLAG_MEMORY)
    json["memory"] = {{"min_pages", header.memory_min}, {"max_pages", header.memory_max}};
  for (const ArtifactView::Section& s : view.sections())
    json["sections"].push_back({{"name", s.name},
                                {"offset", s.section.offset},
                                {"bytes", s.section.size},
                                {"xxh3", fmt::format("{:016x}", s.section.xxh3)}});
  if (!view.snapshot_report().empty())
    json["snapshot"] = nlohmann::ordered_json::parse(view.snapshot_report().str(), nullptr, /*allow_exceptions=*/false);
  json["imports"] = nlohmann::ordered_json::array();
  for (const aotc_import& i : view.imports())
    json["imports"].push_back(
        {{"module", view.string(i.module)}, {"field", view.string(i.field)}, {"type", view.type(i.type)}});
  json["exports"] = nlohmann::ordered_json::array();
  for (const aotc_export& e : view.exports()) {
    json["exports"].push_back({{"name", view.string(e.name)}, {"kind", kExportKinds[e.kind]}});
    if (e.kind == AOTC_EXPORT_FUNCTION) json["exports"].back()["type"] = view.type(e.type);
  }
  json["functions"] = nlohmann::ordered_json::array();
  for (const aotc_function& f : view.functions())
    json["functions"].push_back(
        {{"name", view.string(f.name)}, {"offset", f.code}, {"bytes", f.code_size}, {"frame_bytes", f.frame_size}});
  return json;
}

// One line per entry of the report, whatever it has.
void print_snapshot(const ArtifactView& view) {
  nlohmann::ordered_json report =
      nlohmann::ordered_json::parse(view.snapshot_report().str(), nullptr, /*allow_exceptions=*/false);
  print("\nsnapshot\n");
  if (!report.is_object()) {
    print("  no readable report\n");
    return;
  }
  auto text = [](const nlohmann::ordered_json& value) {
    return printable(value.is_string() ? value.get<std::string>()
                                       : value.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace));
  };
  for (const auto& [key, value] : report.items()) {
    if (!value.is_object()) print("  {:<20} {}\n", printable(key), text(value));
    if (value.is_object())
      for (const auto& [inner, entry] : value.items())
        print("  {:<20} {}\n", printable(key + "." + inner), text(entry));
  }
}

void print_text(const ArtifactView& view, const std::string& file_digest, const InspectArguments& arguments) {
  const aotc_header& header = view.header();
  print("{}: format {}, abi {}, made by aotc {}\n", arguments.file, header.format_version, header.abi_version,
        printable(header.compiler_version));
  std::vector<std::string> features = cpu_feature_names(header.architecture, header.cpu_features);
  print("target     {}, cpu {}, needs {}\n", architecture(header), printable(header.cpu),
        features.empty() ? "nothing more" : fmt::format("{}", fmt::join(features, " ")));
  print("tier       {}{}\n", tier(header), header.flags & AOTC_FLAG_GO ? ", Go-shaped" : "");
  print("module     sha256 {}\n", module_digest(header));
  print("file       sha256 {}\n", file_digest);
  print("size       {} bytes, of them {} mapped, {} code in {} functions\n", header.file_size, header.load_size,
        code_size(view), view.functions().size());
  print("stack      largest frame {} bytes\n", largest_frame(view));
  if (header.flags & AOTC_FLAG_MEMORY) print("memory     {} to {} pages\n", header.memory_min, header.memory_max);

  if (!view.snapshot_report().empty()) print_snapshot(view);
  print("\nsections\n  {:<10} {:>10} {:>10}  xxh3\n", "name", "offset", "bytes");
  for (const ArtifactView::Section& s : view.sections())
    print("  {:<10} {:>#10x} {:>10}  {:016x}\n", s.name, s.section.offset, s.section.size, s.section.xxh3);
  print("\nimports ({})\n", view.imports().size());
  for (const aotc_import& i : view.imports())
    print("  {}.{} {}\n", printable(view.string(i.module)), printable(view.string(i.field)), view.type(i.type));
  print("\nexports ({})\n", view.exports().size());
  for (const aotc_export& e : view.exports())
    print("  {:<8} {}{}\n", kExportKinds[e.kind], printable(view.string(e.name)),
          e.kind == AOTC_EXPORT_FUNCTION ? " " + view.type(e.type) : "");
  if (!arguments.functions) return;
  print("\nfunctions ({})\n  {:>10} {:>8} {:>7}  name\n", view.functions().size(), "offset", "bytes", "frame");
  for (const aotc_function& f : view.functions())
    print("  {:>#10x} {:>8} {:>7}  {}\n", f.code, f.code_size, f.frame_size, printable(view.string(f.name)));
}

llvm::Error inspect_command(const InspectArguments& arguments) {
  llvm::Expected<std::vector<uint8_t>> bytes = read_file_confined(arguments.file, arguments.max_input);
  if (!bytes) return bytes.takeError();
  llvm::Expected<ArtifactView> view = ArtifactView::read(*bytes, arguments.file);
  if (!view) return view.takeError();
  if (arguments.verify)
    if (llvm::Error error = view->verify()) return error;

  std::string file_digest = hex(llvm::SHA256::hash(*bytes));
  if (arguments.json) {
    nlohmann::ordered_json json = to_json(*view, file_digest);
    json["verified"] = arguments.verify;
    print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    return llvm::Error::success();
  }
  print_text(*view, file_digest, arguments);
  if (arguments.verify) print("\nall checksums match\n");
  return llvm::Error::success();
}

}  // namespace

void add_inspect(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App* command = app.add_subcommand("inspect", "Show what is in an artifact");
  command->add_option("file", arguments->file, "the artifact, of any target")->required();
  command->add_flag("--functions", arguments->functions, "list every function (always in JSON)");
  command->add_flag("--json", arguments->json, "print JSON");
  command->add_flag("--verify", arguments->verify, "compare every section's checksum");
  aotc::add_quantity(*command, "--max-input", arguments->max_input, "refuse larger files", kFileSize);
  command->footer(
      "Examples:\n"
      "  aotc inspect hello.aotc\n"
      "  aotc inspect hello.aotc --verify --json | jq .cpu_features\n"
      "  aotc inspect hello.aotc --functions | sort -k2 -n | tail");
  command->callback([arguments, &action] { action = [arguments] { return inspect_command(*arguments); }; });
}
