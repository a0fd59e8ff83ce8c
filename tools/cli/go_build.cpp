// go_build.cpp - see go_build.h.
#include "go_build.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command.h"
#include "files.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "output.h"
#include "subprocess.h"
#include "support/error.h"
#include "support/unique_fd.h"
#include "temporary_folder.h"

#include <fcntl.h>

namespace {

using llvm::StringRef;

constexpr uint64_t kMaxAnswer = 1 << 20, kMaxModule = uint64_t{1} << 30;

// Those of `go build` whose value is not the next word.
constexpr StringRef kSwitches[] = {"a",    "asan", "buildvcs", "cover",    "i", "json", "linkshared", "modcacherw",
                                   "msan", "n",    "race",     "trimpath", "v", "work", "x"};

struct GoRoot {
  std::string path, version, flags;
};

struct Go {
  std::string command, folder;

  llvm::Error run(std::vector<std::string> words, int out) const {
    if (!folder.empty()) words.insert(words.begin() + 1, {"-C", folder});
    words.insert(words.begin(), command);
    return run_program({std::move(words), {"GOOS=wasip1", "GOARCH=wasm"}, out, -1});
  }

  llvm::Expected<GoRoot> root(const std::string& temporary) const {
    const std::string answer = temporary + "/env";
    aotc::UniqueFd out(open(answer.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!out) return aotc::system_failure(answer);
    if (llvm::Error error = run({"env", "-json", "GOROOT", "GOVERSION", "GOFLAGS"}, out.get())) return error;
    llvm::Expected<std::vector<uint8_t>> text = read_file(answer, kMaxAnswer);
    if (!text) return text.takeError();
    nlohmann::json values = nlohmann::json::parse(text->begin(), text->end(), nullptr, false);
    auto value = [&](const char* name) {
      return values.is_object() && values.contains(name) && values[name].is_string() ? values[name].get<std::string>()
                                                                                     : std::string();
    };
    GoRoot root{value("GOROOT"), value("GOVERSION"), value("GOFLAGS")};
    if (root.path.empty() || root.version.empty())
      return aotc::failure(command + ": it is no go: it does not say where its GOROOT is");
    return root;
  }
};

bool sets_overlay(StringRef flag) {
  flag.consume_front("-");
  flag.consume_front("-");
  return flag == "overlay" || flag.starts_with("overlay=");
}

// Out of Go's folder, under the names that its programs have on wasip1 elsewhere.
llvm::Expected<std::vector<std::string>> take_programs(const std::string& folder) {
  std::vector<std::string> names, outputs;
  std::error_code wrong;
  for (const auto& entry : std::filesystem::directory_iterator(folder, wrong)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    llvm::Expected<std::vector<uint8_t>> bytes = read_file(folder + "/" + name, kMaxModule);
    if (!bytes) return bytes.takeError();
    outputs.push_back((StringRef(name).ends_with(".wasm") ? name : name + ".wasm"));
    if (llvm::Error error = write_output(outputs.back(), *bytes)) return error;
  }
  return outputs;
}

}  // namespace

GoWords read_go_words(const std::vector<std::string>& words) {
  GoWords read;
  for (size_t i = 0; i < words.size(); ++i) {
    StringRef word = words[i];
    if (!word.starts_with("-") || word == "-") {
      read.packages.push_back(words[i]);
      continue;
    }
    auto [name, value] = word.ltrim('-').split('=');
    GoWords::Flag flag{name.str(), {words[i]}};
    if (!word.contains('=') && !llvm::is_contained(kSwitches, name) && i + 1 < words.size()) {
      flag.words.push_back(words[++i]);
      value = words[i];
    }
    read.has_overlay |= name == "overlay";
    if (name == "o") read.output = value.str();
    if (name == "C")
      read.folder = value.str();  // goes in front of all others
    else
      read.flags.push_back(std::move(flag));
  }
  return read;
}

std::vector<std::string> take_go_words(std::vector<std::string>& args, const std::vector<std::string>& with_value,
                                       const std::vector<std::string>& without) {
  std::vector<std::string> own, go;
  for (size_t i = 0; i < args.size(); ++i) {
    StringRef word = args[i];
    if (word == "--") {
      go.insert(go.end(), args.begin() + static_cast<ptrdiff_t>(i + 1), args.end());
      break;
    }
    std::string name = word.split('=').first.str();
    bool value = llvm::is_contained(with_value, name);
    bool ours = i == 0 || value || llvm::is_contained(without, name) || name == "--help" || name == "-h";
    (ours ? own : go).push_back(args[i]);
    if (value && !word.contains('=') && i + 1 < args.size()) own.push_back(args[++i]);
  }
  args = std::move(own);
  return go;
}

llvm::Expected<GoBuilt> build_go(const std::string& command, const GoWords& words) {
  llvm::Expected<std::unique_ptr<TemporaryFolder>> temporary = TemporaryFolder::make("aotc-build");
  if (!temporary) return temporary.takeError();
  const std::string& path = (*temporary)->path();
  const std::string files = path + "/overlay", programs = path + "/programs";
  std::error_code wrong;
  for (const std::string& folder : {files, programs})
    if (!std::filesystem::create_directory(folder, wrong)) return aotc::failure(folder + ": " + wrong.message());

  Go go{command, words.folder};
  llvm::Expected<GoRoot> root = go.root(path);
  if (!root) return root.takeError();
  llvm::SmallVector<StringRef, 8> flags;
  StringRef(root->flags).split(flags, ' ', -1, false);
  if (words.has_overlay || llvm::any_of(flags, sets_overlay))
    return llvm::make_error<UsageError>("-overlay: aotc build makes one of its own, and go build takes one");
  llvm::Expected<GoOverlay> overlay = make_go_overlay(root->path, root->version, files);
  if (!overlay) return overlay.takeError();

  std::vector<std::string> build = {"build", "-overlay", overlay->path};
  if (words.output.empty()) build.insert(build.end(), {"-o", programs + "/"});
  for (const GoWords::Flag& flag : words.flags) build.insert(build.end(), flag.words.begin(), flag.words.end());
  build.insert(build.end(), words.packages.begin(), words.packages.end());
  if (llvm::Error error = go.run(std::move(build), -1)) return error;

  GoBuilt built{root->version, root->path, overlay->changes, {}};
  if (!words.output.empty()) {
    bool inside = !words.folder.empty() && words.output.front() != '/';
    built.outputs = {inside ? words.folder + "/" + words.output : words.output};
    return built;
  }
  llvm::Expected<std::vector<std::string>> outputs = take_programs(programs);
  if (!outputs) return outputs.takeError();
  built.outputs = std::move(*outputs);
  return built;
}
